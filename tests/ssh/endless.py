"""One host that never stops talking, in a process of its own: its peak of memory can be told from that of the other tests.

argv: what the host does, then as JSON the port of its sshd, a user, an identity and a known_hosts file.
Prints as JSON the error, the host that it names, and by how many MiB the process has grown.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import threading
from pathlib import Path, PurePosixPath

from bootstrap import ssh
from bootstrap.connection import Request
from bootstrap.errors import BootstrapError
from bootstrap.ssh import remote
from tests.ssh.servers import inventory

SCRIPTS = {
    "facts": "cat /dev/zero",
    "facts in lines": "yes 'a line of facts'",
    "facts on stderr": "yes 'a line of errors' >&2",
    "facts on both": "yes out & yes err >&2",
    "status": r"""printf '\n%s end ' "$tag"; tr '\0' 7 </dev/zero""",
}


def main() -> None:
    mode, settings = sys.argv[1], json.loads(sys.argv[2])
    cluster = inventory(
        settings["port"], user=settings["user"], identity_file=settings["identity"], known_hosts_file=settings["known_hosts"]
    )
    connection = ssh.connect(cluster, cluster.hosts[0])
    connection.run(["true"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said, host = "", ""
    try:
        said = ask(connection, mode, settings)
    except BootstrapError as error:
        said, host = error.message, error.host or ""
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    usable = connection.run(["true"]).status == 0
    sys.stdout.write(json.dumps({"said": said, "host": host, "grown_mib": grown // 1024, "usable": usable}))
    connection.close()


def ask(connection: ssh.SshConnection, mode: str, settings: dict[str, str]) -> str:
    match mode:
        case "file":
            return str(len(connection.read([PurePosixPath(settings["file"])])))
        case "command":
            return str(len(connection.run(["cat", "/dev/zero"], timeout_s=2.0).stdout))
        case "body":
            return str(connection.request(Request("GET", "127.0.0.1", endless_server(), "/"), timeout_s=60.0).status)
    remote.facts_script = lambda *_, **__: SCRIPTS[mode]  # type: ignore[assignment]
    return str(connection.look(PurePosixPath("/var/lib/etcd")))


def endless_server() -> int:
    """A port where every request is answered with a body that never ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        taken, _ = listener.accept()
        taken.recv(65536)
        taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            taken.sendall(b"x" * 65536)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()

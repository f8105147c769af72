"""Many SSH servers in one process, for a look at a thousand hosts without a thousand machines.

They answer at every loopback address, and at no other, through one port: a thousand that listen would stand in the facts of each
host. They serve root shells that speak as `bootstrap.ssh.helper` wants it. The first script that comes is run for real, on
this machine; every later one with the same text gets the same answer: what is measured is the tool, not a thousand shells on two
cores. Run as `python -m bench.servers HOST_KEY`; prints the port, ends with standard input.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shlex
import socket
import subprocess
import sys
import threading

import paramiko

IDLE_S = 5.0
"""How often an idle connection's thread wakes up. With paramiko's 0.1 s the servers would take the processor that is measured."""


class Scripts:
    """Runs each distinct script once."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, bytes, bytes]] = {}
        self._lock = threading.Lock()

    def run(self, body: bytes) -> tuple[int, bytes, bytes]:
        with self._lock:
            if body not in self._known:
                done = subprocess.run(["sh", "-c", body], capture_output=True, check=False, stdin=subprocess.DEVNULL)
                self._known[body] = (done.returncode, done.stdout, done.stderr)
            return self._known[body]


class Server(paramiko.ServerInterface):
    """Lets everybody with a key in, and serves their `exec` requests."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED if kind == "session" else paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        nonce = shlex.split(command.decode())[-1]
        threading.Thread(target=self._serve, args=(channel, nonce), daemon=True).start()
        return True

    def _serve(self, channel: paramiko.Channel, nonce: str) -> None:
        """The root shell: see bootstrap/ssh/scripts/helper.sh. It ends with the connection."""
        with contextlib.suppress(EOFError, OSError):
            self._answer(channel, nonce)

    def _answer(self, channel: paramiko.Channel, nonce: str) -> None:
        reader = channel.makefile("rb")
        channel.sendall(f"\n{nonce} ready\n".encode())
        while line := reader.readline():
            tag, size, digest = line.split()
            body = reader.read(int(size))
            if hashlib.sha256(body).hexdigest().encode() != digest:
                break
            status, out, err = self._scripts.run(body)
            end = b"\n%s end %d\n" % (tag, status)
            channel.sendall(b"\n%s begin\n" % tag + out + end)
            channel.sendall_stderr(b"\n%s begin\n" % tag + err + end)
        channel.close()


def main(host_key: str) -> None:
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)    # clients hang up without a word when they have what they wanted
    key, scripts = paramiko.Ed25519Key.from_private_key_file(host_key), Scripts()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    listener.bind(("", 0))
    listener.listen(1024)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener, key, scripts), daemon=True).start()
    sys.stdin.read()


def accept(listener: socket.socket, key: paramiko.PKey, scripts: Scripts) -> None:
    served: list[paramiko.Transport] = []
    while True:
        client, _ = listener.accept()
        transport = paramiko.Transport(client)
        transport.add_server_key(key)
        client.settimeout(IDLE_S)
        transport.start_server(event=threading.Event(), server=Server(scripts))
        served.append(transport)


if __name__ == "__main__":
    main(sys.argv[1])

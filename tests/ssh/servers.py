"""Real servers on loopback for the tests: sshd with its own keys and configuration, and a proxy that cuts connections."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bootstrap.cluster import Cluster, Host, Ssh

NODE_ADDRESS = "192.0.2.11"     # never connected to: every test host is reached through ssh.host


@dataclass
class Sshd:
    """A running sshd. directory: its keys and configuration, readable by every user. hosts: names it is known by."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]
    key_types: tuple[str, ...]

    def public_key(self, key_type: str = "ed25519") -> str:
        """`ssh-ed25519 AAAA...`, without a comment."""
        return " ".join((self.directory / f"host_{key_type}.pub").read_text().split()[:2])

    def fingerprint(self, key_type: str = "ed25519") -> str:
        shown = subprocess.run(
            ["ssh-keygen", "-lf", self.directory / f"host_{key_type}.pub"], capture_output=True, text=True, check=True
        )
        return shown.stdout.split()[1]

    def known_line(self, key_type: str = "ed25519") -> str:
        return f"[127.0.0.1]:{self.port} {self.public_key(key_type)}"

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def start_sshd(directory: Path, authorized: Path, key_types: tuple[str, ...] = ("ed25519",), extra: str = "") -> Sshd:
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    port = free_port()
    for key_type in key_types:
        subprocess.run(["ssh-keygen", "-q", "-t", key_type, "-N", "", "-f", directory / f"host_{key_type}"], check=True)
    keys = "".join(f"HostKey {directory}/host_{key_type}\n" for key_type in key_types)
    (directory / "config").write_text(
        f"{extra}\nPort {port}\nListenAddress 127.0.0.1\n{keys}AuthorizedKeysFile {authorized}\nStrictModes no\nPidFile none\n"
        "UsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (directory / "log").open("wb") as log:
        argv = ["/usr/sbin/sshd", "-D", "-e", "-f", directory / "config"]
        process = subprocess.Popen(argv, stderr=log, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return Sshd(directory, port, process, key_types)
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"sshd does not start: {(directory / 'log').read_text()}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Users:
    """Users made for the tests. names: by what they may do: `sudo`, `password`, `nothing`. password: of `password`."""

    names: dict[str, str]
    password: str
    sudoers: Path

    def home(self, kind: str) -> Path:
        return Path("/home") / self.names[kind]


@contextlib.contextmanager
def made_users() -> Iterator[Users]:
    stem = f"bs{os.getpid()}"
    names = {kind: f"{stem}{kind[0]}" for kind in ("sudo", "password", "nothing")}
    users = Users(names, "correct horse", Path(f"/etc/sudoers.d/{stem}"))
    try:
        for name in users.names.values():
            subprocess.run(["useradd", "-m", "-s", "/bin/bash", name], check=True)
            subprocess.run(["usermod", "-p", "*", name], check=True)
        subprocess.run(["chpasswd"], input=f"{users.names['password']}:{users.password}\n", text=True, check=True)
        users.sudoers.write_text(
            f"{users.names['sudo']} ALL=(ALL) NOPASSWD: ALL\n"
            f"{users.names['password']} ALL=(ALL) ALL\n"
        )
        users.sudoers.chmod(0o440)
        yield users
    finally:
        users.sudoers.unlink(missing_ok=True)
        for name in users.names.values():
            subprocess.run(["userdel", "-f", "-r", name], capture_output=True, check=False)


class CuttingProxy:
    """Passes TCP on to `port`, and cuts every connection hard once the client has sent `limit` bytes. None: passes all.

    swallow: take everything and pass nothing on, as a network does that died silently.
    """

    def __init__(self, port: int) -> None:
        self.limit: int | None = None
        self.swallow = False
        self.passed = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut everything now."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counted and self.limit is not None:
                    data = data[: max(0, self.limit - self.passed)]
                if not self.swallow:
                    target.sendall(data)
                if counted:
                    self.passed += len(data)
                    if self.limit is not None and self.passed >= self.limit:
                        break
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def inventory(port: int | None, **ssh: object) -> Cluster:
    """A cluster of one host `cp1` at 127.0.0.1:port."""
    settings = Ssh(**{"host": "127.0.0.1", "port": port, **ssh})
    host = Host(name="cp1", role="control-plane", address=NODE_ADDRESS, ssh=settings)
    return Cluster(name="test", kubernetes_version="v1.36.3", hosts=(host,))


def installed(*names: str) -> list[str]:
    return [path for name in names if (path := shutil.which(name)) is not None]

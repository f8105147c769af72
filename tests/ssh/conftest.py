"""A real sshd on loopback and users to log in as. What is missing on the machine fails the tests; nothing is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap import ssh
from bootstrap.ssh import root
from tests.ssh.servers import Sshd, Users, inventory, made_users, start_sshd

Connect = Callable[..., ssh.SshConnection]


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that every user can look into: pytest's own are private."""
    missing = [program for program in ("/usr/sbin/sshd", "sudo", "useradd", "ssh-agent") if shutil.which(program) is None]
    if missing:
        pytest.fail(f"missing: {', '.join(missing)}. Install them: apt-get install openssh-server sudo passwd openssh-client")
    if os.geteuid() != 0:
        pytest.fail("these tests make users and start an sshd for them: run them as root (in a container, say)")
    path = Path(tempfile.mkdtemp(prefix="bootstrap-ssh-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def users(open_directory: Path) -> Iterator[Users]:
    with made_users() as made:
        yield made


@pytest.fixture(scope="session")
def identity(open_directory: Path) -> Path:
    """A private key that every test server accepts."""
    path = open_directory / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path


@pytest.fixture(scope="session")
def sshd(open_directory: Path, identity: Path, users: Users) -> Iterator[Sshd]:
    """The server of most tests: keys of three types."""
    server = start_sshd(open_directory / "sshd", identity.with_suffix(".pub"), ("ed25519", "ecdsa", "rsa"))
    yield server
    server.stop()


@pytest.fixture
def known_hosts(tmp_path: Path, sshd: Sshd) -> Path:
    path = tmp_path / "known_hosts"
    path.write_text(sshd.known_line() + "\n")
    return path


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the agent, nor the home, nor remembered passwords of whoever runs the tests."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(root, "_passwords", {})


@pytest.fixture
def connect(sshd: Sshd, users: Users, identity: Path, known_hosts: Path) -> Iterator[Connect]:
    """Connects to cp1 as the user with sudo, unless told otherwise; closes everything at the end."""
    opened: list[ssh.SshConnection] = []

    def make(user: str = "sudo", *, password: str | None = None, **settings: object) -> ssh.SshConnection:
        name = users.names.get(user, user)
        given: dict[str, object] = {"user": name, "identity_file": identity, "known_hosts_file": known_hosts}
        cluster = inventory(**{"port": sshd.port, **given, **settings})
        ask = None if password is None else lambda: password
        opened.append(ssh.connect(cluster, cluster.hosts[0], sudo_password=ask))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Connect) -> ssh.SshConnection:
    return connect()


@pytest.fixture
def on_host(open_directory: Path) -> Iterator[Path]:
    """A directory of root's on the host, which is this machine."""
    path = Path(tempfile.mkdtemp(dir=open_directory))
    yield path
    shutil.rmtree(path)

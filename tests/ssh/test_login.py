"""Who is let in, and whom we trust: host keys, identities, jump hosts."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import ssh
from bootstrap.errors import HostNotTrusted, HostUnreachable, RemoteError
from tests.ssh.conftest import Connect
from tests.ssh.servers import Sshd, Users, start_sshd


def test_a_recorded_key_is_accepted(connection: ssh.SshConnection) -> None:
    assert connection.name == "cp1"
    assert connection.run(["id", "-u"]).stdout == b"0\n"


def test_an_unknown_key_is_refused_with_the_next_command(connect: Connect, sshd: Sshd, known_hosts: Path) -> None:
    known_hosts.write_text("# nothing\n")
    with pytest.raises(HostNotTrusted) as caught:
        connect()
    assert str(known_hosts) in caught.value.message
    assert sshd.fingerprint() in " ".join(caught.value.evidence)
    assert caught.value.hint.startswith("bootstrap trust")


def test_a_changed_key_is_refused_and_its_line_named(connect: Connect, sshd: Sshd, known_hosts: Path, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    known_hosts.write_text(f"# a comment\n[127.0.0.1]:{sshd.port} {other}\n")
    with pytest.raises(HostNotTrusted, match="has changed") as caught:
        connect()
    assert f"{known_hosts}:2" in caught.value.message
    assert sshd.fingerprint() in " ".join(caught.value.evidence)


@pytest.mark.parametrize("key_type", ["ed25519", "ecdsa", "rsa"])
def test_the_type_that_is_recorded_is_asked_for(connect: Connect, sshd: Sshd, known_hosts: Path, key_type: str) -> None:
    known_hosts.write_text(sshd.known_line(key_type) + "\n")
    assert connect().run(["true"]).status == 0


def test_hashed_names_are_understood(connect: Connect, known_hosts: Path) -> None:
    subprocess.run(["ssh-keygen", "-H", "-f", known_hosts], check=True, capture_output=True)
    assert "127.0.0.1" not in known_hosts.read_text()
    assert connect().run(["true"]).status == 0


def test_a_key_recorded_without_the_port_is_accepted(connect: Connect, sshd: Sshd, known_hosts: Path) -> None:
    known_hosts.write_text(f"127.0.0.1 {sshd.public_key()}\n")
    assert connect().run(["true"]).status == 0


def test_a_revoked_key_is_refused(connect: Connect, sshd: Sshd, known_hosts: Path) -> None:
    known_hosts.write_text(f"{sshd.known_line()}\n@revoked * {sshd.public_key()}\n")
    with pytest.raises(HostNotTrusted, match="revoked"):
        connect()


def test_a_certificate_authority_is_no_host_key(connect: Connect, sshd: Sshd, known_hosts: Path) -> None:
    known_hosts.write_text(f"@cert-authority {sshd.known_line()}\n")
    with pytest.raises(HostNotTrusted, match="unknown"):
        connect()


@pytest.mark.parametrize("key_type", ["ed25519", "ecdsa", "rsa"])
def test_a_pinned_fingerprint_is_enough(connect: Connect, sshd: Sshd, tmp_path: Path, key_type: str) -> None:
    settings = {"host_key": (sshd.fingerprint(key_type),), "known_hosts_file": tmp_path / "absent"}
    assert connect(**settings).run(["true"]).status == 0


def test_a_pinned_public_key_is_enough(connect: Connect, sshd: Sshd, tmp_path: Path) -> None:
    settings = {"host_key": (sshd.public_key("rsa") + " comment",), "known_hosts_file": tmp_path / "absent"}
    assert connect(**settings).run(["true"]).status == 0


def test_another_pin_is_refused_though_known_hosts_has_the_key(connect: Connect) -> None:
    with pytest.raises(HostNotTrusted, match="pinned"):
        connect(host_key=("SHA256:" + "A" * 43,))


@pytest.fixture
def jump(open_directory: Path, identity: Path, known_hosts: Path, users: Users, tmp_path: Path) -> Iterator[Sshd]:
    server = start_sshd(open_directory / f"jump-{tmp_path.name}", identity.with_suffix(".pub"))
    yield server
    server.stop()


def test_through_a_jump_host(connect: Connect, jump: Sshd, known_hosts: Path, users: Users) -> None:
    with known_hosts.open("a") as file:
        file.write(jump.known_line() + "\n")
    connection = connect(proxy_jump=f"{users.names['nothing']}@127.0.0.1:{jump.port}")
    assert connection.run(["id", "-u"]).stdout == b"0\n"
    assert f"Accepted publickey for {users.names['nothing']}" in jump.log()


def test_a_jump_host_must_be_trusted_too(connect: Connect, jump: Sshd, users: Users) -> None:
    with pytest.raises(HostNotTrusted, match=r"jump host 127\.0\.0\.1") as caught:
        connect(proxy_jump=f"{users.names['nothing']}@127.0.0.1:{jump.port}")
    assert jump.fingerprint() in " ".join(caught.value.evidence)


def test_a_jump_host_with_settings_in_the_client_configuration(
    connect: Connect, jump: Sshd, sshd: Sshd, known_hosts: Path, users: Users, tmp_path: Path
) -> None:
    with known_hosts.open("a") as file:
        file.write(f"bastion {jump.public_key()}\n")
    config = tmp_path / "ssh-config"
    config.write_text(
        f"Host bastion\n HostName 127.0.0.1\n Port {jump.port}\n User {users.names['nothing']}\n HostKeyAlias bastion\n"
        "Host * !bastion\n ProxyJump bastion\n"
    )
    assert connect(config_file=config).run(["true"]).status == 0
    assert "Accepted publickey" in jump.log()


def test_a_proxy_command(connect: Connect, sshd: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "ssh-config"
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os, select, socket, sys\n"
        "sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "while True:\n"
        "    ready, _, _ = select.select([0, sock], [], [])\n"
        "    for source in ready:\n"
        "        data = os.read(0, 65536) if source == 0 else sock.recv(65536)\n"
        "        if not data:\n"
        "            sys.exit()\n"
        "        sock.sendall(data) if source == 0 else os.write(1, data)\n"
    )
    config.write_text(f"Host *\n ProxyCommand python3 {relay} %h %p\n")
    assert connect(config_file=config).run(["true"]).status == 0


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
    yield path
    process.terminate()
    process.wait(5)


def test_a_key_in_an_agent(
    connect: Connect, agent: Path, identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    subprocess.run(["ssh-add", "-q", identity], check=True)
    assert connect(identity_file=None).run(["true"]).status == 0


def test_an_agent_that_is_wanted_and_absent(connect: Connect) -> None:
    with pytest.raises(HostUnreachable, match="no SSH agent"):
        connect(agent=True)


def test_an_encrypted_identity_wants_an_agent(
    connect: Connect, agent: Path, identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypted = tmp_path / "encrypted"
    encrypted.write_bytes(identity.read_bytes())
    encrypted.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", encrypted], check=True)
    with pytest.raises(HostUnreachable) as caught:
        connect(identity_file=encrypted)
    assert f"ssh-add {encrypted}" in " ".join(caught.value.evidence)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    subprocess.run(["ssh-add", "-q", identity], check=True)
    assert connect(identity_file=encrypted).run(["true"]).status == 0


def test_nobody_is_let_in_with_another_key(connect: Connect, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    with pytest.raises(HostUnreachable, match="lets nobody in") as caught:
        connect(identity_file=tmp_path / "other")
    assert re.search(r"other \(SHA256:", " ".join(caught.value.evidence))


def test_an_identity_file_that_is_not_there(connect: Connect, tmp_path: Path) -> None:
    with pytest.raises(HostUnreachable, match="not found"):
        connect(identity_file=tmp_path / "absent")


def test_a_refused_connection(connect: Connect) -> None:
    with pytest.raises(HostUnreachable, match="connection refused") as caught:
        connect(port=1)
    assert caught.value.hint.startswith("ssh -p 1")


def test_a_server_that_says_nothing(connect: Connect) -> None:
    """Takes the connect time-out, one second here."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(HostUnreachable, match="answers, but not as"):
        connect(port=silent.getsockname()[1], connect_timeout="1s")


def test_nothing_of_paramiko_reaches_stderr(connect: Connect, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HostUnreachable):
        connect(port=1)
    connection = connect()
    connection.close()
    with pytest.raises((HostUnreachable, RemoteError)):
        connection.run(["true"])
    assert capfd.readouterr() == ("", "")


def test_vagrant_ssh_config(
    connect: Connect, sshd: Sshd, identity: Path, known_hosts: Path, tmp_path: Path, users: Users
) -> None:
    """As `vagrant ssh-config` prints it; the switched-off verification is ignored."""
    config = tmp_path / "ssh-config"
    config.write_text(
        f'Host cp1\n  HostName 127.0.0.1\n  User {users.names["sudo"]}\n  Port {sshd.port}\n  UserKnownHostsFile /dev/null\n'
        f'  StrictHostKeyChecking no\n  PasswordAuthentication no\n  IdentityFile "{identity}"\n'
        "  IdentitiesOnly yes\n  LogLevel FATAL\n"
    )
    settings = {"config_file": config, "identity_file": None, "user": None, "host": None, "port": None}
    connection = connect(**settings)
    assert connection.run(["true"]).status == 0
    assert len(connection.notices) == 2
    connection.close()
    known_hosts.write_text("")
    with pytest.raises(HostNotTrusted):
        connect(**settings)


def test_default_identity_and_known_hosts_are_those_of_openssh(
    connect: Connect, sshd: Sshd, identity: Path, tmp_path: Path
) -> None:
    directory = tmp_path / ".ssh"
    directory.mkdir(mode=0o700)
    (directory / "id_ed25519").write_bytes(identity.read_bytes())
    (directory / "id_ed25519").chmod(0o600)
    (directory / "known_hosts").write_text(sshd.known_line() + "\n")
    assert connect(identity_file=None, known_hosts_file=None).run(["true"]).status == 0

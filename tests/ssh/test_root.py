"""Becoming root: sudo with and without a password, and login shells that make noise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bootstrap import ssh
from bootstrap.errors import HostUnreachable
from tests.ssh.conftest import Connect
from tests.ssh.servers import Sshd, Users, installed, inventory


def test_as_root(connect: Connect) -> None:
    assert connect("root").run(["id", "-u"]).stdout == b"0\n"


def test_sudo_without_a_password_asks_for_none(connect: Connect) -> None:
    assert connect("sudo").run(["id", "-u"]).stdout == b"0\n"


def test_sudo_with_a_password(connect: Connect) -> None:
    connection = connect("password", password="correct horse")
    assert connection.run(["id", "-u"]).stdout == b"0\n"
    assert connection.run(["cat"], stdin=b"as it is\n").stdout == b"as it is\n"


def test_a_password_that_is_not_wanted_goes_nowhere(connect: Connect) -> None:
    connection = connect("sudo", password="correct horse")
    assert connection.run(["cat"], stdin=b"content").stdout == b"content"


def test_a_wrong_password(connect: Connect) -> None:
    """PAM waits two seconds before it says so."""
    with pytest.raises(HostUnreachable, match="does not become root") as caught:
        connect("password", password="wrong")
    assert "check the password" in caught.value.hint


def test_no_password_to_give(connect: Connect) -> None:
    with pytest.raises(HostUnreachable, match="does not become root") as caught:
        connect("password")
    assert "--ask-sudo-password" in caught.value.hint


def test_a_user_without_sudo(connect: Connect) -> None:
    with pytest.raises(HostUnreachable, match="does not become root"):
        connect("nothing")


def test_sudo_never_means_root_only(connect: Connect) -> None:
    assert connect("root", sudo="never").run(["true"]).status == 0
    with pytest.raises(HostUnreachable, match="does not become root") as caught:
        connect("sudo", sudo="never")
    assert "is not root" in " ".join(caught.value.evidence)


def test_the_password_is_asked_for_once(sshd: Sshd, users: Users, identity: Path, known_hosts: Path) -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return users.password

    cluster = inventory(sshd.port, user=users.names["password"], identity_file=identity, known_hosts_file=known_hosts)
    for _ in range(2):
        connection = ssh.connect(cluster, cluster.hosts[0], sudo_password=ask)
        connection.run(["true"])
        connection.close()
    assert len(asked) == 1


def test_the_password_may_come_from_the_environment(connect: Connect, monkeypatch: pytest.MonkeyPatch, users: Users) -> None:
    monkeypatch.setenv("TEST_SUDO", users.password)
    assert connect("password", sudo_password_env="TEST_SUDO").run(["id", "-u"]).stdout == b"0\n"


def test_requiretty_is_named(connect: Connect, users: Users) -> None:
    extra = users.sudoers.with_name(users.sudoers.name + "tty")
    extra.write_text(f"Defaults:{users.names['sudo']} requiretty\n")
    extra.chmod(0o440)
    try:
        with pytest.raises(HostUnreachable) as caught:
            connect("sudo")
    finally:
        extra.unlink()
    assert "!requiretty" in caught.value.hint


@pytest.mark.parametrize("shell", installed("bash", "dash", "zsh", "fish", "csh", "tcsh"))
def test_login_shells(connect: Connect, users: Users, shell: str) -> None:
    name = users.names["sudo"]
    subprocess.run(["usermod", "-s", shell, name], check=True)
    try:
        connection = connect()
        assert connection.run(["printf", "%s", "it's $HOME\n!"]).stdout == b"it's $HOME\n!"
    finally:
        subprocess.run(["usermod", "-s", "/bin/bash", name], check=True)


NOISE = ("echo hello; echo oops >&2\n", "printf 'no newline'\n", "head -c 300000 /dev/zero\n", "set -e; umask 0\n")


@pytest.mark.parametrize("noise", NOISE)
def test_a_noisy_shell(connect: Connect, users: Users, noise: str) -> None:
    startup = users.home("sudo") / ".bashrc"
    before = startup.read_text()
    startup.write_text(noise)
    try:
        done = connect().run(["sh", "-c", "echo out; echo err >&2; umask; exit 3"])
    finally:
        startup.write_text(before)
    assert (done.status, done.stdout, done.stderr) == (3, b"out\n0077\n", b"err\n")


def test_a_shell_that_runs_nothing(connect: Connect, users: Users) -> None:
    name = users.names["sudo"]
    subprocess.run(["usermod", "-s", "/usr/sbin/nologin", name], check=True)
    try:
        with pytest.raises(HostUnreachable, match="does not become root") as caught:
            connect()
    finally:
        subprocess.run(["usermod", "-s", "/bin/bash", name], check=True)
    assert "not available" in " ".join(caught.value.evidence)

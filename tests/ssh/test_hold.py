"""The operator's lock on a real host: taken, refused with the holder's name, freed in every way that a holder can go.

Limits are short here: QUICK_S where a hold is to be lost, KEPT_S, long enough for a busy machine, where it is to stay.
What is waited for is the event itself, with a deadline.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap import ssh
from bootstrap.errors import HeldByAnother, HoldLost, HostUnreachable, Refused, RemoteError
from bootstrap.ssh import hold as holds
from tests.ssh.conftest import Connect
from tests.ssh.servers import CuttingProxy, Sshd, Users, installed, start_sshd

ALICE = "alice@laptop (pid 4242): bootstrap init of cluster demo"
QUICK_S = 0.6
KEPT_S = 4.0
SOON_S = 10.0


@pytest.fixture(autouse=True)
def directory(on_host: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the lock lies instead of /run; it is made by the first who takes it."""
    path = on_host / "kube-bootstrap"
    monkeypatch.setattr(holds, "DIRECTORY", path)
    return path


@pytest.fixture
def proxy(sshd: Sshd, known_hosts: Path) -> Iterator[CuttingProxy]:
    made = CuttingProxy(sshd.port)
    with known_hosts.open("a") as file:
        file.write(known_hosts.read_text().replace(str(sshd.port), str(made.port)))
    yield made
    made.close()


def is_held(directory: Path) -> bool:
    with (directory / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {SOON_S:g} s"
        time.sleep(0.02)


def lost(hold: holds.SshHold) -> HoldLost:
    """What a hold says once it has noticed."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        try:
            hold.prove()
        except HoldLost as error:
            return error
        time.sleep(0.02)
    raise AssertionError("nobody noticed")


def seen_alive(hold: holds.SshHold) -> None:
    """Wait until the host has answered a sign of life."""
    taken_at = hold._proven_at
    until(lambda: hold._proven_at > taken_at, "answered")
    hold.prove()


def test_the_second_is_refused_with_the_firsts_name(connect: Connect) -> None:
    hold = connect().hold(ALICE)
    second = connect("root")
    with pytest.raises(HeldByAnother) as caught:
        second.hold("bob@desk")
    assert (caught.value.owner, caught.value.host) == (f"{ALICE}, from 127.0.0.1", "cp1")
    assert caught.value.since is not None
    assert abs(caught.value.since.timestamp() - time.time()) < SOON_S
    assert second.run(["true"]).status == 0
    hold.release()
    second.hold("bob@desk").release()


def test_what_was_released_can_be_had_at_once(connect: Connect, directory: Path) -> None:
    connection = connect()
    for _ in range(5):
        hold = connection.hold(ALICE)
        assert is_held(directory)
        hold.release()
        assert not is_held(directory)
        hold.release()


def test_only_root_can_look_and_the_line_says_who(connect: Connect, directory: Path) -> None:
    connect().hold(ALICE)
    assert (directory.stat().st_mode & 0o7777, directory.stat().st_uid) == (0o700, 0)
    since, _, owner = (directory / "lock").read_text().partition(" ")
    assert abs(int(since) - time.time()) < SOON_S
    assert owner == f"{ALICE}, from 127.0.0.1\n"


def test_a_file_that_somebody_left_behind_is_no_obstacle(connect: Connect, directory: Path) -> None:
    directory.mkdir(0o700)
    (directory / "lock").write_text("1700000000 somebody who was killed\n")
    connect().hold(ALICE)
    with pytest.raises(HeldByAnother, match="alice"):
        connect().hold("bob")


def test_it_outlives_its_limit_while_other_work_goes_on_on_the_same_connection(connect: Connect, directory: Path) -> None:
    """Takes longer than KEPT_S, which is what it is about."""
    connection = connect()
    hold = connection.hold(ALICE, free_after_s=KEPT_S)
    assert connection.run(["sleep", str(KEPT_S + 0.5)]).status == 0
    assert connection.run(["cat"], stdin=b"x" * 100_000).stdout == b"x" * 100_000
    hold.prove()
    assert is_held(directory)


def test_the_end_of_the_connection_frees_it(connect: Connect, directory: Path) -> None:
    connection = connect()
    hold = connection.hold(ALICE)
    connection.close()
    until(lambda: not is_held(directory), "freed")
    hold.release()


def test_a_killed_operator_frees_it(connect: Connect, proxy: CuttingProxy, directory: Path) -> None:
    hold = connect(port=proxy.port).hold(ALICE, free_after_s=QUICK_S)
    proxy.cut()
    until(lambda: not is_held(directory), "freed")
    assert "the connection was lost" in lost(hold).message
    hold.release()


def test_a_network_that_dies_silently_frees_it_after_the_limit(
    connect: Connect, proxy: CuttingProxy, directory: Path
) -> None:
    hold = connect(port=proxy.port).hold(ALICE, free_after_s=QUICK_S)
    proxy.swallow = True
    until(lambda: not is_held(directory), "freed")
    assert "no answer within" in lost(hold).message
    proxy.cut()
    connect().hold("bob").release()


def test_an_operator_whose_machine_slept_notices_before_the_next_change(
    connect: Connect, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that gives signs of life is asleep, as all of a machine would be."""
    monkeypatch.setattr(holds.SshHold, "_keep", lambda hold: None)
    hold = connect().hold(ALICE, free_after_s=QUICK_S)
    until(lambda: not is_held(directory), "freed")
    with pytest.raises(HoldLost, match="heard nothing of us"):
        hold.prove()


@pytest.mark.parametrize("remove", ["file", "directory", "replace"])
def test_a_lock_that_is_taken_away_is_noticed(connect: Connect, directory: Path, remove: str) -> None:
    hold = connect().hold(ALICE, free_after_s=QUICK_S)
    (directory / "lock").unlink()
    if remove == "directory":
        directory.rmdir()
    if remove == "replace":
        (directory / "lock").write_text("theirs")
    assert "was removed or replaced" in lost(hold).message
    if remove == "replace":
        assert (directory / "lock").read_text() == "theirs"


def test_who_takes_it_again_hears_who_was_there_before(connect: Connect, proxy: CuttingProxy, directory: Path) -> None:
    assert connect(port=proxy.port).hold(ALICE).before == ""
    proxy.cut()
    until(lambda: not is_held(directory), "freed")
    again = connect().hold(ALICE)
    assert again.before == f"{ALICE}, from 127.0.0.1"
    again.release()
    connect().hold("bob").release()
    assert connect().hold(ALICE).before == "bob, from 127.0.0.1"


def holders(directory: Path) -> list[int]:
    """Processes that have the lock's file open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == directory / "lock":
                found.append(int(link.parts[2]))
        except OSError:
            continue
    return found


def test_one_process_has_the_file_open_and_its_children_have_not(connect: Connect, directory: Path) -> None:
    connect().hold(ALICE)
    until(lambda: len(holders(directory)) == 1, "one process")
    (holder,) = holders(directory)
    children = Path(f"/proc/{holder}/task/{holder}/children").read_text().split()
    assert children, "the one who waits for signs of life"
    os.kill(holder, signal.SIGKILL)
    until(lambda: not is_held(directory), "freed")
    assert Path(f"/proc/{children[0]}").exists()
    os.kill(int(children[0]), signal.SIGTERM)


def test_a_holder_that_is_killed_on_the_host_is_noticed(connect: Connect, directory: Path) -> None:
    hold = connect().hold(ALICE, free_after_s=QUICK_S)
    until(lambda: len(holders(directory)) == 1, "one process")
    os.kill(holders(directory)[0], signal.SIGKILL)
    assert "cp1 is held no longer" in lost(hold).message


@pytest.mark.parametrize("user", ["root", "sudo", "password"])
def test_as_every_kind_of_user(connect: Connect, directory: Path, user: str) -> None:
    hold = connect(user, password="correct horse").hold(ALICE, free_after_s=KEPT_S)
    seen_alive(hold)
    hold.release()
    assert not is_held(directory)


@pytest.mark.parametrize("shell", installed("bash", "dash", "zsh", "fish", "csh", "tcsh"))
def test_login_shells(connect: Connect, users: Users, directory: Path, shell: str) -> None:
    name = users.names["sudo"]
    subprocess.run(["usermod", "-s", shell, name], check=True)
    try:
        connection = connect()
        seen_alive(connection.hold(ALICE, free_after_s=KEPT_S))
        connection.close()
        until(lambda: not is_held(directory), "freed")
    finally:
        subprocess.run(["usermod", "-s", "/bin/bash", name], check=True)


HOSTILE = "eve'; touch /tmp/x #\x1b]0;t\x07\x1b[31m\n1 mallory\r$(id)`id` \udcff é" + "x" * 5000


def test_a_name_of_hostile_characters_is_one_plain_line(connect: Connect, directory: Path) -> None:
    connect().hold(HOSTILE)
    with pytest.raises(HeldByAnother) as caught:
        connect().hold("bob")
    assert caught.value.owner.startswith("eve'; touch /tmp/x #")
    assert caught.value.owner.isprintable()
    assert len(caught.value.owner) <= 2 * 300


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00" * 400, b"no number here\n", b"9" * 4000, "²² x\n".encode()])
def test_whatever_stands_in_the_file_the_second_is_refused(connect: Connect, directory: Path, content: bytes) -> None:
    connect().hold(ALICE)
    (directory / "lock").write_bytes(content)
    with pytest.raises(HeldByAnother) as caught:
        connect().hold("bob")
    assert (caught.value.owner, caught.value.since) == ("somebody who did not leave a name", None)


@pytest.mark.parametrize("case", ["file", "link", "open to all", "link inside"])
def test_a_place_that_is_not_roots_alone_is_refused(connect: Connect, directory: Path, case: str) -> None:
    victim = directory.with_name("victim")
    victim.mkdir(0o700)
    match case:
        case "file":
            directory.touch()
        case "link":
            directory.symlink_to(victim)
        case "open to all":
            directory.mkdir()
            directory.chmod(0o777)
        case _:
            directory.mkdir(0o700)
            (directory / "lock").symlink_to(victim / "file")
    with pytest.raises(Refused, match="cp1 gives no lock") as caught:
        connect().hold(ALICE)
    assert str(directory) in " ".join(caught.value.evidence)
    assert list(victim.iterdir()) == []


def test_without_flock_the_host_is_named(connect: Connect, on_host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script is told that the program is called otherwise."""
    whole = holds.scripts.hold
    monkeypatch.setattr(holds.scripts, "hold", lambda *given: whole(*given).replace(b"command -v flock", b"command -v gone"))
    with pytest.raises(Refused, match="cp1 gives no lock") as caught:
        connect().hold(ALICE)
    assert "flock is missing" in caught.value.evidence[0]


def test_where_nothing_can_be_written_the_host_is_named(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "DIRECTORY", Path("/proc/kube-bootstrap"))
    with pytest.raises(Refused, match="cp1 gives no lock") as caught:
        connect().hold(ALICE)
    assert "mkdir" in caught.value.evidence[0]


def test_of_many_at_once_exactly_one_gets_it(connect: Connect) -> None:
    connections = [connect() for _ in range(6)]
    results: list[str] = []

    def attempt(number: int) -> None:
        try:
            connections[number].hold(f"operator {number}")
            results.append("held")
        except HeldByAnother as error:
            results.append(error.owner)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert results.count("held") == 1
    assert len(set(results)) == 2


def test_a_server_that_allows_one_session_is_named(
    open_directory: Path, identity: Path, connect: Connect, known_hosts: Path, tmp_path: Path
) -> None:
    server = start_sshd(open_directory / f"one-{tmp_path.name}", identity.with_suffix(".pub"), extra="MaxSessions 1")
    try:
        with known_hosts.open("a") as file:
            file.write(server.known_line() + "\n")
        connection = connect(port=server.port)
        connection.hold(ALICE)
        with pytest.raises(RemoteError, match="no further session") as caught:
            connection.run(["true"])
        assert "MaxSessions" in caught.value.hint
    finally:
        server.stop()


def test_a_host_that_is_gone_says_so(connect: Connect, proxy: CuttingProxy) -> None:
    connection: ssh.SshConnection = connect(port=proxy.port)
    proxy.cut()
    with pytest.raises(HostUnreachable, match="lost the connection to cp1"):
        connection.hold(ALICE)

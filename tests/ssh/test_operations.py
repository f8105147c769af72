"""Reading, writing, removing, running on a real host."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest

from bootstrap import ssh
from bootstrap.errors import HostUnreachable, RemoteError
from bootstrap.files import Directory, File, Link, Secret
from bootstrap.ssh import remote
from tests.ssh.conftest import Connect
from tests.ssh.servers import Users, start_sshd

ODD_NAMES = ("plain", "with space", "new\nline", "back\\slash", "quote'\"", "ünïcode ☃", "-dash", "$HOME `id` *", "x" * 250)


def on(path: Path) -> PurePosixPath:
    return PurePosixPath(path)


def hidden(directory: Path) -> list[str]:
    return [name for _, directories, files in os.walk(directory) for name in directories + files if name.startswith(".")]


def test_files_directories_and_links(connection: ssh.SshConnection, on_host: Path, users: Users) -> None:
    owner = users.names["nothing"]
    connection.write(
        [
            Directory(on(on_host / "pki"), 0o700),
            File(on(on_host / "pki/ca.key"), Secret(b"key"), 0o600),
            File(on(on_host / "a/b/manifest.yaml"), b"kind: Pod\n", 0o644, owner, owner),
            Link(on(on_host / "pki/current.pem"), "ca.key"),
            Directory(on(on_host / "data"), 0o750, owner, owner),
        ]
    )
    shown = subprocess.run(["stat", "-c", "%n %a %U", *sorted(on_host.rglob("*"))], capture_output=True, text=True, check=True)
    assert [line.removeprefix(f"{on_host}/") for line in shown.stdout.splitlines()] == [
        "a 755 root", "a/b 755 root", f"a/b/manifest.yaml 644 {owner}", f"data 750 {owner}",
        "pki 700 root", "pki/ca.key 600 root", "pki/current.pem 777 root",
    ]
    assert (on_host / "pki/current.pem").readlink() == Path("ca.key")
    assert (on_host / "pki/ca.key").read_bytes() == b"key"
    assert hidden(on_host) == []


def test_writing_again_replaces(connection: ssh.SshConnection, on_host: Path) -> None:
    path = on_host / "file"
    connection.write([File(on(path), b"one", 0o644)])
    connection.write([File(on(path), b"two", 0o600), Directory(on(on_host), 0o711)])
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", 0o600)
    assert on_host.stat().st_mode & 0o777 == 0o711


def test_a_file_that_somebody_else_changed_is_not_overwritten(connection: ssh.SshConnection, on_host: Path) -> None:
    path, new = on_host / "planned", on_host / "new"
    path.write_bytes(b"as planned")
    seen = {on(path): hashlib.sha256(b"as planned").hexdigest(), on(new): ""}
    connection.write([File(on(path), b"one"), File(on(new), b"one")], seen)
    with pytest.raises(RemoteError) as refused:
        connection.write([File(on(new), b"two"), File(on(path), b"two")], seen)
    assert "changed by somebody else" in refused.value.evidence[0]
    assert (path.read_bytes(), new.read_bytes()) == (b"one", b"one")



@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(connection: ssh.SshConnection, on_host: Path, name: str) -> None:
    path = on_host / name[:20] / name
    connection.write([File(on(path), b"content of it"), Link(on(path.with_name("link")), name)])
    assert path.read_bytes() == b"content of it"
    assert connection.read([on(path)]) == {on(path): b"content of it"}
    connection.move(on(path), on(path.with_name("moved")))
    connection.remove([on(path.with_name("link"))])
    connection.remove([on(path.parent)], recursive=True)
    assert list(on_host.iterdir()) == []


CONTENTS = (
    b"",
    b"\n", b"no newline", b"it's\n'quoted'\n", b"\r\n\x7f\x1b\n\n\n", "ünï☃".encode(), bytes(range(256)) * 50,
    b"x" * 3_000_000,
)


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_contents_are_kept_byte_by_byte(connection: ssh.SshConnection, on_host: Path, content: bytes) -> None:
    path = on(on_host / "file")
    connection.write([File(path, content)])
    assert hashlib.sha256((on_host / "file").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert connection.read([path]) == {path: content}


def test_read_leaves_out_what_is_absent_or_no_file(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / "file").write_bytes(b"1")
    (on_host / "empty").touch()
    (on_host / "directory").mkdir()
    (on_host / "link").symlink_to("file")
    os.mkfifo(on_host / "fifo")
    names = ("file", "absent", "directory", "link", "fifo", "empty")
    found = connection.read([on(on_host / name) for name in names])
    assert {path.name: content for path, content in found.items()} == {"file": b"1", "link": b"1", "empty": b""}
    assert connection.read([]) == {}


def test_a_link_at_the_target_is_replaced_not_followed(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / "victim").write_bytes(b"untouched")
    (on_host / "file").symlink_to("victim")
    connection.write([File(on(on_host / "file"), b"new")])
    assert (on_host / "victim").read_bytes() == b"untouched"
    assert not (on_host / "file").is_symlink()


def test_a_directory_that_is_another_users_link_is_refused(connection: ssh.SshConnection, on_host: Path, users: Users) -> None:
    (on_host / "victim").mkdir()
    (on_host / "data").symlink_to("victim")
    subprocess.run(["chown", "-h", users.names["nothing"], on_host / "data"], check=True)
    with pytest.raises(RemoteError) as caught:
        connection.write([File(on(on_host / "data/deep/file"), b"new")])
    assert "does not belong to root" in " ".join(caught.value.evidence)
    with pytest.raises(RemoteError):
        connection.write([Directory(on(on_host / "data"), 0o700)])
    assert list((on_host / "victim").iterdir()) == []


def test_a_directory_that_is_roots_link_is_followed(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / "disk").mkdir()
    (on_host / "data").symlink_to("disk")
    connection.write([Directory(on(on_host / "data"), 0o700), File(on(on_host / "data/file"), b"new")])
    assert (on_host / "disk/file").read_bytes() == b"new"


def test_one_that_fails_leaves_all_as_it_was(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / "first").write_bytes(b"old")
    (on_host / "taken").mkdir()
    with pytest.raises(RemoteError) as caught:
        connection.write([File(on(on_host / "first"), b"new"), File(on(on_host / "taken"), b"new")])
    assert f"{on_host}/taken is a directory" in caught.value.evidence
    assert (on_host / "first").read_bytes() == b"old"
    with pytest.raises(RemoteError):
        connection.write([File(on(on_host / "first"), b"new"), File(on(on_host / "x"), b"new", owner="nobody-of-that-name")])
    assert (on_host / "first").read_bytes() == b"old"
    assert hidden(on_host) == []


def test_temporaries_of_an_interrupted_write_go(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / ".file.bootstrap-0123abcd").write_bytes(b"half")
    (on_host / ".other").write_bytes(b"not ours")
    connection.write([File(on(on_host / "file"), b"new")])
    assert hidden(on_host) == [".other"]


@pytest.fixture
def small_disk(on_host: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    path = on_host / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.mark.parametrize("content", [b"text\n" * 40_000, bytes(200_000)], ids=["text", "binary"])
def test_a_full_disk(connection: ssh.SshConnection, small_disk: Path, content: bytes) -> None:
    (small_disk / "first").write_bytes(b"old")
    with pytest.raises(RemoteError, match="no space left") as caught:
        connection.write([File(on(small_disk / "first"), b"new"), File(on(small_disk / "second"), content)])
    assert str(small_disk) in " ".join(caught.value.evidence)
    assert [path.name for path in small_disk.iterdir()] == ["first"]
    assert (small_disk / "first").read_bytes() == b"old"


def test_remove(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / "file").touch()
    (on_host / "link").symlink_to("file")
    (on_host / "tree/deep").mkdir(parents=True)
    connection.remove([on(on_host / "link"), on(on_host / "file"), on(on_host / "absent"), on(on_host / "gone/with/parent")])
    with pytest.raises(RemoteError):
        connection.remove([on(on_host / "tree")])
    connection.remove([on(on_host / "tree"), on(on_host / "absent")], recursive=True)
    assert list(on_host.iterdir()) == []


def test_a_link_to_a_tree_is_only_a_link(connection: ssh.SshConnection, on_host: Path) -> None:
    (on_host / "tree").mkdir()
    (on_host / "tree/file").touch()
    (on_host / "link").symlink_to("tree")
    connection.remove([on(on_host / "link")], recursive=True)
    assert (on_host / "tree/file").exists()


@pytest.mark.parametrize("name", ["mounted", "with space", "back\\slash", "new\nline"])
def test_h9_a_tree_with_a_mount_below_stays(connection: ssh.SshConnection, on_host: Path, name: str) -> None:
    mounted = on_host / "tree" / name
    mounted.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mounted], check=True)
    try:
        (mounted / "precious").touch()
        (on_host / "tree/file").touch()
        with pytest.raises(RemoteError) as caught:
            connection.remove([on(on_host / "tree")], recursive=True)
        assert "mounted below" in " ".join(caught.value.evidence)
        assert (mounted / "precious").exists()
        assert (on_host / "tree/file").exists()
        connection.remove([on(mounted)], recursive=True)
        assert list(mounted.iterdir()) == []
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_move(connection: ssh.SshConnection, on_host: Path, small_disk: Path) -> None:
    source, target = on_host / "source", on_host / "target"
    source.mkdir()
    connection.move(on(source), on(target))
    connection.move(on(source), on(target))
    assert target.is_dir()
    source.mkdir()
    for wrong in (target, small_disk / "there"):
        with pytest.raises(RemoteError):
            connection.move(on(source), on(wrong))
    with pytest.raises(RemoteError):
        connection.move(on(on_host / "absent"), on(on_host / "absent too"))
    assert source.is_dir()


def test_run_quotes_and_splits_the_streams(connection: ssh.SshConnection) -> None:
    done = connection.run(["sh", "-c", 'printf "%s|" "$@"; echo err >&2; exit 7', "sh", "a b", "", "*", "'", "\n", "$(id)"])
    assert (done.status, done.stdout, done.stderr) == (7, b"a b||*|'|\n|$(id)|", b"err\n")


def test_run_passes_stdin_as_it_is(connection: ssh.SshConnection) -> None:
    for content in CONTENTS:
        assert connection.run(["sha256sum"], stdin=content).stdout.split()[0].decode() == hashlib.sha256(content).hexdigest()
    assert connection.run(["cat"]).stdout == b""


def test_a_program_that_is_not_there(connection: ssh.SshConnection) -> None:
    assert connection.run(["no-such-program"]).status == 127


def test_output_is_capped_and_drained(connection: ssh.SshConnection) -> None:
    done = connection.run(["sh", "-c", "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2; exit 4"])
    assert (done.status, len(done.stdout), len(done.stderr)) == (4, 1 << 20, 1 << 20)
    assert connection.run(["echo", "in step"]).stdout == b"in step\n"


def test_a_program_that_does_not_end_is_ended(connection: ssh.SshConnection) -> None:
    """Takes its time-out of half a second."""
    started = time.monotonic()
    with pytest.raises(RemoteError, match=r"did not end within 0\.5 s"):
        connection.run(["sleep", "87654"], timeout_s=0.5)
    assert time.monotonic() - started < 5
    assert not [line for line in running() if "sleep 87654" in line]


def test_a_program_that_ignores_the_signal_is_killed(connection: ssh.SshConnection) -> None:
    """Takes as long as it is given after the signal."""
    with pytest.raises(RemoteError, match="did not end"):
        connection.run(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], timeout_s=0.2)


def test_a_lost_exit_status_is_an_error(connection: ssh.SshConnection) -> None:
    parent = "$(cut -d' ' -f4 /proc/{}/stat)"
    shell = parent.format("$PPID")      # above timeout(1); the helper itself is one further up
    with pytest.raises(RemoteError, match="not known"):
        connection.run(["sh", "-c", f"kill -9 {shell} {parent.format(shell)}"])
    assert connection.run(["echo", "again"]).stdout == b"again\n"


def test_look_gives_facts_and_the_clock(connection: ssh.SshConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.look(PurePosixPath("/var/lib/etcd")).hostname == os.uname().nodename
    parsed: list[tuple[str, str, float]] = []
    monkeypatch.setattr(remote, "facts_script", lambda *_, **__: "sleep 0.4; echo slow")
    monkeypatch.setattr(remote, "parse_facts", lambda *given, **_: parsed.append(given))
    connection.look(PurePosixPath("/var/lib/etcd"))
    assert parsed[0][:2] == ("cp1", "slow\n")
    assert abs(parsed[0][2]) < 0.2


def test_endless_facts_are_cut_off(connection: ssh.SshConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "facts_script", lambda *_, **__: "cat /dev/zero")
    with pytest.raises(RemoteError, match="too much output"):
        connection.look(PurePosixPath("/var/lib/etcd"))
    assert connection.run(["true"]).status == 0


def test_long_commands_block_nobody(connection: ssh.SshConnection) -> None:
    with ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(connection.run, ["sh", "-c", f"sleep 1; echo {number}"]) for number in range(4)]
        time.sleep(0.3)
        started = time.monotonic()
        assert connection.run(["echo", "quick"]).stdout == b"quick\n"
        assert time.monotonic() - started < 0.6
        assert [task.result().stdout for task in slow] == [b"0\n", b"1\n", b"2\n", b"3\n"]


def test_more_callers_than_sessions_wait_for_each_other(connection: ssh.SshConnection) -> None:
    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda n: connection.run(["sh", "-c", f"sleep 0.1; echo {n}"]).stdout, range(40)))
    assert done == [f"{n}\n".encode() for n in range(40)]


def test_no_secret_in_any_command_line_or_temporary_file(connection: ssh.SshConnection, on_host: Path) -> None:
    canary = b"canary" + os.urandom(8).hex().encode()
    seen: list[bytes] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.extend(command for command in command_lines() if canary in command)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(20):
            connection.write([File(on(on_host / f"f{number}"), Secret(canary + b"\n"), 0o600)])
            connection.write([File(on(on_host / f"f{number}"), Secret(canary + b"\0\xff"), 0o600)])
            connection.run(["true"], stdin=canary)
    finally:
        stop.set()
        watcher.join()
    assert seen == []
    assert canary in (on_host / "f1").read_bytes()


def test_a_closed_connection_says_so(connection: ssh.SshConnection) -> None:
    connection.close()
    connection.close()
    with pytest.raises(HostUnreachable, match="lost the connection to cp1"):
        connection.run(["true"])


def test_few_sessions_are_enough(
    connect: Connect, open_directory: Path, identity: Path, known_hosts: Path, tmp_path: Path
) -> None:
    server = start_sshd(open_directory / f"few-{tmp_path.name}", identity.with_suffix(".pub"), extra="MaxSessions 2")
    try:
        known_hosts.write_text(server.known_line() + "\n")
        connection = connect(port=server.port)
        with ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda n: connection.run(["sh", "-c", f"sleep 0.1; echo {n}"]).stdout, range(12)))
        assert done == [f"{n}\n".encode() for n in range(12)]
    finally:
        server.stop()


def running() -> list[str]:
    return [command.replace(b"\0", b" ").decode(errors="replace") for command in command_lines()]


def command_lines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found

"""The scripts, run by every shell that /bin/sh may be, without SSH: frames in, replies out.

Each test starts processes, which is what it is about: some tens of milliseconds.
"""

from __future__ import annotations

import getpass
import grp
import hashlib
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.files import Directory, File, Link, is_temporary
from bootstrap.ssh import scripts
from bootstrap.ssh.helper import text
from tests.unit.fakehost_samples import a_fleet

SHELLS = [name for name in ("dash", "bash") if shutil.which(name)]
ME = getpass.getuser()
MY_GROUP = grp.getgrgid(os.getgid()).gr_name


def ask(shell: str, *frames: bytes) -> list[tuple[int, bytes]]:
    """Feed frames to a helper under `shell`, called `sh` as on a host; status and output of each."""
    stub = " ".join(text("helper.sh").splitlines())
    argv = ["sh", "-c", stub, "sh", "nonce"]
    done = subprocess.run(argv, executable=shutil.which(shell), input=b"".join(frames), capture_output=True, check=False)
    replies = []
    for number in range(len(frames)):
        _, begun, rest = done.stdout.partition(f"\nt{number} begin\n".encode())
        if begun:
            output, _, rest = rest.partition(f"\nt{number} end ".encode())
            replies.append((int(rest.split(b"\n")[0]), output))
    return replies


def frame(script: bytes, number: int = 0) -> bytes:
    return f"t{number} {len(script)} {hashlib.sha256(script).hexdigest()}\n".encode() + script


@pytest.mark.parametrize("shell", SHELLS)
def test_frames_are_answered_in_order(shell: str) -> None:
    frames = [frame(f"echo {n}; exit {n}\n".encode(), n) for n in range(3)]
    assert ask(shell, *frames) == [(n, f"{n}\n".encode()) for n in range(3)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_frame_that_is_short_or_changed_runs_nothing(shell: str, tmp_path: Path) -> None:
    script = f"touch {tmp_path}/ran\n".encode()
    whole = frame(script)
    for bad in [*(whole[:length] for length in range(0, len(whole), 7)), whole.replace(b"touch", b"teuch")]:
        assert ask(shell, bad) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_write_and_read(shell: str, tmp_path: Path) -> None:
    root = PurePosixPath(tmp_path)
    entries = [
        Directory(root / "a b", 0o750, ME, MY_GROUP),
        File(root / "a b/it's\n\\n", b"text 'quoted' \\n\n\n", 0o640, ME, MY_GROUP),
        File(root / "new/binary", bytes(range(256)), 0o600, ME, MY_GROUP),
        Link(root / "link", "a b"),
    ]
    paths = [entry.path for entry in entries if isinstance(entry, File)]
    wanted = [root / "absent", *paths]
    (status, _), (_, output) = ask(shell, frame(scripts.write(entries), 0), frame(scripts.read(wanted), 1))
    assert status == 0
    assert scripts.parse_read(wanted, output) == {entry.path: entry.bytes for entry in entries if isinstance(entry, File)}
    assert (tmp_path / "link").readlink() == Path("a b")
    assert list(tmp_path.rglob(".*")) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_temporary_that_is_there_already_stops_the_write(shell: str, tmp_path: Path) -> None:
    """A name somebody guessed: the file behind it stays as it was, and so does the target."""
    (tmp_path / "victim").write_bytes(b"untouched")
    write = scripts.write([File(PurePosixPath(tmp_path / "file"), b"new", 0o600, ME, MY_GROUP)], "guess")
    planted = write.replace(b"printf %s new >", f"ln -s victim {tmp_path}/.file.bootstrap-guess\nprintf %s new >".encode())
    assert planted != write
    assert ask(shell, frame(planted))[0][0] != 0
    assert (tmp_path / "victim").read_bytes() == b"untouched"
    assert not (tmp_path / "file").exists()


def test_a_write_is_prepared_under_names_that_are_known_to_be_temporary(tmp_path: Path) -> None:
    entries = [File(PurePosixPath("/a/b"), b""), File(PurePosixPath("/a") / ("x" * 255), b""), Link(PurePosixPath("/l"), "t")]
    renames = [line.split()[-2:] for line in scripts.write(entries).decode().splitlines() if line.startswith("mv ")]
    assert [(is_temporary(PurePosixPath(old)), is_temporary(PurePosixPath(new))) for old, new in renames] == [(True, False)] * 3


def what_is_there(root: Path) -> dict[str, tuple[str, int, bytes]]:
    found = {}
    for path in sorted(root.rglob("*")):
        kind = "link" if path.is_symlink() else "directory" if path.is_dir() else "file"
        content = bytes(path.readlink()) if kind == "link" else path.read_bytes() if kind == "file" else b""
        found[str(path)] = (kind, path.lstat().st_mode & 0o7777, content)
    return found


def test_the_model_host_is_in_every_state_that_the_script_goes_through(tmp_path: Path) -> None:
    """The script is stopped after each of its lines in turn; model hosts must show all of these states, in that order."""
    root = PurePosixPath(tmp_path) / "root"
    entries = [
        Directory(root / "new", 0o711, ME, MY_GROUP), File(root / "new/one", b"first", 0o640, ME, MY_GROUP),
        Link(root / "link", "new/one"), File(root / "deep/below/two", b"second", 0o600, ME, MY_GROUP),
        File(root / "old", b"changed", 0o644, ME, MY_GROUP),
    ]  # fmt: skip
    head, mark, lines = scripts.write(entries, "00000000").partition(b"trap undo EXIT\n")
    real = []
    for length in range(lines.count(b"\n") + 1):
        shutil.rmtree(root, ignore_errors=True)
        Path(root).mkdir()
        Path(root / "old").write_bytes(b"before")
        Path(root / "old").chmod(0o600)
        part = b"".join(lines.splitlines(keepends=True)[:length])
        if part.count(b"'") % 2:
            continue    # in the middle of one quoted argument
        assert ask("dash", frame(head + mark + part + b"trap - EXIT\nexit 0\n"))[0][0] == 0
        real.append(what_is_there(Path(root)))
    fleet = a_fleet("cp1")
    files = fleet.host("cp1").files
    files.users[ME], files.groups[MY_GROUP] = os.getuid(), os.getgid()
    files.put(File(root / "old", b"before", 0o600, ME, MY_GROUP), 0)
    model = []
    kept = {"link": lambda node: node.target.encode(), "file": lambda node: node.content, "directory": lambda node: b""}

    def photograph() -> None:
        nodes = {path: files.nodes[path] for path in files.below(root) if path != root}
        model.append({str(path): (node.kind, node.mode, kept[node.kind](node)) for path, node in nodes.items()})

    fleet.before_step = photograph
    fleet.connect("cp1").write(entries)
    photograph()
    remaining = iter(model)
    for number, state in enumerate(real):
        unchanged = number > 0 and state == real[number - 1]
        assert unchanged or state in remaining, f"no model host is ever as the script is after {number} lines"
    assert model[-1] == real[-1]


@pytest.mark.parametrize("shell", SHELLS)
def test_remove_and_move(shell: str, tmp_path: Path) -> None:
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").touch()
    tree, moved = PurePosixPath(tmp_path / "tree"), PurePosixPath(tmp_path / "moved")
    replies = ask(
        shell,
        frame(scripts.move(tree, moved), 0), frame(scripts.move(tree, moved), 1),
        frame(scripts.remove([moved], recursive=False), 2), frame(scripts.remove([moved, tree], recursive=True), 3),
        frame(scripts.move(tree, moved), 4), frame(scripts.remove([moved], recursive=False), 5),
    )
    assert [status for status, _ in replies] == [0, 0, 1, 0, 1, 0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=15)
@given(arguments=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))), stdin=st.binary())
def test_arguments_and_stdin_arrive_as_they_are(shell: str, arguments: list[str], stdin: bytes) -> None:
    argv = ["sh", "-c", 'printf "%s\\0" "$@"; cat', "sh", *arguments]
    expected = b"".join(argument.encode() + b"\0" for argument in arguments) or b"\0"
    assert ask(shell, frame(scripts.run(argv, stdin, 10))) == [(0, expected + stdin)]


def test_write_refuses_paths_that_are_mistakes() -> None:
    twice = File(PurePosixPath("/a"), b"")
    wrong = [File(PurePosixPath("a"), b""), File(PurePosixPath("/a/../b"), b""), Directory(PurePosixPath("/"))]
    for entries in ([twice, twice], *([entry] for entry in wrong)):
        with pytest.raises(ValueError, match="cannot write"):
            scripts.write(entries)
    with pytest.raises(ValueError, match="NUL"):
        scripts.write([Link(PurePosixPath("/a"), "b\0")])


@pytest.mark.parametrize("name", ["helper.sh", "root.sh", "sudo.sh"])
def test_what_a_login_shell_sees_is_plain_for_every_shell(name: str) -> None:
    """No quote, no backslash, no history character: csh, fish and sh then read a quoted word alike."""
    assert not set("'\\!") & set(text(name))

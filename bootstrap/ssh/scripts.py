"""The scripts of the operations: fixed functions (scripts/*.sh) and, below them, calls with quoted arguments.

Bytes in and out, no I/O: what is run on a host can be read in a test.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import assert_never

from bootstrap.files import Directory, File, Link
from bootstrap.ssh.helper import text

_KILL_AFTER_S = 5


def look(facts_script: str) -> bytes:
    """The clock first, then the facts."""
    return b"date +%s.%N\n" + facts_script.encode()


def write(
    entries: Sequence[File | Directory | Link],
    token: str | None = None,
    before: Mapping[PurePosixPath, str] | None = None,
) -> bytes:
    """Prepare every entry beside its place, prove the contents, fsync, and only then rename, in order.

    before: SHA-256 by path of what is expected there, empty: nothing. Asked before anything else.

    token: the random part of the names of temporaries.
    """
    token = secrets.token_hex(4) if token is None else token
    temps = {entry.path: _temporary(entry.path, token) for entry in entries if not isinstance(entry, Directory)}
    files = [entry for entry in entries if isinstance(entry, File)]
    _once(entry.path for entry in entries)
    lines = [_script("write.sh")]
    lines.append(b"clean() { " + (_call("rm", "-f", "--", *temps.values()) if temps else b":") + b"; }")
    lines.append(b"trap undo EXIT")
    lines += [_call("unchanged", path, sha256) for path, sha256 in (before or {}).items()]
    lines += [_call("ours", ancestor) for ancestor in _ancestors(entries)]
    for entry in entries:
        match entry:
            case Directory():
                lines.append(_call("directory", entry.path, f"{entry.mode:o}", entry.owner, entry.group))
            case File():
                lines += [_call("parents", entry.path.parent), _call("free", entry.path, _stem(entry.path))]
                lines.append(_producer(entry.bytes) + b" > " + _quote(temps[entry.path]))
            case Link():
                lines += [_call("parents", entry.path.parent), _call("free", entry.path, _stem(entry.path))]
                lines.append(_call("ln", "-s", "--", entry.target, temps[entry.path]))
            case _:
                assert_never(entry)
    if files:
        lines += _attributes(files, temps)
        lines.append(_call("check", "\n".join(_sum_line(file.sha256, temps[file.path]) for file in files)))
        lines.append(_call("sync", "--", *(temps[file.path] for file in files)))
    lines += [_call("mv", "-fT", "--", temps[entry.path], entry.path) for entry in entries if not isinstance(entry, Directory)]
    lines.append(b"trap - EXIT")
    lines.append(_call("sync", "--", *_synced(entries)))
    return b"\n".join(lines) + b"\n"


def read(paths: Sequence[PurePosixPath]) -> bytes:
    """A number line and base64 for each regular file among `paths`."""
    return b"\n".join([_script("read.sh"), *(_call("content", str(n), path) for n, path in enumerate(paths)), b""])


def parse_read(paths: Sequence[PurePosixPath], output: bytes) -> dict[PurePosixPath, bytes]:
    """What the script of `read` printed; ValueError when it is something else. A number line follows an empty line."""
    found: dict[PurePosixPath, bytes] = {}
    for block in output.split(b"\n\n"):
        number, _, content = block.strip(b"\n").partition(b"\n")
        if number:
            if not number.isdigit() or int(number) >= len(paths):
                raise ValueError(f"no file has the number {number[:40]!r}")
            found[paths[int(number)]] = base64.b64decode(content)
    return found


def remove(paths: Sequence[PurePosixPath], *, recursive: bool) -> bytes:
    """Remove, then fsync the directories that held them."""
    if recursive:
        lines = [_script("remove.sh"), *(_call("tree", path) for path in paths)]
    else:
        lines = [b"set -eu", _call("rm", "-f", "--", *paths)]
    parents = dict.fromkeys(path.parent for path in paths)
    lines += [b"[ ! -d " + _quote(parent) + b" ] || " + _call("sync", "--", parent) for parent in parents]
    return b"\n".join(lines) + b"\n"


def move(source: PurePosixPath, target: PurePosixPath) -> bytes:
    return _script("move.sh") + _call("rename", source, target, source.parent, target.parent) + b"\n"


def run(argv: Sequence[str], stdin: bytes, timeout_s: float) -> bytes:
    """`timeout` ends the program on the host even when nobody is there any more to ask for it."""
    command = _call("timeout", "-k", str(_KILL_AFTER_S), f"{max(timeout_s, 0.001):.3f}", *argv)
    return (_producer(stdin) + b" | " if stdin else b"") + command + b"\n"


def hold(directory: PurePosixPath, owner: str, free_after_s: float, our_address: str) -> bytes:
    """Take the operator's lock in `directory` and hold it until no sign of life has come for that long."""
    where = f", from {our_address}" if our_address else ""
    return _script("hold.sh") + _call("hold", directory, owner, f"{free_after_s:.3f}", where) + b"\n"


def _script(name: str) -> bytes:
    return text(name).encode()


def _call(*words: str | PurePosixPath) -> bytes:
    return b" ".join(_quote(word) for word in words)


def _quote(word: str | PurePosixPath) -> bytes:
    if "\0" in str(word):
        raise ValueError("a NUL cannot be part of a path or an argument")
    return os.fsencode(shlex.quote(str(word)))


def _producer(content: bytes) -> bytes:
    """A command that prints `content`, with builtins where it can: no process, nothing in a command line."""
    if content.isascii() and b"\0" not in content:
        return b"printf %s " + shlex.quote(content.decode("ascii")).encode()
    return b"printf %s " + base64.b64encode(content) + b" | base64 -d"


def _temporary(path: PurePosixPath, token: str) -> PurePosixPath:
    return PurePosixPath(_stem(path) + token)


def _stem(path: PurePosixPath) -> str:
    """How names of temporaries for `path` begin; a dot first, because a kubelet reads every other name."""
    name = os.fsdecode(os.fsencode(path.name)[:200]) if len(os.fsencode(path.name)) > 200 else path.name
    return str(path.parent / f".{name}.bootstrap-")


def _ancestors(entries: Sequence[File | Directory | Link]) -> list[PurePosixPath]:
    """Directories on the way to the entries (and directories among them), from the top down."""
    found: dict[PurePosixPath, None] = {}
    for entry in entries:
        own = (entry.path,) if isinstance(entry, Directory) else ()
        for directory in (*reversed(entry.path.parents), *own):
            if directory != PurePosixPath("/"):
                found[directory] = None
    return list(found)


def _attributes(files: Sequence[File], temps: dict[PurePosixPath, PurePosixPath]) -> list[bytes]:
    """Owners and modes of the temporaries, one process for each kind."""
    lines: list[bytes] = []
    for owner, group in groupby(sorted(files, key=_owner), key=_owner):
        lines.append(_call("chown", "-h", "--", owner, *(temps[file.path] for file in group)))
    for mode, alike in groupby(sorted(files, key=lambda file: file.mode), key=lambda file: file.mode):
        lines.append(_call("chmod", "--", f"{mode:o}", *(temps[file.path] for file in alike)))
    return lines


def _owner(file: File) -> str:
    return f"{file.owner}:{file.group}"


def _sum_line(sha256: str, path: PurePosixPath) -> str:
    """A line for sha256sum -c: names with a backslash or a newline are escaped, and the line says so."""
    name = str(path)
    if re.search(r"[\\\n]", name):
        return f"\\{sha256}  " + name.replace("\\", "\\\\").replace("\n", "\\n")
    return f"{sha256}  {name}"


def _synced(entries: Sequence[File | Directory | Link]) -> list[PurePosixPath]:
    """Directories whose entries changed."""
    return list(dict.fromkeys(entry.path.parent for entry in entries))


def _once(paths: Iterable[PurePosixPath]) -> None:
    """Every path once, absolute, without `..`: anything else is a mistake of the caller."""
    seen: set[PurePosixPath] = set()
    for path in paths:
        if path in seen or not path.is_absolute() or ".." in path.parts or path == PurePosixPath("/"):
            raise ValueError(f"cannot write {path}: given twice, relative, with .., or the root directory")
        seen.add(path)

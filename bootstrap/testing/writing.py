"""How a write goes on a host, step by step: every state in between is one that a machine which dies may be found in.

Source: ssh/scripts/write.sh and ssh/scripts.py. Directories are made as they come; files and links are prepared under dot-names
beside their places, get their owners and modes all together, and only then are renamed, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import PurePosixPath

from bootstrap.files import Directory, File, Link
from bootstrap.testing.filesystem import FakeFiles, Node

Entry = File | Directory | Link
MARK = ".bootstrap-"


def temporary(path: PurePosixPath) -> PurePosixPath:
    """Where an entry is prepared; one token does for all, because what an earlier write left for a target goes first."""
    return path.parent / f".{path.name}{MARK}00000000"


def make_directory(files: FakeFiles, entry: Directory, now: float) -> Iterator[None]:
    """Make one directory, or give one that is there its mode and owner. Yields before each step but the first."""
    if entry.path not in files.nodes:
        files.put(Directory(entry.path, entry.mode), now)
        yield
    files.put(entry, now)


def prepare(files: FakeFiles, entry: File | Link, now: float) -> Iterator[None]:
    """Put one entry beside its place; a file grows as it is written."""
    at = temporary(entry.path)
    if files.read_only:
        raise files.refusal(entry.path, "Read-only file system")
    files.make_parents(entry.path, now)
    yield
    there = files.nodes.get(entry.path)
    if there is not None and there.kind == "directory":
        raise files.refusal(entry.path, "Is a directory")
    for stale in [path for path in files.nodes if path.parent == at.parent and path.name.startswith(f".{entry.path.name}{MARK}")]:
        files.remove(stale, recursive=False)
    yield
    if isinstance(entry, Link):
        files.put(Link(at, entry.target), now)
        return
    if len(entry.bytes) > files.free_bytes:
        raise files.refusal(entry.path, "No space left on device")
    files.put(File(at, entry.bytes[: len(entry.bytes) // 2], 0o600), now)
    yield
    files.put(File(at, entry.bytes, 0o600), now)


def give_attributes(files: FakeFiles, entries: Sequence[Entry]) -> Iterator[None]:
    """Owners of all that was prepared, then modes; what is alike at once."""
    prepared = [entry for entry in entries if isinstance(entry, File)]
    for entry in sorted(prepared, key=_owner):
        files.check_owner(entry.path, entry.owner, entry.group)
    for _, alike in groupby(sorted(prepared, key=_owner), key=_owner):
        for entry in alike:
            _change(files, entry, owner=entry.owner, group=entry.group)
        yield
    for _, alike in groupby(sorted(prepared, key=lambda entry: entry.mode), key=lambda entry: entry.mode):
        for entry in alike:
            _change(files, entry, mode=entry.mode)
        yield


def clean(files: FakeFiles, entries: Sequence[Entry]) -> None:
    """What a write that failed does before it ends: nothing that it prepared stays."""
    for entry in entries:
        if not files.read_only:
            files.remove(temporary(entry.path), recursive=False)


def _change(files: FakeFiles, entry: File, **attributes: object) -> None:
    node: Node = files.nodes[temporary(entry.path)]
    files.change(temporary(entry.path), replace(node, **attributes))  # type: ignore[arg-type]


def _owner(entry: File) -> str:
    return f"{entry.owner}:{entry.group}"

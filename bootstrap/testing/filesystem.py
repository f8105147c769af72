"""An in-memory file system: files, directories and links with mode, owner, group and time, and what the kernel says no to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.errors import RemoteError
from bootstrap.files import Directory, File, Link, Observed

ROOT = PurePosixPath("/")
MAX_LINKS = 20


@dataclass(frozen=True)
class Node:
    """What a path is. kind: file, directory or link."""

    kind: str
    mode: int
    owner: str = "root"
    group: str = "root"
    content: bytes = b""
    target: str = ""
    mtime: float = 0.0


class FakeFiles:
    """Paths of one host. generation grows with every change, so that a watcher can tell cheaply that nothing happened."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.nodes: dict[PurePosixPath, Node] = {ROOT: Node("directory", 0o755)}
        self.mounts: set[PurePosixPath] = {ROOT}
        self.users = {"root": 0}
        self.groups = {"root": 0}
        self.free_bytes = 50 << 30
        self.read_only = False
        self.generation = 0
        self._resolved: dict[PurePosixPath, PurePosixPath | None] = {}
        self._resolved_at = 0

    def __deepcopy__(self, memo: dict[int, object]) -> FakeFiles:
        """Nodes never change, so the mapping alone is copied."""
        other = FakeFiles(self.host)
        vars(other).update(vars(self), nodes=dict(self.nodes), mounts=set(self.mounts))
        vars(other).update(users=dict(self.users), groups=dict(self.groups), _resolved={})
        return other

    def put(self, entry: File | Directory | Link, now: float) -> None:
        """Make one entry whole, as the protocol's `write` does; raises RemoteError with the kernel's words."""
        if self.read_only:
            raise self.refusal(entry.path, "Read-only file system")
        self.make_parents(entry.path, now)
        there = self.nodes.get(entry.path)
        match entry:
            case Directory(path, mode, owner, group):
                if there is not None and there.kind != "directory":
                    raise self.refusal(path, "Not a directory")
                self.check_owner(path, owner, group)
                self._set(path, Node("directory", mode, owner, group, mtime=there.mtime if there else now))
            case File(path, _, mode, owner, group):
                if there is not None and there.kind == "directory":
                    raise self.refusal(path, "Is a directory")
                self.check_owner(path, owner, group)
                if len(entry.bytes) > self.free_bytes:
                    raise self.refusal(path, "No space left on device")
                self._set(path, Node("file", mode, owner, group, content=entry.bytes, mtime=now))
            case Link(path, target):
                if there is not None and there.kind == "directory":
                    raise self.refusal(path, "Is a directory")
                self._set(path, Node("link", 0o777, target=target, mtime=now))

    def remove(self, path: PurePosixPath, *, recursive: bool) -> None:
        """Remove a path; an absent one is fine. Directories only if `recursive`, never across a mount; a mount point stays."""
        self.check_removal(path, recursive=recursive)
        if path not in self.nodes:
            return
        for each in [p for p in self.nodes if path in p.parents or (p == path and path not in self.mounts)]:
            del self.nodes[each]
        self.generation += 1

    def check_removal(self, path: PurePosixPath, *, recursive: bool) -> None:
        """Raise RemoteError where `remove` would, before anything goes."""
        there = self.nodes.get(path)
        if there is None:
            return
        if self.read_only:
            raise self.refusal(path, "Read-only file system")
        if there.kind == "directory" and not recursive:
            raise self.refusal(path, "Is a directory")
        if any(path in mount.parents for mount in self.mounts):
            raise self.refusal(path, "something is mounted below")

    def move(self, source: PurePosixPath, target: PurePosixPath, now: float) -> None:
        """rename(2) with all that is below; `target` must not exist. An absent source with a present target is fine."""
        if source not in self.nodes:
            if target in self.nodes:
                return
            raise self.refusal(source, "No such file or directory")
        if target in self.nodes:
            raise self.refusal(target, "File exists")
        if self.mount_of(source) != self.mount_of(target) or source in self.mounts:
            raise self.refusal(target, "Invalid cross-device link")
        self.make_parents(target, now)
        for path in [p for p in self.nodes if p == source or source in p.parents]:
            self.nodes[target / path.relative_to(source)] = self.nodes.pop(path)
        self.generation += 1

    def resolve(self, path: PurePosixPath) -> PurePosixPath | None:
        """The path with every link followed; None where it leads nowhere."""
        if self._resolved_at != self.generation:
            self._resolved, self._resolved_at = {}, self.generation
        if path not in self._resolved:
            self._resolved[path] = self._followed(path)
        return self._resolved[path]

    def _followed(self, path: PurePosixPath) -> PurePosixPath | None:
        todo, at, links = list(path.parts[1:]), ROOT, 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                at = at.parent
                continue
            at = at / part
            node = self.nodes.get(at)
            if node is None:
                return None
            if node.kind == "link":
                links += 1
                if links > MAX_LINKS:
                    return None
                target = PurePosixPath(node.target)
                at = ROOT if target.is_absolute() else at.parent
                todo = [*(target.parts[1:] if target.is_absolute() else target.parts), *todo]
        return at

    def content(self, path: PurePosixPath) -> bytes | None:
        """Content of a regular file, links followed; None where there is none."""
        node = self.nodes.get(path)
        if node is None or node.kind != "file":
            at = self.resolve(path)
            node = self.nodes.get(at) if at is not None else None
        return node.content if node is not None and node.kind == "file" else None

    def exists(self, path: PurePosixPath) -> bool:
        return self.resolve(path) is not None

    def below(self, directory: PurePosixPath) -> Iterator[PurePosixPath]:
        """The directory itself, where it is there, and every path below it, sorted."""
        return iter(sorted(p for p in self.nodes if p == directory or directory in p.parents))

    def names(self, directory: PurePosixPath) -> list[str]:
        """Names that stand in a directory, sorted."""
        return sorted(p.name for p in self.nodes if p.parent == directory and p != ROOT)

    def mount_of(self, path: PurePosixPath) -> PurePosixPath:
        """The mount point that a path is on."""
        return next(p for p in (path, *path.parents) if p in self.mounts)

    def observed(self, path: PurePosixPath, *, with_content: bool) -> Observed:
        """The path as facts show it; times in whole seconds, as `stat -c %Y` has them."""
        node = self.nodes[path]
        digest = hashlib.sha256(node.content).hexdigest() if node.kind == "file" else ""
        content = node.content if with_content and node.kind == "file" else None
        mtime = float(int(node.mtime))
        return Observed(
            path, node.kind, node.mode, node.owner, node.group, len(node.content), digest, node.target, content, mtime,
            self.users.get(node.owner, 0), self.groups.get(node.group, 0),
        )  # fmt: skip

    def may(self, bits: int, path: PurePosixPath, uid: int, gid: int) -> bool:
        """Whether a process without capabilities may do that with a path. bits: 4 read, 2 write, 1 enter; links followed."""
        at = self.resolve(path)
        if at is None:
            return False
        node = self.nodes[at]
        shift = 6 if self.users.get(node.owner) == uid else 3 if self.groups.get(node.group) == gid else 0
        return (node.mode >> shift) & bits == bits

    def change(self, path: PurePosixPath, node: Node) -> None:
        """Put something else in a path's place: another mode, owner or time."""
        self._set(path, node)

    def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """rename(2) of a file or a link over whatever file or link is there; its time stays."""
        self.nodes[target] = self.nodes.pop(source)
        self.generation += 1

    def make_parents(self, path: PurePosixPath, now: float) -> None:
        """Make the directories on the way to a path, 0755."""
        for parent in reversed(path.parents):
            at = self.resolve(parent)
            if at is None:
                self._set(parent, Node("directory", 0o755, mtime=now))
            elif self.nodes[at].kind != "directory":
                raise self.refusal(path, "Not a directory")

    def check_owner(self, path: PurePosixPath, owner: str, group: str) -> None:
        """Raise RemoteError where there is no such user or group."""
        if owner not in self.users:
            raise self.refusal(path, f"invalid user: '{owner}'")
        if group not in self.groups:
            raise self.refusal(path, f"invalid group: '{group}'")

    def refusal(self, path: PurePosixPath, reason: str) -> RemoteError:
        """The error of a path, in the kernel's words."""
        return RemoteError(f"{path} could not be changed on {self.host}", host=self.host, evidence=[f"{path}: {reason}"])

    def _set(self, path: PurePosixPath, node: Node) -> None:
        self.nodes[path] = node
        self.generation += 1

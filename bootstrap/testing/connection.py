"""The connection protocol to a model host: every call goes through the fleet's clock, its counting and its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, urlsplit

from bootstrap import constants as k
from bootstrap.connection import FREE_AFTER_S, Answer, Completed, Reach, Request
from bootstrap.errors import HeldByAnother, RemoteError
from bootstrap.facts import Facts
from bootstrap.files import Directory, File, Link
from bootstrap.testing import writing
from bootstrap.testing.api import WRITES
from bootstrap.testing.holds import FakeHold
from bootstrap.testing.host import FakeHost
from bootstrap.testing.look import look
from bootstrap.testing.network import reach

if TYPE_CHECKING:
    from bootstrap.testing.fleet import FakeFleet

T = TypeVar("T")
ETCD_WRITES = (
    "/v3/cluster/member/add", "/v3/cluster/member/remove", "/v3/cluster/member/promote", "/v3/maintenance/transfer-leadership",
)  # fmt: skip


class FakeConnection:
    """A `Connection`. life: which run of the tool it belongs to; it dies with that."""

    def __init__(self, host: FakeHost, fleet: FakeFleet, life: int) -> None:
        self.host = host
        self.life = life
        self.boots = host.boots
        self.broken = False
        self.unheard = False
        self.closed = False
        self._fleet = fleet

    @property
    def name(self) -> str:
        return self.host.name

    def look(self, data_dir: PurePosixPath, *, security: bool = False) -> Facts:
        return self._fleet.read(self, lambda: look(self.host, data_dir, security=security))

    def read(self, paths: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, bytes]:
        def contents() -> dict[PurePosixPath, bytes]:
            found = {path: self.host.files.content(path) for path in paths}
            return {path: content for path, content in found.items() if content is not None}

        return self._fleet.read(self, contents)

    def write(
        self, entries: Sequence[File | Directory | Link], before: Mapping[PurePosixPath, str] | None = None
    ) -> None:
        for path, sha256 in (before or {}).items():
            content = self._fleet.read(self, lambda path=path: self.host.files.content(path))  # type: ignore[misc]
            if sha256 != ("" if content is None else hashlib.sha256(content).hexdigest()):
                raise RemoteError(f"{path} was changed by somebody else since the plan was made", host=self.name)
        renamed = [entry for entry in entries if not isinstance(entry, Directory)]
        try:
            self._prepare(entries)
        except RemoteError:
            writing.clean(self.host.files, renamed)
            raise
        for entry in renamed:
            at = writing.temporary(entry.path)
            self._do(f"write {entry.path}", lambda at=at, entry=entry: self.host.files.rename(at, entry.path))  # type: ignore[misc]
        self._fleet.answer(self)

    def _prepare(self, entries: Sequence[File | Directory | Link]) -> None:
        files, now = self.host.files, self._fleet.now
        for entry in entries:
            if isinstance(entry, Directory):
                made = writing.make_directory(files, entry, now)
                self._do(f"write {entry.path}", lambda made=made: self._fleet.steps(self, made))  # type: ignore[misc]
            else:
                self._fleet.steps(self, writing.prepare(files, entry, now))
        self._fleet.steps(self, writing.give_attributes(files, entries))

    def remove(self, paths: Sequence[PurePosixPath], *, recursive: bool = False) -> None:
        for path in paths:
            gone = self._removed(path, recursive)
            self._do(f"remove {path}", lambda gone=gone: self._fleet.steps(self, gone))  # type: ignore[misc]
        self._fleet.answer(self)

    def _removed(self, path: PurePosixPath, recursive: bool) -> Iterator[None]:
        """A tree goes file by file, in no order that anybody could rely on."""
        files = self.host.files
        files.check_removal(path, recursive=recursive)
        for each in reversed([found for found in files.below(path) if found != path]):
            files.remove(each, recursive=True)
            yield
        files.remove(path, recursive=recursive)

    def move(self, source: PurePosixPath, target: PurePosixPath) -> None:
        self._do(f"move {source} to {target}", lambda: self.host.files.move(source, target, self._fleet.now))
        self._fleet.answer(self)

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        command = self._fleet.commands.get(argv[0])
        if command is None:
            raise AssertionError(f"the model host does not know `{' '.join(argv)}`")
        self._fleet.ran.append((self.name, tuple(argv)))
        if command.changes(stdin):
            done = self._do(f"run {' '.join(argv)}", lambda: command.run(self.host, argv, stdin))
            self._fleet.answer(self)
            return done
        return self._fleet.read(self, lambda: command.run(self.host, argv, stdin))

    def request(self, request: Request, *, timeout_s: float = 5.0) -> Answer:
        def ask() -> Answer:
            return self._fleet.route(self.host, request)

        if _writes(request):
            answer = self._do(f"{request.method} {request.path.partition('?')[0]}", ask)
            self._fleet.answer(self)
            return answer
        return self._fleet.read(self, ask)

    def reach(self, address: str, port: int, *, timeout_s: float = 2.5, server_name: str = "") -> Reach:
        return self._fleet.question(self, lambda: reach(self.host, address, port, timeout_s, server_name))

    def hold(self, owner: str, *, free_after_s: float = FREE_AFTER_S) -> FakeHold:
        def take() -> FakeHold:
            current = self.host.hold
            if current is not None and current.is_held():
                raise HeldByAnother(
                    self.name, current.owner, datetime.fromtimestamp(current.since, UTC), self._fleet.now - current.since
                )
            before = current.owner if current is not None else ""
            self.host.hold = FakeHold(self, self._fleet, owner, before, free_after_s)
            return self.host.hold

        return self._fleet.read(self, take)

    def close(self) -> None:
        self.closed = True

    def _do(self, what: str, deed: Callable[[], T]) -> T:
        return self._fleet.operate(self, what, deed)


def _writes(request: Request) -> bool:
    """Whether a request changes something: a call of etcd that does, or a write to the API that is no dry run."""
    if request.port == k.ETCD_CLIENT_PORT:
        return request.path in ETCD_WRITES
    return request.method in WRITES and parse_qs(urlsplit(request.path).query).get("dryRun") != ["All"]

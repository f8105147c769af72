"""The only interpreter of Change: order, parallelism, deadlines.

A step of spread TOGETHER runs on all its hosts at once and is a barrier; a host that fails does not stop the others within the
step. Files that stand together are written in one round trip.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import assert_never

from bootstrap import waiting
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient, ApiError
from bootstrap.connection import NoAnswer
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, PersonNeeded, RemoteError, SeveralErrors
from bootstrap.events import Event, Kind
from bootstrap.files import File
from bootstrap.localfiles import write_local
from bootstrap.plan import (
    AddTaints,
    ApiApply,
    Change,
    EtcdRemove,
    MovePath,
    Plan,
    RemovePath,
    Run,
    SaveLocal,
    SetMode,
    Spread,
    Step,
    WaitFor,
    WriteFile,
    taint_in,
)

MAX_HOSTS_AT_ONCE = 50


class Applier:
    """Applies plans over the connections of one Access, telling `emit` what happens."""

    def __init__(self, access: Access, emit: Callable[[Event], None], started: float | None = None) -> None:
        self._access = access
        self._emit = emit
        self._started = time.monotonic() if started is None else started
        self._stop = threading.Event()

    def apply(self, plan: Plan) -> None:
        """Do what the plan says, step after step. Raises the error of the host that failed, or SeveralErrors."""
        for step in plan.steps:
            hosts, spread = sorted(step.changes), step.phase.spread.value
            self._tell(Kind.PHASE_STARTED, step, message=step.phase.title, hosts=hosts, spread=spread)
            errors = self._step(step)
            if errors:
                raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
            self._tell(Kind.PHASE_DONE, step)

    def stop(self) -> None:
        """End every wait soon (called on an interrupt)."""
        self._stop.set()

    def _step(self, step: Step) -> list[BootstrapError]:
        if step.phase.spread is not Spread.TOGETHER or len(step.changes) == 1:
            for host, changes in step.changes.items():
                error = self._host(step, host, changes)
                if error is not None:
                    return [error]
            return []
        with ThreadPoolExecutor(max_workers=min(len(step.changes), MAX_HOSTS_AT_ONCE)) as pool:
            try:
                outcomes = list(pool.map(lambda item: self._host(step, *item), step.changes.items()))
            except BaseException:
                self.stop()
                raise
        return [error for error in outcomes if error is not None]

    def _host(self, step: Step, host: str, changes: Sequence[Change]) -> BootstrapError | None:
        """Do one host's part of a step; an error is returned, so that the other hosts go on."""
        try:
            for group in _grouped(changes):
                if isinstance(group, tuple):
                    self._access.connections[host].write([change.entry for change in group], _before(group))
                    for change in group:
                        self._tell(Kind.CHANGED, step, host, f"wrote {change.entry.path}")
                else:
                    self._one(step, host, group)
        except BootstrapError as error:
            error.host = error.host or host
            if isinstance(error, HostUnreachable):  # other files may be written by now: not "nothing was done"
                error.exit_code = ExitCode.STOPPED
                error.hint = "run the same command again: it carries on where this one stopped"
            self._tell(Kind.FAILED, step, host, error.message, evidence=list(error.evidence))
            return error
        return None

    def _one(self, step: Step, host: str, change: Change) -> None:
        connection = self._access.connections[host]
        match change:
            case WriteFile(entry):
                connection.write([entry], _before([change]))
            case SetMode(path, mode, owner, group):
                self._run(host, ("chown", f"{owner}:{group}", str(path)), 30.0)
                self._run(host, ("chmod", f"{mode:04o}", str(path)), 30.0)
            case RemovePath(path, recursive):
                connection.remove([path], recursive=recursive)
            case MovePath(source, target):
                connection.move(source, target)
            case Run(argv, _, stdin, timeout):
                self._run(host, argv, timeout.total_seconds(), stdin)
            case WaitFor(probe, timeout):
                self._tell(Kind.WAITING, step, host, str(probe))
                try:
                    waiting.wait(
                        probe, host, self._access, timeout,
                        tell=lambda answer: self._tell(Kind.WAITING, step, host, str(probe), answer=answer),
                        stopped=self._stop.is_set,
                    )  # fmt: skip
                except waiting.NotHealthy as error:
                    if change.required or self._stop.is_set():
                        raise
                    self._tell(Kind.NOTE, step, host, f"{error.message}; going on without")
                    return
                self._tell(Kind.READY, step, host, str(probe))
                return
            case ApiApply():
                self._retried(lambda api: api.apply(change.object), change.ref)
            case AddTaints(node, taints):
                self._retried(lambda api: _add_taints(api, node, taints), f"taints of {node}")
            case EtcdRemove(member):
                _remove_member(self._access, member, staying=[name for name in self._access.connections if name != member])
            case SaveLocal(path, content):
                write_local(path, content.reveal())
            case _:
                assert_never(change)
        self._tell(Kind.CHANGED, step, host, done_text(change))

    def _run(self, host: str, argv: Sequence[str], timeout_s: float, stdin: bytes = b"") -> None:
        done = self._access.connections[host].run(argv, stdin=stdin, timeout_s=timeout_s)
        if done.status != 0:
            tail = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-8:]
            raise RemoteError(f"`{' '.join(argv)}` ended with {done.status} on {host}", host=host, evidence=tail)

    def _retried(self, deed: Callable[[ApiClient], object], what: str) -> None:
        """Do a deed that may be done twice, through any ready API server, until it went through or the time is over."""
        deadline = time.monotonic() + self._access.cluster.timeouts.kubernetes_api_call.total_seconds()
        while True:
            try:
                deed(self._access.any_api())
                return
            except NoAnswer as error:
                last: Exception = error
            except ApiError as error:
                if not error.passing:
                    raise
                last = error
            if time.monotonic() > deadline or self._stop.is_set():
                raise RemoteError(f"{what} could not be applied", evidence=[f"last answer: {last}"]) from last
            time.sleep(0.5)

    def _tell(self, kind: Kind, step: Step, host: str = "", message: str = "", **detail: object) -> None:
        self._emit(Event(kind, time.monotonic() - self._started, step.phase.name, host, message, detail))


def _before(changes: Sequence[WriteFile]) -> dict[PurePosixPath, str]:
    """What the plan saw at the place of each file: its SHA-256, empty where there was no file."""
    return {
        change.entry.path: change.previous.sha256 if change.previous is not None else ""
        for change in changes
        if isinstance(change.entry, File)
    }


def done_text(change: Change) -> str:
    """What a change did, in the past tense and without any content."""
    match change:
        case WriteFile(entry):
            return f"wrote {entry.path}"
        case SetMode(path, mode, owner, group):
            return f"set {path} to {mode:04o} {owner}:{group}"
        case RemovePath(path):
            return f"removed {path}"
        case MovePath(source, target):
            return f"moved {source} to {target}"
        case Run(_, title):
            return title
        case WaitFor(probe):
            return f"waited for {probe}"
        case ApiApply():
            return f"applied {change.ref}"
        case AddTaints(node):
            return f"tainted {node}"
        case EtcdRemove(member):
            return f"removed etcd member {member}"
        case SaveLocal(path):
            return f"wrote {path} on this machine"
        case _:
            assert_never(change)


def _grouped(changes: Sequence[Change]) -> Iterator[tuple[WriteFile, ...] | Change]:
    """Changes in order, consecutive files as one tuple."""
    files: list[WriteFile] = []
    for change in changes:
        if isinstance(change, WriteFile):
            files.append(change)
            continue
        if files:
            yield tuple(files)
            files = []
        yield change
    if files:
        yield tuple(files)


def _add_taints(api: ApiClient, node: str, taints: Sequence[Mapping[str, str]]) -> None:
    path = f"/api/v1/nodes/{node}"
    live = api.get(path)
    if live is None:
        raise ApiError(f"taints of {node}", 404, "the node is not registered", host=node)
    have = live.get("spec", {}).get("taints") or []
    lacking = [dict(taint) for taint in taints if not taint_in(taint, have)]
    if lacking:
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        api.merge(path, {"metadata": version, "spec": {"taints": [*have, *lacking]}}, f"taints of {node}")


def _remove_member(access: Access, name: str, staying: Sequence[str]) -> None:
    last: Exception | None = None
    for host in staying:
        try:
            client = access.etcd(host)
            for member in client.members():
                if member.get("name") == name:
                    client.remove(member["ID"])
            return
        except NoAnswer as error:
            last = error
    raise PersonNeeded(
        f"etcd member {name} could not be removed", evidence=[str(last)],
        hint=f"on a healthy master: etcdctl member list, then etcdctl member remove the ID of {name}",
    )  # fmt: skip

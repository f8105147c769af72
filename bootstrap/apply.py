"""The only interpreter of Change: order, parallelism, deadlines.

A step of spread TOGETHER runs on all its hosts at once and is a barrier. A host that fails does not stop what the others do
within the step; what they wait for may take GRACE_S longer, for it may be the failed host that they wait for. Files that stand
together are written in one round trip. Every change is made only while the operator's locks are held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import assert_never

from bootstrap import deeds, refusals, waiting
from bootstrap.access import Access
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, SeveralErrors
from bootstrap.events import Event, Kind
from bootstrap.files import File
from bootstrap.localfiles import write_local
from bootstrap.parallel import each
from bootstrap.plan import (
    AddTaints,
    ApiApply,
    Change,
    Cordon,
    Drain,
    EtcdRemove,
    MovePath,
    NodeRemove,
    Plan,
    RemovePath,
    Run,
    SaveLocal,
    SetMode,
    Spread,
    Step,
    WaitFor,
    WriteFile,
)

MAX_HOSTS_AT_ONCE = 50
GRACE_S = 10.0
"""How long the other hosts of a step are waited for once one has failed for good."""


class Applier:
    """Applies plans over the connections of one Access, telling `emit` what happens."""

    def __init__(self, access: Access, emit: Callable[[Event], None], started: float | None = None) -> None:
        self._access = access
        self._emit = emit
        self._started = time.monotonic() if started is None else started
        self._stop = threading.Event()
        self._failed: tuple[float, str] | None = None
        self._independent = False
        access.tell = self._tell_of_connection

    def apply(self, plan: Plan) -> None:
        """Do what the plan says, step after step. Raises the error of the host that failed, or SeveralErrors.

        Where hosts are independent of each other, one that has failed is left behind, and the errors are raised in the end.
        """
        failed: dict[str, BootstrapError] = {}
        self._independent = plan.independent
        for whole in plan.steps:
            self._failed = None
            step = replace(whole, changes={host: changes for host, changes in whole.changes.items() if host not in failed})
            if not step.changes:
                continue
            hosts, spread = sorted(step.changes), step.phase.spread.value
            self._tell(Kind.PHASE_STARTED, step, message=step.phase.title, hosts=hosts, spread=spread)
            failed |= self._step(step)
            if failed and (not plan.independent or self._stop.is_set()):
                break
            self._tell(Kind.PHASE_DONE, step)
        errors = list(failed.values())
        if errors:
            raise errors[0] if len(errors) == 1 else SeveralErrors(errors)

    def stop(self) -> None:
        """End every wait soon (called on an interrupt)."""
        self._stop.set()

    def _step(self, step: Step) -> dict[str, BootstrapError]:
        if step.phase.spread is not Spread.TOGETHER or len(step.changes) == 1:
            for host, changes in step.changes.items():
                error = self._host(step, host, changes)
                if error is not None:
                    return {host: error}
            return {}
        outcomes = each(lambda item: self._host(step, *item), step.changes.items(), MAX_HOSTS_AT_ONCE, stop=self.stop)
        return {host: error for host, error in zip(step.changes, outcomes, strict=True) if error is not None}

    def _host(self, step: Step, host: str, changes: Sequence[Change]) -> BootstrapError | None:
        """Do one host's part of a step; an error is returned, so that the other hosts go on."""
        try:
            for group in _grouped(changes):
                self._make_sure(host, group)
                if isinstance(group, tuple):
                    self._access.connections[host].write([change.entry for change in group], _before(group))
                    for change in group:
                        self._tell(Kind.CHANGED, step, host, f"wrote {change.entry.path}")
                else:
                    self._one(step, host, group)
        except waiting.CutShort as error:
            self._tell(Kind.NOTE, step, host, error.message, evidence=list(error.evidence))
        except BootstrapError as error:
            error.host = error.host or host
            others_wait = not self._independent and not isinstance(error, waiting.NotHealthy)   # or their time is over, too
            if self._failed is None and others_wait:
                self._failed = (time.monotonic(), error.host)
            if isinstance(error, HostUnreachable):  # other files may be written by now: not "nothing was done"
                error.exit_code = ExitCode.STOPPED
                error.hint = "run the same command again: it carries on where this one stopped"
            self._tell(Kind.FAILED, step, host, error.message, evidence=list(error.evidence))
            return error
        return None

    def _make_sure(self, host: str, group: tuple[WriteFile, ...] | Change) -> None:
        """Raise HoldLost where another operator may be at work by now."""
        if self._access.holds is not None and not isinstance(group, WaitFor):
            elsewhere = isinstance(group, ApiApply | AddTaints | EtcdRemove | NodeRemove | Cordon | Drain | SaveLocal)
            self._access.holds.check(None if elsewhere else host, self._stop.is_set)

    def _one(self, step: Step, host: str, change: Change) -> None:
        connections = self._access.connections      # a host that is dead has none, and what is done about it is done elsewhere
        match change:
            case WriteFile(entry):
                connections[host].write([entry], _before([change]))
            case SetMode(path, mode, owner, group):
                deeds.run(connections[host], ("chown", f"{owner}:{group}", str(path)), 30.0)
                deeds.run(connections[host], ("chmod", f"{mode:04o}", str(path)), 30.0)
            case RemovePath(path, recursive):
                connections[host].remove([path], recursive=recursive)
            case MovePath(source, target):
                connections[host].move(source, target)
            case Run(argv, _, stdin, timeout):
                deeds.run(connections[host], argv, timeout.total_seconds(), stdin)
            case WaitFor(probe, timeout):
                self._tell(Kind.WAITING, step, host, str(probe))
                restart = partial(self._restart_kubelet, step, host) if change.restart_kubelet else None
                watch = refusals.Watch(waiting.data_dir(self._access), restart, time.monotonic)
                try:
                    waiting.wait(
                        probe, host, self._access, timeout,
                        tell=lambda answer: self._tell(Kind.WAITING, step, host, str(probe), answer=answer),
                        failing=lambda verdict: watch(verdict, self._access.connections[host]),
                        stopped=self._stop.is_set, hopeless=self._hopeless,
                    )  # fmt: skip
                except waiting.NotHealthy as error:
                    if change.required or self._stop.is_set():
                        raise
                    self._tell(Kind.NOTE, step, host, f"{error.message}; going on without")
                    return
                self._tell(Kind.READY, step, host, str(probe))
                return
            case ApiApply():
                deeds.retried(self._access, lambda api: api.apply(change.object), change.ref, self._stop.is_set)
            case AddTaints(node, taints):
                taint = partial(deeds.add_taints, node=node, taints=taints)
                deeds.retried(self._access, taint, f"taints of {node}", self._stop.is_set)
            case EtcdRemove(member):
                deeds.remove_member(self._access, member)
            case NodeRemove(node):
                remove = partial(deeds.remove_node, node=node)
                deeds.retried(self._access, remove, f"the removal of node {node}", self._stop.is_set)
            case Cordon(node):
                deeds.retried(self._access, partial(deeds.cordon, node=node), f"the cordon of {node}", self._stop.is_set)
            case Drain():
                self._tell(Kind.WAITING, step, host, f"pods of {change.node} gone")
                drain = deeds.Draining(
                    self._access, change,
                    tell=lambda answer: self._tell(Kind.WAITING, step, host, f"pods of {change.node} gone", answer=answer),
                    make_sure=lambda: self._make_sure(host, change), stopped=self._stop.is_set,
                )  # fmt: skip
                drain.run()
            case SaveLocal(path, content):
                write_local(path, content.reveal())
            case _:
                assert_never(change)
        self._tell(Kind.CHANGED, step, host, done_text(change))

    def _restart_kubelet(self, step: Step, host: str, why: str) -> None:
        if self._access.holds is not None:
            self._access.holds.check(host, self._stop.is_set)
        deeds.run(self._access.connections[host], ("systemctl", "restart", "kubelet.service"), 90.0)
        self._tell(Kind.CHANGED, step, host, f"restarted the kubelet: {why}")

    def _hopeless(self) -> str:
        """Why a wait has no point any more; empty while it has."""
        failed = self._failed
        if failed is None or time.monotonic() - failed[0] < GRACE_S:
            return ""
        return f"{failed[1]} has failed"

    def _tell_of_connection(self, host: str, text: str) -> None:
        self._emit(Event(Kind.NOTE, time.monotonic() - self._started, "", host, text))

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
        case NodeRemove(node):
            return f"removed node {node}"
        case Cordon(node):
            return f"cordoned {node}"
        case Drain(node):
            return f"drained {node}"
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

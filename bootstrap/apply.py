"""The only interpreter of Change: order, parallelism, deadlines.

A step of spread TOGETHER runs on all its hosts at once and is a barrier. A host that fails does not stop what the others do
within the step; what they wait for may take GRACE_S longer, for it may be the failed host that they wait for. Files that stand
together are written in one round trip, API objects that stand together and need each other in no order are applied at once.
Every change is made only while the operator's locks are held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import PurePosixPath
from typing import assert_never

from bootstrap import clusterdeeds, deeds, drains, memberdeeds, refusals, waiting
from bootstrap.access import Access
from bootstrap.changes import (
    ApiApply,
    Change,
    ClusterChange,
    Drain,
    EtcdAddLearner,
    MovePath,
    RemovePath,
    Run,
    SaveLocal,
    SetMode,
    WaitFor,
    WriteFile,
    done_text,
)
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, SeveralErrors
from bootstrap.events import Event, Kind
from bootstrap.files import File
from bootstrap.health import PodRuns, Verdict
from bootstrap.localfiles import write_local
from bootstrap.objects import wave
from bootstrap.parallel import each
from bootstrap.plan import Plan, Spread, Step

MAX_HOSTS_AT_ONCE = 50
OBJECTS_AT_ONCE = 4
"""API objects applied at once: as many connections to an API server are kept."""
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
                files = [change for change in group if isinstance(change, WriteFile)]
                if files:
                    self._make_sure(host, files[0])
                    self._access.connections[host].write([change.entry for change in files], _before(files))
                    for change in files:
                        self._tell(Kind.CHANGED, step, host, f"wrote {change.entry.path}")
                    continue
                one = partial(self._one, step, host, time.monotonic())
                if len(group) == 1:
                    one(group[0])
                else:
                    each(one, group, OBJECTS_AT_ONCE, stop=self.stop)
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

    def _make_sure(self, host: str, change: Change) -> None:
        """Raise HoldLost where another operator may be at work by now."""
        if self._access.holds is not None and not isinstance(change, WaitFor):
            elsewhere = isinstance(change, ClusterChange | Drain | SaveLocal)
            self._access.holds.check(None if elsewhere else host, self._stop.is_set)

    def _one(self, step: Step, host: str, began: float, change: Change) -> None:
        """Do a change. began: when what is done together with it began."""
        self._make_sure(host, change)
        if isinstance(change, Drain):
            self._drain(step, host, change)
        elif isinstance(change, ClusterChange):
            clusterdeeds.do(self._access, change, self._stop.is_set, began)
        elif isinstance(change, WaitFor):
            self._wait(step, host, change)
            return
        elif isinstance(change, SaveLocal):
            write_local(change.path, change.content.reveal())
        else:
            self._on_host(host, change)
        self._tell(Kind.CHANGED, step, host, done_text(change))

    def _on_host(self, host: str, change: WriteFile | SetMode | RemovePath | MovePath | Run | EtcdAddLearner) -> None:
        connections = self._access.connections
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
            case EtcdAddLearner():
                memberdeeds.add_learner(self._access, host, change, self._stop.is_set)
            case _:
                assert_never(change)

    def _drain(self, step: Step, host: str, change: Drain) -> None:
        what = f"pods of {change.node} gone"
        self._tell(Kind.WAITING, step, host, what)
        drains.Draining(
            self._access, change, tell=lambda answer: self._tell(Kind.WAITING, step, host, what, answer=answer),
            make_sure=lambda: self._make_sure(host, change), stopped=self._stop.is_set,
        ).run()  # fmt: skip

    def _wait(self, step: Step, host: str, change: WaitFor) -> None:
        probe = change.probe
        self._tell(Kind.WAITING, step, host, str(probe))
        restart = partial(self._restart_kubelet, step, host) if change.restart_kubelet else None
        try:
            waiting.wait(
                probe, host, self._access, change.timeout,
                tell=lambda answer: self._tell(Kind.WAITING, step, host, str(probe), answer=answer),
                failing=self._watch(change, host, restart), stopped=self._stop.is_set, hopeless=self._hopeless,
            )  # fmt: skip
        except waiting.NotHealthy as error:
            if change.required or self._stop.is_set():
                raise
            self._tell(Kind.NOTE, step, host, "; ".join((error.message, *error.evidence[:1], "going on without")))
            return
        self._tell(Kind.READY, step, host, str(probe))

    def _watch(self, change: WaitFor, host: str, restart: Callable[[str], None] | None) -> Callable[[Verdict], Verdict]:
        """What looks, at answers that are no yes, for pods that the kubelet refused, and knows why they do not start."""
        data_dir, probe = waiting.data_dir(self._access), change.probe
        if isinstance(probe, PodRuns):
            file = refusals.FileWatch(data_dir, probe.path, f"{probe.namespace}/{probe.name}", time.monotonic)
            return lambda verdict: file(verdict, self._access.connections[host])
        watch = refusals.Watch(data_dir, restart, time.monotonic)
        return lambda verdict: watch(verdict, self._access.connections[host])

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


def _grouped(changes: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    """Changes in order: consecutive files together, and consecutive API objects of one wave (see objects.wave); others alone."""
    for key, run in groupby(changes, _group):
        if key is None:
            yield from ((change,) for change in run)
        else:
            yield tuple(run)


def _group(change: Change) -> tuple[str, int] | None:
    """Equal for neighbours that are done together; None for what is done alone."""
    match change:
        case WriteFile():
            return "files", 0
        case ApiApply() if not change.widens:
            return "objects", wave(change.object)
        case _:
            return None

"""Events as lines of progress: one line per phase and group of hosts, more with -v.

Pure: values in, text out. Nothing here knows a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from bootstrap.console.printable import count, elapsed, shown
from bootstrap.events import Event, Kind

Line = tuple[str, str]
QUIET_WAIT_S = 10.0
"""At verbosity 0, answers of waits are told at most this often."""
NAMED_HOSTS = 8
_COUNTED = (("wrote ", "file", "written"), ("removed ", "path", "removed"), ("moved ", "path", "moved"),
            ("applied ", "API object", "applied"), ("deleted ", "API object", "deleted"),
            ("tainted ", "node", "tainted"))  # fmt: skip
_SPELLED_OUT = ("removed etcd member ",)


@dataclass
class _Running:
    """A phase under way. deeds: by host, what was done. told: when a wait was last spoken of."""

    started: float
    told: float
    deeds: dict[str, list[str]] = field(default_factory=dict)


class Progress:
    """Turns events into lines.

    verbosity: below 0 only failures; 0 ends of phases; 1 every change; 2 every answer of a wait.
    seen_live: a live table shows the waits, so that at verbosity 0 nothing need be said of them.
    """

    def __init__(self, verbosity: int, *, seen_live: bool = False) -> None:
        self._verbosity = verbosity
        self._seen_live = seen_live
        self._running: dict[str, _Running] = {}

    def lines(self, event: Event) -> list[Line]:
        """What is to be said of an event, often nothing."""
        message = shown(event.message)
        match event.kind:
            case Kind.PHASE_STARTED:
                self._running[event.phase] = _Running(event.at, event.at)
                return self._from(1, event, message, "bold")
            case Kind.CHANGED:
                self._phase(event).deeds.setdefault(event.host, []).append(message)
                return self._from(1, event, message)
            case Kind.READY:
                self._phase(event).deeds.setdefault(event.host, []).append(message)
                return self._from(1, event, message)
            case Kind.WAITING:
                return self._waiting(event, message)
            case Kind.FAILED:
                if self._seen_live and self._verbosity == 0:    # the live view says so, and the error is about to
                    return []
                return [(prefixed(event.phase, event.host, f"failed: {message}"), "red")]
            case Kind.NOTE:
                return self._from(0, event, message)
            case Kind.PHASE_DONE:
                return self._done(event)
            case _:
                assert_never(event.kind)

    def unfinished(self) -> list[Line]:
        """What was done in phases that did not come to their end."""
        lines: list[Line] = []
        if self._verbosity >= 0:
            for name, phase in self._running.items():
                lines += [(prefixed(name, hosts, f"{deeds}; not finished"), "yellow") for hosts, deeds in _by_deeds(phase.deeds)]
        self._running.clear()
        return lines

    def _phase(self, event: Event) -> _Running:
        return self._running.setdefault(event.phase, _Running(event.at, event.at))

    def _from(self, verbosity: int, event: Event, message: str, style: str = "") -> list[Line]:
        return [(prefixed(event.phase, event.host, message), style)] if self._verbosity >= verbosity and message else []

    def _waiting(self, event: Event, message: str) -> list[Line]:
        phase, answer = self._phase(event), shown(event.detail.get("answer", ""))
        text = f"waiting for {message}" + (f": {answer}" if answer else "")
        if self._verbosity >= (2 if answer else 1):
            return self._from(0, event, text)
        if self._verbosity == 0 and not self._seen_live and event.at - phase.told >= QUIET_WAIT_S:
            phase.told = event.at
            return self._from(0, event, f"{text} ({elapsed(event.at - phase.started)})")
        return []

    def _done(self, event: Event) -> list[Line]:
        phase = self._running.pop(event.phase, _Running(event.at, event.at))
        took = elapsed(event.at - phase.started)
        if not phase.deeds:
            return self._from(1, event, f"done ({took})")
        if self._verbosity < 0:
            return []
        return [(prefixed(event.phase, hosts, f"{deeds} ({took})"), "") for hosts, deeds in _by_deeds(phase.deeds)]


def prefixed(phase: str, host: str, message: str) -> str:
    """`[phase] host: message`, less what there is not. Further lines are indented."""
    where = (f"[{phase}] " if phase else "") + (f"{host}: " if host else "")
    return (where + message).replace("\n", "\n  ")


def host_list(hosts: Sequence[str]) -> str:
    """`cp1, cp2, cp3`; a number where they are many."""
    return ", ".join(hosts) if len(hosts) <= NAMED_HOSTS else count(len(hosts), "host")


def _by_deeds(deeds: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Hosts that did the same together, with what it was."""
    together: dict[str, list[str]] = {}
    for host in sorted(deeds):
        together.setdefault(_summary(deeds[host]), []).append(host)
    return [(host_list([h for h in hosts if h]), summary) for summary, hosts in together.items()]


def _summary(deeds: Sequence[str]) -> str:
    """`22 files written, enabled the kubelet`: what is many is counted, what stands alone is named."""
    groups: dict[str, list[str]] = {}
    for deed in deeds:
        groups.setdefault(_counted_as(deed), []).append(deed)
    said = []
    for counted_as, members in groups.items():
        for prefix, noun, done in _COUNTED:
            if counted_as == prefix and len(members) > 1:
                said.append(f"{count(len(members), noun)} {done}")
                break
        else:
            said += members
    return ", ".join(said)


def _counted_as(deed: str) -> str:
    """The prefix under which a deed is counted; the deed itself where it stands for itself."""
    if deed.startswith(_SPELLED_OUT) or deed.endswith(" on this machine"):
        return deed
    return next((prefix for prefix, _, _ in _COUNTED if deed.startswith(prefix)), deed)

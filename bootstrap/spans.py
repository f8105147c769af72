"""What every host did when, from the events of a run alone: the pure half of a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from bootstrap.events import Event, Kind


class Doing(StrEnum):
    """What a host did during a span."""

    READ = "looks"
    WRITE = "writes"
    WAIT = "waits"
    FAIL = "fails"


@dataclass(frozen=True)
class Span:
    """A host in a phase from `start` to `end`, seconds since the command began. text: what was written or waited for."""

    doing: Doing
    phase: str
    start: float
    end: float
    text: str = ""


@dataclass(frozen=True)
class PhaseSpan:
    """A phase on all its hosts. ended: False where the run ended in it."""

    name: str
    title: str
    start: float
    end: float
    ended: bool = True


@dataclass
class Timeline:
    """hosts: spans of each, in the order in which hosts first appear. phases: in the order in which they began."""

    hosts: dict[str, list[Span]] = field(default_factory=dict)
    phases: list[PhaseSpan] = field(default_factory=list)
    total: float = 0.0


@dataclass
class _Host:
    """A host in the phase under way. since: until when it is accounted for; None: its turn has not come.

    wait: what it waits for since then.
    """

    since: float | None
    wait: str = ""
    answer: str = ""
    told: bool = False


@dataclass
class _Phase:
    """A phase under way. last: when something was told of it last: the next host's turn begins then."""

    title: str
    start: float
    last: float
    hosts: dict[str, _Host] = field(default_factory=dict)


def timeline(events: Iterable[Event]) -> Timeline:
    """The timeline of one run. A wait whose end was not told (the run was cut) ends with the last event."""
    made, phases = Timeline(), dict[str, _Phase]()
    for event in events:
        made.total = max(made.total, event.at)
        match event.kind:
            case Kind.PHASE_STARTED:
                at_once = event.detail.get("spread", "together") == "together"
                hosts = {name: _Host(event.at if at_once else None) for name in event.detail.get("hosts", ())}
                phases[event.phase] = _Phase(event.message, event.at, event.at, hosts)
                made.hosts |= {name: made.hosts.get(name, []) for name in hosts}
            case Kind.PHASE_DONE:
                if event.phase in phases:
                    _end(made, event.phase, phases.pop(event.phase), event.at, ended=True)
            case Kind.CHANGED | Kind.READY | Kind.WAITING | Kind.FAILED:
                phase = phases.setdefault(event.phase, _Phase("", event.at, event.at))
                host = phase.hosts.setdefault(event.host, _Host(event.at))
                host.since = phase.last if host.since is None else host.since
                phase.last = event.at
                made.hosts.setdefault(event.host, []).extend(_told(host, host.since, event))
            case Kind.NOTE:
                pass
            case _:
                assert_never(event.kind)
    for name, phase in phases.items():
        _end(made, name, phase, made.total, ended=False)
    made.hosts = {name: _merged(spans) for name, spans in made.hosts.items() if name}
    return made


def _told(host: _Host, since: float, event: Event) -> Iterator[Span]:
    """The spans that end with an event."""
    if event.kind is Kind.WAITING:
        host.answer = str(event.detail.get("answer", ""))
        if host.wait != event.message:
            host.wait, host.since = event.message, event.at
        return
    if host.wait:
        answer = f"; last answer: {host.answer}" if event.kind is Kind.FAILED and host.answer else ""
        yield Span(Doing.WAIT, event.phase, since, event.at, host.wait + answer)
    elif event.kind is not Kind.FAILED:
        yield Span(Doing.WRITE, event.phase, since, event.at, event.message)
    if event.kind is Kind.FAILED:
        yield Span(Doing.FAIL, event.phase, event.at, event.at, event.message)
    host.since, host.wait, host.answer, host.told = event.at, "", "", True


def _end(made: Timeline, name: str, phase: _Phase, at: float, *, ended: bool) -> None:
    """Close what is open. A host of which nothing was told did nothing but answer."""
    made.phases.append(PhaseSpan(name, phase.title, phase.start, at, ended))
    for host_name, host in phase.hosts.items():
        if host.wait and host.since is not None:
            answer = f"; last answer: {host.answer}" if host.answer else ""
            made.hosts[host_name].append(Span(Doing.WAIT, name, host.since, at, host.wait + answer))
        elif not host.told and host.since is not None:
            made.hosts[host_name].append(Span(Doing.READ, name, phase.start, at, phase.title))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """One bar for what is written in one go: `wrote /a and 3 more`."""
    merged: list[Span] = []
    more = 0
    for span in spans:
        last = merged[-1] if merged else None
        if last is not None and (last.doing, span.doing, last.phase) == (Doing.WRITE, Doing.WRITE, span.phase):
            more += 1
            merged[-1] = replace(last, end=span.end, text=f"{last.text.removesuffix(f' and {more - 1} more')} and {more} more")
        else:
            merged.append(span)
            more = 0
    return merged

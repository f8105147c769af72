"""What preflight says, as tables: checks by hosts; with -v ports and round trips from host to host, disks, images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bootstrap.preflight import Report
from bootstrap.preflight.answers import HostAnswers

Table = tuple[str, Sequence[str], list[list[str]]]


def tables(report: Report, verbosity: int) -> Iterator[Table]:
    """Title, headings and rows of each."""
    rows = [[name, *(report.result(findings, host) for host in report.hosts)] for name, findings in report.found]
    yield "", ["check", *report.hosts], rows
    if verbosity < 1:
        return
    sources = [host for host in report.hosts if host not in report.unread]
    targets = list(dict.fromkeys(target for _, target, _ in report.answers.reach))
    reached = [[f"from {source}", *(_ports(report, source, target) for target in targets)] for source in sources]
    yield "Ports", ["", *(f"to {target}" for target in targets)], reached
    trips = [[f"from {source}", *(_trip(report, source, target) for target in targets)] for source in sources]
    yield "Round trips, to some milliseconds", ["", *(f"to {target}" for target in targets)], trips
    yield "Disks and images", ["host", "p99 of a write", "of", "where", "images"], [
        [host, *_disk(report.answers.of(host)), _images(report.answers.of(host))] for host in sources
    ]


def _ports(report: Report, source: str, target: str) -> str:
    """`2379 2380 open, 6443 refused`."""
    outcomes: dict[str, list[str]] = {}
    for (one, other, port), found in report.answers.reach.items():
        if (one, other) == (source, target):
            outcomes.setdefault(str(found.outcome), []).append(str(port))
    return ", ".join(f"{' '.join(ports)} {outcome}" for outcome, ports in outcomes.items())


def _trip(report: Report, source: str, target: str) -> str:
    seconds = report.answers.round_trips.get((source, target))
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"


def _disk(answers: HostAnswers) -> list[str]:
    found = answers.writes
    if found is None:
        return ["unknown", "", answers.writes_problem]
    return [f"{found.p99_s * 1000:.1f} ms", f"{found.count} writes", found.where or "etcd's own metrics"]


def _images(answers: HostAnswers) -> str:
    if not answers.images:
        return "unknown"
    missing = answers.missing_images
    return f"all {len(answers.images)} there" if not missing else f"missing: {', '.join(missing)}"

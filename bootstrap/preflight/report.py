"""All that preflight has to say: every check's result on every host, the findings, what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.preflight.answers import Answers
from bootstrap.preflight.finding import Finding, Severity, as_dict, is_ignored


@dataclass(frozen=True)
class Report:
    """Every check with what it found. hosts: in the inventory's order. unread: why nothing is known of some of them, by name.

    ignored: as given to --ignore-preflight.
    """

    hosts: tuple[str, ...]
    found: tuple[tuple[str, tuple[Finding, ...]], ...]
    answers: Answers
    unread: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """In the order of the checks; none twice."""
        return tuple(dict.fromkeys(finding for _, findings in self.found for finding in findings))

    @property
    def fatal(self) -> tuple[Finding, ...]:
        """Those that keep init from working and that nobody lets pass."""
        return tuple(one for one in self.findings if one.severity is Severity.ERROR and not is_ignored(one, self.ignored))

    def result(self, findings: Sequence[Finding], host: str) -> str:
        """`pass`, `warn`, `fail`, `ignored` or `unknown`: of one check on one host. What is of no host counts for each."""
        if host in self.unread:
            return "unknown"
        words = {"error": "fail", "warning": "warn", "ignored": "ignored", "unknown": "unknown"}
        severities = {
            "ignored" if one.severity is Severity.ERROR and is_ignored(one, self.ignored) else str(one.severity)
            for one in findings if one.host in (host, None)
        }  # fmt: skip
        return next((words[severity] for severity in words if severity in severities), "pass")


def summary(report: Report) -> str:
    """How many checks said what, over all hosts."""
    results = Counter(report.result(findings, host) for _, findings in report.found for host in report.hosts)
    said = ", ".join(f"{results[word]} {word}" for word in ("pass", "warn", "fail", "ignored", "unknown") if results[word])
    fatal = len(report.fatal)
    verdict = f"; {fatal} finding{'' if fatal == 1 else 's'} would keep init from working" if fatal else ""
    return f"{len(report.found)} checks on {len(report.hosts)} host{'' if len(report.hosts) == 1 else 's'}: {said}{verdict}"


def as_result(report: Report) -> dict[str, Any]:
    """JSON-ready: each check's result on each host, the findings, what was measured, and why some hosts are unknown."""
    answers = report.answers
    return {
        "checks": [
            {"check": name, "host": host, "result": report.result(findings, host)}
            for name, findings in report.found for host in report.hosts
        ],
        "findings": [{**as_dict(one), "ignored": is_ignored(one, report.ignored)} for one in report.findings],
        "refused": len(report.fatal),
        "unknown": dict(report.unread),
        "reach": [
            {"from": source, "to": target, "port": port, "outcome": str(found.outcome), "detail": found.detail}
            for (source, target, port), found in answers.reach.items()
        ],
        "roundTrips": [
            {"from": source, "to": target, "seconds": round(seconds, 6)}
            for (source, target), seconds in answers.round_trips.items()
        ],
        "disks": [
            {"host": name, "p99Seconds": round(said.writes.p99_s, 6), "writes": said.writes.count,
             "measuredIn": said.writes.where or None}
            for name, said in answers.hosts.items() if said.writes is not None
        ],
        "images": [
            {"host": name, "image": image, "present": there}
            for name, said in answers.hosts.items() for image, there in said.images.items()
        ],
    }  # fmt: skip

"""Results as they are shown: tables, hosts that answer alike together, what to do about them, and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.cis.model import Result, Status

COLUMNS = ("check", "status", "where", "found", "wanted")
ALL_COLUMNS = ("check", "status", "what", *COLUMNS[2:])

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Of hosts that answer alike. rows: of COLUMNS, or ALL_COLUMNS. remedies: what to do, and the checks that it is for."""

    title: str
    columns: Row
    rows: tuple[Row, ...]
    remedies: tuple[tuple[str, str], ...]


def tables(results: Mapping[str, Sequence[Result]], *, everything: bool) -> list[Table]:
    """What fails and then what is to be weighed, of every host. everything: all checks in the benchmark's order instead."""
    together: dict[tuple[str, tuple[Row, ...], tuple[tuple[str, str], ...]], list[str]] = {}
    for host, found in results.items():
        deviations = [result for status in (Status.FAIL, Status.WARN) for result in found if result.status is status]
        rows = tuple(_row(result, everything) for result in (found if everything else deviations))
        together.setdefault((counted(found), rows, _remedies(deviations)), []).append(host)
    columns = ALL_COLUMNS if everything else COLUMNS
    return [Table(f"{', '.join(hosts)}: {total}", columns, rows, advice) for (total, rows, advice), hosts in together.items()]


def counted(found: Sequence[Result]) -> str:
    """`85 PASS, 0 FAIL, 10 WARN, 2 INFO`."""
    return ", ".join(f"{number} {name}" for name, number in counts(found).items())


def counts(found: Sequence[Result]) -> dict[str, int]:
    number = Counter(result.status for result in found)
    return {status.value: number[status] for status in Status}


def as_dict(found: Sequence[Result]) -> dict[str, Any]:
    """JSON-ready: every check of one host."""
    return {
        "counts": counts(found),
        "checks": [
            {
                "number": result.check.number, "title": result.check.title, "automated": result.check.automated,
                "status": result.status.value, "where": result.verdict.where, "found": result.verdict.found,
                "wanted": result.verdict.wanted, "reason": result.verdict.reason, "remedy": result.remedy,
            }
            for result in found
        ],
    }  # fmt: skip


def _row(result: Result, everything: bool) -> Row:
    verdict = result.verdict
    found = f"{verdict.found} ({verdict.reason})" if verdict.reason else verdict.found
    what = (result.check.title,) if everything else ()
    return (result.check.number, result.status.value, *what, verdict.where, found, verdict.wanted)


def _remedies(deviations: Sequence[Result]) -> tuple[tuple[str, str], ...]:
    """Each once, with the numbers of its checks."""
    numbers: dict[str, list[str]] = {}
    for result in deviations:
        numbers.setdefault(result.remedy, []).append(result.check.number)
    return tuple((", ".join(found), remedy) for remedy, found in numbers.items())

"""Log lines of components as a person reads them: without what the container runtime adds, structured ones as a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from bootstrap.console.printable import count, cut

_CRI = re.compile(r"^\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) ([FP])(?: |$)")
_KLOG = re.compile(r"^([IWEF])\d{4} [0-9:.]+ +\d+ ")
_GRAVE = re.compile(r"^(?:[EF] |error |fatal |panic)|\b(?:panic|fatal)\b")
_NOISE = ("level", "ts", "caller", "msg", "stacktrace", "logger")
MOST_ROWS = 10


def unwrapped(text: str) -> str:
    """A container's log file without the prefixes of its format (CRI); what it wrote as one line is one line again."""
    found = ""
    for line in text.splitlines(keepends=True):
        prefix = _CRI.match(line)
        content = line[prefix.end():] if prefix else line
        found += content.rstrip("\n") if prefix and prefix[1] == "P" else content
    return found


def readable(line: str) -> str:
    """One line: `error  discovery failed  error=...` of etcd's JSON, `E run.go:72] ...` of klog's."""
    line = unwrapped(line.strip()).rstrip()
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return line
        if isinstance(entry, dict) and "msg" in entry:
            rest = [f"{key}={value}" for key, value in entry.items() if key not in _NOISE]
            return "  ".join([f"{entry.get('level', ''):<5}", str(entry["msg"]), *rest]).strip()
    return _KLOG.sub(r"\1 ", line)


def most_telling(lines: Iterable[str], width: int | None) -> list[str]:
    """The last lines in MOST_ROWS rows: repeated ones once, grave ones over two rows, others cut at `width`."""
    told: list[tuple[str, str, int]] = []       # what it is like, the last one like it, how many there were
    for line in map(readable, lines):
        like = re.sub(r"\d+", "#", line)
        times = next((number for seen, _, number in told if seen == like), 0)
        told = [entry for entry in told if entry[0] != like] + [(like, line, times + 1)]
    rows: list[str] = []
    for _, line, times in reversed(told):
        said = line + (f"  ({count(times, 'time')})" if times > 1 else "")
        folded = _folded(said, width, 2 if _GRAVE.search(line) else 1)
        if len(rows) + len(folded) > MOST_ROWS:
            break
        rows = folded + rows
    return rows


def _folded(line: str, width: int | None, most: int) -> list[str]:
    if width is None:
        return [line]
    rows = [line[:width]]
    rest = line[width:]
    while rest and len(rows) < most:
        rows.append("  " + rest[: width - 2])
        rest = rest[width - 2:]
    return [row.rstrip() for row in (*rows[:-1], cut(rows[-1] + rest, width, ascii_only=True))]

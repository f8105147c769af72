"""The live view as lines of text: the phase under way, and below it what each of its hosts is doing.

    [wait-control-plane/api] API servers ready: 9.0 s, 22 s in all
      cp1  9.0 s  waiting for kubelet, etcd, kube-apiserver healthy
                  503 [-]etcd failed: reason withheld
      cp2  done

Pure: values in, text out. Nothing here knows a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bootstrap.console.printable import count, cut, elapsed, shown
from bootstrap.events import Event, Kind

Line = tuple[str, str]
STYLES = {"working": "", "done": "dim", "failed": "red"}
INDENT = "  "


@dataclass
class Row:
    """What one host is doing. since: when its phase began, in the events' time. state: working, done, failed."""

    host: str
    doing: str = ""
    answer: str = ""
    since: float = 0.0
    state: str = "working"


class Board:
    """The phase that began last, with a row per host, kept up to date by events."""

    def __init__(self) -> None:
        self._phase = ""
        self._title = ""
        self._since = 0.0
        self._rows: dict[str, Row] = {}

    def update(self, event: Event) -> None:
        """Take in an event."""
        message = shown(event.message).replace("\n", " ")
        match event.kind:
            case Kind.PHASE_STARTED:
                self._phase, self._title, self._since = event.phase, message, event.at
                self._rows = {host: Row(host, since=event.at) for host in event.detail.get("hosts", ())}
            case Kind.PHASE_DONE:
                for row in self._rows.values():
                    if row.state == "working":
                        row.state, row.doing, row.answer = "done", "", ""
            case Kind.CHANGED | Kind.READY | Kind.WAITING | Kind.FAILED:
                if event.phase != self._phase:
                    self._phase, self._title, self._since, self._rows = event.phase, "", event.at, {}
                row = self._rows.setdefault(event.host, Row(event.host, since=event.at))
                row.doing, row.answer = message, shown(event.detail.get("answer", "")).replace("\n", " ")
                if event.kind is Kind.WAITING:
                    row.doing = f"waiting for {row.doing}"
                if event.kind is Kind.FAILED:
                    row.state = "failed"
            case Kind.NOTE:
                pass
            case _:
                assert_never(event.kind)

    def lines(self, now: float, width: int, height: int, *, ascii_only: bool = False) -> list[Line]:
        """What to draw, at most `height` lines of `width` columns. now: in the events' time."""
        title = f" {self._title}:" if self._title else ""
        head = f"[{self._phase}]{title} {elapsed(now - self._since)}, {elapsed(now)} in all"
        rows = sorted((row for row in self._rows.values() if row.host), key=lambda row: row.host)
        blocks = [self._block(row, now, width) for row in rows]
        if 1 + sum(map(len, blocks)) > height:     # what is at work first, and one line for each
            order = sorted(range(len(rows)), key=lambda i: rows[i].state != "working")
            room = max(height - 2, 1)
            blocks = [blocks[i][:1] for i in order[:room]]
            if len(order) > room:
                blocks.append([(f"{INDENT}and {count(len(order) - room, 'host')} more", "dim")])
        lines = [(head, "bold"), *(line for block in blocks for line in block)]
        return [(cut(text, width, ascii_only=ascii_only), style) for text, style in lines[:max(height, 1)]]

    def _block(self, row: Row, now: float, width: int) -> list[Line]:
        """One host: side by side where there is room, else below each other."""
        longest = max(len(host) for host in self._rows)
        state = row.state if row.state != "working" else elapsed(now - row.since)
        told = [text for text in (row.doing, row.answer) if text]
        column = len(INDENT) + longest + 2
        if column > width // 3:
            lines = [f"{INDENT}{row.host}  {state}", *(f"{INDENT * 2}{text}" for text in told)]
        else:
            margin = " " * (column + 9)
            first = f"{INDENT}{row.host:<{longest}}  {state:<7}  " + (told[0] if told else "")
            lines = [first.rstrip(), *(margin + text for text in told[1:])]
        return [(line, STYLES[row.state]) for line in lines]

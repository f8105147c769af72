"""The live table: one row per host, drawn over on a terminal; gone without a trace when something else is to be shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bootstrap.console.printable import elapsed
from bootstrap.console.progress import Board
from bootstrap.console.terminal import Terminal
from bootstrap.events import Event, Kind

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

PER_SECOND = 4
NARROW = 60
STYLES = {"working": "", "done": "dim", "failed": "red"}


class LiveTable:
    """Draws a Board. clock: the monotonic clock that ticks between events."""

    def __init__(self, terminal: Terminal, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._clock = clock
        self._board = Board()
        self._began: float | None = None
        self._lock = threading.Lock()
        self._live: Live | None = None

    def update(self, event: Event) -> None:
        """Take in an event, and begin to draw."""
        with self._lock:
            self._began = self._clock() - event.at
            self._board.update(event)
        if self._live is None and event.kind is not Kind.NOTE:
            from rich.live import Live

            self._live = Live(
                console=self._terminal.rich, get_renderable=self.table, transient=True, refresh_per_second=PER_SECOND,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._live.start()

    def stop(self) -> None:
        """Wipe the table off; the next event draws it again. Idempotent."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def table(self) -> Table:
        """The table as it is now: a line per host, cut at the terminal's width."""
        from rich.table import Table
        from rich.text import Text

        width, height = self._terminal.rich.size
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0), width=width)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(width // 4, 8))
        if width >= NARROW:
            table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right", min_width=6)
        with self._lock:
            now = self._clock() - (self._began or 0.0)
            for row in self._board.rows(height - 2):
                doing = row.doing + (f": {row.answer}" if row.answer else "")
                time_text = row.state if row.state != "working" else elapsed(now - row.since)
                cells = [row.host, *((f"[{row.phase}]",) if width >= NARROW else ()), doing, time_text]
                table.add_row(*(Text(cell) for cell in cells), style=STYLES[row.state])
        return table

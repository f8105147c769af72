"""The live view: drawn over on a terminal; gone without a trace when something else is to be shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bootstrap.console.board import Board, Line
from bootstrap.console.terminal import Terminal
from bootstrap.events import Event, Kind

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

PER_SECOND = 4


class LiveView:
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
                console=self._terminal.rich, get_renderable=self.text, transient=True, refresh_per_second=PER_SECOND,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._live.start()

    def stop(self) -> None:
        """Wipe the view off; the next event draws it again. Idempotent."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def lines(self) -> list[Line]:
        """The view as it is now, a line per entry, each cut at the terminal's width."""
        width, height = self._terminal.rich.size
        with self._lock:
            now = self._clock() - (self._began or 0.0)
            return self._board.lines(now, width, height - 2, ascii_only=self._terminal.ascii_only)

    def text(self) -> Text:
        """The same for rich."""
        from rich.text import Text

        lines = [Text(text, style=style, no_wrap=True, end="") for text, style in self.lines()]
        return Text("\n").join(lines)

"""One output stream: plain lines, styled ones where the stream is a terminal, tables.

rich is imported with the first thing that needs it: a pipe gets its lines without.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    import rich.console

Color = Literal["auto", "always", "never"]
UNLIMITED = 100_000


class Terminal:
    """A stream and what it can do.

    color: styles are shown. live: lines may be drawn over. width: None asks the terminal; streams that are none are not cut.
    """

    def __init__(self, stream: TextIO, *, color: bool, live: bool, is_terminal: bool, width: int | None = None) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self.stream = stream
        self.color = color
        self.live = live
        self._is_terminal = is_terminal
        self._width = width
        self._rich: rich.console.Console | None = None

    @property
    def rich(self) -> rich.console.Console:
        if self._rich is None:
            from rich.console import Console

            self._rich = Console(
                file=self.stream,
                force_terminal=self._is_terminal or self.color,
                color_system="standard" if self.color else None,
                width=self._width if self._width or self._is_terminal else UNLIMITED,
                markup=False, highlight=False, emoji=False, legacy_windows=False,
            )  # fmt: skip
        return self._rich

    def line(self, text: str, style: str = "") -> None:
        """One line, never folded: what is copied from it must stay whole."""
        if not self.color and not self.live:
            self.stream.write(f"{text}\n")
            self.stream.flush()
            return
        from rich.text import Text

        self.rich.print(Text(text, style=style), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns side by side under headings in capitals, folded where the terminal is narrow."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold" if self.color else "")
        for column in columns:
            table.add_column(Text(column.upper()), overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        with self.rich.capture() as capture:
            self.rich.print(table)
        for line in capture.get().splitlines():
            self.stream.write(f"{line.rstrip()}\n")
        self.stream.flush()


def terminal_for(stream: TextIO, color: Color, environ: Mapping[str, str], width: int | None = None) -> Terminal:
    """A stream as the environment wants it: NO_COLOR, FORCE_COLOR, TERM=dumb, CI, and whether it is a terminal at all.

    `--color` on the command line beats the environment (no-color.org). In CI a terminal is a log: nothing is drawn over.
    """
    dumb = environ.get("TERM", "") in ("dumb", "unknown")
    is_terminal = stream.isatty() and not dumb
    automatic = not environ.get("NO_COLOR") and (is_terminal or bool(environ.get("FORCE_COLOR")))
    columns = environ.get("COLUMNS", "")
    return Terminal(
        stream,
        color=color == "always" or (color == "auto" and automatic),
        live=is_terminal and environ.get("CI", "") in ("", "0", "false"),
        is_terminal=is_terminal,
        width=width or (int(columns) if is_terminal and columns.isdecimal() and int(columns) else None),
    )

"""One output stream: plain lines, styled ones where the stream is a terminal, tables.

rich is imported with the first thing that needs it: a pipe gets its lines without.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from bootstrap.console.streams import writing

if TYPE_CHECKING:
    import rich.console

Color = Literal["auto", "always", "never"]
UNLIMITED = 100_000


class Terminal:
    """A stream and what it can do.

    color: styles are shown. live: lines may be drawn over. width: None asks the terminal; streams that are none are not cut.
    ascii_only: nothing but ASCII is drawn, because the stream cannot show more or because that was asked for.
    """

    def __init__(
        self, stream: TextIO, *, color: bool, live: bool, is_terminal: bool, width: int | None = None, ascii_only: bool = False
    ) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self.ascii_only = ascii_only or not (stream.encoding or "utf-8").lower().startswith("utf")
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

    @property
    def columns(self) -> int | None:
        """How wide the terminal is; None where the stream is none."""
        return self.rich.width if self._is_terminal else None

    def line(self, text: str, style: str = "") -> None:
        """One line, never folded: what is copied from it must stay whole."""
        with writing(self.stream):
            if not self.color and not self.live:
                self.stream.write(f"{text}\n")
                self.stream.flush()
                return
            from rich.text import Text

            self.rich.print(Text(text, style=style), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns side by side under headings in capitals; where the terminal is too narrow for that, row by row."""
        heads = [column.upper() for column in columns]
        widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
        if self.columns is not None and sum(widths) + 2 * (len(widths) - 1) > self.columns:
            self._records(columns, rows)
            return
        for number, row in enumerate((heads, *rows)):
            text = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            self.line(text, "bold" if number == 0 else "")

    def _records(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """The first cell of each row, and what is in the others below it."""
        label = max(len(column) for column in columns[1:]) + 1
        for first, *rest in rows:
            self.line(first, "bold")
            for column, cell in zip(columns[1:], rest, strict=True):
                if cell:
                    self.line(f"  {column + ':':<{label}} {cell}")


def terminal_for(
    stream: TextIO, color: Color, environ: Mapping[str, str], width: int | None = None, *, plain: bool = False
) -> Terminal:
    """A stream as the environment wants it: NO_COLOR, FORCE_COLOR, TERM=dumb, CI, and whether it is a terminal at all.

    `--color` on the command line beats the environment (no-color.org, bixense.com/clicolors). In CI a terminal is a log:
    nothing is drawn over. plain: nowhere is anything drawn over, and all of it is ASCII without colours.
    """
    dumb = environ.get("TERM", "") in ("dumb", "unknown")
    is_terminal = stream.isatty() and not dumb
    forced = any(environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE"))
    wanted = is_terminal and environ.get("CLICOLOR", "1") != "0"
    automatic = not environ.get("NO_COLOR") and (wanted or forced)
    columns = environ.get("COLUMNS", "")
    return Terminal(
        stream,
        color=not plain and (color == "always" or (color == "auto" and automatic)),
        live=not plain and is_terminal and environ.get("CI", "") in ("", "0", "false"),
        is_terminal=is_terminal,
        width=width or (int(columns) if is_terminal and columns.isdecimal() and int(columns) else None),
        ascii_only=plain,
    )

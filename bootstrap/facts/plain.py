"""Text of a host as it may stand in Facts: printable, on one line, of a length that an honest host can have.

Paths stay as they are: whoever removes a file needs its name, and the console shows none unescaped.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, TypeVar

MOST_TEXT = 128 * 1024  # the longest argument that Linux gives to a program (execve(2), MAX_ARG_STRLEN)

_T = TypeVar("_T")


def plain(value: _T) -> _T:
    """A copy of a dataclass of facts with every text in it made plain, keys of mappings too; itself where all of it is."""
    found: _T = _plain(value)
    return found


def text(raw: str) -> str:
    """The text with control characters, line ends and what cannot be seen as escapes, cut to MOST_TEXT characters."""
    if len(raw) > MOST_TEXT:
        raw = raw[: MOST_TEXT - 3] + "..."
    if raw.isprintable():
        return raw
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in raw)
    return escaped if len(escaped) <= MOST_TEXT else escaped[: MOST_TEXT - 3] + "..."


def _plain(value: Any) -> Any:
    match value:
        case str():
            return text(value)
        case PurePath() | bytes() | int() | float() | None:
            return value
        case dict():
            return {_plain(key): _plain(inner) for key, inner in value.items()}
        case tuple():
            return tuple(_plain(inner) for inner in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            # without __init__: what is checked there has been checked, and a host has hundreds of files
            made = object.__new__(type(value))
            for field in fields(value):
                object.__setattr__(made, field.name, _plain(getattr(value, field.name)))
            return made
    return value

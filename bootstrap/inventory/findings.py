"""A mistake before it has a file and a line: where in the inventory it is, what is wrong, what would be right."""

from __future__ import annotations

import re
from dataclasses import dataclass

Loc = tuple[str | int, ...]

UNKNOWN_FIELD = "unknown field"


@dataclass(frozen=True)
class Finding:
    """loc: keys and indexes from the top of the file, such as ("spec", "hosts", 1, "address").

    line: where the place of `loc` is not the place of the mistake (a key that stands there twice); else None.
    """

    loc: Loc
    message: str
    hint: str = ""
    line: int | None = None


def field_path(loc: Loc) -> str:
    """`loc` as people write it: `spec.hosts[1].address`, `spec.hosts[1].labels["example.com/disk"]`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part):
            path += f".{part}" if path else part
        else:
            shown = part if len(part) <= 60 else part[:57] + "..."
            path += '["' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown) + '"]'
    return path


def within(loc: Loc, places: set[Loc]) -> bool:
    """Whether `loc`, or anything it lies in, is one of `places`."""
    return any(loc[:length] in places for length in range(len(loc) + 1))

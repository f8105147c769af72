"""What one value in an inventory may look like: functions from text to the normal form of that text.

Each raises Mistake, whose message completes the sentence "<field> ...", and whose hint says what would be right.
Nothing here knows any other field: what several fields must agree on is checked in `bootstrap.inventory`.
"""

from __future__ import annotations

import re


class Mistake(ValueError):
    """A value that cannot be meant. message: what is wrong with it; hint: what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def quoted(value: object, limit: int = 60) -> str:
    """`value` for a message: between quotes, on one line, cut to `limit` characters, control characters escaped."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + '"'


def one_line(text: str) -> str:
    """Any text without line breaks and control characters."""
    if _CONTROL.search(text):
        raise Mistake("holds a line break or a control character", "one line of text")
    return text

"""What one value in an inventory may look like: functions from text to the normal form of that text.

Each raises Mistake, whose message completes the sentence "<field> ...", and whose hint says what would be right.
Nothing here knows any other field: what several fields must agree on is checked in `bootstrap.inventory`.
"""

from __future__ import annotations

import re
import unicodedata


class Mistake(ValueError):
    """A value that cannot be meant. message: what is wrong with it; hint: what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# zero-width characters, and those that turn the direction of writing: what is read is not what is there (CVE-2021-42574)
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]"
)


def quoted(value: object, limit: int = 60) -> str:
    """`value` for a message: between quotes, on one line, cut to `limit` characters, control characters escaped."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + '"'


def one_line(text: str) -> str:
    """Any text without line breaks, control characters and characters that cannot be seen."""
    if _CONTROL.search(text):
        raise Mistake("holds a line break or a control character", "one line of text")
    if hidden := _INVISIBLE.search(text):
        raise Mistake(f"holds the invisible character {named(hidden[0])}", "remove it, or type the text again by hand")
    return text


def stranger(text: str) -> str:
    """The first character of `text` that is not ASCII, by name: it may look like one that is. Empty where all are ASCII."""
    return next((named(c) for c in text if not c.isascii()), "")


def named(character: str) -> str:
    """`U+0441 CYRILLIC SMALL LETTER ES`."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()

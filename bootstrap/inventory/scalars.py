"""What an unquoted word in YAML is. Where YAML 1.1 and 1.2 disagree, neither is guessed: the word must be quoted.

Source: yaml.org/type (1.1), YAML 1.2.2 section 10.3 (core schema).
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_NULL = re.compile(r"|~|null|Null|NULL")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+(e[-+][0-9]+)?")
_SWITCH = re.compile(r"yes|no|on|off|y|n", re.IGNORECASE)
_NUMBER_TO_SOMEBODY = re.compile(
    r"[-+]?("
    r"0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+"  # other bases
    r"|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"  # base 60
    r"|([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"  # anything else with digits
    r"|\.(inf|Inf|INF)|\.(nan|NaN|NAN))"
)


class Ambiguous(ValueError):
    """An unquoted word that readers of YAML understand differently. message, hint: as in a Finding."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def resolve(word: str) -> Scalar:
    """The value of the unquoted scalar `word`; raises Ambiguous."""
    if _NULL.fullmatch(word):
        return None
    if _BOOL.fullmatch(word):
        return word.lower() == "true"
    if _INT.fullmatch(word):
        return int(word)
    if len(word) < 64 and _FLOAT.fullmatch(word) and math.isfinite(float(word)):
        return float(word)
    if len(word) <= 3 and _SWITCH.fullmatch(word):
        hint = f'true or false, or text in quotes: "{word}"'
        raise Ambiguous(f"`{word}` is text to some readers of YAML and a switch to others", hint)
    if _NUMBER_TO_SOMEBODY.fullmatch(word):
        shown = word if len(word) <= 40 else word[:37] + "..."
        hint = f'a decimal number, or text in quotes: "{shown}"'
        raise Ambiguous(f"`{shown}` is text to some readers of YAML and a number to others", hint)
    return word


def is_plain_text(word: str) -> bool:
    """Whether `word` may stand unquoted and stay text."""
    try:
        return isinstance(resolve(word), str)
    except Ambiguous:
        return False

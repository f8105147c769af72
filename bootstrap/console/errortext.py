"""Errors as text and as JSON: what failed, the last evidence, what to type next."""

from __future__ import annotations

import re
import traceback
from typing import Any

from bootstrap import constants as k
from bootstrap.console.loglines import most_telling
from bootstrap.console.printable import count, cut, jsonable, shown, shown_lines
from bootstrap.errors import BootstrapError, InventoryError, SeveralErrors

Line = tuple[str, str]
FOLLOWERS = 4
ORDER = ("kubelet", *k.STATIC_PODS)
"""Each needs those before it."""
_ANSWERED = re.compile(r"last answer: \d{3} ")


def error_lines(error: BootstrapError, width: int | None = None) -> list[Line]:
    """`error: ...`, evidence indented, `hint: ...`; several errors one after another.

    Where components failed on several hosts it is one screen: the most telling in full, a line or two for each that follows from
    it. width: columns, None where nothing need be cut.
    """
    if not isinstance(error, SeveralErrors):
        return _whole(error, width)
    if not any(each.component for each in error.errors):
        return [line for each in error.errors for line in _whole(each, width)]
    first, *others = sorted(error.errors, key=_gravity)
    lines = [*_whole(first, width), ("also failed, perhaps because of it:", "bold red")]
    lines += [line for each in others[:FOLLOWERS] for line in _follower(each, width)]
    if len(others) > FOLLOWERS:
        lines.append((f"  and {count(len(others) - FOLLOWERS, 'host')} more", ""))
    return lines


def _whole(error: BootstrapError, width: int | None) -> list[Line]:
    first, *rest = _named(error).split("\n")
    lines = [(f"error: {first}", "bold red")]
    evidence = shown_lines(error.evidence)
    if error.component:         # the last answer, a heading, and lines of a log, which are indented
        told = [line for line in evidence if not line.startswith("  ")]
        log = most_telling([line for line in evidence if line.startswith("  ")], None if width is None else width - 4)
        evidence = [*told, *(f"  {line}" for line in log)]
    lines += [(f"  {line}", "") for line in (*rest, *evidence)]
    hint = shown_lines(error.hint)
    lines += [(f"  {'hint: ' if i == 0 else '      '}{line}", "cyan") for i, line in enumerate(hint)]
    return lines


def _follower(error: BootstrapError, width: int | None) -> list[Line]:
    said = shown_lines(error.evidence)[:1] if error.component else []
    lines = [(f"  {_named(error)}".split("\n")[0], ""), *((f"    {line}", "") for line in said)]
    lines = [(cut(text, width, ascii_only=True) if width else text, style) for text, style in lines]
    return [*lines, *((f"    {line}", "cyan") for line in shown_lines(error.hint)[:1])]


def _named(error: BootstrapError) -> str:
    """The message, with the host in it."""
    message = shown(error.message)
    return message if not error.host or error.host in message else f"{error.host}: {message}"


def _gravity(error: BootstrapError) -> tuple[int, bool, str]:
    """What others follow from comes first: what failed without any component in play, then components in the order in which
    they need each other, and of the same kind one that does not answer before one that says why it is not ready."""
    unknown = -1 if error.evidence or error.hint else len(ORDER)
    place = ORDER.index(error.component) if error.component in ORDER else unknown
    answers = bool(error.evidence) and bool(_ANSWERED.match(error.evidence[0]))
    return place, answers, error.host or ""


def error_object(error: BootstrapError) -> dict[str, Any]:
    """The same for programs. errors: of several hosts; problems: of an inventory, each with its place."""
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "message": shown(error.message),
        "host": error.host,
        "component": error.component,
        "evidence": shown_lines(error.evidence),
        "hint": shown(error.hint),
        "exitCode": int(error.exit_code),
    }
    if isinstance(error, SeveralErrors):
        found["errors"] = [error_object(each) for each in error.errors]
    if isinstance(error, InventoryError):
        found["problems"] = jsonable(error.problems)
    return found


def bug_lines(error: BaseException) -> list[Line]:
    """The traceback, and that this is no fault of the reader's."""
    trace = "".join(traceback.format_exception(error))
    return [
        *((line, "") for line in shown(trace).rstrip().split("\n")),
        (f"error: a bug in bootstrap: {shown(error) or type(error).__name__}", "bold red"),
        ("  hint: please report it with the lines above", "cyan"),
    ]


def bug_object(error: BaseException) -> dict[str, Any]:
    """The same for programs."""
    trace = shown("".join(traceback.format_exception(error)))
    return {"type": "Bug", "message": shown(error) or type(error).__name__, "traceback": trace.split("\n"), "exitCode": 1}

"""Errors as text and as JSON: what failed, the last evidence, what to type next."""

from __future__ import annotations

import traceback
from typing import Any

from bootstrap.console.printable import jsonable, shown, shown_lines
from bootstrap.errors import BootstrapError, InventoryError, SeveralErrors

Line = tuple[str, str]


def error_lines(error: BootstrapError) -> list[Line]:
    """`error: ...`, evidence indented, `hint: ...`; several errors one after another."""
    if isinstance(error, SeveralErrors):
        return [line for each in error.errors for line in error_lines(each)]
    message = shown(error.message)
    if error.host and error.host not in message:
        message = f"{error.host}: {message}"
    first, *rest = message.split("\n")
    lines = [(f"error: {first}", "bold red")]
    lines += [(f"  {line}", "") for line in (*rest, *shown_lines(error.evidence))]
    hint = shown_lines(error.hint)
    lines += [(f"  {'hint: ' if i == 0 else '      '}{line}", "cyan") for i, line in enumerate(hint)]
    return lines


def error_object(error: BootstrapError) -> dict[str, Any]:
    """The same for programs. errors: of several hosts; problems: of an inventory, each with its place."""
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "message": shown(error.message),
        "host": error.host,
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

"""What can go wrong in a way the operator can mend, and the exit code each kind has.

Anything that is not a BootstrapError is a bug: it surfaces with its traceback and exit code 1.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit codes of every command (README, "Exit codes")."""

    DONE = 0
    BUG = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    STOPPED = 5
    ROLLED_BACK = 6
    PERSON_NEEDED = 7
    DRIFT = 8
    INTERRUPTED = 130


def typed(hint: str, inventory: Path) -> str:
    """A hint as it is typed: the inventory's own path instead of INVENTORY."""
    return hint.replace("INVENTORY", shlex.quote(str(inventory)))


class BootstrapError(Exception):
    """An error the operator can fix: what failed, where, the last evidence, what to type next.

    component: the one to blame, `kubelet` or a static pod's; its log lines in `evidence` are indented.
    """

    exit_code = ExitCode.STOPPED

    def __init__(
        self, message: str, *, host: str | None = None, evidence: Sequence[str] = (), hint: str = "", component: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.host = host
        self.evidence = tuple(evidence)
        self.hint = hint
        self.component = component


@dataclass(frozen=True)
class Problem:
    """One mistake in an inventory or another input file.

    line: 1-based, None where the mistake has no line (a missing file).
    field: path such as `spec.hosts[1].address`, empty for a mistake of the whole file.
    """

    file: str
    line: int | None
    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        field = f"{self.field}: " if self.field else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {field}{self.message}{hint}"


class InventoryError(BootstrapError):
    """The inventory, or a file it names, is wrong; carries every mistake found."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Sequence[Problem], *, hint: str = "", what: str = "the inventory") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            f"{count} mistake{'' if count == 1 else 's'} in {what}",
            evidence=[str(problem) for problem in self.problems],
            hint=hint,
        )


class UsageError(BootstrapError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class HostUnreachable(BootstrapError):
    """A host cannot be reached, logged in to, or used as root."""

    exit_code = ExitCode.UNREACHABLE


class HostNotTrusted(HostUnreachable):
    """A host's key is unknown, or is not the one that was recorded."""


class Interrupted(BootstrapError):
    """Somebody pressed Ctrl-C, or ended the process."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted", hint="the same command carries on where this one stopped")


class RemoteError(BootstrapError):
    """A command on a host failed; evidence holds the end of its standard error."""


class Refused(BootstrapError):
    """Refused before anything was written."""

    exit_code = ExitCode.REFUSED


class HeldByAnother(Refused):
    """Another operator holds the lock of a host.

    owner: who, in his own words. since, held_s: from when and for how long, by that host's clock; None where it is not known.
    """

    def __init__(self, host: str, owner: str, since: datetime | None = None, held_s: float = 0.0) -> None:
        when = f" since {since:%Y-%m-%d %H:%M:%S} UTC, for {timedelta(seconds=round(held_s))}" if since else ""
        super().__init__(
            f"another operator is at work: {owner}", host=host, evidence=[f"{host} is held{when}; nothing was written"],
            hint="wait until it has ended and run the same command again; "
                 f"if it was killed or cut off, {host} is free at most 30 s after it was last heard of",
        )  # fmt: skip
        self.owner = owner
        self.since = since


class HoldLost(BootstrapError):
    """The operator's lock is held no longer, so another operator may be at work."""


class PersonNeeded(BootstrapError):
    """The tool can neither go on nor go back; the hint is the manual step."""

    exit_code = ExitCode.PERSON_NEEDED


class SeveralErrors(BootstrapError):
    """Errors of several hosts at once: each is reported, the gravest decides the exit code."""

    def __init__(self, errors: Sequence[BootstrapError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} hosts failed")
        self.exit_code = max((error.exit_code for error in self.errors), key=_gravity)


def _gravity(code: ExitCode) -> int:
    order = (ExitCode.USAGE, ExitCode.UNREACHABLE, ExitCode.REFUSED, ExitCode.STOPPED)
    return order.index(code) if code in order else len(order)

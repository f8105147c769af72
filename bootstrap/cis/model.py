"""What a check is, what it says of a host, and what that counts as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bootstrap.facts import Facts

SET_BY_INIT = "bootstrap init sets it"


class Status(StrEnum):
    """FAIL: an automated check is not met. WARN: a manual one is not, or a person has to judge. INFO: it does not apply here."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    WARN = "WARN"
    INFO = "INFO"


@dataclass(frozen=True)
class Verdict:
    """What a check says of one host. met: None where it does not apply.

    where: the file, flag or field that was looked at. found, wanted: of it. reason: why it is so, where that is not plain.
    remedy: what to do on this host, where that is not the same on all.
    """

    met: bool | None
    where: str
    found: str
    wanted: str
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """One recommendation of the benchmark.

    number: the benchmark's. automated: not meeting it is a failure; the others are for a person to weigh.
    judge: pure; it must give a verdict of whatever facts it gets. remedy: what to type, or a field of the inventory.
    """

    number: str
    title: str
    automated: bool
    judge: Callable[[Facts], Verdict]
    remedy: str


@dataclass(frozen=True)
class Result:
    """A check's verdict on one host."""

    check: Check
    verdict: Verdict

    @property
    def status(self) -> Status:
        match self.verdict.met:
            case True:
                return Status.PASS
            case None:
                return Status.INFO
            case False:
                return Status.FAIL if self.check.automated else Status.WARN

    @property
    def remedy(self) -> str:
        """What to do about it; empty where there is nothing to do."""
        return "" if self.verdict.met is not False else self.verdict.remedy or self.check.remedy


def automated(number: str, title: str, judge: Callable[[Facts], Verdict], remedy: str = SET_BY_INIT) -> Check:
    return Check(number, title, True, judge, remedy)


def manual(number: str, title: str, judge: Callable[[Facts], Verdict], remedy: str = SET_BY_INIT) -> Check:
    return Check(number, title, False, judge, remedy)


def for_a_person(where: str, found: Callable[[Facts], str]) -> Callable[[Facts], Verdict]:
    """A judge that leaves it to a person: no host can say whether it is met."""
    return lambda facts: Verdict(False, where, found(facts), "a person's judgement")

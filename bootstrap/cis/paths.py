"""Checks of files: permission bits and owners. A symbolic link is followed where what it points to was looked at, too."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from bootstrap.cis.model import Verdict
from bootstrap.facts import Facts
from bootstrap.files import Observed

Judge = Callable[[Facts], Verdict]
Paths = Callable[[Facts], Iterable[PurePosixPath]]
SHOWN = 3


def at(*paths: PurePosixPath) -> Paths:
    """Those of the paths that are there."""
    return lambda facts: [path for path in paths if path in facts.owned]


def mode(paths: Paths, most: int, missing: str, *, absent: bool | None = False) -> Judge:
    """None of the paths has permission bits beyond `most`.

    missing: what to call it where there is no such path. absent: the verdict then; None: it does not apply.
    """
    wanted = f"{most:04o} or stricter"

    def judge(facts: Facts) -> Verdict:
        found = _observed(facts, paths)
        if not found:
            return Verdict(absent, missing, "not there", wanted)
        bad = [(path, f"{seen.mode:04o}") for path, seen in found.items() if seen.mode & ~most]
        return _verdict(list(found), bad, f"{max(seen.mode for seen in found.values()):04o}", wanted, f"chmod {most:o}")

    return judge


def owner(paths: Paths, wanted: str, missing: str, *, absent: bool | None = False, by_hand: bool = True) -> Judge:
    """All paths belong to that user and group, `root:root`. missing, absent: as of mode.

    by_hand: chown mends it; False: it takes more than that, and the check's own remedy says what.
    """

    def judge(facts: Facts) -> Verdict:
        found = _observed(facts, paths)
        if not found:
            return Verdict(absent, missing, "not there", wanted)
        bad = [(path, name) for path, seen in found.items() if (name := f"{seen.owner}:{seen.group}") != wanted]
        return _verdict(list(found), bad, wanted, wanted, f"chown {wanted}" if by_hand else "")

    return judge


def _observed(facts: Facts, paths: Paths) -> dict[PurePosixPath, Observed]:
    """By the path that was asked for; of a link, what it points to where that is known."""
    found = {path: facts.owned[path] for path in paths(facts) if path in facts.owned}
    return {path: _followed(facts, seen) for path, seen in found.items()}


def _followed(facts: Facts, seen: Observed) -> Observed:
    for _ in range(8):
        if seen.kind != "link":
            break
        target = PurePosixPath(posixpath.normpath(seen.path.parent / seen.target))
        if target not in facts.owned:
            break
        seen = facts.owned[target]
    return seen


def _verdict(
    looked_at: list[PurePosixPath], bad: list[tuple[PurePosixPath, str]], good: str, wanted: str, command: str
) -> Verdict:
    if not bad:
        where = str(looked_at[0]) if len(looked_at) == 1 else f"{len(looked_at)} paths, {looked_at[0]} the first"
        return Verdict(True, where, good, wanted)
    values = sorted({value for _, value in bad})
    where = ", ".join(str(path) for path, _ in bad[:SHOWN]) + (f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else "")
    remedy = f"{command} {shlex.join(str(path) for path, _ in bad)}" if command else ""
    return Verdict(False, where, ", ".join(values), wanted, remedy=remedy)

"""Running programs, saying what happens, locks, and directories that are there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


class LabError(Exception):
    """Something the operator can mend; `hint` says how."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def say(message: str) -> None:
    """One progress line, on stderr: stdout is for results."""
    print(f"[lab] {message}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run `command`; output is captured, or appended to `log`. env is added to our own environment.

    Raises LabError with the last lines of its output when it fails and `check` is set.
    """
    words = [str(word) for word in command]
    environment = {**os.environ, **(env or {})}
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as sink:
            done = subprocess.run(
                words, input=stdin, env=environment, cwd=cwd, stdout=sink, stderr=subprocess.STDOUT, text=True, check=False
            )
    else:
        done = subprocess.run(words, input=stdin, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        output = log.read_text(errors="replace") if log is not None else (done.stdout or "") + (done.stderr or "")
        tail = "\n".join("  " + line for line in output.splitlines()[-12:])
        where = f" (whole log: {log})" if log is not None else ""
        raise LabError(f"{words[0]} failed with {done.returncode}: {' '.join(words)[:200]}{where}\n{tail}")
    return done


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel frees it when we die. Says so once when somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that holds {what}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def made_once(target: Path, locks: Path, what: str, make: Callable[[Path], None]) -> Path:
    """`target` (a directory), made by make(temporary directory) and renamed into place if it is not there yet.

    An interrupted run leaves only a temporary directory, which the next one removes; two runs make it once.
    """
    if target.is_dir():
        return target
    with locked(locks / f"{target.name}.lock", what):
        if target.is_dir():
            return target
        half = target.with_name(f".{target.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        started = time.monotonic()
        say(f"{what}: making it")
        make(half)
        half.rename(target)
        say(f"{what}: done in {time.monotonic() - started:.0f} s")
    return target

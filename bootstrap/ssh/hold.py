"""The operator's lock of a host: held by a root shell of its own (scripts/hold.sh) for as long as it hears from us."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath

from bootstrap.errors import BootstrapError, HeldByAnother, HoldLost, Refused
from bootstrap.ssh import scripts
from bootstrap.ssh.dialogue import Ended
from bootstrap.ssh.helper import Helper, printable
from bootstrap.ssh.transport import Link

DIRECTORY = PurePosixPath("/run/kube-bootstrap")
_TAKING_S = 30.0
_RELEASING_S = 2.0
_OWNER_SIZE = 300
_RELEASE = b"released"      # as long as a sign of life

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)      # the first also counts while a laptop sleeps


class SshHold:
    """A `Hold`. Gives a sign of life three times in `free_after_s`, on a thread of its own. Safe for several threads.

    done: called once, when the shell is needed no longer.
    """

    def __init__(self, link: Link, helper: Helper, owner: str, free_after_s: float, done: Callable[[], None]) -> None:
        """Take it. Raises HeldByAnother, Refused (no lock can be had there), HostUnreachable."""
        self._link = link
        self._name = link.target.name
        self._done = done
        self._free_after_s = free_after_s
        self._proven_at = _now()
        self._lost: HoldLost | None = None
        self._speaking = threading.Lock()
        self._over = threading.Event()
        try:
            self._dialogue = helper.talk(scripts.hold(DIRECTORY, owner[:_OWNER_SIZE], free_after_s, link.our_address))
            answer = self._dialogue.hear(_TAKING_S)
        except (Ended, TimeoutError, OSError, EOFError) as error:
            raise self._not_taken(error) from error
        word, _, rest = printable(answer).partition(" ")
        if word != "held":
            raise self._held_by_another(rest)
        self.before = _owner(rest.partition(" ")[2])
        threading.Thread(target=self._keep, name=f"hold {self._name}", daemon=True).start()

    def prove(self) -> None:
        if self._lost is None and _now() - self._proven_at >= self._free_after_s / 2:
            self._give_sign()
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        if self._speaking.acquire(timeout=_RELEASING_S):
            if self._lost is None:
                with contextlib.suppress(Ended, TimeoutError):
                    self._dialogue.say(_RELEASE, _RELEASING_S)
                    while True:     # to its end: then the lock is free
                        self._dialogue.hear(_RELEASING_S)
            self._speaking.release()
        self._done()

    def _keep(self) -> None:
        while not self._over.wait(self._free_after_s / 3) and self._lost is None:
            self._give_sign()

    def _give_sign(self) -> None:
        """Say something and hear it again: the host's shell has then looked at its lock."""
        with self._speaking:
            sign, now = secrets.token_hex(4).encode(), _now()
            if self._lost is not None or self._over.is_set() or now - self._proven_at < self._free_after_s / 6:
                return      # somebody has just done it
            try:
                self._dialogue.say(sign, self._free_after_s)
                while self._dialogue.hear(self._free_after_s) != sign:
                    pass
                self._proven_at = now
            except (Ended, TimeoutError) as error:
                self._lost = HoldLost(
                    f"the operator's lock on {self._name} is held no longer: {self._reason(error)}",
                    host=self._name, hint="run the same command again: it carries on where this one stopped",
                )  # fmt: skip

    def _reason(self, error: Exception) -> str:
        if self._gone(error):
            return "the connection was lost"
        if not isinstance(error, Ended):
            return f"no answer within {self._free_after_s:g} s"
        if error.status == 0:
            return f"{self._name} heard nothing of us for {self._free_after_s:g} s"
        return printable(error.said) or f"its shell there ended with {error.status}"

    def _gone(self, error: Exception) -> bool:
        """Whether the connection has ended; a script whose end was heard of is proof enough that it has not."""
        return not (isinstance(error, Ended) and error.status is not None) and not self._link.survives()

    def _not_taken(self, error: Exception) -> BootstrapError:
        if self._gone(error):
            return self._link.lost("taking the operator's lock", error)
        said = printable(error.said) if isinstance(error, Ended) else str(error) or "no answer"
        return Refused(
            f"{self._name} gives no lock against a second operator; nothing was written", host=self._name,
            evidence=said.splitlines()[-5:], hint=f"it needs flock (util-linux), and {DIRECTORY} that root can write to",
        )  # fmt: skip

    def _held_by_another(self, answer: str) -> BootstrapError:
        """answer: `NOW SINCE OWNER`, the latter two as whoever holds it wrote them."""
        words = answer.split(" ", 2)
        if len(words) < 3 or not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words[:2]):
            return HeldByAnother(self._name, "somebody who did not leave a name")
        now, since = int(words[0]), int(words[1])
        return HeldByAnother(self._name, _owner(words[2]), datetime.fromtimestamp(since, UTC), now - since)


def _owner(text: str) -> str:
    return text.strip()[: 2 * _OWNER_SIZE]


def _now() -> float:
    return time.clock_gettime(_CLOCK)

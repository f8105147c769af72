"""One operator at a time: a lock on every master that can be reached, taken in sorted order before anything is looked at.

Two operators who each have a majority of the masters would share one, so one of them is refused; and whoever is refused gives
back what he has. While the tool works it may lose some of its locks (a master reboots, a network fails): it goes on as long as it
is sure that nobody else has been at work, and stops before the next change where it is not.
"""

from __future__ import annotations

import getpass
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from bootstrap.cluster import Cluster
from bootstrap.connection import FREE_AFTER_S, Connection, Hold
from bootstrap.errors import BootstrapError, HeldByAnother, HoldLost, HostNotTrusted, HostUnreachable, Refused
from bootstrap.membership import quorum
from bootstrap.parallel import each

PATIENCE_S = FREE_AFTER_S + 10.0
"""How long it is tried to get lost locks back: until then every host has let go of what a lost connection of ours held."""
_PAUSE_S = 1.0
_AGAIN = "run the same command again: it carries on where this one stopped"

Again = Callable[[str, Connection], None]
"""Connects again to the host of that name, whose connection was lost. Raises HostUnreachable."""


class Holds:
    """The locks that one operator has. Safe for several threads.

    hosts: whose locks are taken. connections: those that are open, by host. again: puts a new one in the place of a lost one.
    needed: how many locks make sure that nobody else is at work.
    """

    def __init__(
        self, hosts: Sequence[str], connections: Mapping[str, Connection], owner: str, needed: int, again: Again
    ) -> None:
        self.owner = owner
        self._hosts = tuple(sorted(hosts))
        self._connections = connections
        self._again = again
        self._needed = needed
        self._holds: dict[str, Hold] = {}
        self._taking = threading.Lock()
        self._broken: HoldLost | None = None

    def take(self) -> None:
        """Take every host's, one after another. Raises HeldByAnother and what else `Connection.hold` raises."""
        for name in self._hosts:
            self._holds[name] = self._connections[name].hold(self.owner)

    def release(self) -> None:
        """Free them all; when this returns, another operator can have them."""
        each(lambda hold: hold.release(), self._holds.values(), len(self._holds))
        self._holds.clear()

    def check(self, host: str | None, stopped: Callable[[], bool] = lambda: False) -> None:
        """Raise HoldLost unless a change may be made now, on `host` or (None) in the API.

        A lost lock is taken again where that is safe. Costs nothing while all is well.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            if self._broken is not None:
                raise self._broken
            if not (lost := self._lost(host)):
                return
            with self._taking:
                for name in lost:
                    self._take_again(name)
            if self._broken is not None:
                raise self._broken
            if not (lost := self._lost(host)):
                return
            if stopped() or time.monotonic() > deadline:
                name, why = next(iter(lost.items()))
                raise HoldLost(why.message, host=name, evidence=why.evidence, hint=_AGAIN) from why
            time.sleep(_PAUSE_S)

    def _lost(self, host: str | None) -> dict[str, HoldLost]:
        """What is missing before a change may be made: the host's own lock, or locks of others until there are enough."""
        found: dict[str, HoldLost] = {}
        names = sorted(self._holds, key=lambda name: (name != host, name))
        proven = 0
        for name in names:
            try:
                self._holds[name].prove()
                proven += 1
            except HoldLost as error:
                found[name] = error
            if proven >= self._needed and host not in found:
                return {}
        return found

    def _take_again(self, name: str) -> None:
        """Take a lost lock anew; not yet while the host is away, or still waits for a sign of life on the lost connection.

        Raises HoldLost where that is impossible. Where somebody else may have been at work, that is remembered.
        """
        if self._is_held(name):
            return
        others = sum(self._is_held(other) for other in self._holds if other != name)
        try:
            hold = self._hold(name)
        except HeldByAnother as error:
            if error.owner.startswith(self.owner):
                return
            raise HoldLost(error.message, host=name, evidence=["it began while we had lost our lock"], hint=error.hint) from error
        except HostNotTrusted:
            raise
        except HostUnreachable:
            return
        except BootstrapError as error:
            raise HoldLost(error.message, host=name, evidence=error.evidence, hint=_AGAIN) from error
        self._holds[name] = hold
        if hold.before.startswith(self.owner) or (not hold.before and others >= self._needed):
            return
        who = hold.before or "nobody knows who, for the host has been restarted"
        self._broken = HoldLost(
            f"another operator may have been at work while the lock on {name} was lost", host=name,
            evidence=[f"held last by: {who}"], hint=_AGAIN,
        )  # fmt: skip

    def _hold(self, name: str) -> Hold:
        connection = self._connections[name]
        try:
            return connection.hold(self.owner)
        except HostUnreachable:
            self._again(name, connection)
            return self._connections[name].hold(self.owner)

    def _is_held(self, name: str) -> bool:
        try:
            self._holds[name].prove()
        except HoldLost:
            return False
        return True


def _not_again(name: str, connection: Connection) -> None:
    raise HostUnreachable(f"the connection to {name} is lost", host=name)


@contextmanager
def alone(
    cluster: Cluster, connections: Mapping[str, Connection], command: str, *, few_will_do: bool = False, again: Again = _not_again
) -> Iterator[Holds]:
    """The locks of every connected master of a cluster, for as long as the block runs.

    few_will_do: less than a majority is enough, because the others are given up.
    Raises Refused where less are connected, HeldByAnother where another operator is at work.
    """
    masters = [host.name for host in cluster.control_plane_hosts]
    reached = [name for name in masters if name in connections]
    needed = quorum(len(masters))
    if len(reached) < needed:
        if not few_will_do:
            away = [name for name in masters if name not in connections]
            raise Refused(
                f"{len(reached)} of {len(masters)} masters can be reached: another operator may be at work on the others",
                evidence=[f"not reached: {', '.join(away)}; nothing was written"],
                hint=f"bring {needed - len(reached)} more back; where they are gone for ever, this says what a person can do: "
                f"bootstrap remove-master INVENTORY {' '.join(away)} --dead --dry-run",
            )
        needed = len(reached)
    holds = Holds(reached, connections, owner(cluster.name, command), needed, again)
    try:
        holds.take()
        yield holds
    finally:
        holds.release()


def owner(cluster: str, command: str) -> str:
    """A line that says who we are: for another operator, and for ourselves after a lost connection."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):     # no entry for our user ID
        user = f"user {os.getuid()}"
    who = f"{user}@{platform.node() or 'unknown'} (pid {os.getpid()}, run {secrets.token_hex(3)})"
    return "".join(c if c.isprintable() else "?" for c in f"{who}: bootstrap {command} of cluster {cluster}")

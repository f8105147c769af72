"""Deeds of a plan in etcd's member list: each may be done twice, and goes through voters that answer, never through a learner.

Used by `apply` only. A member that is added, promoted or removed again is found as it is: an answer that was lost does no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from bootstrap.access import Access
from bootstrap.changes import EtcdAddLearner, EtcdMoveLeader, EtcdPromote, EtcdRemove
from bootstrap.connection import NoAnswer
from bootstrap.constants import ETCD
from bootstrap.errors import HostUnreachable, PersonNeeded, RemoteError
from bootstrap.etcd import EtcdClient, EtcdRefusal
from bootstrap.files import File
from bootstrap.health import ask
from bootstrap.joining import Journal
from bootstrap.membership import Member
from bootstrap.waiting import evidence, voter

T = TypeVar("T")
PAUSE_S = 0.5
PATIENCE = timedelta(seconds=40)
"""How long a call is tried again that may pass: etcd wants every voter connected for five seconds, and elects within some."""


def add_learner(access: Access, host: str, change: EtcdAddLearner, stopped: Callable[[], bool]) -> None:
    """Add the member, unless an earlier call whose answer was lost has; note its ID. Raises RemoteError, PersonNeeded."""

    def add(etcd: EtcdClient) -> Member:
        members = etcd.members()
        entry = next((member for member in members if member.peer_url == change.peer_url), None)
        others = tuple(sorted((member.name, member.peer_url) for member in members if member is not entry))
        if others != change.others:
            raise RemoteError(
                "etcd's member list has changed since the plan was made", host=host,
                evidence=[f"it has {_listed(others)}", f"the plan was made for {_listed(change.others)}"],
                hint="run the same command again",
            )  # fmt: skip
        if entry is None:
            return etcd.add_learner(change.peer_url)
        if entry.started or not entry.learner:
            text = f"etcd has a member at {change.peer_url} by now: {entry}"
            raise PersonNeeded(text, host=host, hint="bootstrap status INVENTORY")
        return entry

    entry = _through_a_voter(access, host, add, f"etcd member {change.member} could not be added", PATIENCE, stopped)
    noted = Journal(change.peer_url, entry.id).encoded()
    access.connections[host].write([File(change.journal, noted, 0o600)])


def promote(access: Access, change: EtcdPromote, stopped: Callable[[], bool]) -> None:
    """Let the learner vote; one that votes is fine. One whose process does not live is not promoted: etcd itself would do so.

    Raises RemoteError, with the last lines of the member's log.
    """
    connection = access.connections[change.member]

    def deed(etcd: EtcdClient) -> None:
        entry = next((member for member in etcd.members() if member.peer_url == change.peer_url), None)
        if entry is None:
            text = f"{change.member} is no member of etcd any more"
            raise PersonNeeded(text, hint="somebody removed it: bootstrap status INVENTORY")
        if not entry.learner:
            return
        alive = ask(change.live, connection)
        if not alive.ok:
            raise NoAnswer(alive.answer)
        etcd.promote(entry.id)

    try:
        what = f"etcd learner {change.member} could not be promoted"
        _through_a_voter(access, change.member, deed, what, change.timeout, stopped)
    except RemoteError as error:
        error.evidence = (*error.evidence, *evidence(connection, ETCD, access))
        raise


def remove(access: Access, change: EtcdRemove, stopped: Callable[[], bool]) -> None:
    """Take a member off the list; one that is not there is fine."""

    def deed(etcd: EtcdClient) -> None:
        for member in etcd.members():
            if member.id == change.id if change.id else member.name == change.member:
                etcd.remove(member.id)

    try:
        _through_a_voter(access, change.member, deed, f"etcd member {change.member} could not be removed", PATIENCE, stopped)
    except RemoteError as error:
        raise PersonNeeded(
            error.message, evidence=error.evidence,
            hint=f"on a healthy master: etcdctl member list, then etcdctl member remove the ID of {change.member}",
        ) from error  # fmt: skip


def move_leader(access: Access, change: EtcdMoveLeader, stopped: Callable[[], bool]) -> None:
    """Make a voter that stays the leader. A leader that cannot be asked any more is no leader for long: that is fine."""
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            leader, target = _leader(access, change.away_from)
            if leader is None:
                return
            access.etcd(leader).move_leader(target)
            return
        except (NoAnswer, HostUnreachable) as error:
            if stopped() or time.monotonic() > deadline:
                raise RemoteError("etcd's leadership could not be moved", evidence=[str(error)]) from error
        time.sleep(PAUSE_S)


def _leader(access: Access, away_from: tuple[str, ...]) -> tuple[str | None, str]:
    """The host that leads where it is among `away_from`, and the ID of a voter that answers and is not among them."""
    answering: dict[str, EtcdClient] = {}
    for host in access.masters:
        try:
            client = access.etcd(host)
            client.status()
            answering[host] = client
        except (NoAnswer, HostUnreachable):
            continue
    if not answering:
        raise NoAnswer("no member of etcd answers")
    some = next(iter(answering.values()))
    by_id = {member.id: member.name for member in some.members()}
    leader = by_id.get(str(some.status().get("leader", "0")))
    if leader is None:
        raise NoAnswer("etcd has no leader")
    staying = [number for number, name in by_id.items() if name in answering and name not in away_from]
    if leader not in away_from or leader not in answering or not staying:
        return None, ""
    return leader, staying[0]


def _through_a_voter(
    access: Access, host: str, deed: Callable[[EtcdClient], T], failure: str, patience: timedelta, stopped: Callable[[], bool]
) -> T:
    """Do a deed through voters on other hosts, one after the other, until one has done it. Raises RemoteError."""
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return deed(voter(access, host))
        except (NoAnswer, HostUnreachable) as error:
            lasting = isinstance(error, EtcdRefusal) and not error.passing
            if lasting or stopped() or time.monotonic() > deadline:
                raise RemoteError(failure, evidence=[str(error)], hint="run the same command again") from error
        time.sleep(PAUSE_S)


def _listed(members: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name or 'a nameless one'} at {url}" for name, url in members) or "none"

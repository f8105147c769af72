"""How a host comes into etcd's member list while the cluster lives: decided from the list, its data and its journal. Pure.

A learner is added before it has a name, and the server makes its ID: what cannot be observed, that this nameless entry is
ours, stands in a journal on the host, written before the add. Failure modes: an unstarted learner of a joiner that died keeps
every later one out, and a member that starts without the data it once had loses votes it gave.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from bootstrap.cluster import Host
from bootstrap.components import Birth
from bootstrap.components.etcd import peer_url
from bootstrap.constants import KUBERNETES_DIR
from bootstrap.errors import PersonNeeded, Refused
from bootstrap.membership import Member

JOURNAL = KUBERNETES_DIR / "etcd-join.json"
OPERATION = "etcd-join"
SLOWEST_BYTES_PER_S = 2_000_000
"""How fast a learner gets its first snapshot at least: etcd's database divided by this is added to what a start may take."""


@dataclass(frozen=True)
class Journal:
    """What is on a host from before its member is added until it votes. member_id: empty until the server has made it."""

    peer_url: str
    member_id: str = ""

    def encoded(self) -> bytes:
        return (json.dumps({"operation": OPERATION, "peerURL": self.peer_url, "memberID": self.member_id}) + "\n").encode()

    @classmethod
    def decoded(cls, content: bytes) -> Journal:
        """ValueError where the content is no such journal."""
        value = json.loads(content)
        if not isinstance(value, dict) or value.get("operation") != OPERATION or not isinstance(value.get("peerURL"), str):
            raise ValueError("not a journal of an etcd-join")
        return cls(value["peerURL"], str(value.get("memberID", "")))


@dataclass(frozen=True)
class Join:
    """One host's way into the member list.

    birth: what its manifest starts it with. others: names and peer URLs of the members beside it by then.
    added: it is in the list. votes: there is nothing more to do in etcd. wait: how long it may take to be in step.
    journal: one is on the host.
    """

    birth: Birth
    others: tuple[tuple[str, str], ...]
    added: bool
    votes: bool
    wait: timedelta
    journal: bool = False


@dataclass(frozen=True)
class Candidate:
    """A host that is to vote, as it was looked at. born: with what its member was born, None where it has no data or manifest."""

    host: Host
    has_data: bool
    data_dir: PurePosixPath
    born: Birth | None
    journal: Journal | None


def joins(
    candidates: Sequence[Candidate], members: Sequence[Member], token: str, *, start: timedelta, db_size: int = 0
) -> dict[str, Join]:
    """How each candidate gets in, in the order in which they do: one after another, an open learner first.

    start: what a member's start may take, with an empty database. db_size: bytes. Raises Refused or PersonNeeded where a
    candidate cannot get in, or where it is not sure that an entry of the list is its own.
    """
    if strangers := [member for member in members if not member.started and not _is_of(member, candidates)]:
        raise _another_learner(strangers[0])
    if waiting := [member for member in members if member.learner and not _is_of(member, candidates)]:
        raise _another_learner(waiting[0])
    wait = start + timedelta(seconds=db_size // SLOWEST_BYTES_PER_S)
    list_then = {member.peer_url: member.name for member in members}
    found = {}
    for candidate in sorted(candidates, key=lambda one: (not _has_entry(one.host, members), one.host.name)):
        name, url = candidate.host.name, peer_url(candidate.host)
        entry = next((member for member in members if member.peer_url == url), None)
        _check(candidate, entry, members)
        others = tuple(sorted((its_name, its_url) for its_url, its_name in list_then.items() if its_url != url))
        list_then[url] = name
        text = ",".join(sorted(f"{its_name}={its_url}" for its_url, its_name in list_then.items()))
        birth = candidate.born if candidate.born is not None and entry is not None else Birth(text, "existing", token)
        votes = entry is not None and not entry.learner
        found[name] = Join(birth, others, entry is not None, votes, wait, candidate.journal is not None)
    return found


def _check(candidate: Candidate, entry: Member | None, members: Collection[Member]) -> None:
    """Raise where the entry in the list and the data on the host do not belong together."""
    host, journal = candidate.host, candidate.journal
    namesake = next((member for member in members if member.name == host.name and member is not entry), None)
    if namesake is not None:
        raise Refused(
            f"etcd has a member {host.name} at {namesake.peer_url}, and the inventory says {peer_url(host)}",
            host=host.name, hint=f"where that machine is gone: bootstrap replace-master INVENTORY {host.name} {host.name}",
        )  # fmt: skip
    if entry is None:
        if candidate.has_data:
            raise Refused(
                f"{candidate.data_dir} on {host.name} holds the data of a member that the cluster does not have (any more)",
                host=host.name, hint=f"bootstrap reset INVENTORY {host.name} moves it aside; then add it again",
            )  # fmt: skip
        return
    if entry.name not in ("", host.name):
        raise Refused(f"etcd's member {entry.name} has the address of {host.name}: {entry.peer_url}", host=host.name)
    if entry.started and not candidate.has_data:
        raise Refused(
            f"etcd knows {host.name} as a member that has run, and the host has no data in {candidate.data_dir}: "
            "started like this it would forget what it voted for",
            host=host.name, hint=f"bootstrap replace-master INVENTORY {host.name} {host.name}",
        )  # fmt: skip
    if not entry.started and not (entry.learner and journal is not None and _is_its(journal, entry)):
        raise PersonNeeded(
            f"etcd has {entry}, which has never run, and nothing on {host.name} says that it was added for it",
            host=host.name,
            hint=f"where nobody is adding it now, on a healthy master: etcdctl member remove {int(entry.id):x}; then the same "
            "command again",
        )


def _is_its(journal: Journal, entry: Member) -> bool:
    return journal.peer_url == entry.peer_url and journal.member_id in ("", entry.id)


def _is_of(member: Member, candidates: Sequence[Candidate]) -> bool:
    return any(peer_url(one.host) == member.peer_url for one in candidates)


def _has_entry(host: Host, members: Collection[Member]) -> bool:
    return any(member.peer_url == peer_url(host) for member in members)


def _another_learner(member: Member) -> Refused:
    return Refused(
        f"etcd has {f'the learner {member}' if member.started else member} already, and takes one at a time",
        hint="finish it first with the command that began it; where its machine is gone: bootstrap remove-master INVENTORY NAME "
        f"--dead, or on a healthy master: etcdctl member remove {int(member.id):x}",
    )


def read_journals(contents: Mapping[str, bytes]) -> dict[str, Journal]:
    """Journals by host name. Raises PersonNeeded where one cannot be understood."""
    found = {}
    for host, content in contents.items():
        try:
            found[host] = Journal.decoded(content)
        except ValueError as error:
            raise PersonNeeded(
                f"{JOURNAL} on {host} cannot be understood: {error}", host=host,
                hint="look at etcd's member list; where nothing of it is of this host, remove the file",
            ) from error  # fmt: skip
    return found

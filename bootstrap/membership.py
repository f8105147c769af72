"""etcd's member list as values. An entry gets its name when its process first publishes itself: a nameless one never ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """One entry of the member list. id: decimal, as the JSON gateway has it. name: empty until the member has started once."""

    id: str
    name: str
    peer_url: str
    learner: bool = False

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Member:
        """From an entry of etcd's JSON, in which what is empty may be left out."""
        urls = entry.get("peerURLs") or [""]
        return cls(str(entry["ID"]), entry.get("name", ""), urls[0], bool(entry.get("isLearner")))

    @property
    def started(self) -> bool:
        return bool(self.name)

    def __str__(self) -> str:
        """`cp2`, or what there is of it: `the unstarted learner at https://192.0.2.12:2380`."""
        kind = "learner" if self.learner else "voter"
        return self.name or f"the unstarted {kind} at {self.peer_url}"


def find(members: Iterable[Member], name: str, peer_url: str) -> Member | None:
    """The entry at that address, else the one of that name; None where there is neither."""
    entries = tuple(members)
    at = next((member for member in entries if member.peer_url == peer_url), None)
    return at or next((member for member in entries if member.name == name), None)


def voters(members: Iterable[Member]) -> tuple[str, ...]:
    """Names of the voters, or IDs of those that have none, sorted."""
    return tuple(sorted(member.name or member.id for member in members if not member.learner))


def quorum(count: int) -> int:
    """How many of `count` voters must agree."""
    return count // 2 + 1

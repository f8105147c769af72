"""Kinds of Change: values that say what is to be done, and in words what was done. Nothing here can reach a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, assert_never

from bootstrap.applyset import Leftover
from bootstrap.files import Directory, File, Link, Observed, Secret
from bootstrap.health import Endpoint, Probe
from bootstrap.objects import ref

OPERATOR = "operator"
"""Name under which changes on the operator's own machine are shown."""


@dataclass(frozen=True)
class WriteFile:
    """Make a file, directory or link. previous: what was there when the plan was made."""

    entry: File | Directory | Link
    previous: Observed | None = None


@dataclass(frozen=True)
class SetMode:
    """Give a file that stays as it is its permission bits and owner."""

    path: PurePosixPath
    mode: int
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class RemovePath:
    """Remove a file, a link, or with `recursive` a directory and all below it, never across a mount."""

    path: PurePosixPath
    recursive: bool = False


@dataclass(frozen=True)
class MovePath:
    """Rename within one file system."""

    source: PurePosixPath
    target: PurePosixPath


@dataclass(frozen=True)
class Run:
    """Run a program on the host; a status other than 0 is an error."""

    argv: tuple[str, ...]
    title: str
    stdin: bytes = b""
    timeout: timedelta = timedelta(seconds=90)


@dataclass(frozen=True)
class WaitFor:
    """Wait until a probe says yes. required: False where what follows works without it, once the time is over.

    Reads only, but for one thing. restart_kubelet: where the kubelet refused a pod that is waited for, it is restarted, once: it
    does not try again by itself (see refusals.py).
    """

    probe: Probe
    timeout: timedelta
    required: bool = True
    restart_kubelet: bool = False


@dataclass(frozen=True)
class ApiApply:
    """Server-side apply of one API object, as the field manager `bootstrap`, through any healthy master.

    widens: the object is the parent of an ApplySet (see applyset.py), and keeps what its lists hold already.
    """

    object: Mapping[str, Any] = field(hash=False)
    widens: bool = False

    @property
    def ref(self) -> str:
        return ref(self.object)


@dataclass(frozen=True)
class ApiDelete:
    """Delete one API object, through any healthy master; an absent one is fine. object: its kind and name are enough."""

    object: Mapping[str, Any] = field(hash=False)

    @property
    def ref(self) -> str:
        return ref(self.object)


@dataclass(frozen=True)
class ApiPrune:
    """Delete an API object that an earlier run applied and that the inventory no longer names; none that was made anew since."""

    leftover: Leftover


@dataclass(frozen=True)
class AddTaints:
    """Give a node the taints it lacks; taints of others stay."""

    node: str
    taints: tuple[Mapping[str, str], ...] = field(hash=False)


@dataclass(frozen=True)
class EtcdAddLearner:
    """Add a host's etcd to the member list as a learner, through a voter, and note its ID in the journal on the host.

    others: names and peer URLs of the members that there must be beside it: what its manifest says.
    """

    member: str
    peer_url: str
    others: tuple[tuple[str, str], ...]
    journal: PurePosixPath


@dataclass(frozen=True)
class EtcdPromote:
    """Let the learner at that peer URL vote, through a voter, while its process lives, which `live` answers on its own host.

    timeout: how long it may take to catch up: etcd promotes no learner that lags behind.
    """

    member: str
    peer_url: str
    live: Endpoint
    timeout: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class EtcdMoveLeader:
    """Where one of these members leads etcd, hand the leadership to a healthy voter that stays."""

    away_from: tuple[str, ...]


@dataclass(frozen=True)
class EtcdRemove:
    """Remove a member from etcd's member list, through one that stays. id: as the list has it; empty: whoever has the name."""

    member: str
    id: str = ""


@dataclass(frozen=True)
class NodeRemove:
    """Remove a Node object, through an API server of a host that stays."""

    node: str


@dataclass(frozen=True)
class Cordon:
    """Let no new pod be scheduled to a node; one that is gone is fine."""

    node: str


@dataclass(frozen=True)
class Drain:
    """Evict the pods of a node, and wait until they are gone. force, delete_emptydir_data: as of `draining.leaving`."""

    node: str
    timeout: timedelta
    force: bool = False
    delete_emptydir_data: bool = False


@dataclass(frozen=True)
class SaveLocal:
    """Write a file on the operator's own machine. previous: its content when the plan was made, None if absent."""

    path: Path
    content: Secret
    previous: Secret | None = None


ClusterChange = (
    ApiApply | ApiDelete | ApiPrune | AddTaints | EtcdPromote | EtcdMoveLeader | EtcdRemove | NodeRemove | Cordon
)
"""What is done in the API or in etcd, through any host that can: the host it belongs to need not be there."""
Change = WriteFile | SetMode | RemovePath | MovePath | Run | WaitFor | EtcdAddLearner | SaveLocal | Drain | ClusterChange


def mutates(change: Change) -> bool:
    """Whether a change writes something, anywhere."""
    return not isinstance(change, WaitFor)


def done_text(change: Change) -> str:
    """What a change did, in the past tense and without any content."""
    match change:
        case WriteFile(entry):
            return f"wrote {entry.path}"
        case SetMode(path, mode, owner, group):
            return f"set {path} to {mode:04o} {owner}:{group}"
        case RemovePath(path):
            return f"removed {path}"
        case MovePath(source, target):
            return f"moved {source} to {target}"
        case Run(_, title):
            return title
        case WaitFor(probe):
            return f"waited for {probe}"
        case ApiApply():
            return f"applied {change.ref}"
        case ApiDelete():
            return f"deleted {change.ref}"
        case ApiPrune(leftover):
            return f"deleted {leftover.ref}"
        case AddTaints(node):
            return f"tainted {node}"
        case EtcdAddLearner(member):
            return f"added etcd learner {member}"
        case EtcdPromote(member):
            return f"promoted etcd member {member} to a voter"
        case EtcdMoveLeader(away_from):
            return f"etcd is led by none of {', '.join(away_from)}"
        case EtcdRemove(member):
            return f"removed etcd member {member}"
        case NodeRemove(node):
            return f"removed node {node}"
        case Cordon(node):
            return f"cordoned {node}"
        case Drain(node):
            return f"drained {node}"
        case SaveLocal(path):
            return f"wrote {path} on this machine"
        case _:
            assert_never(change)

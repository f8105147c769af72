"""What is to be done: kinds of Change, Phase, Plan, and the one comparison of what should be with what is.

Nothing here can reach a host. A phase is a pure function of a Snapshot; `think` asks each phase of a workflow in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from bootstrap import staticpod
from bootstrap.applyset import Applied, Leftover
from bootstrap.cluster import Cluster, Host
from bootstrap.constants import DIGEST_ANNOTATION
from bootstrap.facts import Facts
from bootstrap.files import Directory, File, Link, Observed, Secret
from bootstrap.hardening import ConfigFile
from bootstrap.health import Probe
from bootstrap.hostpods import HostPods
from bootstrap.joining import Join
from bootstrap.membership import Member
from bootstrap.objects import ref
from bootstrap.patches import Patch
from bootstrap.pki import Kept
from bootstrap.userpods import UserPod

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
    """Let the learner at that peer URL vote, through a voter. timeout: how long it may still lag behind."""

    member: str
    peer_url: str
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
    ApiApply | ApiDelete | ApiPrune | AddTaints | EtcdPromote | EtcdMoveLeader | EtcdRemove | NodeRemove | Cordon | Drain
)
"""What is done in the API or in etcd, through any host that can: the host it belongs to need not be there."""
Change = WriteFile | SetMode | RemovePath | MovePath | Run | WaitFor | EtcdAddLearner | SaveLocal | ClusterChange


class Among(StrEnum):
    """Which hosts a phase is about."""

    CHOSEN = "the hosts of the command"
    WORKERS = "every worker that was looked at"


class Spread(StrEnum):
    """How a phase goes over the hosts."""

    TOGETHER = "together"
    ONE_BY_ONE = "one by one"
    FIRST_ONLY = "once per cluster"


@dataclass(frozen=True)
class ApiState:
    """What the API server said about the objects of a plan, asked without writing.

    settled: what an apply would leave as it is. nodes: taints by node name. ready, cordoned: nodes that are so.
    taken: objects that are in somebody else's ApplySet, with its id.
    finished: an init was finished here: its mark is there, or the cluster has nodes that init did not bring.
    """

    settled: frozenset[ApiApply] = frozenset()
    nodes: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    ready: frozenset[str] = frozenset()
    cordoned: frozenset[str] = frozenset()
    taken: tuple[str, ...] = ()
    finished: bool = False


@dataclass(frozen=True)
class Snapshot:
    """Everything a phase may know: values only.

    wanted_pki: per host, the PKI files and kubeconfigs it should have, as far as their content is known.
    kept_pki: per host, files that stay as they are and whose content was not read: only their mode is looked after.
    shared_patches: the cluster's. patches: per host, the cluster's and then the host's own.
    static_pods: by host, the static pods of the user's own that it should have. host_pods: by host, the pods that it has; only of
    hosts that static_pods knows.
    config_files: configuration files of the API servers, the same on every master.
    user_objects: API objects of the manifests named in `addons`, in file order.
    local_files: what is at the paths of this machine that the command may write, None where nothing is.
    api: None where no API server answered.
    applied: what the API server knows of add-ons that an earlier run applied; None where none answered.
    members: etcd's member list as the cluster has it, None where etcd did not answer.
    joins: how hosts come into the member list of a living cluster. leaving: names of those that leave it.
    balancing: workers whose balancer was asked and serves the list that it should have.
    options: what the command line asked for (see the phases that read it).
    """

    cluster: Cluster
    facts: Mapping[str, Facts]
    now: datetime
    wanted_pki: Mapping[str, tuple[File | Directory | Link, ...]] = field(default_factory=dict)
    kept_pki: Mapping[str, tuple[Kept, ...]] = field(default_factory=dict)
    etcd_ca: bytes = b""
    cluster_ca: bytes = b""
    admin_kubeconfig: Secret | None = None
    admin_kubeconfig_path: Path | None = None
    shared_patches: tuple[Patch, ...] = ()
    patches: Mapping[str, tuple[Patch, ...]] = field(default_factory=dict)
    config_files: tuple[ConfigFile, ...] = ()
    user_objects: tuple[Mapping[str, Any], ...] = ()
    static_pods: Mapping[str, tuple[UserPod, ...]] = field(default_factory=dict)
    host_pods: Mapping[str, HostPods] = field(default_factory=dict)
    local_files: Mapping[Path, Secret | None] = field(default_factory=dict)
    api: ApiState | None = None
    applied: Applied | None = None
    members: tuple[Member, ...] | None = None
    joins: Mapping[str, Join] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()
    balancing: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Phase:
    """name: kubeadm's, where kubeadm has one. changes: pure; asked once per host (FIRST_ONLY: for the first one)."""

    name: str
    title: str
    changes: Callable[[Snapshot, Host], Sequence[Change]]
    spread: Spread = Spread.TOGETHER
    among: Among = Among.CHOSEN


@dataclass(frozen=True)
class Step:
    """A phase with what it will do on each host, in the hosts' order."""

    phase: Phase
    changes: Mapping[str, tuple[Change, ...]]


@dataclass(frozen=True)
class Plan:
    """Steps in order. Waits alone do not make a plan: one that only waits is empty. independent: as of its workflow."""

    workflow: str
    steps: tuple[Step, ...]
    independent: bool = False

    @property
    def is_empty(self) -> bool:
        return not any(mutates(change) for _, _, change in self.all())

    def all(self) -> tuple[tuple[Phase, str, Change], ...]:
        """Every change with its phase and host, in order."""
        return tuple(
            (step.phase, host, change)
            for step in self.steps
            for host, changes in step.changes.items()
            for change in changes
        )

    def without_settled(self, state: ApiState) -> Plan:
        """The plan less the API changes that would leave everything as it is."""
        steps = tuple(
            Step(step.phase, {h: tuple(c for c in cs if not _settled(c, state)) for h, cs in step.changes.items()})
            for step in self.steps
        )
        return replace(self, steps=steps)


@dataclass(frozen=True)
class Workflow:
    """A command as an ordered tuple of phases.

    independent: hosts do not need each other; where one fails, it is left behind and the others go on to the end.
    """

    name: str
    phases: tuple[Phase, ...]
    independent: bool = False


def mutates(change: Change) -> bool:
    """Whether a change writes something, anywhere."""
    return not isinstance(change, WaitFor)


def think(workflow: Workflow, snapshot: Snapshot, hosts: Sequence[Host]) -> Plan:
    """The plan of a workflow for `hosts`: those of the command. A phase may be about others, among those that were looked at."""
    workers = [host for host in snapshot.cluster.workers if host.name in snapshot.facts]
    about = {Among.CHOSEN: hosts, Among.WORKERS: workers}
    steps = []
    for phase in workflow.phases:
        asked = about[phase.among][:1] if phase.spread is Spread.FIRST_ONLY else about[phase.among]
        changes = {host.name: tuple(phase.changes(snapshot, host)) for host in asked}
        steps.append(Step(phase, {name: found for name, found in changes.items() if found}))
    return Plan(workflow.name, tuple(step for step in steps if step.changes), workflow.independent)


def difference(facts: Facts, wanted: Sequence[File | Directory | Link]) -> tuple[WriteFile, ...]:
    """Those of `wanted` that are not on the host as they should be: the one comparison of files.

    Files by hash, mode and owner; pods in a manifest directory by what they mean, so that another tool's key order is no change.
    """
    return tuple(
        WriteFile(entry, facts.owned.get(entry.path))
        for entry in wanted
        if not _same(entry, facts.owned.get(entry.path))
    )


def wrong_modes(facts: Facts, kept: Sequence[Kept]) -> tuple[SetMode, ...]:
    """Changes for kept files whose permission bits or owner are not as they should be."""
    return tuple(
        SetMode(file.path, file.mode, file.owner, file.group)
        for file in kept
        if (seen := facts.owned.get(file.path)) is not None
        and (seen.mode, seen.owner, seen.group) != (file.mode, file.owner, file.group)
    )


def _same(entry: File | Directory | Link, seen: Observed | None) -> bool:
    if seen is None:
        return False
    if isinstance(entry, Link):
        return seen.kind == "link" and seen.target == entry.target
    if (seen.mode, seen.owner, seen.group) != (entry.mode, entry.owner, entry.group):
        return False
    if isinstance(entry, Directory):
        return seen.kind == "directory"
    if seen.kind != "file":
        return False
    return seen.sha256 == entry.sha256 or (
        not entry.secret and seen.content is not None and same_pod(entry.bytes, seen.content)
    )


def same_pod(wanted: bytes, seen: bytes) -> bool:
    """Whether two manifests decode to the same Pod. A digest that `seen` lacks altogether is no difference."""
    try:
        one, other = staticpod.decode(wanted), staticpod.decode(seen)
    except ValueError:
        return False
    digests = [(pod["metadata"].get("annotations") or {}).get(DIGEST_ANNOTATION) for pod in (one, other)]
    if digests[1] is not None and digests[0] != digests[1]:
        return False
    return staticpod.without_digest(one) == staticpod.without_digest(other)


def _settled(change: Change, state: ApiState) -> bool:
    match change:
        case ApiApply():
            return change in state.settled
        case AddTaints(node, taints):
            return node in state.nodes and all(taint_in(taint, state.nodes[node]) for taint in taints)
        case _:
            return False


def taint_in(taint: Mapping[str, str], taints: Sequence[Mapping[str, str]]) -> bool:
    """Whether a taint of that key and effect, with that value, is among `taints`."""
    return any(all(have.get(k, "") == taint.get(k, "") for k in ("key", "value", "effect")) for have in taints)

"""What is to be done: Snapshot, Phase, Plan.

Nothing here can reach a host. A phase is a pure function of a Snapshot; `think` asks each phase of a workflow in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bootstrap.applyset import Applied
from bootstrap.changes import AddTaints, ApiApply, Change, mutates
from bootstrap.cluster import Cluster, Host
from bootstrap.facts import Facts
from bootstrap.files import Directory, File, Link, Secret
from bootstrap.hardening import ConfigFile
from bootstrap.hostpods import HostPods
from bootstrap.joining import Join
from bootstrap.membership import Member
from bootstrap.patches import Patch
from bootstrap.pki import Kept
from bootstrap.userpods import UserPod


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
        """The plan less the API changes that would leave everything as it is, and the steps that had no others."""
        left = ({h: tuple(c for c in cs if not _settled(c, state)) for h, cs in step.changes.items()} for step in self.steps)
        return replace(self, steps=_steps(zip((step.phase for step in self.steps), left, strict=True)))


@dataclass(frozen=True)
class Workflow:
    """A command as an ordered tuple of phases.

    independent: hosts do not need each other; where one fails, it is left behind and the others go on to the end.
    """

    name: str
    phases: tuple[Phase, ...]
    independent: bool = False


def think(workflow: Workflow, snapshot: Snapshot, hosts: Sequence[Host]) -> Plan:
    """The plan of a workflow for `hosts`: those of the command. A phase may be about others, among those that were looked at."""
    workers = [host for host in snapshot.cluster.workers if host.name in snapshot.facts]
    about = {Among.CHOSEN: hosts, Among.WORKERS: workers}
    found = []
    for phase in workflow.phases:
        asked = about[phase.among][:1] if phase.spread is Spread.FIRST_ONLY else about[phase.among]
        found.append((phase, {host.name: tuple(phase.changes(snapshot, host)) for host in asked}))
    return Plan(workflow.name, _steps(found), workflow.independent)


def _steps(found: Iterable[tuple[Phase, Mapping[str, tuple[Change, ...]]]]) -> tuple[Step, ...]:
    """Those in which somebody has something to do, with those who have."""
    steps = (Step(phase, {host: changes for host, changes in of_hosts.items() if changes}) for phase, of_hosts in found)
    return tuple(step for step in steps if step.changes)


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

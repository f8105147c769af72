"""Masters come and go: one change of the cluster's members, for the commands add-master, remove-master, replace-master and apply.

LOOK at every master that can be reached, with those that leave; THINK of one plan for all who join and all who leave, which is
shown; ACT. Machines that are gone leave the member list first: while they count, etcd takes nobody in. Living ones leave last.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bootstrap import desired, guards, joining, leaving, membership, observing, snapshots, workflows
from bootstrap.access import Access
from bootstrap.changes import SaveLocal
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.components.etcd import peer_url
from bootstrap.connecting import Connect, changing
from bootstrap.connection import NoAnswer
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, ExitCode, HostNotTrusted, HostUnreachable, Refused, UsageError
from bootstrap.facts import Facts
from bootstrap.joining import JOURNAL, Candidate, Join
from bootstrap.localfiles import refuse_unwritable
from bootstrap.membership import Member
from bootstrap.plan import ApiState, Plan, Snapshot, think
from bootstrap.runner import default_kubeconfig, look, refuse, run


@dataclass(frozen=True)
class Request:
    """What was asked for, whichever command it was.

    add, remove: names of masters; one that is in both gives its place to another machine of the same name.
    remove_others: voters that the inventory does not name leave, and masters of it that do not vote join.
    dead: machines that leave and do not answer are taken off the list; it is proven that they do not.
    kubeconfig: the administrator's, which may name a master that leaves; None: `<cluster>.kubeconfig` where there is one.
    """

    command: str
    inventory: Path
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    remove_others: bool = False
    dead: bool = False
    force_quorum_loss: bool = False
    dry_run: bool = False
    ignore_preflight: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    keep_kubelet: bool = False


@dataclass(frozen=True)
class Seen:
    """What was looked at. healthy: masters whose etcd answers as a voter. db_size: of etcd's database, in bytes."""

    facts: Mapping[str, Facts]
    members: tuple[Member, ...]
    healthy: tuple[str, ...]
    journals: Mapping[str, joining.Journal]
    db_size: int = 0

    @property
    def voters(self) -> tuple[str, ...]:
        return membership.voters(self.members)


@dataclass(frozen=True)
class Intent:
    """Who joins and who leaves. gone: those that leave and on whose machines nothing is done, because they are not there."""

    cluster: Cluster
    joining: tuple[Host, ...]
    leaving: tuple[Host, ...]
    gone: frozenset[str] = field(default_factory=frozenset)

    @property
    def living(self) -> tuple[Host, ...]:
        return tuple(host for host in self.leaving if host.name not in self.gone)

    def entries_of_gone(self, members: Sequence[Member]) -> tuple[Member, ...]:
        """Entries of the member list whose machines are gone."""
        found = (membership.find(members, host.name, peer_url(host)) for host in self.leaving if host.name in self.gone)
        return tuple(entry for entry in found if entry is not None)


def change(cluster: Cluster, request: Request, connect: Connect, console: Console) -> ExitCode:
    """Let masters join and leave; nothing is written when they have. cluster: as the inventory says."""
    started = time.monotonic()
    _refuse_unknown(cluster, request)
    failed: dict[str, BootstrapError] = {}
    known = leaving.with_former_masters(cluster, request.remove, connect, everybody=request.remove_others)
    with changing(
        known, request.command, connect, dry_run=request.dry_run, workers=cluster.workers,
        tolerate=lambda name: name not in request.add, few_will_do=request.force_quorum_loss, console=console, tell=console.event,
        failed=failed,
    ) as access:  # fmt: skip
        facts = look(access)
        members, healthy = observing.etcd_members(access, facts)
        if members is None:
            raise leaving.no_majority(known, facts)
        seen = Seen(facts, members, healthy, _journals(access, facts), _db_size(access, healthy))
        intent = _intent(cluster, known, request, seen, access, failed)
        _refuse_what_cannot_be(intent, seen, request)
        if intent.joining:
            after = {host.name for host in intent.cluster.control_plane_hosts}
            there = {name: found for name, found in facts.items() if name in after}
            refuse(access, there, request.ignore_preflight, console, write=not request.dry_run, cluster=intent.cluster)
        plan = _plan(intent, seen, request, access, console)
        for _, _, one in plan.all():
            if isinstance(one, SaveLocal):
                guards.refuse_to_overwrite(one.path, one.previous, cluster)
        if not plan.is_empty:
            console.plan(plan)
            if not request.dry_run:
                run(plan, access, console, started)
    return _done(cluster, intent, request, console, started, changed=not plan.is_empty and not request.dry_run)


def _refuse_unknown(cluster: Cluster, request: Request) -> None:
    known = {host.name for host in cluster.control_plane_hosts}
    for name in request.add:
        if name not in known:
            raise UsageError(
                f"{name!r} is no master of {request.inventory}",
                hint=f"write it into spec.hosts with role control-plane and its address; masters: {', '.join(sorted(known))}",
            )


def _intent(
    cluster: Cluster, known: Cluster, request: Request, seen: Seen, access: Access, failed: Mapping[str, BootstrapError]
) -> Intent:
    """Who joins and leaves, and which of those that leave are not there any more, which is proven. failed: to connect."""
    add, remove = set(request.add), set(request.remove)
    if request.remove_others:
        add = {host.name for host in cluster.control_plane_hosts if host.name in seen.facts or host.name not in seen.voters}
        remove = {host.name for host in known.control_plane_hosts} - {host.name for host in cluster.control_plane_hosts}
    leave, gone = [], set()
    for host in known.control_plane_hosts:
        entry = membership.find(seen.members, host.name, peer_url(host))
        if host.name not in remove:
            continue
        if host.name in add:    # another machine, or this one without its data, takes the place
            if entry is None or _is_in_its_place(entry, host, seen):
                continue
            rebuilt = _is_rebuilt(entry, host, seen)
            host = leaving.at(host, entry)
            leaving.refuse_unless_gone(host, access, dead=request.dead, rebuilt=rebuilt)
            gone.add(host.name)
        elif host.name not in access.connections:
            if isinstance(failed[host.name], HostNotTrusted):
                raise failed[host.name]     # it answers, whoever it is
            leaving.refuse_unless_gone(host, access, dead=request.dead)
            gone.add(host.name)
        elif request.dead and not request.add:
            text = f"{host.name} answers, so it is not dead"
            raise Refused(text, host=host.name, hint=f"bootstrap remove-master INVENTORY {host.name}, without --dead")
        leave.append(host)
    join = tuple(host for host in cluster.control_plane_hosts if host.name in add)
    for host in join:
        if host.name not in seen.facts:
            raise HostUnreachable(f"{host.name} is to join, and cannot be reached", host=host.name)
    left = {host.name for host in leave} - add
    masters = ({*seen.voters} | add) - left
    named = left | {host.name for host in cluster.control_plane_hosts}
    guards.refuse_strange_members(seen.members, named)
    hosts = tuple(host for host in cluster.hosts if host.role is Role.WORKER or host.name in masters)
    return Intent(cluster.model_copy(update={"hosts": hosts}), join, tuple(leave), frozenset(gone))


def _is_in_its_place(entry: Member, host: Host, seen: Seen) -> bool:
    """Whether this machine is the member, or is on its way: joining.py looks closer."""
    return entry.peer_url == peer_url(host) and (not entry.started or seen.facts[host.name].etcd.has_member)


def _is_rebuilt(entry: Member, host: Host, seen: Seen) -> bool:
    """Whether a machine without etcd's data was looked at where the member has to be."""
    return entry.peer_url == peer_url(host) and not seen.facts[host.name].etcd.has_member


def _refuse_what_cannot_be(intent: Intent, seen: Seen, request: Request) -> None:
    """etcd's quorum after each part of the change, counted with the members as they are then."""
    rest = [name for name in seen.voters if name not in intent.gone]
    joined = [host.name for host in intent.joining if host.name not in rest]
    living = [host.name for host in intent.living]
    guards.refuse_to_end([*rest, *joined], living, intent.cluster)
    if joined:
        guards.refuse_to_join(seen.voters, seen.healthy, intent.gone)
    if not request.force_quorum_loss:
        guards.refuse_to_lose_quorum(seen.voters, seen.healthy, sorted(intent.gone))
        guards.refuse_to_lose_quorum([*rest, *joined], [*seen.healthy, *joined], living)


def _plan(intent: Intent, seen: Seen, request: Request, access: Access, console: Console) -> Plan:
    """One plan: who is gone leaves, who joins joins, who lives leaves, and what follows from it."""
    target = request.kubeconfig or default_kubeconfig(intent.cluster)
    kubeconfig = target if request.kubeconfig is not None or target.exists() else None
    if kubeconfig is not None:
        refuse_unwritable(kubeconfig)
    rest = tuple(member for member in seen.members if member not in intent.entries_of_gone(seen.members))
    base = replace(
        snapshots.take(intent.cluster, seen.facts, access, datetime.now(UTC), kubeconfig_path=kubeconfig),
        members=rest, joins=_joins(intent, seen, rest), options={"keep_kubelet": request.keep_kubelet},
    )  # fmt: skip
    base = replace(base, balancing=observing.balancing(access, base))
    joined = {peer_url(host): host.name for host in intent.joining}
    then = (*(one for one in rest if one.peer_url not in joined), *(Member("", name, url) for url, name in joined.items()))
    nodes = observing.nodes(access, access.masters)
    if nodes is None and intent.leaving:
        names = " ".join(host.name for host in intent.leaving)
        console.note(f"no API server answers, so the Node objects stay; later: kubectl delete node {names}")
    leave = Snapshot(intent.cluster, {}, base.now, api=nodes)
    gone = [host for host in intent.leaving if host.name in intent.gone]
    living = {host.name: seen.facts[host.name] for host in intent.living}
    staying = [host for host in intent.cluster.control_plane_hosts if host.name in seen.facts and host not in intent.joining]
    parts = (
        think(workflows.RESET, replace(leave, members=seen.members, leaving=intent.gone), gone),
        think(workflows.JOIN, base, sorted(intent.joining, key=lambda host: list(base.joins).index(host.name))),
        think(workflows.REACH, base, [*staying, *intent.joining]),
        think(workflows.RESET, replace(leave, facts=living, members=then, leaving=frozenset(living)), intent.living),
        think(workflows.SETTLE, base, [*staying, *intent.joining][:1]),
    )
    plan = Plan(request.command, tuple(step for part in parts for step in part.steps))
    state = observing.api_state(plan, access, seen.facts)
    if state is None or not state.finished:
        if intent.joining:
            raise leaving.not_ready(state)
        return plan
    return plan.without_settled(_without_nodes(state, intent.gone))


def _without_nodes(state: ApiState, names: Collection[str]) -> ApiState:
    """What the API will say once these nodes are removed."""
    settled = frozenset(change for change in state.settled if change.ref not in {f"Node {name}" for name in names})
    return replace(state, settled=settled, nodes={name: taints for name, taints in state.nodes.items() if name not in names})


def _joins(intent: Intent, seen: Seen, members: Sequence[Member]) -> dict[str, Join]:
    candidates = []
    for host in intent.joining:
        facts = seen.facts[host.name]
        journal = seen.journals.get(host.name)
        candidates.append(Candidate(host, facts.etcd.has_member, facts.etcd.data_dir, desired.born_with(facts), journal))
    if not candidates:
        return {}
    token = next((birth.token for found in seen.facts.values() if (birth := desired.born_with(found)) is not None), "")
    start = intent.cluster.timeouts.control_plane_component_health_check
    return joining.joins(candidates, members, token, start=start, db_size=seen.db_size)


def _journals(access: Access, facts: Mapping[str, Facts]) -> dict[str, joining.Journal]:
    there = [name for name, seen in facts.items() if JOURNAL in seen.owned]
    return joining.read_journals({name: access.connections[name].read([JOURNAL])[JOURNAL] for name in there})


def _db_size(access: Access, healthy: Sequence[str]) -> int:
    for host in healthy:
        try:
            return int(access.etcd(host).status().get("dbSize", 0))
        except (NoAnswer, HostUnreachable):
            continue
    return 0


def _done(
    cluster: Cluster, intent: Intent, request: Request, console: Console, started: float, *, changed: bool
) -> ExitCode:
    seconds = time.monotonic() - started
    joined, left = [host.name for host in intent.joining], [host.name for host in intent.leaving]
    said = [f"{', '.join(joined)} joined" if joined else "", f"{', '.join(left)} left" if left else ""]
    names = ", ".join(host.name for host in intent.cluster.control_plane_hosts)
    text = f"{'; '.join(part for part in said if part)}: {intent.cluster.name} has the masters {names} ({seconds:.1f} s)"
    if not changed:
        text = "" if request.dry_run else f"Nothing to do: {intent.cluster.name} has the masters {names} ({seconds:.1f} s)"
    still = [host.name for host in cluster.control_plane_hosts if host.name in left and host.name not in joined]
    if still and text:
        text += (
            f"\nnext: take {', '.join(still)} out of {request.inventory}; until then init refuses, verify finds differences, "
            "and apply --members would bring back who left"
        )
    result = {"cluster": intent.cluster.name, "changed": changed, "dryRun": request.dry_run, "joined": joined, "left": left}
    console.result({**result, "seconds": round(seconds, 1)}, text)
    return ExitCode.DONE

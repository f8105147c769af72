"""The three passes: LOOK at all hosts at once, THINK (pure), ACT. Every command is one of these, or LOOK alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from bootstrap import constants as k
from bootstrap import desired, guards, membership, observing, pruning, snapshots, surveying, workflows
from bootstrap import preflight as checks
from bootstrap.access import Access
from bootstrap.apply import Applier
from bootstrap.changes import ApiPrune, SaveLocal
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.connecting import Connect, at_once, changing, raise_all
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, ExitCode, PersonNeeded, Refused, UsageError, typed
from bootstrap.events import Event, Kind
from bootstrap.facts import Facts, has_control_plane
from bootstrap.localfiles import refuse_unwritable
from bootstrap.phases import admin_access, prune_addons
from bootstrap.plan import ApiState, Plan, Snapshot, Workflow, think


@dataclass(frozen=True)
class Request:
    """What `init` was asked for. kubeconfig: where the administrator's goes; None: `<cluster>.kubeconfig` where one stands.

    keep_kubelet: a kubelet that refused a pod is not restarted. prune: what the inventory no longer names is deleted.
    confirm: the cluster's name, typed on the command line; for a prune that would leave no add-on at all.
    """

    inventory: Path
    dry_run: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    ignore_preflight: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    keep_kubelet: bool = False
    prune: bool = False
    confirm: str | None = None


@dataclass(frozen=True)
class ResetRequest:
    """What `reset` was asked for. hosts: empty means every master. confirm: the cluster's name, typed on the command line."""

    inventory: Path
    hosts: tuple[str, ...] = ()
    confirm: str | None = None
    dry_run: bool = False
    delete_etcd_data: bool = False
    force_quorum_loss: bool = False


def init(cluster: Cluster, request: Request, connect: Connect, console: Console) -> ExitCode:
    """Bring the control plane up; nothing is written when it is up."""
    started = time.monotonic()
    workflow = workflows.chosen(workflows.INIT, request.only, request.skip)
    if request.prune and prune_addons.PHASE not in workflow.phases:
        raise UsageError(f"--prune needs the phase {prune_addons.PHASE.name}, which was left out")
    target = request.kubeconfig or default_kubeconfig(cluster)
    if admin_access.PHASE in workflow.phases:
        refuse_unwritable(target)
    workers = [host.name for host in cluster.hosts if host.role is Role.WORKER]
    if workers:
        console.note(f"init brings up masters only; not touched: {', '.join(workers)}")
    with changing(cluster, "init", connect, dry_run=request.dry_run, tell=console.event) as access:
        names = [host.name for host in cluster.control_plane_hosts]
        begun = Event(Kind.PHASE_STARTED, time.monotonic() - started, "preflight", "", "Looking at the hosts", {"hosts": names})
        console.event(begun)
        facts = look(access)
        refuse(access, facts, request.ignore_preflight, console, write=not request.dry_run)
        console.event(Event(Kind.PHASE_DONE, time.monotonic() - started, "preflight"))
        snapshot = snapshots.take(cluster, facts, access, datetime.now(UTC), kubeconfig_path=target)
        snapshot = replace(snapshot, options={"keep_kubelet": request.keep_kubelet, "prune": request.prune})
        guards.refuse_without_pki(workflow, snapshot)
        guards.refuse_to_take_place(snapshot)
        plan, snapshot = plan_for(workflow, snapshot, access)
        unfinished = snapshot.api is not None and not snapshot.api.finished
        guards.refuse_to_roll(plan, facts, unfinished=unfinished)
        for _, _, change in plan.all():
            if isinstance(change, SaveLocal):
                guards.refuse_to_overwrite(change.path, change.previous, cluster)
        if snapshot.api is not None:
            members, _ = observing.etcd_members(access, facts)
            voters = None if members is None else membership.voters(members)
            guards.refuse_to_take(snapshot.api.taken)
            guards.refuse_strange_members(members or (), names)
            guards.refuse_to_grow(voters, facts, finished=snapshot.api.finished)
        for text in pruning.notes(plan, snapshot):
            console.note(text)
        if request.dry_run:
            console.plan(plan)
            console.result({"cluster": cluster.name, "changed": False, "dryRun": True})
            return ExitCode.DONE
        if not cluster.addons and any(isinstance(change, ApiPrune) for _, _, change in plan.all()):
            console.note("the inventory names no add-on at all, and every object of those that were applied would be deleted")
            confirm(cluster, request.confirm, console)
        if not plan.is_empty:
            console.outline(plan)
        run(plan, access, console, started)
        nodes = observing.nodes(access, access.masters) if workers else None
    to_join = [] if nodes is None else [name for name in workers if name not in nodes.nodes]
    seconds = time.monotonic() - started
    if request.only or request.skip:
        phases = ", ".join(phase.name for phase in workflow.phases)
        text = f"{'Nothing to do' if plan.is_empty else 'Done'} in the phases asked for: {phases} ({seconds:.1f} s)"
    elif plan.is_empty:
        text = f"Nothing to do: {cluster.name} is as {request.inventory} says ({seconds:.1f} s)"
    else:
        count = len(cluster.control_plane_hosts)
        text = (
            f"{cluster.name} is up: {count} master{'' if count == 1 else 's'}, every component healthy ({seconds:.1f} s)\n"
            f"next: kubectl --kubeconfig {target} -n kube-system get pods"
        )
    if to_join:
        text += f"\nnext: {typed('bootstrap add-worker INVENTORY', request.inventory)} (not joined yet: {', '.join(to_join)})"
    result = {"changed": not plan.is_empty, "seconds": round(seconds, 1), "kubeconfig": str(target), "notJoined": to_join}
    console.result({"cluster": cluster.name, **result}, text)
    return ExitCode.DONE


def reset(cluster: Cluster, request: ResetRequest, connect: Connect, console: Console) -> ExitCode:
    """Take the control plane off the hosts, after showing what goes and asking for the cluster's name."""
    started = time.monotonic()
    hosts = chosen_hosts(cluster, request.hosts) if request.hosts else cluster.control_plane_hosts
    with changing(
        cluster, "reset", connect, dry_run=request.dry_run, tolerate=not_among(hosts), console=console,
        few_will_do=request.force_quorum_loss, tell=console.event,
    ) as access:  # fmt: skip
        facts = look(access)
        members, healthy = observing.etcd_members(access, facts)
        leaving = [host.name for host in hosts]
        born = any(found.etcd.has_member for found in facts.values())
        try:
            guards.refuse_to_lose_quorum(None if members is None else membership.voters(members), healthy, leaving)
            if members is None and born and len(leaving) < len(cluster.control_plane_hosts):
                raise PersonNeeded(
                    "etcd does not answer, so it cannot be told whether the rest keeps its quorum",
                    hint="bring etcd's quorum back, reset every master together, or give the rest up: --force-quorum-loss",
                )
        except (Refused, PersonNeeded):
            if not request.force_quorum_loss:
                raise
            members = None  # etcd itself would refuse to let a member go that its quorum needs
        # Members that are dead leave first: while they count, those alive may not be enough to decide anything.
        hosts = tuple(sorted(hosts, key=lambda host: (host.name in healthy, host.name)))
        leaving_facts = {name: facts[name] for name in leaving}
        options = {"delete_etcd_data": request.delete_etcd_data}
        staying = [name for name in sorted(access.connections) if name not in leaving]
        nodes = observing.nodes(access, staying)
        if staying and nodes is None and born:
            names = " ".join(leaving)
            console.note(f"no API server that stays answers, so the Node objects stay; later: kubectl delete node {names}")
        snapshot = Snapshot(cluster, leaving_facts, datetime.now(UTC), members=members, options=options, api=nodes,
                            leaving=frozenset(leaving))  # fmt: skip
        plan = think(workflows.RESET, snapshot, hosts)
        console.plan(plan)
        if not any(has_control_plane(facts[name]) for name in staying):
            for text in _of_workers(cluster, observing.nodes(access, access.masters), request.inventory):
                console.note(text)
        keeping = [name for name, found in leaving_facts.items() if k.SYSUSERS_FILE in found.owned]
        if keeping:
            console.note(f"the system user {k.ETCD_USER} stays on {', '.join(keeping)}: data that is kept belongs to it")
        if request.dry_run or plan.is_empty:
            console.result({"cluster": cluster.name, "changed": False, "dryRun": request.dry_run, "reset": []})
            return ExitCode.DONE
        confirm(cluster, request.confirm, console)
        run(plan, access, console, started)
    text = f"{', '.join(leaving)} reset ({time.monotonic() - started:.1f} s)"
    console.result({"cluster": cluster.name, "changed": True, "reset": leaving}, text)
    return ExitCode.DONE


def _of_workers(cluster: Cluster, nodes: ApiState | None, inventory: Path) -> Iterator[str]:
    """What to know of workers before nothing of the control plane is left. nodes: None where no API server knows them."""
    ours = [host.name for host in cluster.workers if nodes is None or host.name in nodes.nodes]
    command = typed(f"bootstrap remove-worker INVENTORY {' '.join(ours)}", inventory)
    if nodes is None and ours:
        yield f"not looked at, not touched: {', '.join(ours)} (those that have joined, afterwards: {command})"
    elif nodes is not None:
        others = sorted(set(nodes.nodes) - {host.name for host in cluster.hosts})
        first = f" (take workers out first: {command})" if ours else ""
        if ours or others:
            yield f"still running, not touched: {', '.join([*ours, *others])}{first}"


def confirm(cluster: Cluster, typed: str | None, console: Console) -> None:
    """Raise UsageError unless the cluster's name was typed."""
    question, hint = f"Type the cluster's name ({cluster.name}) to go on: ", f"--confirm {cluster.name}"
    word = typed if typed is not None else console.confirm(question, hint=hint)
    if word != cluster.name:
        raise UsageError(f"{word!r} is not the cluster's name; nothing was removed", hint=hint)


def look(access: Access, names: Collection[str] | None = None, *, security: bool = False) -> dict[str, Facts]:
    """Facts of every connected host (or of those), read at once. security: as of Connection.look. Raises all errors."""
    found, failed = look_at_each(access, names, security=security)
    raise_all(list(failed.values()))
    return found


def look_at_each(
    access: Access, names: Collection[str] | None = None, *, security: bool = False
) -> tuple[dict[str, Facts], dict[str, BootstrapError]]:
    """Facts of the connected hosts (or those of them) that could be read, and the errors of the others."""
    directory = PurePosixPath(access.cluster.etcd.local.data_dir)
    wanted = sorted(access.connections if names is None else names)
    results = at_once(lambda name: access.connections[name].look(directory, security=security), wanted, str)
    failed = {name: found for name, found in results.items() if isinstance(found, BootstrapError)}
    return {name: found for name, found in results.items() if isinstance(found, Facts)}, failed


def refuse(
    access: Access, facts: Mapping[str, Facts], ignored: Sequence[str], console: Console, *, write: bool,
    cluster: Cluster | None = None,
) -> None:  # fmt: skip
    """Raise Refused when preflight finds what cannot work; warnings and findings let pass are shown.

    Hosts on which everything runs are not asked again what that has answered. write: whether disks may be measured.
    cluster: as it will be, where that is not as `access` has it.
    """
    cluster = cluster or access.cluster
    answers = checks.Answers()
    if not surveying.is_up(facts):
        answers, lost = surveying.survey(access, facts, ignored, write=write, cluster=cluster)
        raise_all(list(lost.values()))
    given = snapshots.given_authorities(cluster)
    report = checks.report(cluster, facts, answers, datetime.now(UTC), given=given, ignored=ignored)
    known = [finding for finding in report.findings if finding.severity != "unknown" and finding not in report.fatal]
    console.findings(known)
    if report.fatal:
        console.findings(report.fatal)
        names = sorted({finding.name for finding in report.fatal})
        raise Refused(
            f"{len(report.fatal)} preflight finding{'' if len(report.fatal) == 1 else 's'}; nothing was written",
            hint=f"mend them, or let one pass with --ignore-preflight {names[0]}",
        )


def plan_for(
    workflow: Workflow, snapshot: Snapshot, access: Access, hosts: Sequence[Host] | None = None
) -> tuple[Plan, Snapshot]:
    """The plan for `hosts`, less what the API already has, and the snapshot with what the API said.

    hosts: default: the masters that were looked at.
    """
    if hosts is None:
        hosts = [host for host in snapshot.cluster.control_plane_hosts if host.name in snapshot.facts]
    if prune_addons.PHASE in workflow.phases:
        wanted = (*desired.built_in_addons(snapshot), *desired.user_addons(snapshot))
        snapshot = replace(snapshot, applied=pruning.look(access, snapshot.facts, wanted))
    plan = think(workflow, snapshot, hosts)
    state = observing.api_state(plan, access, snapshot.facts)
    if state is None:
        return plan, snapshot
    return plan.without_settled(state), snapshots.with_api(snapshot, state)


def run(plan: Plan, access: Access, console: Console, started: float) -> None:
    """Apply a plan; an interrupt ends the waits and goes up. Clients are made anew: the plan may replace their certificates."""
    if access.holds is None:
        raise AssertionError("a plan is applied by whoever holds the operator's locks: see connecting.changing")
    access.forget_clients()
    applier = Applier(access, console.event, started)
    try:
        applier.apply(plan)
    except KeyboardInterrupt:
        applier.stop()
        raise


def chosen_hosts(cluster: Cluster, names: Sequence[str]) -> tuple[Host, ...]:
    """The masters of those names. Raises UsageError for a name that is none."""
    known = {host.name: host for host in cluster.control_plane_hosts}
    for name in names:
        if name not in known:
            worker = any(host.name == name for host in cluster.workers)
            hint = f"it is a worker: bootstrap remove-worker INVENTORY {name}" if worker else f"masters: {', '.join(known)}"
            raise UsageError(f"{name!r} is no master of {cluster.name}", hint=hint)
    return tuple(known[name] for name in sorted(set(names)))


def not_among(hosts: Sequence[Host]) -> Callable[[str], bool]:
    """Says of a name whether it is none of `hosts`."""
    names = {host.name for host in hosts}
    return lambda name: name not in names


def default_kubeconfig(cluster: Cluster) -> Path:
    """Where the administrator's kubeconfig goes when nobody said: beside the person who typed the command."""
    return Path(f"{cluster.name}.kubeconfig")

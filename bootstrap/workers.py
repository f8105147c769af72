"""add-worker, remove-worker: hosts join and leave a living cluster, any number at once; what fails on one stops no other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bootstrap import guards, observing, snapshots, surveying, workflows
from bootstrap import preflight as checks
from bootstrap.access import Access
from bootstrap.cluster import Cluster, Host
from bootstrap.connecting import Connect, changing, raise_all
from bootstrap.console import Console
from bootstrap.draining import leaving
from bootstrap.errors import BootstrapError, ExitCode, Refused, SeveralErrors, UsageError, typed
from bootstrap.events import Event, Kind
from bootstrap.facts import Facts
from bootstrap.parallel import each
from bootstrap.plan import ApiState, Plan, Snapshot, think
from bootstrap.runner import look_at_each, plan_for, run

AGAIN = "mend them and run the same command again: it carries on where this one stopped"


@dataclass(frozen=True)
class AddRequest:
    """What `add-worker` was asked for. workers: names; none: every worker of the inventory.

    keep_kubelet: a kubelet that refused a pod is not restarted.
    """

    inventory: Path
    workers: tuple[str, ...] = ()
    dry_run: bool = False
    ignore_preflight: tuple[str, ...] = ()
    keep_kubelet: bool = False


def add(cluster: Cluster, request: AddRequest, connect: Connect, console: Console) -> ExitCode:
    """Make workers out of hosts; nothing is written to those that are workers already.

    Raises the errors of the workers that were left behind, once all others have joined.
    """
    started = time.monotonic()
    chosen = chosen_workers(cluster, request.workers)
    failed: dict[str, BootstrapError] = {}
    with changing(
        cluster, "add-worker", connect, dry_run=request.dry_run, workers=chosen, tolerate=lambda name: True, console=console,
        tell=console.event, failed=failed,
    ) as access:  # fmt: skip
        names = sorted(access.connections)
        begun = Event(Kind.PHASE_STARTED, time.monotonic() - started, "preflight", "", "Looking at the hosts", {"hosts": names})
        console.event(begun)
        facts, unread = look_at_each(access)
        failed |= unread
        nodes = observing.nodes(access, [name for name in access.masters if name in facts])
        if nodes is None:
            raise guards.no_api(cluster, facts, failed)
        failed |= unfit(access, facts, chosen, request, console)
        console.event(Event(Kind.PHASE_DONE, time.monotonic() - started, "preflight"))
        hosts = [host for host in chosen if host.name not in failed]
        kept = {name: found for name, found in facts.items() if name not in failed}
        snapshot = snapshots.take(cluster, kept, access, datetime.now(UTC), about=hosts)
        snapshot = replace(snapshot, options={"keep_kubelet": request.keep_kubelet}, api=nodes)
        snapshot = replace(snapshot, balancing=observing.balancing(access, snapshot))
        plan, snapshot = plan_for(workflows.ADD_WORKER, snapshot, access, hosts)
        left_behind = {host.name: failed[host.name] for host in chosen if host.name in failed}
        if request.dry_run:
            console.plan(plan)
            raise_all(list(left_behind.values()))
            console.result({"cluster": cluster.name, "changed": False, "dryRun": True, "workers": [host.name for host in hosts]})
            return ExitCode.DONE
        finish(plan, left_behind, access, console, started)
    seconds = time.monotonic() - started
    count = f"{len(hosts)} worker{'' if len(hosts) == 1 else 's'}"
    text = f"Nothing to do: {count} as {request.inventory} says" if plan.is_empty else f"{count} up in {cluster.name}"
    console.result(
        {"cluster": cluster.name, "changed": not plan.is_empty, "seconds": round(seconds, 1),
         "workers": [host.name for host in hosts]},
        f"{text} ({seconds:.1f} s)",
    )  # fmt: skip
    return ExitCode.DONE


@dataclass(frozen=True)
class RemoveRequest:
    """What `remove-worker` was asked for. drain_timeout, force, delete_emptydir_data: of the drain, as of changes.Drain.

    dead: the machines do not answer any more, and nothing but their Node objects is left to be removed.
    """

    inventory: Path
    workers: tuple[str, ...]
    dry_run: bool = False
    drain_timeout: timedelta = timedelta(minutes=5)
    force: bool = False
    delete_emptydir_data: bool = False
    dead: bool = False


def remove(cluster: Cluster, request: RemoveRequest, connect: Connect, console: Console) -> ExitCode:
    """Take workers out of a cluster: their pods go elsewhere, then everything of ours on the host, and the Node object.

    Where every master was reset there is nowhere for pods to go, and no Node: what is on the host is all that is removed.
    Raises Refused, before anything was written, where pods would be lost that nobody makes anew.
    """
    started = time.monotonic()
    chosen = chosen_workers(cluster, request.workers)
    failed: dict[str, BootstrapError] = {}
    with changing(
        cluster, "remove-worker", connect, dry_run=request.dry_run, workers=chosen, tolerate=lambda name: True,
        console=console, tell=console.event, failed=failed,
    ) as access:  # fmt: skip
        facts, unread = look_at_each(access)
        failed |= unread
        nodes = observing.nodes(access, [name for name in access.masters if name in facts])
        if nodes is None:
            if not guards.is_without_control_plane(cluster, facts):
                raise guards.no_api(cluster, facts, failed)
            _refuse_of_another(cluster, [host for host in chosen if host.name in facts], access, facts)
            console.note(f"{cluster.name} has no control plane: no Node is removed, and pods end where they are")
            nodes = ApiState()
        left_behind = {host.name: failed[host.name] for host in chosen if host.name in failed}
        if request.dead:
            _refuse_living(chosen, access, nodes)
            hosts, workflow, left_behind = chosen, workflows.REMOVE_DEAD_WORKER, {}
        else:
            hosts, workflow = tuple(host for host in chosen if host.name not in failed), workflows.REMOVE_WORKER
            for name, error in left_behind.items():
                error.hint = error.hint or f"if it is gone for good: bootstrap remove-worker INVENTORY {name} --dead"
            _refuse_losses(access, [host.name for host in hosts if host.name in nodes.nodes], request)
        options = {
            "drain_timeout": request.drain_timeout, "force": request.force, "delete_emptydir_data": request.delete_emptydir_data,
        }  # fmt: skip
        looked_at = {host.name: facts[host.name] for host in hosts if host.name in facts}
        plan = think(workflow, Snapshot(cluster, looked_at, datetime.now(UTC), api=nodes, options=options), hosts)
        console.plan(plan)
        if request.dry_run:
            raise_all(list(left_behind.values()))
        else:
            finish(plan, left_behind, access, console, started)
    names = [host.name for host in hosts]
    done = "would be removed" if request.dry_run else "removed"
    text = f"{', '.join(names)} {done} from {cluster.name}" if not plan.is_empty else "Nothing to do"
    console.result(
        {"cluster": cluster.name, "changed": not plan.is_empty and not request.dry_run, "dryRun": request.dry_run,
         "workers": names},
        f"{text} ({time.monotonic() - started:.1f} s)",
    )  # fmt: skip
    return ExitCode.DONE


def _refuse_of_another(cluster: Cluster, chosen: Sequence[Host], access: Access, facts: Mapping[str, Facts]) -> None:
    """Raise Refused for workers whose own API server answers: the masters that the inventory names are not theirs."""
    servers = {host.name: observing.own_server(access.connections[host.name], facts[host.name]) for host in chosen}
    if found := [f"the API server of {name}, {server}, answers" for name, server in servers.items() if server]:
        raise Refused(
            f"{cluster.name} has no control plane, but these are nodes of a cluster that is alive; nothing was written",
            evidence=found, hint="bootstrap remove-worker with the inventory of that cluster: pods must leave before",
        )  # fmt: skip


def _refuse_living(chosen: Sequence[Host], access: Access, nodes: ApiState) -> None:
    """Raise Refused for machines that are to be dead, and answer, or whose kubelet reports to the API."""
    found = [f"{host.name} answers" for host in chosen if host.name in access.connections]
    found += [f"the kubelet of {host.name} reports that it is Ready" for host in chosen if host.name in nodes.ready]
    if found:
        raise Refused(
            "--dead is for machines that do not answer any more; nothing was written", evidence=found,
            hint="without --dead its pods are moved and its files are removed, too; a Node is Ready for some 50 s after its end",
        )  # fmt: skip


def _refuse_losses(access: Access, nodes: Sequence[str], request: RemoveRequest) -> None:
    """Raise Refused where a drain of these nodes would lose pods or data. Asked before anything is written."""
    pods = each(lambda node: access.any_api().pods_on(node), nodes, observing.AT_ONCE)
    losses = [
        f"{node}: {loss}"
        for node, found in zip(nodes, pods, strict=True)
        for loss in leaving(found, force=request.force, delete_emptydir_data=request.delete_emptydir_data).losses
    ]
    if losses:
        raise Refused("pods would be lost; nothing was written", evidence=losses,
                      hint="move them yourself, or give the switches that are named")  # fmt: skip


def finish(
    plan: Plan, left_behind: Mapping[str, BootstrapError], access: Access, console: Console, started: float
) -> None:
    """Apply a plan of independent hosts, and raise the errors of all that failed, now or before.

    An error from before the plan is not "nothing was written" any more once the plan has been applied to other hosts.
    """
    errors = list(left_behind.values())
    try:
        run(plan, access, console, started)
    except SeveralErrors as error:
        errors += error.errors
    except BootstrapError as error:
        errors.append(error)
    if not plan.is_empty:
        for one in left_behind.values():
            one.exit_code = ExitCode.STOPPED
            one.hint = one.hint or AGAIN
    raise_all(errors)


def unfit(
    access: Access, facts: Mapping[str, Facts], chosen: Sequence[Host], request: AddRequest, console: Console
) -> dict[str, BootstrapError]:
    """Workers on which preflight finds what cannot work, each with its refusal. Raises Refused for what concerns all.

    Warnings are shown. What is wrong with a master alone is not asked here.
    """
    cluster, ignored = access.cluster, request.ignore_preflight
    joining = {host.name: facts[host.name] for host in chosen if host.name in facts}
    new = {name: found for name, found in joining.items() if not found.kubelet.argv}
    answers, lost = surveying.survey(access, new, ignored, write=False) if new else (checks.Answers(), {})
    given = snapshots.given_authorities(cluster)
    report = checks.report(cluster, facts, answers, datetime.now(UTC), given=given, ignored=ignored)
    ours = [finding for finding in report.findings if finding.host is None or finding.host in joining]
    fatal = [finding for finding in ours if finding in report.fatal]
    told = [finding for finding in ours if finding.severity != "unknown" and finding not in fatal]
    for findings in (told, fatal):
        console.findings(replace(one, hint=typed(one.hint, request.inventory)) for one in findings)
    if any(finding.host is None for finding in fatal):
        raise Refused(
            "preflight findings that concern all hosts; nothing was written",
            hint=f"mend them, or let one pass with --ignore-preflight {fatal[0].name}",
        )
    refusals: dict[str, BootstrapError] = dict(lost)
    for name in joining:
        own = [finding for finding in fatal if finding.host == name]
        if own:
            refusals[name] = Refused(
                f"{len(own)} preflight finding{'' if len(own) == 1 else 's'}; nothing was written to {name}",
                host=name,
                evidence=[f"{finding.name}: {finding.message}" for finding in own],
                hint=f"mend them, or let one pass with --ignore-preflight {own[0].name}",
            )
    return refusals


def chosen_workers(cluster: Cluster, names: Sequence[str]) -> tuple[Host, ...]:
    """The workers of those names, all where none is named. Raises UsageError for a name that is none."""
    known = {host.name: host for host in cluster.workers}
    if not known:
        raise UsageError(f"{cluster.name} has no host of role worker", hint="a line in spec.hosts with role: worker")
    for name in names:
        if name not in known:
            raise UsageError(f"{name!r} is no worker of {cluster.name}", hint=f"workers: {', '.join(known)}")
    return tuple(known[name] for name in sorted(set(names))) if names else cluster.workers

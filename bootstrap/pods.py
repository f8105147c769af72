"""pods apply, pods delete: static pods of the user's own on any host of the inventory, host by host where one is changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from bootstrap import constants as k
from bootstrap import desired, guards, podcheck, snapshots, userpods, workflows
from bootstrap.access import Access
from bootstrap.changes import RemovePath, WriteFile
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.connecting import Connect, changing
from bootstrap.console import Console
from bootstrap.errors import ExitCode, Refused, UsageError
from bootstrap.facts import Facts
from bootstrap.facts.live import kubelet_runs, manifests
from bootstrap.hostpods import HostPods
from bootstrap.phases.static_pods import STABLE_S
from bootstrap.plan import Plan, Snapshot, think
from bootstrap.runner import look, not_among, run
from bootstrap.userpods import UserPod


@dataclass(frozen=True)
class Where:
    """Which hosts a command is about: by name, and by role (`control-plane`, `worker`, `all`)."""

    hosts: tuple[str, ...] = ()
    role: str | None = None


@dataclass(frozen=True)
class ApplyRequest:
    """file: None: what the inventory names. adopt: as of guards.refuse_to_take_place. stable_s: how long a pod must have run."""

    inventory: Path
    file: Path | None = None
    where: Where = Where()
    adopt: bool = False
    stable_s: float = STABLE_S
    dry_run: bool = False


@dataclass(frozen=True)
class DeleteRequest:
    """name: NAME, NAMESPACE/NAME, or the absolute path of a manifest, which also means one that nobody knows."""

    inventory: Path
    name: str
    where: Where = Where()
    dry_run: bool = False


def apply(cluster: Cluster, request: ApplyRequest, connect: Connect, console: Console) -> ExitCode:
    """Have the pods run on their hosts, each as its manifest says."""
    started = time.monotonic()
    wanted = _wanted(cluster, request)
    hosts = [host for host in cluster.hosts if wanted.get(host.name)]
    with _changing(cluster, "pods apply", hosts, connect, console, dry_run=request.dry_run) as access:
        facts = _fit(access, hosts)
        snapshot = Snapshot(
            cluster, facts, datetime.now(UTC), static_pods={host.name: wanted[host.name] for host in hosts},
            host_pods=snapshots.host_pods(access, sorted(facts)), options={"stable_s": request.stable_s},
        )  # fmt: skip
        guards.refuse_to_take_place(snapshot, adopt=request.adopt)
        plan = think(workflows.PODS_APPLY, snapshot, hosts)
        written = {(host, change.entry.path) for _, host, change in plan.all() if isinstance(change, WriteFile)}
        directories = {name: desired.manifest_dir(seen) for name, seen in facts.items()}
        pods = [(host.name, pod, directories[host.name] / pod.file_name) for host in hosts for pod in wanted[host.name]]
        first = {pod.key: (pod, host) for host, pod, path in reversed(pods) if (host, path) in written}
        for note in podcheck.ask(access, first.values()).notes if first else ():
            console.note(note)
        _do(plan, access, console, started, dry_run=request.dry_run)
    done = [
        {"host": host, "namespace": pod.namespace, "name": pod.name, "file": str(path), "changed": (host, path) in written}
        for host, pod, path in pods
    ]
    changed = bool(written) and not request.dry_run
    names = ", ".join(dict.fromkeys(pod.key for _, pod, _ in pods))
    where = ", ".join(host.name for host in hosts)
    text = f"{names} running on {where} ({time.monotonic() - started:.1f} s)" if written else f"Nothing to do: {names} on {where}"
    result = {"cluster": cluster.name, "changed": changed, "dryRun": request.dry_run, "pods": done}
    console.result(result, "" if request.dry_run else text)
    return ExitCode.DONE


def delete(cluster: Cluster, request: DeleteRequest, connect: Connect, console: Console) -> ExitCode:
    """Take a pod's manifest away and see that its containers end. Components of the control plane are `reset`'s business."""
    started = time.monotonic()
    hosts = hosts_of(cluster, request.where)
    of_inventory = userpods.of_hosts(cluster)
    with _changing(cluster, "pods delete", hosts, connect, console, dry_run=request.dry_run) as access:
        facts = _fit(access, hosts)
        remove = {name: _meant(facts[name], request.name) for name in sorted(facts)}
        _refuse_to_remove(cluster, facts, remove, of_inventory, request)
        host_pods = snapshots.host_pods(access, sorted(facts))
        options = {"remove": remove, "ending": {name: _ending(facts[name], host_pods[name], request.name) for name in facts}}
        snapshot = Snapshot(cluster, facts, datetime.now(UTC), host_pods=host_pods, options=options)
        plan = think(workflows.PODS_DELETE, snapshot, hosts)
        _do(plan, access, console, started, dry_run=request.dry_run)
    removed = [
        {"host": host, "file": str(change.path)} for _, host, change in plan.all() if isinstance(change, RemovePath)
    ]
    where = ", ".join(dict.fromkeys(one["host"] for one in removed))
    text = f"{request.name} is gone from {where} ({time.monotonic() - started:.1f} s)" if removed else (
        f"Nothing to do: no {request.name} on {', '.join(host.name for host in hosts)}"
    )  # fmt: skip
    result = {"cluster": cluster.name, "changed": bool(removed) and not request.dry_run, "dryRun": request.dry_run,
              "removed": removed}  # fmt: skip
    console.result(result, "" if request.dry_run and removed else text)
    return ExitCode.DONE


def hosts_of(cluster: Cluster, where: Where) -> tuple[Host, ...]:
    """The hosts that the command line means. Raises UsageError for a name that is none, and where it says nothing."""
    known = {host.name: host for host in cluster.hosts}
    for name in where.hosts:
        if name not in known:
            raise UsageError(f"{name!r} is no host of {cluster.name}", hint=f"hosts: {', '.join(known)}")
    if not where.hosts and where.role is None:
        raise UsageError("no host is named", hint="--host NAME, or --role control-plane, worker or all")
    found = tuple(host for host in cluster.hosts if host.name in where.hosts or where.role in ("all", host.role.value))
    if not found:
        raise UsageError(f"{cluster.name} has no host of role {where.role}", hint=f"hosts: {', '.join(known)}")
    return found


def _wanted(cluster: Cluster, request: ApplyRequest) -> Mapping[str, tuple[UserPod, ...]]:
    """By host, the pods that are meant."""
    of_inventory = userpods.of_hosts(cluster)
    if request.file is None:
        names = {host.name for host in hosts_of(cluster, request.where)} if request.where != Where() else set(of_inventory)
        found = {name: pods for name, pods in of_inventory.items() if pods and name in names}
        if not found:
            raise UsageError(f"{request.inventory} has no spec.staticPods for these hosts", hint="name a manifest: -f FILE")
        return found
    pod = userpods.load(request.file)
    hosts = hosts_of(cluster, request.where)
    for host in hosts:
        if any(other.name == pod.name for other in of_inventory[host.name]):
            raise UsageError(
                f"a pod of that name is in spec.staticPods of {request.inventory}, for {host.name}",
                hint="change the file that the inventory names, then: bootstrap pods apply INVENTORY",
            )
    return {host.name: (pod,) for host in hosts}


def _changing(
    cluster: Cluster, command: str, hosts: Sequence[Host], connect: Connect, console: Console, *, dry_run: bool
) -> AbstractContextManager[Access]:
    """Connections to the masters with the operator's locks, and to those hosts that are none."""
    further = [host for host in hosts if host.role is not Role.CONTROL_PLANE]
    return changing(
        cluster, command, connect, dry_run=dry_run, workers=further, tolerate=not_among(hosts), console=console,
        tell=console.event,
    )  # fmt: skip


def _fit(access: Access, hosts: Sequence[Host]) -> dict[str, Facts]:
    """Facts of the hosts. Raises Refused where a kubelet would not follow its manifest directory now."""
    facts = look(access, [host.name for host in hosts])
    found = [f"{name}: {why}" for name, seen in sorted(facts.items()) if (why := _unfit(seen))]
    if found:
        raise Refused("a kubelet would not follow what is written for it", evidence=found,
                      hint=f"bootstrap logs INVENTORY {found[0].partition(':')[0]} kubelet")  # fmt: skip
    return facts


def _unfit(facts: Facts) -> str:
    """Why a host's kubelet does not read static pods now; empty where it does.

    One that starts is waited for by the operator: a manifest that changes just then was seen to give two pods.
    """
    service, directory = facts.services.get("kubelet.service"), facts.kubelet.manifests
    if facts.kubelet.problem:
        return facts.kubelet.problem
    if directory.path is None:
        return "its kubelet reads no static pods: staticPodPath is not set"
    if directory.is_file or not directory.listed:
        return f"{directory.path}, which its kubelet reads static pods from, is no directory that could be listed"
    if service is None or service.active_state != "active" or not kubelet_runs(facts):
        return f"its kubelet does not run ({'no such service' if service is None else service.active_state})"
    return ""


def _meant(facts: Facts, name: str) -> tuple[PurePosixPath, ...]:
    """The manifests on a host that a name, `namespace/name` or path means."""
    there = manifests(facts)
    if name.startswith("/"):
        path = PurePosixPath(name)
        if path.parent != desired.manifest_dir(facts):
            directory = desired.manifest_dir(facts)
            raise UsageError(f"{name} is not in {directory}, where the kubelet on {facts.host} reads manifests")
        return (path,) if path in there else ()
    pods = {path: userpods.identity(seen.content) for path, seen in there.items()}
    found = {path: pod for path, pod in pods.items() if pod is not None and name in (pod[1], "/".join(pod))}
    if len(set(found.values())) > 1:
        several = ", ".join("/".join(pod) for pod in found.values())
        raise UsageError(f"{name!r} means several pods on {facts.host}", hint=f"one of {several}")
    return tuple(sorted(found))


def _ending(facts: Facts, seen: HostPods, name: str) -> tuple[tuple[str, str], ...]:
    """Static pods of that name that run without a manifest: a delete that was cut short left them to end."""
    named = {userpods.identity(found.content) for found in manifests(facts).values()}
    pods = {(pod.namespace, pod.name.removesuffix(f"-{seen.node}")) for pod in seen.pods if pod.alive and pod.is_static}
    return tuple(sorted(pod for pod in pods if pod not in named and name in (pod[1], "/".join(pod))))


def _refuse_to_remove(
    cluster: Cluster, facts: Mapping[str, Facts], remove: Mapping[str, Sequence[PurePosixPath]],
    of_inventory: Mapping[str, Sequence[UserPod]], request: DeleteRequest,
) -> None:
    """Raise Refused for what belongs to the tool, to the inventory, or, without its path, to somebody else."""
    found, hints = [], []
    for host, paths in remove.items():
        ours, tools = desired.users_manifests(facts[host]), desired.own_manifests(cluster, facts[host])
        for path in paths:
            if path in tools and path.stem == k.BALANCER:
                found.append(f"{host}: {path} is the worker's way to the API servers")
                hints.append(f"to take a worker out: bootstrap remove-worker INVENTORY {host}")
            elif path in tools or (path.stem in k.COMPONENTS and path.suffix == ".yaml"):
                found.append(f"{host}: {path} is the control plane's")
                hints.append(f"to take the control plane off a host: bootstrap reset INVENTORY {host}")
            elif path in ours and any(path.name == one.file_name for one in of_inventory[host]):
                found.append(f"{host}: {path} is in spec.staticPods")
                hints.append("take it out of spec.staticPods of INVENTORY, then run this again")
            elif path not in ours and not request.name.startswith("/"):
                found.append(f"{host}: {path} was not written by this tool")
                hints.append(f"by its path: bootstrap pods delete INVENTORY {path} --host {host}")
    if found:
        raise Refused(f"{request.name} is not removed", evidence=found, hint=hints[0])


def _do(plan: Plan, access: Access, console: Console, started: float, *, dry_run: bool) -> None:
    """Show the plan where it changes something, and apply it."""
    if dry_run or not plan.is_empty:
        console.plan(plan)
    if not dry_run:
        run(plan, access, console, started)

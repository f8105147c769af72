"""pods list: every static pod of every host, and whose it is; from files, processes and logs, so that it works without an API."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bootstrap import constants as k
from bootstrap import desired, health, hostpods, refusals, staticpod, userpods
from bootstrap.access import Access
from bootstrap.apiserver import ApiError
from bootstrap.cluster import Cluster
from bootstrap.connecting import Connect, at_once, connected, raise_all
from bootstrap.connection import NoAnswer
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable
from bootstrap.facts import Facts
from bootstrap.facts.live import manifests
from bootstrap.hostpods import HostPod, HostPods
from bootstrap.runner import look_at_each
from bootstrap.userpods import UserPod

CONTROL_PLANE, WORKER, STRANGER = "control plane", "worker", "stranger"
COLUMNS = ("host", "pod", "namespace", "state", "restarts", "mirror pod", "owner", "file")
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Row:
    """One pod of one host. mirror: yes, stale (of an earlier pod), no, or ? where no API server answers; of others `-`.

    owner: control plane, worker (its way to the API servers), inventory, applied, stranger; of a pod that is not static its
    controller. file: none where the manifest is gone, and of a pod that is not static. reason: what the kubelet said, where it
    refuses the manifest or cannot start the pod.
    """

    host: str
    namespace: str
    name: str
    state: str
    restarts: int
    mirror: str
    owner: str
    file: PurePosixPath | None = None
    reason: str = ""


def show(cluster: Cluster, everything: bool, connect: Connect, console: Console) -> ExitCode:
    """Print the static pods of every host that can be reached; everything: also what else an API server says runs there."""
    failed: dict[str, BootstrapError] = {}
    with connected(
        cluster, cluster.hosts, connect, tolerate=lambda name: True, console=console, tell=console.working, failed=failed
    ) as access:
        facts, unread = look_at_each(access)
        if not facts:
            raise_all(list(unread.values()))
        pods = in_api(access, sorted(facts))
        found = at_once(lambda name: tuple(_rows(cluster, access, facts[name], pods)), sorted(facts), str)
    failed |= unread | {name: rows for name, rows in found.items() if isinstance(rows, BootstrapError)}
    rows = [row for rows in found.values() if isinstance(rows, tuple) for row in rows]
    if everything:
        rows += [row for name in sorted(facts) for row in _others(name, (pods or {}).get(name, ()))]
        if pods is None:
            console.note("no API server answers: pods that are not static are not shown")
    rows.sort(key=lambda row: (row.host, row.file is None, row.namespace, row.name))
    console.table(cluster.name, COLUMNS, [_cells(row) for row in rows])
    reasons = [f"{row.host}: {row.file}: {row.reason}" for row in rows if row.reason]
    unreachable = sorted(failed)
    reasons += [f"not looked at: {name}: {failed[name].message}" for name in unreachable]
    console.result(
        {"cluster": cluster.name, "pods": [_as_dict(row) for row in rows], "unreachable": unreachable}, "\n".join(reasons)
    )
    return ExitCode.UNREACHABLE if unreachable else ExitCode.DONE


def in_api(access: Access, hosts: Sequence[str]) -> dict[str, tuple[Mapping[str, Any], ...]] | None:
    """The API's pods on each host; None where no API server answers."""
    try:
        api = access.any_api()
        found = {host: api.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{host}") or {} for host in hosts}
    except (NoAnswer, ApiError, HostUnreachable):
        return None
    return {host: tuple(value.get("items", ())) for host, value in found.items()}


def _rows(
    cluster: Cluster, access: Access, facts: Facts, pods: Mapping[str, Sequence[Mapping[str, Any]]] | None
) -> Iterator[Row]:
    """A host's manifests, and static pods that go on without one."""
    connection, host = access.connections[facts.host], facts.host
    seen = hostpods.look(connection)
    mirrors = None if pods is None else {
        (pod["metadata"]["namespace"], pod["metadata"]["name"]): str((pod["metadata"].get("annotations") or {}).get(_MIRROR, ""))
        for pod in pods.get(host, ())
        if health.is_mirror(pod)
    }  # fmt: skip
    named: set[tuple[str, str]] = set()
    for path, observed in sorted(manifests(facts).items()):
        pod = userpods.identity(observed.content)
        owner = _owner(path, pod, userpods.origin(observed.content), desired.own_manifests(cluster, facts))
        if pod is None:
            why = refusals.reason(refusals.said_of(connection, facts, path), host, path, "")
            yield Row(host, "", "", "refused" if why else "no pod", 0, "-", owner, path, why)
            continue
        named.add(pod)
        newest = seen.newest(*pod)
        state = _state(observed.content or b"", path, seen, pod)
        journal = "" if state == "running" else refusals.said_of(connection, facts, path)
        why = refusals.reason(journal, host, path, "/".join(pod))
        state = "refused" if why else state
        if not why:
            said = refusals.present(connection, facts, journal, f"{'/'.join(pod)}-{seen.node}", newest)
            state = "not started" if said and state == "ended" else state     # what ended is the pod of the manifest before
            why = "; ".join(map(str, said))
        restarts = 0 if newest is None else newest.restarts
        yield Row(host, *pod, state, restarts, _mirror(mirrors, seen, pod, newest), owner, path, why)
    for one in seen.pods:
        pod = (one.namespace, one.name.removesuffix(f"-{seen.node}"))
        if one.alive and one.is_static and pod not in named:
            mirror = _mirror(mirrors, seen, pod, one)
            yield Row(host, *pod, "running, without a manifest", one.restarts, mirror, STRANGER)


def _others(host: str, pods: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Pods that the API server gave to a host."""
    for pod in pods:
        if health.is_mirror(pod):
            continue
        meta, status = pod["metadata"], pod.get("status") or {}
        owners = [one for one in meta.get("ownerReferences") or [] if one.get("controller")]
        owner = f"{owners[0]['kind']} {owners[0]['name']}" if owners else "none"
        restarts = sum(int(one.get("restartCount", 0)) for one in status.get("containerStatuses") or [])
        yield Row(host, meta["namespace"], meta["name"], str(status.get("phase", "Unknown")).lower(), restarts, "-", owner)


def _owner(path: PurePosixPath, pod: tuple[str, str] | None, origin: str, tools: Collection[PurePosixPath]) -> str:
    """tools: where this host's pods of this tool lie."""
    if pod is None or path.name != f"{pod[1]}.yaml" or not (userpods.is_component(*pod) or path in tools):
        return origin or STRANGER
    return WORKER if pod[1] == k.BALANCER else CONTROL_PLANE


def _state(manifest: bytes, path: PurePosixPath, seen: HostPods, pod: tuple[str, str]) -> str:
    """running, ended (and may), starting, failing (its container ended, or was started again just now), or not started."""
    decoded = UserPod(*pod, staticpod.decode(manifest))
    try:
        probe = health.PodRuns(*pod, path, decoded.containers, decoded.may_end)
    except (KeyError, TypeError):
        return "no pod"
    newest = seen.newest(*pod)
    if newest is None:
        return "not started"
    if hostpods.runs(probe, seen).ok:
        return "running" if newest.alive else "ended"
    over = any(container.age_s is None for container in newest.containers if container.name in decoded.containers)
    return "failing" if over or newest.restarts or not newest.alive else "starting"


def _mirror(
    mirrors: Mapping[tuple[str, str], str] | None, seen: HostPods, pod: tuple[str, str], newest: HostPod | None
) -> str:
    if mirrors is None:
        return "?"
    uid = mirrors.get((pod[0], f"{pod[1]}-{seen.node}"))
    if uid is None:
        return "no"
    # A pod of which no container was started yet has no log, and so is not the newest that was seen.
    current = newest is None or uid == newest.uid or (not newest.alive and uid in seen.alive)
    return "yes" if current else "stale"


def _cells(row: Row) -> tuple[object, ...]:
    file = "" if row.file is None else str(row.file)
    return (row.host, row.name, row.namespace, row.state, row.restarts, row.mirror, row.owner, file)


def _as_dict(row: Row) -> dict[str, Any]:
    return {
        "host": row.host, "namespace": row.namespace, "name": row.name, "state": row.state, "restarts": row.restarts,
        "mirrorPod": row.mirror, "owner": row.owner, "file": None if row.file is None else str(row.file), "reason": row.reason,
    }  # fmt: skip

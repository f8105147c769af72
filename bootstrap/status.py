"""status: what every host is doing, as far as it can be told, and what is wrong with it; works without an API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bootstrap import constants as k
from bootstrap import health, healthz
from bootstrap.access import Access
from bootstrap.apiserver import ApiError
from bootstrap.apply import MAX_HOSTS_AT_ONCE
from bootstrap.cluster import Role
from bootstrap.connection import NoAnswer
from bootstrap.facts import has_joined
from bootstrap.parallel import each
from bootstrap.plan import Snapshot

NOT_REGISTERED = "not registered"


@dataclass(frozen=True)
class ComponentStatus:
    """One component on one host. answer: what its endpoint said when not healthy; of a healthy one what is wrong all the same."""

    component: str
    healthy: bool
    answer: str = ""
    uptime_s: float = 0.0
    restarts: int = 0


@dataclass(frozen=True)
class HostStatus:
    """version: the kubelet's. etcd: `leader`, `voter`, `learner`. node: `Ready`, or why not. Empty where it is unknown."""

    host: str
    role: Role = Role.CONTROL_PLANE
    version: str = ""
    components: tuple[ComponentStatus, ...] = ()
    etcd: str = ""
    node: str = ""

    @property
    def healthy(self) -> bool:
        """Whether every component answers and the node is in the API. Ready it cannot be before there is a pod network."""
        return self.node not in (NOT_REGISTERED, "") and all(component.healthy for component in self.components)


def status(snapshot: Snapshot, access: Access) -> tuple[HostStatus, ...]:
    """The status of every host that was looked at; of a worker only once it has joined."""
    hosts = [host for host in snapshot.cluster.hosts if host.name in snapshot.facts]
    hosts = [host for host in hosts if host.role is Role.CONTROL_PLANE or has_joined(snapshot.facts[host.name])]
    nodes = _nodes(access)
    return tuple(each(lambda host: _host(snapshot, host.name, access, nodes), hosts, MAX_HOSTS_AT_ONCE))


def _host(snapshot: Snapshot, name: str, access: Access, nodes: Mapping[str, str] | None) -> HostStatus:
    host, facts = snapshot.cluster.host(name), snapshot.facts[name]
    started = {process.component: process.start_time for process in facts.processes}
    restarts = {log.container: log.restarts for log in facts.pod_logs}
    components = []
    for component, endpoints in groupby(healthz.of_host(snapshot, host), lambda endpoint: endpoint.component):
        asked = (health.ask(endpoint, access.connections[name]) for endpoint in endpoints)
        verdict = next((found for found in asked if not found.ok), health.Verdict(True))
        start = facts.kubelet.start_time if component == "kubelet" else started.get(component, 0.0)
        uptime = max(facts.clock - start, 0.0) if start else 0.0
        healthy = verdict.ok or verdict.answer == healthz.OTHER_LIST
        components.append(ComponentStatus(component, healthy, verdict.answer, uptime, restarts.get(component, 0)))
    role = _etcd_role(access, name) if host.role is Role.CONTROL_PLANE else ""
    return HostStatus(name, host.role, facts.kubelet.version, tuple(components), role, _node(nodes, name))


def _etcd_role(access: Access, name: str) -> str:
    try:
        answer = access.etcd(name).status()
    except NoAnswer:
        return ""
    if answer.get("isLearner"):
        return "learner"
    return "leader" if answer.get("leader") == answer["header"]["member_id"] else "voter"


def _nodes(access: Access) -> dict[str, str] | None:
    """Each node's readiness; None where no API server says so."""
    try:
        found = access.any_api().get("/api/v1/nodes") or {}
    except (NoAnswer, ApiError):
        return None
    return {item["metadata"]["name"]: health.readiness(item) or "Ready" for item in found.get("items", [])}


def _node(nodes: Mapping[str, str] | None, name: str) -> str:
    return "" if nodes is None else nodes.get(name, NOT_REGISTERED)


def troubles(found: Sequence[HostStatus]) -> tuple[str, ...]:
    """What is wrong, a line each: `cp2: etcd: connection refused (...)`, hosts with the same trouble together."""
    lines: dict[str, list[str]] = {}
    for host in found:
        down = [component for component in host.components if not component.healthy]
        if len(down) == len(host.components):
            lines.setdefault("no component answers", []).append(host.host)
            continue
        for component in down:
            prefix = "" if component.answer.startswith(f"{component.component}:") else f"{component.component}: "
            lines.setdefault(f"{prefix}{component.answer}", []).append(host.host)
        for component in host.components:
            if component.healthy and component.answer:
                lines.setdefault(component.answer, []).append(host.host)
        if host.node == NOT_REGISTERED:
            lines.setdefault("the node is not in the API", []).append(host.host)
    return tuple(f"{', '.join(hosts)}: {line}" for line, hosts in lines.items())


def to_look_at(found: Sequence[HostStatus]) -> tuple[str, str] | None:
    """Host and component whose log is the first to read: the first of those down that others need."""
    names = ("kubelet", *k.STATIC_PODS)
    down = [
        (names.index(component.component), host.host)
        for host in found
        for component in host.components
        if not component.healthy and any(other.healthy for other in host.components)
    ]
    return (min(down)[1], names[min(down)[0]]) if down else None


def with_other_list(found: Sequence[HostStatus]) -> tuple[str, ...]:
    """Workers whose balancer serves another list of masters than the inventory's."""
    return tuple(host.host for host in found if any(one.answer == healthz.OTHER_LIST for one in host.components))


MASTER_COLUMNS = ("host", "version", "kubelet", *k.COMPONENTS, "etcd role", "node")
WORKER_COLUMNS = ("host", "version", "kubelet", k.BALANCER, "node")


def as_rows(found: Sequence[HostStatus], role: Role) -> list[list[str]]:
    """One row per host of that role, with the columns above."""
    names = ("kubelet", *k.COMPONENTS) if role is Role.CONTROL_PLANE else ("kubelet", k.BALANCER)
    return [
        [host.host, host.version, *(_cell(host, name) for name in names),
         *([host.etcd] if role is Role.CONTROL_PLANE else []), host.node]
        for host in found if host.role is role
    ]  # fmt: skip


def as_dict(found: Sequence[HostStatus]) -> list[dict[str, Any]]:
    """JSON-ready."""
    return [
        {
            "host": host.host, "role": str(host.role), "version": host.version, "healthy": host.healthy, "etcd": host.etcd,
            "node": host.node,
            "components": [
                {"component": c.component, "healthy": c.healthy, "answer": c.answer, "uptimeSeconds": round(c.uptime_s, 1),
                 "restarts": c.restarts}
                for c in host.components
            ],
        }
        for host in found
    ]  # fmt: skip


def _cell(host: HostStatus, name: str) -> str:
    for component in host.components:
        if component.component == name:
            age = f" {_age(component.uptime_s)}" if component.uptime_s else ""
            text = f"up{age}" if component.healthy else "DOWN"
            plural = "" if component.restarts == 1 else "s"
            return f"{text}, {component.restarts} restart{plural}" if component.restarts else text
    return "?"


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"

"""LOOK's questions to the API server and to etcd: what a plan would change there, asked without writing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from bootstrap import applyset, deeds, desired, healthz
from bootstrap import constants as k
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient, ApiError
from bootstrap.apply import MAX_HOSTS_AT_ONCE
from bootstrap.changes import ApiApply
from bootstrap.cluster import Cluster
from bootstrap.connection import Connection, NoAnswer, Request, Tls
from bootstrap.errors import HostUnreachable
from bootstrap.facts import Facts
from bootstrap.health import ask, readiness
from bootstrap.membership import Member
from bootstrap.parallel import each
from bootstrap.plan import ApiState, Plan, Snapshot

AT_ONCE = 8
HTTPS_PORT = 443


def api_state(plan: Plan, access: Access, facts: Mapping[str, Facts]) -> ApiState | None:
    """Which API objects of a plan are as they should be already. None where no API server answers."""
    if not any(process.component == k.API_SERVER for f in facts.values() for process in f.processes):
        return None
    try:
        api = access.any_api()
        wanted = [change for _, _, change in plan.all() if isinstance(change, ApiApply)]
        as_is = each(lambda change: api.settled(deeds.applied_object(api, change)), wanted, AT_ONCE)
        settled = frozenset(change for change, is_settled in zip(wanted, as_is, strict=True) if is_settled)
        taken = each(lambda change: _taken(api, change), [change for change in wanted if change not in settled], AT_ONCE)
        state = _nodes(api)
        finished = _is_finished(api, state.nodes, access.cluster)
        return replace(state, settled=settled, taken=tuple(text for text in taken if text), finished=finished)
    except (NoAnswer, ApiError):
        return None


def _taken(api: ApiClient, change: ApiApply) -> str:
    """Which other ApplySet an object is in that would become a member of ours; empty where it is in none."""
    if applyset.owner(change.object) != applyset.ID:
        return ""
    try:
        live = api.get(api.path(change.object))
    except ApiError:    # a kind that the server does not know yet
        return ""
    other = "" if live is None else applyset.owner(live)
    return f"{change.ref} is in {other}" if other not in ("", applyset.ID) else ""


def nodes(access: Access, staying: Sequence[str]) -> ApiState | None:
    """The nodes, as an API server of a host that stays knows them; None where none of those answers."""
    for host in staying:
        try:
            return _nodes(access.api(host))
        except (NoAnswer, ApiError, HostUnreachable):
            continue
    return None


def _is_finished(api: ApiClient, nodes: Collection[str], cluster: Cluster) -> bool:
    """Whether an init was finished here: its mark is there, or kubeadm's, or a node that is no master of ours."""
    maps = "/api/v1/namespaces/kube-system/configmaps"
    strangers = set(nodes) - {host.name for host in cluster.control_plane_hosts}
    return bool(strangers) or any(api.get(f"{maps}/{name}") is not None for name in (k.FINISHED_MARK, "kubeadm-config"))


def _nodes(api: ApiClient) -> ApiState:
    """The nodes, and nothing else."""
    items = (api.get("/api/v1/nodes") or {}).get("items", [])
    taints = {item["metadata"]["name"]: tuple(item.get("spec", {}).get("taints") or ()) for item in items}
    ready = (item["metadata"]["name"] for item in items if not readiness(item))
    cordoned = (item["metadata"]["name"] for item in items if item.get("spec", {}).get("unschedulable"))
    return ApiState(nodes=taints, ready=frozenset(ready), cordoned=frozenset(cordoned))


def balancing(access: Access, snapshot: Snapshot) -> frozenset[str]:
    """Workers whose balancer serves the list that it should have; those that do not answer are not among them."""
    if not snapshot.cluster.has_balancers:
        return frozenset()
    workers = [host.name for host in snapshot.cluster.workers if host.name in snapshot.facts]
    wanted = healthz.balancer_serves(snapshot)

    def serves(name: str) -> bool:
        found = snapshot.facts[name]
        if desired.manifest_path(found, k.BALANCER) not in found.owned:
            return False
        try:
            return ask(wanted, access.connections[name]).ok
        except HostUnreachable:
            return False

    return frozenset(name for name, served in zip(workers, each(serves, workers, MAX_HOSTS_AT_ONCE), strict=True) if served)


def etcd_members(access: Access, facts: Mapping[str, Facts]) -> tuple[tuple[Member, ...] | None, tuple[str, ...]]:
    """etcd's member list, None where no member answers, and the names of the masters whose member answers."""
    members: tuple[Member, ...] | None = None
    healthy = []
    for host in sorted(facts):
        if not any(process.component == k.ETCD for process in facts[host].processes):
            continue
        try:
            found = access.etcd(host).members()
        except NoAnswer:
            continue
        healthy.append(host)
        members = found
    return members, tuple(healthy)


def own_server(connection: Connection, facts: Facts) -> str:
    """The API server that a host's kubelet has in its kubeconfig, where it answers anything at all; else empty."""
    config = facts.kubeconfigs.get(k.KUBERNETES_DIR / "kubelet.conf")
    authority = facts.owned.get(k.PKI_DIR / "ca.crt")
    if config is None:
        return ""
    try:
        url = urlsplit(config.server)
        address, port = url.hostname or "", url.port or HTTPS_PORT
        tls = Tls(config.certificate_authority or (authority.content if authority is not None else None) or b"", address)
        connection.request(Request("GET", address, port, "/readyz", tls))
    except (NoAnswer, ValueError):
        return ""
    return config.server

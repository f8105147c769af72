"""Health endpoints of a host's components, as the host itself sees them.

Source: kubeadm 1.36 app/util/apiclient/wait.go; etcd metrics listener and kubelet healthz speak plain HTTP on loopback.
"""

from __future__ import annotations

from bootstrap import balancer as lists
from bootstrap import constants as k
from bootstrap.cluster import Cluster, ControlPlaneComponent, Host, Role, Vip
from bootstrap.health import Endpoint
from bootstrap.networking import loopback
from bootstrap.owned import flag_name
from bootstrap.plan import Snapshot

LOOPBACK = "127.0.0.1"
OTHER_LIST = "its balancer has another list of masters than the inventory"
"""Said of a worker whose balancer serves, but not as it should."""


def of_host(snapshot: Snapshot, host: Host) -> tuple[Endpoint, ...]:
    """Every component's endpoints, in the order they come up."""
    if host.role is Role.WORKER:
        balancers = (balancer(), balancer_serves(snapshot)) if snapshot.cluster.has_balancers else ()
        return (kubelet(snapshot, host), *balancers)
    return (
        kubelet(snapshot, host),
        etcd(host),
        api_server(snapshot, host),
        controller_manager(snapshot.cluster),
        scheduler(snapshot.cluster),
        *((virtual_ip(snapshot, snapshot.cluster.vip),) if snapshot.cluster.vip is not None else ()),
    )


def kubelet(snapshot: Snapshot, host: Host) -> Endpoint:
    port = host.kubelet.config.get("healthzPort", snapshot.cluster.kubelet.config.get("healthzPort", k.KUBELET_HEALTHZ_PORT))
    return Endpoint("kubelet", LOOPBACK, int(port), "/healthz", tls=False)


def etcd(host: Host) -> Endpoint:
    return Endpoint(k.ETCD, loopback(host.address), k.ETCD_METRICS_PORT, "/readyz", tls=False)


def etcd_lives(host: Host) -> Endpoint:
    """Whether the process lives: a learner, too, and before it serves clients."""
    return Endpoint(k.ETCD, loopback(host.address), k.ETCD_METRICS_PORT, "/livez", tls=False)


def api_server(snapshot: Snapshot, host: Host) -> Endpoint:
    return Endpoint(k.API_SERVER, host.address, snapshot.cluster.api_server.bind_port, "/readyz", ca=snapshot.cluster_ca)


def virtual_ip(snapshot: Snapshot, vip: Vip) -> Endpoint:
    """Whether an API server answers at the virtual IP, whoever of the masters holds it."""
    return Endpoint(k.KEEPALIVED, vip.address, snapshot.cluster.api_server.bind_port, "/readyz", ca=snapshot.cluster_ca)


def controller_manager(cluster: Cluster) -> Endpoint:
    return Endpoint(k.CONTROLLER_MANAGER, _bound_to(cluster.controller_manager), k.CONTROLLER_MANAGER_PORT, "/healthz")


def scheduler(cluster: Cluster) -> Endpoint:
    return Endpoint(k.SCHEDULER, _bound_to(cluster.scheduler), k.SCHEDULER_PORT, "/readyz")


def balancer(path: str = "/readyz", not_found: str = "") -> Endpoint:
    """Whether a worker's balancer has an API server that is ready; or, at another path, which list it serves."""
    return Endpoint(k.BALANCER, LOOPBACK, k.BALANCER_HEALTH_PORT, path, tls=False, not_found=not_found)


def balancer_serves(snapshot: Snapshot) -> Endpoint:
    """Whether a worker's balancer runs with the list of masters that it should have."""
    cluster = snapshot.cluster
    servers = lists.masters(cluster)
    return balancer(lists.serving_path(cluster, servers, snapshot.cluster_ca), OTHER_LIST)


def _bound_to(component: ControlPlaneComponent) -> str:
    """The loopback address that the component listens on: 127.0.0.1 unless extraArgs bind it to ::1 alone."""
    given = [arg.value for arg in component.extra_args if flag_name(arg.name) == "bind-address"]
    return "::1" if given and given[-1] == "::1" else LOOPBACK

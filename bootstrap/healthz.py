"""Health endpoints of a master's components, as its own host sees them.

Source: kubeadm 1.36 app/util/apiclient/wait.go; etcd metrics listener and kubelet healthz speak plain HTTP on loopback.
"""

from __future__ import annotations

from bootstrap import constants as k
from bootstrap.cluster import Host
from bootstrap.health import Endpoint
from bootstrap.plan import Snapshot

LOOPBACK = "127.0.0.1"


def of_host(snapshot: Snapshot, host: Host) -> tuple[Endpoint, ...]:
    """Every component's endpoint, in the order they come up."""
    return (kubelet(snapshot, host), etcd(), api_server(snapshot, host), controller_manager(), scheduler())


def kubelet(snapshot: Snapshot, host: Host) -> Endpoint:
    port = host.kubelet.config.get("healthzPort", snapshot.cluster.kubelet.config.get("healthzPort", k.KUBELET_HEALTHZ_PORT))
    return Endpoint("kubelet", LOOPBACK, int(port), "/healthz", tls=False)


def etcd() -> Endpoint:
    return Endpoint(k.ETCD, LOOPBACK, k.ETCD_METRICS_PORT, "/readyz", tls=False)


def api_server(snapshot: Snapshot, host: Host) -> Endpoint:
    return Endpoint(k.API_SERVER, host.address, snapshot.cluster.api_server.bind_port, "/readyz", ca=snapshot.cluster_ca)


def controller_manager() -> Endpoint:
    return Endpoint(k.CONTROLLER_MANAGER, LOOPBACK, k.CONTROLLER_MANAGER_PORT, "/healthz")


def scheduler() -> Endpoint:
    return Endpoint(k.SCHEDULER, LOOPBACK, k.SCHEDULER_PORT, "/readyz")

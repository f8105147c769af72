"""Ports: free, or taken by who should have them."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap import constants as k
from bootstrap.facts import Listener
from bootstrap.preflight.finding import Finding, error
from bootstrap.preflight.subject import Subject

_COMM_LENGTH = 15  # of /proc/PID/comm


def ports(subject: Subject) -> Iterator[Finding]:
    """A finished cluster has its ports taken by its own static pods and its kubelet: that is no finding."""
    wanted = {k.KUBELET_PORT: "kubelet", k.KUBELET_HEALTHZ_PORT: "kubelet"}
    if subject.is_control_plane:
        wanted |= {
            subject.cluster.api_server.bind_port: k.API_SERVER,
            k.CONTROLLER_MANAGER_PORT: k.CONTROLLER_MANAGER,
            k.SCHEDULER_PORT: k.SCHEDULER,
            k.ETCD_CLIENT_PORT: k.ETCD,
            k.ETCD_PEER_PORT: k.ETCD,
            k.ETCD_METRICS_PORT: k.ETCD,
        }
    elif subject.cluster.has_balancers:
        wanted |= {subject.cluster.api_server.bind_port: k.BALANCER, k.BALANCER_HEALTH_PORT: k.BALANCER}
    for port, owner in wanted.items():
        strangers = [one for one in subject.facts.listeners if one.port == port and not _is(one, owner)]
        if strangers:
            who = strangers[0]
            shown = f"{who.process} (pid {who.pid})" if who.pid else "a process that could not be found out"
            yield error(
                f"Port-{port}", subject.name, f"port {port} of {owner} is in use by {shown}, on {who.address}",
                f"stop it: systemctl status {who.pid}" if who.pid else f"ss -ltnp sport = :{port}",
            )


def _is(listener: Listener, owner: str) -> bool:
    program = "haproxy" if owner == k.BALANCER else owner
    in_place = listener.in_static_pod if owner != "kubelet" else not listener.in_static_pod
    return in_place and listener.process in (program, program[:_COMM_LENGTH])

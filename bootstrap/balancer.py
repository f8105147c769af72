"""The node-local load balancer of workers: HAProxy's configuration, and how it is told whether a running one has it.

Every worker has the same. A list that changes is one file replaced and one signal: no manifest changes, no connection is cut.
Source: HAProxy 2.6 configuration manual and management guide (master-worker mode).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from bootstrap.cluster import Cluster, Host
from bootstrap.constants import BALANCER_DIR, BALANCER_HEALTH_PORT
from bootstrap.networking import host_port
from bootstrap.render import render_plain
from bootstrap.urls import NODE_LOCAL_ADDRESS

CONFIG = BALANCER_DIR / "haproxy.cfg"
CA = BALANCER_DIR / "ca.crt"
"""A copy of the cluster's CA: HAProxy verifies API servers with it, and runs as a user that needs no other file of ours."""


def masters(cluster: Cluster) -> tuple[Host, ...]:
    """The masters that are balanced over, by name."""
    return tuple(sorted(cluster.control_plane_hosts, key=lambda host: host.name))


def config(cluster: Cluster, servers: Collection[Host], cluster_ca: bytes) -> bytes:
    """haproxy.cfg. servers: masters to balance over. cluster_ca: PEM; where it changes, HAProxy has to read it anew."""
    return _rendered(cluster, servers, serving_path(cluster, servers, cluster_ca))


def serving_path(cluster: Cluster, servers: Collection[Host], cluster_ca: bytes) -> str:
    """Path below which a balancer that runs with this very configuration answers 200: `/serves/<digest>`."""
    content = hashlib.sha256(_rendered(cluster, servers, "/serves/nothing") + cluster_ca)
    return f"/serves/{content.hexdigest()[:16]}"


def _rendered(cluster: Cluster, servers: Collection[Host], path: str) -> bytes:
    port = cluster.api_server.bind_port
    return render_plain(
        "balancer/haproxy.cfg.j2",
        {
            "listen": host_port(NODE_LOCAL_ADDRESS, port),
            "health": host_port(NODE_LOCAL_ADDRESS, BALANCER_HEALTH_PORT),
            "ca": str(CA),
            "servers": [{"name": host.name, "address": host_port(host.address, port)} for host in servers],
            "serves": path,
        },
    )

"""URLs of the Kubernetes API: for what runs on a host, and for people."""

from __future__ import annotations

from bootstrap.cluster import Cluster, Host, Role
from bootstrap.syntax.addresses import join_endpoint

NODE_LOCAL_ADDRESS = "127.0.0.1"
"""Where every node finds its own load balancer when there is no control plane endpoint."""


def own_api_server_url(cluster: Cluster, host: Host) -> str:
    """URL of the API server that runs on this control plane host.

    Source: kubeadm app/util/endpoint.go, GetLocalAPIEndpoint (v1.36.3).
    """
    return f"https://{join_endpoint(host.address, cluster.api_server.bind_port)}"


def control_plane_url(cluster: Cluster, host: Host) -> str:
    """URL for people: the control plane endpoint, or without one the API server of the given control plane host.

    Source: kubeadm app/util/endpoint.go, GetControlPlaneEndpoint (v1.36.3).
    """
    if cluster.control_plane_endpoint:
        return f"https://{cluster.control_plane_endpoint}"
    return own_api_server_url(cluster, host)


def kubelet_url(cluster: Cluster, host: Host) -> str:
    """URL that this host's kubelet uses: its own API server; on a worker the endpoint or the node-local load balancer."""
    if host.role is Role.CONTROL_PLANE:
        return own_api_server_url(cluster, host)
    if cluster.control_plane_endpoint:
        return f"https://{cluster.control_plane_endpoint}"
    return f"https://{join_endpoint(NODE_LOCAL_ADDRESS, cluster.api_server.bind_port)}"

"""The HTTP proxy of spec.proxy, as variables: which programs ask through it, and whom they ask directly.

Kubelets, kube-proxy and the control plane's static pods, except etcd's, get them, as kubeadm gives pods those of its environment.
What asks within the cluster never goes through the proxy: NO_PROXY is computed. An entry is an address, a subnet, a name with all
below it, or `.name` for what is below it. Sources: kubeadm app/util/env.go (v1.36.3); golang.org/x/net http/httpproxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from bootstrap.cluster import Cluster, Env
from bootstrap.syntax.addresses import Network, split_endpoint

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PREFIX = {4: 24, 6: 64}
"""By IP version. Hosts are excepted with their neighbours, so that one that comes later changes no file of the others."""


def variables(cluster: Cluster) -> tuple[Env, ...]:
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY, sorted by name; none where there is no proxy."""
    proxy = cluster.proxy
    given = {"HTTPS_PROXY": proxy.https_proxy, "HTTP_PROXY": proxy.http_proxy}
    if not any(given.values()):
        return ()
    given["NO_PROXY"] = ",".join(excepted(cluster))
    return tuple(Env(name=name, value=value) for name, value in sorted(given.items()) if value)


def excepted(cluster: Cluster) -> tuple[str, ...]:
    """Who is asked directly: loopback, hosts, the endpoint, pods, services and their names, then spec.proxy.noProxy."""
    networking, given = cluster.networking, cluster.proxy.no_proxy
    addresses = [address for host in cluster.hosts for address in (host.address, host.secondary_address) if address is not None]
    endpoint = [split_endpoint(cluster.control_plane_endpoint)[0]] if cluster.control_plane_endpoint else []
    subnets = [subnet for subnet in (*networking.pod_subnet.split(","), *networking.service_subnet.split(",")) if subnet]
    names = [".svc", f".{networking.dns_domain}"]
    return tuple(dict.fromkeys((*LOOPBACK, *_of_hosts(addresses, given), *endpoint, *subnets, *names, *given)))


def _of_hosts(addresses: Iterable[str], given: Iterable[str]) -> list[str]:
    """The subnets of hosts that no subnet of `given` holds."""
    covered = [network for entry in given if (network := _network(entry)) is not None]
    found = {
        ip_network((address, PREFIX[address.version]), strict=False)
        for address in map(ip_address, addresses) if not any(address in network for network in covered)
    }  # fmt: skip
    return [str(network) for network in sorted(found, key=lambda network: (network.version, network.network_address.packed))]


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None

"""Subject alternative names, from the inventory alone: the same for every order in which its hosts stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from bootstrap.cluster import Cluster, Host
from bootstrap.syntax.addresses import Address, networks, split_endpoint
from bootstrap.urls import NODE_LOCAL_ADDRESS


@dataclass(frozen=True)
class AltNames:
    """DNS names sorted, addresses in the order in which they were derived; no duplicates."""

    dns: tuple[str, ...] = ()
    ips: tuple[Address, ...] = ()


NO_NAMES = AltNames()


def api_server_names(cluster: Cluster, host: Host) -> AltNames:
    """Names of the API server on `host`.

    Beyond kubeadm's: the first address of every service subnet, the secondary address, and without a control plane
    endpoint the loopback address, where every node finds its node-local load balancer.
    Source: kubeadm app/util/pkiutil/pki_helpers.go, GetAPIServerAltNames (v1.36.3).
    """
    names = [host.name, "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    if cluster.networking.dns_domain:
        names.append(f"kubernetes.default.svc.{cluster.networking.dns_domain}")
    names += [str(network[1]) for network in networks(cluster.networking.service_subnet)]
    names += _addresses(host)
    if cluster.control_plane_endpoint:
        names.append(split_endpoint(cluster.control_plane_endpoint)[0])
        names += [cluster.vip.address] if cluster.vip is not None else []
    else:
        names.append(NODE_LOCAL_ADDRESS)
        if any(isinstance(ip_address(address), IPv6Address) for address in _addresses(host)):
            names.append("::1")
    return alt_names([*names, *cluster.api_server.cert_sans])


def etcd_server_names(cluster: Cluster, host: Host) -> AltNames:
    """Names of the etcd member on `host` towards its clients.

    Source: kubeadm app/util/pkiutil/pki_helpers.go, getAltNames (v1.36.3).
    """
    return alt_names([*_local_names(host), *cluster.etcd.local.server_cert_sans])


def etcd_peer_names(cluster: Cluster, host: Host) -> AltNames:
    """Names of the etcd member on `host` towards its peers. Source: as etcd_server_names."""
    return alt_names([*_local_names(host), *cluster.etcd.local.peer_cert_sans])


def controller_names(cluster: Cluster, host: Host) -> AltNames:
    """Names of the controller manager and of the scheduler on `host`, which listen on loopback unless extraArgs say more."""
    return alt_names(_local_names(host))


def kubelet_names(cluster: Cluster, host: Host) -> AltNames:
    """Names under which API servers reach the kubelet of `host`."""
    return alt_names([host.name, *_addresses(host)])


def no_names(cluster: Cluster, host: Host) -> AltNames:
    """A client certificate has none."""
    return NO_NAMES


def alt_names(names: Iterable[str]) -> AltNames:
    """Sort `names` into DNS names and addresses. IPv6 addresses may be written in any way."""
    dns: set[str] = set()
    ips: dict[Address, None] = {}
    for name in names:
        try:
            ips[ip_address(name)] = None
        except ValueError:
            dns.add(name)
    return AltNames(tuple(sorted(dns)), tuple(ips))


def _addresses(host: Host) -> list[str]:
    return [host.address, *([host.secondary_address] if host.secondary_address else [])]


def _local_names(host: Host) -> list[str]:
    return [host.name, "localhost", *_addresses(host), "127.0.0.1", "::1"]

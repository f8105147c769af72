"""Addresses that follow from the inventory, in either family."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from bootstrap.cluster import Cluster
from bootstrap.syntax.addresses import join_endpoint

DNS_SERVICE_INDEX = 10


def dns_address(cluster: Cluster) -> str:
    """The address of the DNS service: the tenth of the (first) service subnet.

    Source: kubeadm app/constants/constants.go, GetDNSIP (v1.36.3).
    """
    return str(ip_network(cluster.networking.service_subnet.split(",")[0])[DNS_SERVICE_INDEX])


def is_ipv6(address: str) -> bool:
    return isinstance(ip_address(address), IPv6Address)


def host_port(address: str, port: int) -> str:
    """`192.0.2.1:6443`, `[2001:db8::1]:6443`."""
    return join_endpoint(address, port)


def loopback(address: str) -> str:
    """The loopback address of the same family: etcd listens there, and only on that family's."""
    return "::1" if is_ipv6(address) else "127.0.0.1"

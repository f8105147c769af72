"""What is allowed, but probably not what the operator wants."""

from __future__ import annotations

from ipaddress import ip_network

from bootstrap.cluster import Cluster

_SITE_LOCAL = ip_network("fec0::/10")
_MOST_MEMBERS = 7  # etcd FAQ, "What is maximum cluster size?"


def warnings(cluster: Cluster) -> tuple[str, ...]:
    """One sentence each, for people; none stops anything."""
    return (*_members(len(cluster.control_plane_hosts)), *_subnets(cluster))


def _members(count: int) -> list[str]:
    if count == 2:
        return ["two control plane hosts tolerate no failure: if either is lost, etcd has no quorum; one or three are better"]
    if count % 2 == 0:
        tolerated = (count - 1) // 2
        return [
            f"{count} control plane hosts tolerate the loss of {tolerated}, as {count - 1} would; an odd number is better"
        ]
    if count > _MOST_MEMBERS:
        return [f"{count} etcd members make every write slow; {_MOST_MEMBERS} are the most that etcd's authors advise"]
    return []


def _subnets(cluster: Cluster) -> list[str]:
    found = []
    for field, value in (("podSubnet", cluster.networking.pod_subnet), ("serviceSubnet", cluster.networking.service_subnet)):
        for network in map(ip_network, value.split(",")):
            if network.version == 6 and network.overlaps(_SITE_LOCAL):
                found.append(f"{field} {network} has site-local addresses (fec0::/10), which RFC 3879 deprecates; use fd00::/8")
    return found

"""What subnets, addresses, ports and the endpoint must agree on.

Sources: kubeadm app/apis/kubeadm/validation/validation.go and app/constants/constants.go (v1.36.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import product

from bootstrap import constants
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc, field_path
from bootstrap.syntax.addresses import Network

POD: Loc = ("spec", "networking", "podSubnet")
SERVICE: Loc = ("spec", "networking", "serviceSubnet")
ENDPOINT: Loc = ("spec", "controlPlaneEndpoint")
VIP: Loc = ("spec", "vip")

_MIN_SERVICE_ADDRESSES = 10  # MinimumAddressesInServiceSubnet
_MAX_SERVICE_BITS = 20  # MaximumBitsForServiceSubnet
_MAX_NODE_MASK_DIFFERENCE = 16  # PodSubnetNodeMaskMaxDiff
_NODE_MASK = {4: 24, 6: 64}
_NODE_MASK_FLAGS = {4: "node-cidr-mask-size-ipv4", 6: "node-cidr-mask-size-ipv6"}
_TAKEN_PORTS = {
    constants.ETCD_CLIENT_PORT: "etcd's clients", constants.ETCD_PEER_PORT: "etcd's peers",
    constants.ETCD_METRICS_PORT: "etcd's health endpoint", constants.CONTROLLER_MANAGER_PORT: "kube-controller-manager",
    constants.SCHEDULER_PORT: "kube-scheduler", constants.KUBELET_PORT: "the kubelet",
    constants.KUBELET_HEALTHZ_PORT: "the kubelet's health endpoint",
    constants.BALANCER_HEALTH_PORT: "the health endpoint of workers' balancers", 10249: "kube-proxy", 10256: "kube-proxy",
}  # fmt: skip


def findings(draft: Draft) -> Iterator[Finding]:
    pods, services = draft.subnets("podSubnet", "10.244.0.0/16"), draft.subnets("serviceSubnet", "10.96.0.0/12")
    yield from _service_sizes(services)
    yield from _pod_sizes(draft, pods)
    yield from _overlaps(draft, pods, services)
    yield from _families(draft, pods, services)
    yield from _endpoint(draft)
    yield from _vip(draft)
    taken = _TAKEN_PORTS.get(draft.bind_port() or 0) or _sshd(draft, draft.bind_port())
    if taken:
        yield Finding(("spec", "apiServer", "bindPort"), f"is the port of {taken}", "another port; 6443 is usual")


def _service_sizes(services: tuple[Network, ...]) -> Iterator[Finding]:
    for network in services:
        if network.num_addresses < _MIN_SERVICE_ADDRESSES:
            widest = network.max_prefixlen - 4
            yield Finding(SERVICE, f"{network} has only {network.num_addresses} addresses", f"a prefix of /{widest} or shorter")
        elif network.max_prefixlen - network.prefixlen > _MAX_SERVICE_BITS:
            longest = network.max_prefixlen - _MAX_SERVICE_BITS
            yield Finding(SERVICE, f"{network} is larger than kube-apiserver allows", f"a prefix of /{longest} or longer")


def _pod_sizes(draft: Draft, pods: tuple[Network, ...]) -> Iterator[Finding]:
    args = {name: (loc, value) for loc, name, value in draft.args("spec", "controllerManager", "extraArgs")}
    if args.get("allocate-node-cidrs", ((), ""))[1] == "false":
        return
    for network in pods:
        mask = _NODE_MASK[network.version]
        flag = _NODE_MASK_FLAGS[network.version]
        place, value = args.get(flag) or (len(pods) == 1 and args.get("node-cidr-mask-size")) or ((), str(mask))
        if not (value.isascii() and value.isdigit() and len(value) <= 3 and 0 < int(value) <= network.max_prefixlen):
            yield Finding((*place, "value"), f"{flag} is not a prefix length", f"1 to {network.max_prefixlen}, such as {mask}")
            continue
        mask = int(value)
        if network.prefixlen > mask:
            yield Finding(POD, f"{network} cannot give a node its /{mask}", f"a prefix of /{mask} or shorter")
        elif mask - network.prefixlen > _MAX_NODE_MASK_DIFFERENCE:
            message = f"{network} is more than {_MAX_NODE_MASK_DIFFERENCE} bits wider than a node's /{mask}"
            yield Finding(POD, message, f"a prefix of /{mask - _MAX_NODE_MASK_DIFFERENCE} or longer")
        elif 2 ** (mask - network.prefixlen) < len(draft.hosts()):
            room = 2 ** (mask - network.prefixlen)
            yield Finding(POD, f"{network} has room for {room} nodes with a /{mask} each, fewer than hosts", "a larger subnet")


def _overlaps(draft: Draft, pods: tuple[Network, ...], services: tuple[Network, ...]) -> Iterator[Finding]:
    for pod, service in product(pods, services):
        if _overlap(pod, service):
            place = POD if draft.raw(*POD) is not None else SERVICE
            yield Finding(place, f"pods' {pod} and services' {service} overlap", "two subnets apart from each other")
    for host, field in product(draft.hosts(), ("address", "secondaryAddress")):
        address = draft.address(*host, field)
        for network, whose in [(network, "podSubnet") for network in pods] + [(network, "serviceSubnet") for network in services]:
            if address is not None and address in network:
                yield Finding((*host, field), f"{address} lies in {whose} {network}", "subnets that no host has an address in")


def _overlap(one: Network, other: Network) -> bool:
    return one.network_address in other or other.network_address in one


def _families(draft: Draft, pods: tuple[Network, ...], services: tuple[Network, ...]) -> Iterator[Finding]:
    if pods and services and [n.version for n in pods] != [n.version for n in services]:
        place = SERVICE if draft.raw(*SERVICE) is not None else POD
        message = f"pods have {_named(pods)} and services have {_named(services)}"
        yield Finding(place, message, "the same families in the same order in podSubnet and serviceSubnet")
        return
    networks = pods or services
    if not networks:
        return
    for host in draft.hosts():
        address = draft.address(*host, "address")
        if address is not None and address.version != networks[0].version:
            wanted = f"IPv{networks[0].version}"
            message = f"is an IPv{address.version} address, but the subnets' first family is {wanted}"
            yield Finding((*host, "address"), message, f"an {wanted} address, or subnets that begin with IPv{address.version}")
        second = draft.raw(*host, "secondaryAddress")
        other = draft.address(*host, "secondaryAddress")
        if other is not None and address is not None and other.version != address.version and len(networks) == 1:
            message = "is for dual-stack, but the subnets have one family"
            yield Finding((*host, "secondaryAddress"), message, "an IPv4 and an IPv6 CIDR in podSubnet and in serviceSubnet")
        if second is None and len(networks) == 2 and isinstance(draft.raw(*host), dict):
            message = f"secondaryAddress is missing: the subnets are dual-stack ({_named(networks)})"
            yield Finding((*host, "secondaryAddress"), message, f"the host's IPv{networks[1].version} address")


def _named(networks: tuple[Network, ...]) -> str:
    return " and ".join(f"IPv{network.version}" for network in networks)


def _endpoint(draft: Draft) -> Iterator[Finding]:
    found = draft.endpoint()
    if found is None:
        return
    host, port = found
    for field, default in (("podSubnet", "10.244.0.0/16"), ("serviceSubnet", "10.96.0.0/12")):
        for network in draft.subnets(field, default):
            if _is_in(host, network):
                yield Finding(ENDPOINT, f"{host} lies in {field} {network}", "an address outside the cluster's own subnets")
    control_plane = [place for place in draft.hosts() if draft.text(*place, "role") == "control-plane"]
    for place in control_plane:
        own = [draft.text(*place, field) for field in ("name", "address", "secondaryAddress")]
        same = any(other is not None and _same(host, other) for other in own)
        if same and port == draft.bind_port() and len(control_plane) > 1:
            message = f"is {field_path(place)} itself: the cluster would stand and fall with that host"
            yield Finding(ENDPOINT, message, "a load balancer, a virtual IP, or nothing: then every node has a local balancer")


def _vip(draft: Draft) -> Iterator[Finding]:
    address = draft.address(*VIP, "address")
    if address is None:
        return
    for field, default in (("podSubnet", "10.244.0.0/16"), ("serviceSubnet", "10.96.0.0/12")):
        for network in draft.subnets(field, default):
            if address in network:
                message = f"{address} lies in {field} {network}"
                yield Finding((*VIP, "address"), message, "an address of the masters' own network segment that nobody has")
    families = set()
    for place in draft.hosts():
        own = [draft.address(*place, field) for field in ("address", "secondaryAddress")]
        if address in own:
            yield Finding((*VIP, "address"), f"is {field_path(place)}'s own address", "an address that nobody has")
        families |= {one.version for one in own if one is not None and draft.text(*place, "role") == "control-plane"}
    if families and address.version not in families:
        message = f"is an IPv{address.version} address, and no master has one"
        yield Finding((*VIP, "address"), message, f"an IPv{families.pop()} address")
    endpoint = draft.endpoint()
    if endpoint is not None and endpoint[1] != draft.bind_port():
        message = f"port {endpoint[1]} is not the one that API servers listen on behind spec.vip ({draft.bind_port()})"
        yield Finding(ENDPOINT, message, "leave it out, or give a name of the virtual IP without a port")


def _sshd(draft: Draft, port: int | None) -> str:
    """Whose sshd listens on `port`. A host that is reached by another name or a client configuration may have it elsewhere."""
    shared = draft.number("spec", "ssh", "port", default=22)
    for place in draft.hosts():
        own = draft.number(*place, "ssh", "port", default=shared or 0)
        said = ((*place, "ssh", "host"), (*place, "ssh", "configFile"), ("spec", "ssh", "configFile"))
        if port is not None and own == port and all(draft.raw(*other) is None for other in said):
            return f"{field_path(place)}'s sshd"
    return ""


def _is_in(host: str, network: Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def _same(one: str, other: str) -> bool:
    try:
        return ip_network(one) == ip_network(other)
    except ValueError:
        return one == other

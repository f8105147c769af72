"""Addresses, subnets, endpoints, and what may stand in a certificate."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bootstrap.syntax import Mistake, names, quoted

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LIMITED_BROADCAST_BLOCK = ip_network("240.0.0.0/4")
_RESERVED = tuple(map(ip_network, ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "fe80::/10", "ff00::/8")))
_USUAL_PORT = 6443
_ENDPOINT_HINT = "an address that every node reaches the load balancer by"


def node_address(text: str) -> str:
    """A node's own address: unicast, IPv4 or IPv6; given back in canonical form."""
    address = _address(text)
    if why := _not_unicast(address):
        raise Mistake(f"{quoted(text)} is {why}", "an address that the other hosts reach this one by, such as 192.0.2.11")
    return str(address)


def subnets(text: str) -> str:
    """One CIDR, or an IPv4 and an IPv6 CIDR joined by a comma; given back in canonical form, order kept."""
    if any(not part.strip() for part in text.split(",")):
        message = f"{quoted(text)} has nothing before or after a comma" if text.strip() else "is empty"
        raise Mistake(message, "one CIDR, or one IPv4 and one IPv6 joined by a comma; leave the line out for the default")
    found = [_subnet(part.strip()) for part in text.split(",")]
    if len(found) > 2 or (len(found) == 2 and found[0].version == found[1].version):
        raise Mistake(
            f"{quoted(text)} is neither one CIDR nor a dual-stack pair",
            "one CIDR, or one IPv4 and one IPv6: 10.244.0.0/16,fd00:10:244::/56",
        )
    return ",".join(str(network) for network in found)


def networks(text: str) -> tuple[Network, ...]:
    """The networks of a value that `subnets` has accepted."""
    return tuple(ip_network(part) for part in text.split(","))


def port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise Mistake(f"{number} is not a port", "1 to 65535")
    return number


def router_id(number: int) -> int:
    """VRRP's virtual router ID (RFC 9568, 5.2.3)."""
    if not 1 <= number <= 255:
        raise Mistake(f"{number} is not a virtual router ID", "1 to 255")
    return number


def split_endpoint(text: str) -> tuple[str, int | None]:
    """Host (without brackets) and port of `host[:port]`, `[v6]:port` or a bare address. Raises Mistake."""
    hint = "host:port, such as api.example.com:6443 or [2001:db8::10]:6443"
    if "://" in text:
        raise Mistake(f"{quoted(text)} is a URL", hint)
    if _is_ipv6(text):
        address, _, last = text.rpartition(":")
        if last == str(_USUAL_PORT) and _is_ipv6(address):
            message = f"{quoted(text)} is an address, and perhaps meant as one with a port"
            raise Mistake(message, f"[{address}]:{last}, or [{text}]")
        return text, None
    match = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?", text)
    if match is None:
        raise Mistake(f"{quoted(text)} is not an endpoint", hint)
    bracketed, plain, number = match.groups()
    if bracketed is not None and not _is_ipv6(bracketed):
        raise Mistake(f"{quoted(text)} has brackets around what is not an IPv6 address", hint)
    host = bracketed if bracketed is not None else plain
    if not host:
        raise Mistake(f"{quoted(text)} has no host", hint)
    return host, None if number is None else port(int(number))


def join_endpoint(host: str, number: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


def endpoint(text: str) -> str:
    """The address of a load balancer or virtual IP, `host[:port]`, in canonical form; empty means none."""
    if not text:
        return text
    host, number = split_endpoint(text)
    try:
        address = ip_address(host)
    except ValueError:
        if names.is_numeric(host):
            raise Mistake(f"{quoted(host)} is not an address", "such as 192.0.2.10:6443") from None
        if names.is_localhost(names.subdomain(host)):
            raise Mistake(f"{quoted(host)} is every machine's own name for itself", _ENDPOINT_HINT) from None
    else:
        if why := _not_unicast(address):
            raise Mistake(f"{quoted(text)} is {why}", _ENDPOINT_HINT)
        host = str(address)
    if number is not None:
        return join_endpoint(host, number)
    return f"[{host}]" if ":" in host else host


def subject_alternative_name(text: str) -> str:
    """An address, a DNS name, or a wildcard such as *.example.com."""
    hint = "without scheme and port, such as api.example.com or 192.0.2.10"
    try:
        address = ip_address(text)
    except ValueError:
        pass
    else:
        if why := _zone(address) or _mapped(address) or ("the unspecified address" if address.is_unspecified else ""):
            raise Mistake(f"{quoted(text)} is {why}", "an address that clients connect to, such as 192.0.2.10")
        return str(address)
    if names.is_numeric(text):
        raise Mistake(f"{quoted(text)} is not an address", "four numbers from 0 to 255, without leading zeros: 192.0.2.10")
    try:
        names.subdomain(text.removeprefix("*."))
    except Mistake as error:
        if text != text.lower():
            hint = f"in lower case, {hint}"
        raise Mistake(f"{quoted(text)} is neither an address nor a DNS name", hint) from error
    return text


def dns_domain(text: str) -> str:
    """The domain of the cluster's own DNS names."""
    hint = "a domain of the cluster's own, such as cluster.local"
    if names.is_numeric(names.subdomain(text)):
        raise Mistake(f"{quoted(text)} is an address, not a domain", hint)
    if names.is_localhost(text):
        raise Mistake(f"{quoted(text)} is every machine's own name for itself", hint)
    return text


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        if "/" in text:
            raise Mistake(f"{quoted(text)} is a subnet", f"the address alone: {text.partition('/')[0]}") from None
        if re.fullmatch(r"[0-9.]+", text):
            hint = "four numbers from 0 to 255, without leading zeros: 192.0.2.11"
            raise Mistake(f"{quoted(text)} is not an IP address", hint) from None
        raise Mistake(f"{quoted(text)} is not an IP address", "an address, not a name: 192.0.2.11 or 2001:db8::11") from None
    if why := _zone(address):
        raise Mistake(f"{quoted(text)} is {why}", "an address that is valid on every host, without %")
    return address


def _zone(address: Address) -> str:
    return "an address with a zone" if isinstance(address, IPv6Address) and address.scope_id is not None else ""


def _mapped(address: Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return f"an IPv4 address mapped to IPv6 (write {address.ipv4_mapped})"
    return ""


def _not_unicast(address: Address) -> str:
    """Why `address` cannot be a host's that others reach; empty if it can."""
    if why := _mapped(address) or _zone(address):
        return why
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_loopback:
        return "a loopback address"
    if address.is_multicast:
        return "a multicast address"
    if address.is_link_local:
        return "a link-local address"
    if isinstance(address, IPv4Address) and (address in _LIMITED_BROADCAST_BLOCK or int(address) >> 24 == 0):
        return "a reserved address, not a unicast one"
    return ""


def _subnet(text: str) -> Network:
    hint = "a CIDR such as 10.244.0.0/16"
    if not re.fullmatch(r"[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2})", text):
        raise Mistake(f"{quoted(text)} is not a subnet", hint)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Mistake(f"{quoted(text)} is not a subnet", hint) from None
    address = ip_address(text.partition("/")[0])
    if address != network.network_address:
        raise Mistake(f"{quoted(text)} has bits set beyond its prefix", f"{network}")
    if why := _not_unicast(address):
        raise Mistake(f"{quoted(text)} begins with {why}", hint)
    if other := next((other for other in _RESERVED if other.network_address in network), None):
        raise Mistake(f"{quoted(text)} holds {other}, which is reserved", hint)
    return network


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address)
    except ValueError:
        return False

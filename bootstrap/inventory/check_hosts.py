"""What the hosts must agree on among themselves: names, addresses, roles, ways to reach them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc, field_path
from bootstrap.syntax.addresses import Address


def findings(draft: Draft) -> Iterator[Finding]:
    yield from _roles(draft)
    yield from _names(draft)
    yield from _addresses(draft)
    yield from _ssh_targets(draft)


def _roles(draft: Draft) -> Iterator[Finding]:
    if ("spec", "hosts") in draft.bad or draft.raw("spec", "hosts") is None:
        return
    roles = [draft.text(*host, "role") for host in draft.hosts()]
    if None not in roles and "control-plane" not in roles:
        yield Finding(("spec", "hosts"), "no host has role: control-plane", "at least one; three for high availability")


def _names(draft: Draft) -> Iterator[Finding]:
    first: dict[str, Loc] = {}
    for host in draft.hosts():
        name = draft.raw(*host, "name")
        if not isinstance(name, str):
            continue
        other = first.setdefault(name.casefold(), host)
        if other != host:
            message = f"is also the name of {field_path(other)}"
            yield Finding((*host, "name"), message, "every host has a name of its own; upper and lower case are the same")


def _addresses(draft: Draft) -> Iterator[Finding]:
    first: dict[Address, Loc] = {}
    for host in draft.hosts():
        own = draft.address(*host, "address")
        second = draft.address(*host, "secondaryAddress")
        for field, address in (("address", own), ("secondaryAddress", second)):
            if address is None:
                continue
            other = first.setdefault(address, (*host, field))
            if other != (*host, field):
                yield Finding((*host, field), f"is also {field_path(other)}", "every host has addresses of its own")
        if own is not None and second is not None and own.version == second.version:
            message = f"is an IPv{second.version} address, as `address` is"
            yield Finding((*host, "secondaryAddress"), message, "an address of the other family, or leave it out")


def _ssh_targets(draft: Draft) -> Iterator[Finding]:
    if draft.raw("spec", "ssh", "host") is not None:
        yield Finding(("spec", "ssh", "host"), "would be the same machine for every host", "`ssh.host` of each host")
    first: dict[tuple[str, int, str], Loc] = {}
    for host in draft.hosts():
        address = draft.text(*host, "address")
        target = draft.text(*host, "ssh", "host", default=address)
        shared_port = draft.number("spec", "ssh", "port", default=22)
        port = None if shared_port is None else draft.number(*host, "ssh", "port", default=shared_port)
        jump = draft.text(*host, "ssh", "proxyJump", default=draft.text("spec", "ssh", "proxyJump", default=""))
        if target is None or port is None or jump is None:
            continue
        other = first.setdefault((_canonical(target), port, jump), host)
        said = draft.raw(*host, "ssh", "host") is not None or draft.raw(*host, "ssh", "port") is not None
        said_there = draft.raw(*other, "ssh", "host") is not None or draft.raw(*other, "ssh", "port") is not None
        if other != host and (said or said_there):  # else the same address has been reported
            place = (*host, "ssh", "host") if draft.raw(*host, "ssh", "host") is not None else (*host, "ssh")
            message = f"reaches {target} port {port}, the same machine as {field_path(other)}"
            yield Finding(place, message, "a host or port of its own")


def _canonical(target: str) -> str:
    try:
        address = ip_address(target)
    except ValueError:
        return target.lower().removesuffix(".")
    return str((address.version == 6 and address.ipv4_mapped) or address)

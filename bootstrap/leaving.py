"""Masters that leave: those that no inventory names any more, and the proof that a machine is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from bootstrap import constants as k
from bootstrap import observing
from bootstrap.access import Access
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.connecting import Connect, connected
from bootstrap.connection import Outcome
from bootstrap.errors import BootstrapError, HostUnreachable, PersonNeeded, Refused
from bootstrap.facts import Facts
from bootstrap.membership import Member, quorum
from bootstrap.parallel import each
from bootstrap.plan import ApiState
from bootstrap.runner import look

SSH_PORT = 22
AT_ONCE = 16


def with_former_masters(cluster: Cluster, names: Sequence[str], connect: Connect, *, everybody: bool) -> Cluster:
    """The cluster with those members of etcd that leave and that the inventory does not name, at the addresses etcd has for them.

    names: of masters that leave; one that nobody has is left out, for it may have left already. everybody: every such member.
    """
    named = {host.name for host in cluster.control_plane_hosts}
    if not everybody and named.issuperset(names):
        return cluster
    with connected(cluster, cluster.control_plane_hosts, connect, tolerate=lambda name: True) as access:
        members, _ = observing.etcd_members(access, look(access))
    former = [one for one in members or () if one.started and one.name not in named and (everybody or one.name in names)]
    hosts = sorted((*cluster.hosts, *map(_host, former)), key=lambda host: host.name)
    return cluster.model_copy(update={"hosts": tuple(hosts)})


def _host(member: Member) -> Host:
    address = urlsplit(member.peer_url).hostname
    return Host.model_validate({"name": member.name, "role": Role.CONTROL_PLANE.value, "address": address})


def at(host: Host, entry: Member) -> Host:
    """The host at the address that etcd has for its member: another machine's, where the inventory has a new one."""
    return host.model_copy(update={"address": urlsplit(entry.peer_url).hostname or host.address})


def refuse_unless_gone(host: Host, access: Access, *, dead: bool, rebuilt: bool = False) -> None:
    """Raise unless it is proven that a machine is gone, and its removal was asked for.

    rebuilt: a machine without etcd's data was looked at in its place, which proves it. Else SSH has not answered us; dead: that
    was expected, and then no port of it may answer any master.
    """
    if rebuilt:
        return
    if not dead:
        raise HostUnreachable(
            f"{host.name} at {host.address} does not answer, or is not the machine that it was", host=host.name,
            hint="bring it back, or where its machine is gone for ever: the same command with --dead",
        )  # fmt: skip
    ports = (SSH_PORT, k.ETCD_PEER_PORT, k.ETCD_CLIENT_PORT, access.cluster.api_server.bind_port)
    asked = [(name, port) for name in sorted(access.connections) if name != host.name for port in ports]
    answers = each(lambda pair: _is_open(access, pair[0], host.address, pair[1]), asked, AT_ONCE)
    alive = [f"{name} reaches {host.address}:{port}" for (name, port), is_open in zip(asked, answers, strict=True) if is_open]
    if alive:
        raise Refused(
            f"{host.name} is not dead: it answers", host=host.name, evidence=alive,
            hint="power it off, or bring its SSH back and leave out --dead",
        )  # fmt: skip


def _is_open(access: Access, host: str, address: str, port: int) -> bool:
    try:
        return access.connections[host].reach(address, port).outcome is Outcome.OPEN
    except BootstrapError:
        return False


def no_majority(cluster: Cluster, facts: Mapping[str, Facts]) -> BootstrapError:
    """etcd does not answer: what is left of it, and what a person can do; or that there never was one."""
    if len(facts) == len(cluster.control_plane_hosts) and not any(found.etcd.has_member for found in facts.values()):
        return Refused(
            "no master of the inventory has etcd data: there is no control plane whose masters could come or go",
            hint="bootstrap init INVENTORY makes one of all its masters at once",
        )
    running = [name for name, found in sorted(facts.items()) if any(one.component == k.ETCD for one in found.processes)]
    masters = [host.name for host in cluster.control_plane_hosts]
    return PersonNeeded(
        f"etcd has no quorum: it runs on {len(running)} of {len(masters)} masters, and {quorum(len(masters))} are needed",
        evidence=[f"etcd runs on: {', '.join(running) or 'none that was reached'}", f"not looked at: {_away(masters, facts)}"],
        hint="bring masters back until a majority runs; where they are lost for ever, on one survivor: stop its static pods, "
        "keep a copy of its data, start etcd once with --force-new-cluster, then replace the others",
    )


def not_ready(state: ApiState | None) -> Refused:
    """Why nobody can join: there is no living cluster that init has finished."""
    if state is None:
        return Refused("no API server answers, so nobody can join", hint="bootstrap status INVENTORY")
    return Refused(
        "no init of this cluster was ever finished",
        hint="bootstrap init INVENTORY, with the masters alone that it was begun with",
    )


def _away(masters: Sequence[str], facts: Collection[str]) -> str:
    return ", ".join(name for name in masters if name not in facts) or "none"

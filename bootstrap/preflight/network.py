"""Checks of the network between masters: ports, forwarding by sshd, round trips.

A port that refuses is fine, nothing listens there before the first init; one that does not answer at all is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap import constants as k
from bootstrap.connection import Outcome
from bootstrap.facts.live import listener
from bootstrap.preflight.finding import Finding, error, unknown, warning
from bootstrap.preflight.subject import Fleet, Subject
from bootstrap.syntax.addresses import join_endpoint

ELECTION_S = 1.0        # etcd's default, which we leave alone
_NOT_REACHED = frozenset({Outcome.FILTERED, Outcome.UNREACHABLE})
_FORWARDING = (
    "in its sshd_config, for this user: AllowTcpForwarding local, no DisableForwarding, no PermitOpen; then: systemctl reload ssh"
)


def needed_ports(fleet: Fleet) -> dict[int, str]:
    """Ports that every master must reach on every master, and whose they are."""
    return {
        k.ETCD_CLIENT_PORT: k.ETCD, k.ETCD_PEER_PORT: k.ETCD,
        fleet.cluster.api_server.bind_port: k.API_SERVER, k.KUBELET_PORT: "kubelet",
    }  # fmt: skip


def reach(fleet: Fleet) -> Iterator[Finding]:
    yield from _between_masters(fleet)
    yield from _from_workers(fleet)


def _between_masters(fleet: Fleet) -> Iterator[Finding]:
    """One finding for each port of each target and what becomes of it, with the masters that have tried; one where none works."""
    needed, masters = needed_ports(fleet), {host.name for host in fleet.cluster.control_plane_hosts}
    for target in fleet.cluster.control_plane_hosts:
        subject = next((one for one in fleet.subjects if one.name == target.name), None)
        tried: dict[str, dict[int, Outcome]] = {}
        for (source, name, port), found in fleet.answers.reach.items():
            if name == target.name and source in masters:
                tried.setdefault(source, {})[port] = found.outcome
        cut = [source for source, outcomes in tried.items() if set(outcomes.values()) <= _NOT_REACHED]
        if cut:
            yield error("Reach", target.name, f"{', '.join(cut)} cannot reach {target.address} on any port",
                        f"on {cut[0]}: ip route get {target.address}; firewalls and security groups must let the masters talk")
        for port, owner in needed.items():
            sources: dict[Outcome, list[str]] = {}
            for source, outcomes in tried.items():
                if source not in cut and port in outcomes:
                    sources.setdefault(outcomes[port], []).append(source)
            yield from _port(Place(target.name, target.address, port, owner), sources, subject)


def _from_workers(fleet: Fleet) -> Iterator[Finding]:
    """From each worker to the API servers of the masters: without any it cannot join; a balancer does without some of them."""
    port = fleet.cluster.api_server.bind_port
    for subject in fleet.subjects:
        outcomes = {target: found.outcome for (source, target, at), found in fleet.answers.reach.items()
                    if (source, at) == (subject.name, port)}  # fmt: skip
        lost = [target for target, outcome in outcomes.items() if outcome in (*_NOT_REACHED, Outcome.REFUSED)]
        if subject.is_control_plane or not lost:
            continue
        make = error if len(lost) == len(outcomes) else warning
        places = ", ".join(f"{name} ({join_endpoint(fleet.cluster.host(name).address, port)})" for name in lost)
        yield make(f"Reach-{port}", subject.name, f"it does not reach the API servers of {places}",
                   "let TCP to that port pass from the workers; is the API server up? bootstrap status INVENTORY")


@dataclass(frozen=True)
class Place:
    """A port of a master, and whose it is."""

    host: str
    address: str
    port: int
    owner: str

    def __str__(self) -> str:
        return join_endpoint(self.address, self.port)


def _port(place: Place, sources: dict[Outcome, list[str]], subject: Subject | None) -> Iterator[Finding]:
    name, host, port = f"Reach-{place.port}", place.host, place.port
    lost = sources.get(Outcome.FILTERED, []) + sources.get(Outcome.UNREACHABLE, [])
    # Between hosts etcd's client port serves people and kubeadm's join; our API servers ask their own member.
    make = warning if port == k.ETCD_CLIENT_PORT and host not in lost else error
    if Outcome.FILTERED in sources:
        who = ", ".join(sources[Outcome.FILTERED])
        yield make(name, host, f"port {port} of {place.owner} does not answer {who}: something drops what goes to {place}",
                   f"let TCP to port {port} pass between the masters: nft list ruleset, iptables -S, security groups")
    if Outcome.UNREACHABLE in sources:
        who = ", ".join(sources[Outcome.UNREACHABLE])
        yield make(name, host, f"{who} cannot reach {place} ({place.owner}), but other ports: a firewall rejects it",
                   f"let TCP to port {port} pass between the masters: nft list ruleset, firewall-cmd --list-all")
    if Outcome.REFUSED in sources and subject is not None:
        found = listener(subject.facts, port)
        if found is not None and found.address in ("0.0.0.0", "::", place.address):  # noqa: S104 - compared, not bound
            who = ", ".join(sources[Outcome.REFUSED])
            yield warning(name, host, f"port {port} is refused to {who}, although {found.process or 'a process'} listens on it",
                          "a firewall that rejects does that; or it has just been restarted: run the command again")


def forwarding(fleet: Fleet) -> Iterator[Finding]:
    """API servers and etcd are asked through the SSH session: sshd has to open connections for us."""
    for subject in fleet.subjects:
        own = [
            found for (source, target, _), found in fleet.answers.reach.items()
            if source == subject.name and target == subject.name
        ]
        others = fleet.answers.outcomes(subject.name)
        if own and all(found.outcome is Outcome.FORBIDDEN for found in own):
            yield error("SSHForwarding", subject.name, "its sshd does not forward connections: nothing can be asked through it",
                        _FORWARDING)
        elif Outcome.FORBIDDEN in [found.outcome for found in own]:
            ports = sorted(port for (source, target, port), found in fleet.answers.reach.items()
                           if source == target == subject.name and found.outcome is Outcome.FORBIDDEN)
            yield error("SSHForwarding", subject.name,
                        f"its sshd forwards, but not to its own ports {', '.join(map(str, ports))}", _FORWARDING)
        elif Outcome.FORBIDDEN in others:
            yield unknown("SSHForwarding", subject.name,
                          "its sshd does not forward to other masters: what it reaches there is unknown")


def round_trips(fleet: Fleet) -> Iterator[Finding]:
    """etcd's members among themselves.

    Source: etcd tuning guide (v3.6): an election timeout of at least ten round trips. Ours is the best of a few tries, so half
    of that is asked for; where half an election timeout is one round trip, no leader stays.
    """
    election_s = _election_timeout_s(fleet)
    for (source, target), seconds in fleet.answers.round_trips.items():
        if (target, source) in fleet.answers.round_trips and target < source:
            continue  # the same pair, from the other end
        if seconds > election_s / 20:
            make, trip = (error if seconds > election_s / 2 else warning), f"{seconds * 1000:.0f} ms"
            yield make("RoundTrip", None,
                       f"a round trip between {source} and {target} takes {trip}; etcd's election timeout, "
                       f"{election_s * 1000:.0f} ms, should be twenty of them",
                       f"spec.etcd.local.extraArgs: heartbeat-interval {seconds * 1000:.0f}, "
                       f"election-timeout {max(seconds * 20_000, 1000):.0f}")


def _election_timeout_s(fleet: Fleet) -> float:
    given = [arg.value for arg in fleet.cluster.etcd.local.extra_args if arg.name == "election-timeout"]
    return int(given[-1]) / 1000 if given and given[-1].isdecimal() and int(given[-1]) else ELECTION_S

"""The network between model hosts, as TCP connections that nobody says anything on see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bootstrap import constants as k
from bootstrap.connection import Outcome, Reach
from bootstrap.testing.host import LOOPBACK, FakeHost
from bootstrap.testing.look import listeners

TUNNEL_S = 0.002
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what listeners are bound to, not what we bind


@dataclass
class FakeNetwork:
    """What tests put in the way, or beside the hosts.

    dropped: packets that vanish, as (source host, address, port); port 0: every port. delay_s: round trips, by source host and
    address. servers: what listens elsewhere, a load balancer say: by address and port the DER of the certificate that it shows,
    empty where it speaks no TLS. names: addresses by name in DNS.
    """

    dropped: set[tuple[str, str, int]] = field(default_factory=set)
    delay_s: dict[tuple[str, str], float] = field(default_factory=dict)
    servers: dict[tuple[str, int], bytes] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)


def reach(source: FakeHost, address: str, port: int, timeout_s: float, server_name: str) -> Reach:
    """What becomes of a TCP connection that a host opens."""
    network = source.fleet.network
    seconds = TUNNEL_S + network.delay_s.get((source.name, address), 0.0)
    if not source.forwards:
        return Reach(Outcome.FORBIDDEN, seconds, "open failed")
    if {(source.name, address, port), (source.name, address, 0)} & network.dropped:
        return Reach(Outcome.FILTERED, timeout_s, f"no answer within {timeout_s:g} s")
    target = source.fleet.seen_from(source, address)
    if target is None:
        if (address, port) in network.servers:
            return Reach(Outcome.OPEN, seconds, certificate=network.servers[address, port] if server_name else b"")
        if any(at == address for at, _ in network.servers):
            return Reach(Outcome.REFUSED, seconds, "Connection refused")
        return Reach(Outcome.UNREACHABLE, seconds, "No route to host")
    if not target.powered:
        return Reach(Outcome.FILTERED, timeout_s, f"no answer within {timeout_s:g} s")
    bound = {address, *EVERYWHERE} | (set(LOOPBACK) if address in LOOPBACK else set())
    if not any(one.port == port and one.address in bound for one in listeners(target)):
        return Reach(Outcome.REFUSED, seconds, "Connection refused")
    return Reach(Outcome.OPEN, seconds, certificate=_certificate(target, port) if server_name else b"")


def survey(host: FakeHost, words: Sequence[str]) -> Iterator[str]:
    """What scripts/survey.sh prints when it is asked this."""
    asked = list(zip(words[0::2], words[1::2], strict=True))
    missing = host.missing_images
    registries = [name for key, name in asked if key == "registry"] if missing else []
    for name in (*(name for key, name in asked if key == "resolve"), *registries):
        addresses = host.fleet.network.names.get(name, (host.address,) if name == host.hostname and host.knows_itself else ())
        yield from (f"address {name} {address}" for address in addresses)
        if not addresses:
            yield f"unresolved {name}"
    if asked_options := [name for key, name in asked if key == "option"]:
        yield from (f"kernel-option {name}" for name in asked_options if name not in host.kernel_lacks)
        yield "kernel-config /proc/config.gz"
    if missing is None:
        yield "images-failed neither ctr nor crictl was found"
    else:
        yield "images listed"
        yield from (f"missing {name}" for key, name in asked if key == "image" and name in missing)
        yield "direct yes"
    for key, directory in asked:
        if key == "disk":
            yield f"disk {directory}"
            yield from [f"write {host.write_s:.6f} s, 1.0 MB/s"] * 100


def _certificate(host: FakeHost, port: int) -> bytes:
    server = host.answering(k.API_SERVER)
    if server is None or port != int(server.flag("secure-port", "6443")):
        return b""
    return x509.load_pem_x509_certificate(host.file_of(server, "tls-cert-file")).public_bytes(Encoding.DER)

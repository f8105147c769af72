"""Checks of the control plane endpoint: a load balancer or virtual IP in front of the API servers.

Masters do without it (their own API server is theirs), so that it is dead is a warning; that it leads to another cluster is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from bootstrap import constants as k
from bootstrap.connection import Outcome, Reach
from bootstrap.preflight.finding import Finding, error, unknown, warning
from bootstrap.preflight.subject import Fleet, Subject
from bootstrap.syntax.addresses import split_endpoint

NAME = "ControlPlaneEndpoint"
_HINT = "workers and kubeconfigs use it: see that it leads to port {port} of every master"


def endpoint(subject: Subject) -> Iterator[Finding]:
    """From one master: it resolves, and answers or refuses; where it answers, it does so each time."""
    if not subject.asked or not subject.cluster.control_plane_endpoint:
        return
    place, answers = subject.cluster.control_plane_endpoint, subject.answers
    host, _ = split_endpoint(place)
    hint = _HINT.format(port=subject.cluster.api_server.bind_port)
    if answers.addresses.get(host) == ():
        yield warning(NAME, subject.name, f"{host} does not resolve on it", f"getent ahosts {host}")
    elif answers.names_problem and answers.endpoint is None:
        yield unknown(NAME, subject.name, f"whether {host} resolves could not be found out: {answers.names_problem}")
    elif answers.endpoint is None:
        yield unknown(NAME, subject.name, f"whether it reaches {place} was not found out")
    elif answers.endpoint.outcome in (Outcome.FILTERED, Outcome.UNREACHABLE):
        reason = answers.endpoint.detail.lower() or "no way there"
        yield warning(NAME, subject.name, f"{place} does not answer it ({reason})", hint)
    if answers.endpoint is not None and answers.endpoint.outcome is not Outcome.OPEN:
        yield from _other_port(subject, place)
    tried = [one for one in (answers.endpoint, *answers.endpoint_again) if one is not None]
    failed = [one for one in tried if not one.certificate]
    if answers.endpoint_again and 0 < len(failed) < len(tried):
        yield warning(NAME, subject.name,
                      f"{len(failed)} of {len(tried)} connections from it to {place} fail: perhaps those that lead to itself",
                      "see that the load balancer can lead a master to itself (hairpin): by source NAT, for one")


def _other_port(subject: Subject, place: str) -> Iterator[Finding]:
    port, found = subject.cluster.api_server.bind_port, subject.answers.bind_port
    if found is not None and found.outcome is Outcome.OPEN:
        yield warning(NAME, subject.name, f"nothing answers at {place}, but something does at port {port} there",
                      "spec.controlPlaneEndpoint takes the load balancer's port, spec.apiServer.bindPort the masters'")


def cluster_behind(fleet: Fleet) -> Iterator[Finding]:
    """Whose certificate is shown at the endpoint: this cluster's, once there is one; nobody's before that."""
    place = fleet.cluster.control_plane_endpoint
    authority = next((seen.content for subject in fleet.masters
                      if (seen := subject.facts.owned.get(k.PKI_DIR / "ca.crt")) is not None and seen.content), None)
    shown: dict[str, list[str]] = {}
    for subject in fleet.subjects:
        if subject.answers.endpoint is not None and subject.answers.endpoint.certificate:
            shown.setdefault(_problem(subject.answers.endpoint, authority, place), []).append(subject.name)
    for problem, names in shown.items():
        if problem:
            make = warning if problem.startswith("the certificate") else error
            yield make(NAME, None, f"{problem}, as seen from {', '.join(names)}",
                       f"openssl s_client -connect {place} </dev/null | openssl x509 -noout -issuer -subject")
    if fleet.answers.asked and place and _serves(fleet) and not shown:
        refused = [one.name for one in fleet.subjects if one.answers.endpoint is not None]
        if refused:
            yield warning(NAME, None, f"API servers run, but none is behind {place}, as seen from {', '.join(refused)}",
                          _HINT.format(port=fleet.cluster.api_server.bind_port))


def _problem(found: Reach, authority: bytes | None, place: str) -> str:
    """Why the server at the endpoint is not this cluster's; empty where it is."""
    if authority is None:
        return f"a TLS server answers at {place}, although no master has a certificate authority yet: it is another cluster's"
    try:
        leaf = x509.load_der_x509_certificate(found.certificate)
        issuers = x509.load_pem_x509_certificates(authority)
    except ValueError:
        return f"what answers at {place} shows a certificate that cannot be read"
    if not any(_issued_by(leaf, issuer) for issuer in issuers):
        return f"what answers at {place} is not this cluster: its certificate is not of this cluster's authority"
    host, _ = split_endpoint(place)
    return "" if _is_for(leaf, host) else f"the certificate shown at {place} is not valid for {host}"


def _issued_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_for(leaf: x509.Certificate, host: str) -> bool:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        return ip_address(host.strip("[]")) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return host.lower() in {name.lower() for name in names.get_values_for_type(x509.DNSName)}


def _serves(fleet: Fleet) -> bool:
    port = fleet.cluster.api_server.bind_port
    return any(one.port == port and one.in_static_pod for subject in fleet.masters for one in subject.facts.listeners)

"""Whether two ends of a model TLS connection would trust each other: chains and names are really checked."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from bootstrap.connection import NoAnswer, Tls
from bootstrap.testing.decoding import decoded


@dataclass(frozen=True)
class Identity:
    """Who a client certificate says that somebody is."""

    user: str = "system:anonymous"
    groups: tuple[str, ...] = ()


ANONYMOUS = Identity()


def greet(tls: Tls, certificate: bytes, address: str) -> bytes:
    """The client's side: DER of the server's certificate, or NoAnswer where the client does not trust it."""
    if not tls.ca:
        if tls.client_certificate or not ip_address(address).is_loopback:
            raise AssertionError(f"an unchecked TLS connection to {address}, or one with an identity: Tls forbids that")
        return b""
    reason, der = _server_problem(tls.ca, certificate, tls.server_name)
    if reason:
        raise NoAnswer(f"TLS failed: {reason}")
    return der


def identity(tls: Tls, client_ca: bytes) -> Identity:
    """The server's side: who the client is; NoAnswer where its certificate is of somebody else."""
    if not tls.client_certificate:
        return ANONYMOUS
    found = _client(tls.client_certificate, tls.client_key, client_ca)
    if found is None:
        raise NoAnswer("TLS failed: remote error: tls: unknown certificate authority")
    return found


@functools.lru_cache(maxsize=1024)
def _server_problem(ca: bytes, certificate: bytes, name: str) -> tuple[str, bytes]:
    if not certificate:
        return "certificate signed by unknown authority", b""   # one that the server made up
    leaf = x509.load_pem_x509_certificate(certificate)
    if not _signed(leaf, ca):
        return "certificate signed by unknown authority", b""
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    try:
        known = ip_address(name) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        known = name in names.get_values_for_type(x509.DNSName)
    return ("" if known else f"certificate is not valid for {name}"), leaf.public_bytes(Encoding.DER)


@functools.lru_cache(maxsize=1024)
def _client(certificate: bytes, key: bytes, client_ca: bytes) -> Identity | None:
    leaf = x509.load_pem_x509_certificate(certificate)
    if not _signed(leaf, client_ca) or load_pem_private_key(key, None).public_key() != leaf.public_key():
        return None
    user = "".join(str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return Identity(user, tuple(str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)))


def _signed(leaf: x509.Certificate, ca: bytes) -> bool:
    for authority in x509.load_pem_x509_certificates(ca):
        try:
            leaf.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


@dataclass(frozen=True)
class Client:
    """A kubeconfig as its user sees it: whom to ask, and as whom."""

    address: str
    port: int
    tls: Tls


def client(kubeconfig: bytes, read: Callable[[PurePosixPath], bytes | None]) -> Client:
    """The client that a kubeconfig makes. read: content of files that it refers to."""
    address, port, parts = _parts(kubeconfig)
    ca, certificate, key = (part if isinstance(part, bytes) else read(part) or b"" for part in parts)
    return Client(address, port, Tls(ca, address, certificate, key))


@functools.lru_cache(maxsize=1024)
def _parts(kubeconfig: bytes) -> tuple[str, int, tuple[bytes | PurePosixPath, ...]]:
    """Address, port, and CA, certificate and key of a kubeconfig: each as it stands there, or where it is."""
    value = decoded(kubeconfig)
    cluster, user = value["clusters"][0]["cluster"], value["users"][0]["user"]
    url = urlsplit(cluster["server"])

    def part(of: dict[str, str], name: str) -> bytes | PurePosixPath:
        if f"{name}-data" in of:
            return base64.b64decode(of[f"{name}-data"])
        return PurePosixPath(of[name]) if name in of else b""

    parts = part(cluster, "certificate-authority"), part(user, "client-certificate"), part(user, "client-key")
    return url.hostname or "", url.port or 443, parts

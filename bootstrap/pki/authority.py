"""Certificate authorities and the service account key pair as values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cryptography import x509

from bootstrap.files import Secret
from bootstrap.pki.pem import PrivateKey, fingerprint, read_certificates, read_private_key
from bootstrap.pki.table import AuthorityEntry


@dataclass(frozen=True)
class Authority:
    """One certificate authority that has been found usable, or was just made.

    certificate: PEM, byte for byte as found. key: None when it was not read, or when no host has it.
    key_digests: SHA-256 of the key files that hold the key, as far as is known. made: it is not on any host yet.
    """

    entry: AuthorityEntry
    certificate: bytes
    key: Secret | None = None
    key_digests: frozenset[str] = frozenset()
    made: bool = False

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def is_external(self) -> bool:
        """No key anywhere: certificates are issued by somebody else."""
        return self.key is None and not self.key_digests

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        return fingerprint(self.parsed)

    @cached_property
    def parsed(self) -> x509.Certificate:
        return read_certificates(self.certificate)[0]

    @cached_property
    def signing_key(self) -> PrivateKey:
        """Raises ValueError when the key was not read: whoever signs has to read it first."""
        if self.key is None:
            raise ValueError(f"the key of {self.name} was not read")
        return read_private_key(self.key)


@dataclass(frozen=True)
class ServiceAccountKeys:
    """The key pair that signs service account tokens; fields as in Authority."""

    public: bytes
    key: Secret | None = None
    key_digests: frozenset[str] = frozenset()
    made: bool = False


@dataclass(frozen=True)
class Authorities:
    """All that the control plane hosts have in common."""

    ca: Authority
    front_proxy_ca: Authority
    etcd_ca: Authority
    service_account: ServiceAccountKeys

    @property
    def all(self) -> tuple[Authority, ...]:
        return (self.ca, self.front_proxy_ca, self.etcd_ca)

    def named(self, name: str) -> Authority:
        """The authority of that name in the table; KeyError where there is none."""
        return {authority.name: authority for authority in self.all}[name]

    @property
    def made(self) -> tuple[str, ...]:
        """Names of what is on no host yet: `ca`, `front-proxy-ca`, `etcd-ca`, `sa`."""
        names = tuple(authority.name for authority in self.all if authority.made)
        return (*names, "sa") if self.service_account.made else names

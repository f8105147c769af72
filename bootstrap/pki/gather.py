"""Which certificate authorities a cluster has: found on its hosts, given by the user, or, where there are none, made.

Hosts that cannot be read are unknown, not empty: the caller leaves nothing out silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from bootstrap.cluster import Cluster
from bootstrap.constants import PKI_DIR
from bootstrap.errors import Refused
from bootstrap.files import Observed, Secret
from bootstrap.pki.authority import Authorities, Authority, ServiceAccountKeys
from bootstrap.pki.check import problem_with_authority
from bootstrap.pki.issue import new_authority, new_service_account_keys
from bootstrap.pki.pem import (
    BadPem,
    PrivateKey,
    PublicKey,
    fingerprint,
    public_pem,
    read_certificates,
    read_private_key,
    read_public_key,
)
from bootstrap.pki.table import AUTHORITIES, SA_KEY, SA_PUBLIC_KEY, AuthorityEntry

GIVEN = "the inventory's certificateAuthorities"
MEND = "make every control plane host hold the same, valid files, or remove the ones that do not belong here"

SHARED_PUBLIC = (*(entry.path for entry in AUTHORITIES), SA_PUBLIC_KEY)
SHARED_KEYS = (*(entry.key_path for entry in AUTHORITIES), SA_KEY)


@dataclass(frozen=True)
class Found:
    """What one host, or the user's own directory, has of the shared PKI.

    public: content of the certificates and of sa.pub. key_digests: SHA-256 of the key files that are there.
    keys: those of them that were read. unreadable: what is there and is no regular file.
    """

    public: Mapping[PurePosixPath, bytes] = field(default_factory=dict)
    key_digests: Mapping[PurePosixPath, str] = field(default_factory=dict)
    keys: Mapping[PurePosixPath, Secret] = field(default_factory=dict)
    unreadable: tuple[PurePosixPath, ...] = ()


def found_on(observed: Mapping[PurePosixPath, Observed], keys: Mapping[PurePosixPath, Secret] | None = None) -> Found:
    """What a host has. observed: `Facts.owned`. keys: content of the private keys that were read from it."""
    there = {path: observed[path] for path in (*SHARED_PUBLIC, *SHARED_KEYS) if path in observed}
    return Found(
        {path: seen.content for path, seen in there.items() if path in SHARED_PUBLIC and seen.content is not None},
        {path: seen.sha256 for path, seen in there.items() if path in SHARED_KEYS and seen.kind == "file"},
        {path: key for path, key in (keys or {}).items() if path in SHARED_KEYS},
        tuple(
            path for path, seen in there.items()
            if seen.kind != "file" or (path in SHARED_PUBLIC and seen.content is None)
        ),
    )


def found_in(directory: Mapping[str, bytes]) -> Found:
    """What the user's own directory has. directory: contents by name below it (`ca.crt`, `etcd/ca.key`, `sa.pub`)."""
    contents = {PKI_DIR / name: content for name, content in directory.items()}
    keys = {path: Secret(contents[path]) for path in SHARED_KEYS if path in contents}
    return Found(
        {path: contents[path] for path in SHARED_PUBLIC if path in contents},
        {path: _digest(key) for path, key in keys.items()},
        keys,
    )


def keys_to_read(hosts: Mapping[str, Found]) -> tuple[tuple[str, PurePosixPath], ...]:
    """(host, path) of every shared private key, each distinct content once, by host name: for the second read."""
    wanted: dict[tuple[PurePosixPath, str], str] = {}
    for host in sorted(hosts):
        for path, digest in hosts[host].key_digests.items():
            wanted.setdefault((path, digest), host)
    return tuple(sorted((host, path) for (path, _), host in wanted.items()))


def gather(
    cluster: Cluster,
    hosts: Mapping[str, Found],
    given: Found | None,
    now: datetime,
    *,
    with_etcd_data: Collection[str] = (),
) -> Authorities:
    """The shared PKI: what exists wins; only what exists nowhere is made (`Authorities.made`).

    hosts: every control plane host. given: the user's own directory. with_etcd_data: hosts whose etcd has started once;
    where there is one, nothing is made. A key without its certificate gets a new certificate, not a new key, so that a
    run that stopped between the two can go on. An authority whose key is nowhere is an external one: no error here.

    Raises Refused with every conflict found: certificates that differ, cannot be used, or do not match their keys.
    """
    gathering = _gathering(cluster, hosts, given, now, with_etcd_data, making=True)
    authorities = [gathering.authority(entry) for entry in AUTHORITIES]
    service_account = gathering.service_account()
    if gathering.problems or service_account is None or None in authorities:
        raise Refused("the certificate authorities that were found cannot be used", evidence=gathering.problems, hint=MEND)
    ca, front_proxy_ca, etcd_ca = (authority for authority in authorities if authority is not None)
    return Authorities(ca, front_proxy_ca, etcd_ca, service_account)


def conflicts(
    cluster: Cluster, hosts: Mapping[str, Found], given: Found | None, now: datetime, *, with_etcd_data: Collection[str] = ()
) -> tuple[str, ...]:
    """What `gather` would refuse, and nothing made: problems in words."""
    return _gathering(cluster, hosts, given, now, with_etcd_data, making=False).found()


def _gathering(
    cluster: Cluster, hosts: Mapping[str, Found], given: Found | None, now: datetime, born: Collection[str], *, making: bool
) -> _Gathering:
    sources = {**({GIVEN: given} if given else {}), **{name: hosts[name] for name in sorted(hosts)}}
    problems = [f"{where}: {path} is not a regular file" for where, found in sources.items() for path in found.unreadable]
    return _Gathering(cluster, sources, now, tuple(sorted(born)), problems, making)


@dataclass(frozen=True)
class _Gathering:
    """One call of `gather`; finds problems and goes on. making: what is nowhere and may be made is made."""

    cluster: Cluster
    sources: Mapping[str, Found]
    now: datetime
    with_etcd_data: tuple[str, ...]
    problems: list[str]
    making: bool

    def found(self) -> tuple[str, ...]:
        for entry in AUTHORITIES:
            self.authority(entry)
        self.service_account()
        return tuple(self.problems)

    def authority(self, entry: AuthorityEntry) -> Authority | None:
        certificate = self._public(entry.path, self._certificate_identity)
        digests, key = self._key(entry.key_path, _certificate_key(certificate) if certificate else None)
        if certificate is not None:
            return Authority(entry, certificate, key, digests)
        if not self._may_make(entry.path) or not self.making:
            return None
        return new_authority(
            entry,
            now=self.now,
            lifetime=self.cluster.ca_certificate_validity_period,
            algorithm=self.cluster.encryption_algorithm,
            key=key,
        )

    def service_account(self) -> ServiceAccountKeys | None:
        public = self._public(SA_PUBLIC_KEY, lambda pem: public_pem(read_public_key(pem)).decode())
        digests, key = self._key(SA_KEY, read_public_key(public) if public else None)
        if public is not None:
            if not digests:
                self.problems.append(f"{SA_KEY} is on no host, but {SA_PUBLIC_KEY} is: no token can be signed")
            return ServiceAccountKeys(public, key, digests)
        if not self._may_make(SA_PUBLIC_KEY) or not self.making:
            return None
        return new_service_account_keys(self.cluster.encryption_algorithm, key)

    def _public(self, path: PurePosixPath, identity: Callable[[bytes], str]) -> bytes | None:
        """The content all sources agree on; None where there is none, or none that can be used."""
        contents: dict[str, bytes] = {}
        holders: dict[str, list[str]] = {}
        for where, found in self.sources.items():
            if path in found.public:
                try:
                    which = identity(found.public[path])
                except BadPem as error:
                    self.problems.append(f"{where}: {path} {error}")
                    continue
                contents.setdefault(which, found.public[path])
                holders.setdefault(which, []).append(where)
        if len(contents) > 1:
            different = "; ".join(f"{', '.join(wheres)}: {_short(which)}" for which, wheres in holders.items())
            self.problems.append(f"{path} differs between hosts ({different})")
        return next(iter(contents.values()), None)

    def _certificate_identity(self, pem: bytes) -> str:
        problem = problem_with_authority(pem, self.now)
        if problem:
            raise BadPem(problem)
        return fingerprint(read_certificates(pem)[0])

    def _key(self, path: PurePosixPath, public: PublicKey | None) -> tuple[frozenset[str], Secret | None]:
        """Digests of the key files, and one of their contents if any was read. public: what it must belong to."""
        holders: dict[str, list[str]] = {}
        for where, found in self.sources.items():
            if path in found.key_digests:
                holders.setdefault(found.key_digests[path], []).append(where)
        read = {_digest(found.keys[path]): found.keys[path] for found in self.sources.values() if path in found.keys}
        usable: list[tuple[Secret, PrivateKey]] = []
        for digest, secret in read.items():
            wheres = ", ".join(holders.get(digest, ["a host"]))
            try:
                key = read_private_key(secret)
            except BadPem as error:
                self.problems.append(f"{wheres}: {path} {error}")
                continue
            if public is not None and key.public_key() != public:
                self.problems.append(f"{wheres}: {path} does not belong to the certificate or public key beside it")
            usable.append((secret, key))
        if public is None and len({public_pem(key.public_key()) for _, key in usable}) > 1:
            self.problems.append(f"{path} differs between hosts, and no host has its public part")
        return frozenset(holders) | frozenset(read), usable[0][0] if usable else None

    def _may_make(self, path: PurePosixPath) -> bool:
        if any(path in found.public or path in found.unreadable for found in self.sources.values()):
            return False
        if self.with_etcd_data:
            self.problems.append(
                f"{path} is on no host, but etcd data is on {', '.join(self.with_etcd_data)}: "
                "a new one would lock the cluster out; bring the file back"
            )
        return not self.with_etcd_data


def _certificate_key(pem: bytes) -> PublicKey:
    key = read_certificates(pem)[0].public_key()
    assert isinstance(key, PublicKey)  # noqa: S101 (problem_with_authority has seen to it)
    return key


def _digest(secret: Secret) -> str:
    return hashlib.sha256(secret.reveal()).hexdigest()


def _short(identity: str) -> str:
    """A fingerprint as it is; of a PEM public key the fingerprint."""
    return identity if not identity.startswith("-") else hashlib.sha256(identity.encode()).hexdigest()

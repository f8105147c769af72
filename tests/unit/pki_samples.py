"""Clusters, and hosts as facts would show them after files were written, for tests of PKI and kubeconfigs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bootstrap.cluster import Cluster
from bootstrap.files import Directory, File, Link, Observed, Secret
from bootstrap.pki import Authorities, Found, HostFiles, found_on, gather

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
PKI = PurePosixPath("/etc/kubernetes/pki")
KUBELET_PKI = PurePosixPath("/var/lib/kubelet/pki")
MASTERS = ("cp1", "cp2", "cp3")


def a_cluster(**fields: Any) -> Cluster:
    hosts = [
        {"name": "cp1", "role": "control-plane", "address": "192.0.2.11"},
        {"name": "cp2", "role": "control-plane", "address": "192.0.2.12"},
        {"name": "cp3", "role": "control-plane", "address": "192.0.2.13"},
        {"name": "w1", "role": "worker", "address": "192.0.2.21"},
    ]
    return Cluster(**{"name": "demo", "kubernetes_version": "v1.36.3", "hosts": hosts, **fields})


def new_authorities(cluster: Cluster | None = None, now: datetime = NOW) -> Authorities:
    return gather(cluster or a_cluster(), dict.fromkeys(MASTERS, Found()), None, now)


@dataclass(frozen=True)
class Disk:
    """What is written on a host, and how facts show it: no private keys; of a PEM with both the certificates, at its link."""

    observed: Mapping[PurePosixPath, Observed]
    contents: Mapping[PurePosixPath, bytes]

    @property
    def found(self) -> Found:
        return found_on(self.observed)

    @property
    def found_with_keys(self) -> Found:
        return found_on(self.observed, {path: Secret(content) for path, content in self.contents.items()})

    def without(self, *paths: PurePosixPath) -> Disk:
        return Disk(
            {path: seen for path, seen in self.observed.items() if path not in paths},
            {path: content for path, content in self.contents.items() if path not in paths},
        )

    def plus(self, *entries: File | Directory | Link) -> Disk:
        return written(entries, self)


def written(entries: Iterable[File | Directory | Link], before: Disk | None = None) -> Disk:
    observed: dict[PurePosixPath, Observed] = dict(before.observed) if before else {}
    contents: dict[PurePosixPath, bytes] = dict(before.contents) if before else {}
    for entry in entries:
        match entry:
            case Link(path, target):
                pem = contents.get(path.parent / target)
                public = certificate_of(pem) if pem else None
                observed[path] = Observed(path, "link", 0o777, "root", "root", target=target, content=public)
            case Directory(path, mode, owner, group):
                observed[path] = Observed(path, "directory", mode, owner, group)
            case File():
                public = None if entry.secret else entry.bytes
                observed[entry.path] = Observed(
                    entry.path, "file", entry.mode, entry.owner, entry.group, len(entry.bytes), entry.sha256, content=public
                )
                contents[entry.path] = entry.bytes
    return Disk(observed, contents)


def file(files: HostFiles, path: PurePosixPath | str) -> File:
    found = [entry for entry in files.entries if isinstance(entry, File) and entry.path == PurePosixPath(path)]
    assert len(found) == 1, f"{len(found)} files {path}"
    return found[0]


def certificate_of(pem: bytes) -> bytes:
    end = b"-----END CERTIFICATE-----\n"
    return pem[: pem.index(end) + len(end)]


@dataclass(frozen=True)
class Read:
    """A certificate in words, for comparisons."""

    common_name: str
    organizations: tuple[str, ...]
    usages: tuple[str, ...]
    names: tuple[str, ...]


def read(pem: bytes) -> Read:
    certificate = x509.load_pem_x509_certificate(pem)
    usages = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}
    names: tuple[str, ...] = ()
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(name.value) for name in found)
    except x509.ExtensionNotFound:
        pass
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return Read(
        *(str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)),
        tuple(str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)),
        tuple(usages[oid] for oid in extended),
        names,
    )

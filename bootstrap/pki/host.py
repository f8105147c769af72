"""The PKI files of one host: what is valid stays as it is, the rest is issued."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from types import MappingProxyType

from bootstrap.cluster import Cluster, Host
from bootstrap.constants import KUBELET_PKI_DIR, PKI_DIR
from bootstrap.errors import Refused
from bootstrap.files import Directory, File, Link, Observed, Secret
from bootstrap.pki.authority import Authorities, Authority
from bootstrap.pki.check import problem_with
from bootstrap.pki.issue import Issued, issue
from bootstrap.pki.shared import CERTIFICATE_MODE, KEY_MODE, MISSING, shared_files
from bootstrap.pki.table import CERTIFICATES, KUBELET_CLIENT_CURRENT, CertificateEntry, Wanted


@dataclass(frozen=True)
class Renewal:
    """What to issue although it is valid: these names of CERTIFICATES, and what has less than `within` to live."""

    names: frozenset[str] = frozenset()
    within: timedelta = timedelta(0)


NO_RENEWAL = Renewal()


@dataclass(frozen=True)
class Kept:
    """A file whose content stays and was not read: its digest, and the mode and owner it should have."""

    path: PurePosixPath
    sha256: str
    mode: int = KEY_MODE
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class HostFiles:
    """entries: in the order in which to write them, kept public ones among them. reasons: why what is new is new."""

    entries: tuple[File | Directory | Link, ...]
    kept: tuple[Kept, ...] = ()
    reasons: Mapping[PurePosixPath, str] = field(default_factory=dict)


def pki_due(
    cluster: Cluster,
    host: Host,
    authorities: Authorities,
    observed: Mapping[PurePosixPath, Observed],
    now: datetime,
    *,
    keys: Mapping[PurePosixPath, Secret] | None = None,
    renewal: Renewal = NO_RENEWAL,
    left_out: Set[str] = frozenset(),
) -> dict[PurePosixPath, str]:
    """Paths of the certificates to issue and the shared files to copy to `host`, each with the reason. Signs nothing.

    observed: `Facts.owned`. keys: contents of this host's private keys, where they were read: they must match then.
    left_out: names of CERTIFICATES that this cluster has no use for.
    """
    reasons: dict[PurePosixPath, str] = {}
    for shared in shared_files(host, authorities):
        reason = shared.reason(observed.get(shared.path))
        if reason:
            reasons[shared.path] = reason
    for entry in _entries(host, left_out):
        authority = authorities.named(entry.authority)
        problem = (
            "is to be renewed" if entry.name in renewal.names
            else _kept_problem(entry, entry.wanted(cluster, host), authority, observed, now, keys or {}, renewal.within)
        )
        if problem:
            reasons[entry.path] = problem
    return reasons


def pki_files(
    cluster: Cluster,
    host: Host,
    authorities: Authorities,
    observed: Mapping[PurePosixPath, Observed],
    now: datetime,
    *,
    keys: Mapping[PurePosixPath, Secret] | None = None,
    renewal: Renewal = NO_RENEWAL,
    left_out: Set[str] = frozenset(),
) -> HostFiles:
    """All PKI files of `host`. Arguments as pki_due; the authorities' keys must have been read if that gives anything.

    A key stands before its certificate. Raises Refused naming what an external authority has to issue.
    """
    reasons = pki_due(
        cluster, host, authorities, observed, now, keys=keys, renewal=renewal, left_out=left_out
    )
    entries = _entries(host, left_out)
    signers = {entry.path: authorities.named(entry.authority) for entry in entries}
    refuse_external(host, signers, reasons, {entry.path: entry.switch for entry in entries if entry.switch})
    files: list[File | Directory | Link] = [directory(path, observed) for path in _directories(entries)]
    kept: list[Kept] = []
    for shared in shared_files(host, authorities):
        seen = observed.get(shared.path)
        if shared.path not in reasons and seen is not None:
            _keep(seen, shared.mode, files, kept)
        elif shared.content is not None:
            files.append(File(shared.path, shared.content, shared.mode))
        else:
            raise ValueError(f"{shared.path} was not read from the hosts that have it")
    for entry in entries:
        if entry.path in reasons:
            issued = issue(
                entry.wanted(cluster, host), authorities.named(entry.authority), now=now,
                lifetime=cluster.certificate_validity_period, algorithm=cluster.encryption_algorithm,
            )  # fmt: skip
            files += _pair(entry, issued, now)
        elif entry.path == KUBELET_CLIENT_CURRENT:
            files.append(Link(entry.path, observed[entry.path].target))
            target = observed.get(_target(observed[entry.path]))
            if target is not None:
                _keep(target, KEY_MODE, files, kept)
        else:
            _keep(observed[entry.key_path], KEY_MODE, files, kept)
            _keep(observed[entry.path], CERTIFICATE_MODE, files, kept)
    return HostFiles(tuple(files), tuple(kept), reasons)


def refuse_external(
    host: Host,
    signers: Mapping[PurePosixPath, Authority],
    reasons: Mapping[PurePosixPath, str],
    switches: Mapping[PurePosixPath, str] = MappingProxyType({}),
) -> None:
    """Raise Refused when something due would have to be signed by an authority whose key is nowhere.

    switches: what the inventory says where there is to be no such certificate.
    """
    evidence = [
        f"{host.name}: {path} {reasons[path]}; it takes the key of {signer.name} ({signer.entry.key_path}) to issue it"
        for path, signer in signers.items()
        if path in reasons and signer.is_external
    ]
    if evidence:
        hints = ["have them issued and put them there, or give the authority's key in spec.certificateAuthorities"]
        if without := sorted({switches[path] for path in switches.keys() & reasons.keys() if signers[path].is_external}):
            hints.append(f"to do without, where that can be: {', '.join(f'spec.{switch}' for switch in without)}")
        raise Refused(
            "certificates are due that only an external certificate authority can issue",
            host=host.name,
            evidence=evidence,
            hint="; ".join(hints),
        )


def directory(path: PurePosixPath, observed: Mapping[PurePosixPath, Observed]) -> Directory:
    """A directory that anybody may enter; one that is stricter stays so."""
    return Directory(path, stricter(observed.get(path), 0o755))


def stricter(seen: Observed | None, mode: int) -> int:
    """`mode`, or what is left of it on a file that allows less, as long as its owner can read it."""
    return seen.mode & mode if seen is not None and seen.mode & 0o400 else mode


def _entries(host: Host, left_out: Set[str]) -> list[CertificateEntry]:
    return [entry for entry in CERTIFICATES if host.role in entry.roles and entry.name not in left_out]


def _directories(entries: Iterable[CertificateEntry]) -> tuple[PurePosixPath, ...]:
    """Where they lie, and above them PKI_DIR: every host has the cluster's CA there."""
    return tuple(dict.fromkeys((PKI_DIR, *(entry.path.parent for entry in entries))))


def _kept_problem(
    entry: CertificateEntry,
    wanted: Wanted,
    authority: Authority,
    observed: Mapping[PurePosixPath, Observed],
    now: datetime,
    keys: Mapping[PurePosixPath, Secret],
    renew_within: timedelta,
) -> str | None:
    seen, key = observed.get(entry.path), observed.get(entry.key_path)
    if seen is None:
        return MISSING
    if entry.path == KUBELET_CLIENT_CURRENT:
        return _kubelet_client_problem(seen, observed.get(_target(seen)), wanted, authority, now, renew_within)
    if key is None:
        return f"has no key ({entry.key_path} {MISSING})"
    if seen.kind != "file" or key.kind != "file" or seen.content is None:
        return "is not a regular file"
    read = keys.get(key.path)
    return problem_with(seen.content, wanted, authority, now, key=read, renew_within=renew_within)


def _kubelet_client_problem(
    link: Observed, target: Observed | None, wanted: Wanted, authority: Authority, now: datetime, renew_within: timedelta
) -> str | None:
    """Facts show the certificate, not the key, of the file that the link leads to; the pair is never torn, being one file."""
    if link.kind != "link":
        return "is not a symbolic link, so the kubelet could never renew it"
    if link.content is None:
        # There, but not read: the kubelet renews it by itself.
        return None if target is not None and target.kind == "file" else "points to nothing"
    return problem_with(link.content, wanted, authority, now, renew_within=renew_within)


def _target(link: Observed) -> PurePosixPath:
    return link.path.parent / link.target


def _keep(seen: Observed, mode: int, files: list[File | Directory | Link], kept: list[Kept]) -> None:
    if seen.content is None or mode == KEY_MODE:
        kept.append(Kept(seen.path, seen.sha256, stricter(seen, mode)))
    else:
        files.append(File(seen.path, seen.content, stricter(seen, mode)))


def _pair(entry: CertificateEntry, issued: Issued, now: datetime) -> list[File | Directory | Link]:
    """Key, then certificate; of the kubelet's client certificate both in one dated file, and the link to it."""
    if entry.path != KUBELET_CLIENT_CURRENT:
        return [File(entry.key_path, issued.key, KEY_MODE), File(entry.path, issued.certificate, CERTIFICATE_MODE)]
    dated = KUBELET_PKI_DIR / f"kubelet-client-{now:%Y-%m-%d-%H-%M-%S}.pem"
    return [
        File(dated, Secret(issued.certificate + issued.key.reveal()), KEY_MODE),
        Link(entry.path, str(dated)),
    ]

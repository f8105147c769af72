"""From what was looked at to a Snapshot: the shared PKI is gathered, what is due is issued, the operator's files are read.

Private keys are read from hosts only when something has to be signed or copied, into memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from bootstrap import constants as k
from bootstrap import desired, hardening, hostpods, kubeconfig, manifests, patches, pki, staticpod, userpods
from bootstrap.access import Access
from bootstrap.apply import MAX_HOSTS_AT_ONCE
from bootstrap.cluster import Cluster, EncryptionAtRest, Host, Role
from bootstrap.errors import UsageError
from bootstrap.facts import Facts
from bootstrap.files import Directory, File, Link, Secret
from bootstrap.hardening import ConfigFile, encryption
from bootstrap.hostpods import HostPods
from bootstrap.owned import flag_name
from bootstrap.parallel import each
from bootstrap.patches import Patch
from bootstrap.pki import Authorities, Found, Kept
from bootstrap.plan import ApiState, Snapshot


@dataclass(frozen=True)
class HostPki:
    """What one host should have: entries to write where they differ, kept files whose mode is looked after."""

    entries: tuple[File | Directory | Link, ...]
    kept: tuple[Kept, ...]


def take(
    cluster: Cluster, facts: Mapping[str, Facts], access: Access | None, now: datetime, *, kubeconfig_path: Path | None = None,
    about: Sequence[Host] | None = None,
) -> Snapshot:  # fmt: skip
    """The snapshot of a cluster: what its masters share, and what each host of `about` should have.

    facts: also of masters that leave: they may be the only ones who have what all share.
    about: hosts that were looked at; default: every master that was.
    access: where private keys are read from, when something is due that takes one; None: there are no hosts (render).
    Raises Refused when the certificate authorities that were found contradict each other.
    """
    workers = {host.name for host in cluster.workers}
    masters = {name: found for name, found in facts.items() if name not in workers}
    hosts = [host for host in cluster.control_plane_hosts if host.name in facts] if about is None else about
    authorities = _gathered(cluster, masters, {}, now)
    due = {host.name: _due(cluster, host, authorities, facts[host.name], now) for host in hosts}
    if any(due.values()) and access is not None:
        authorities = _gathered(cluster, masters, _keys(access, masters), now)
    files = {host.name: _files(cluster, host, authorities, facts[host.name], access, now) for host in hosts}
    static_pods = {name: pods for name, pods in userpods.of_hosts(cluster).items() if name in facts}
    local = {} if kubeconfig_path is None else {kubeconfig_path: local_file(kubeconfig_path)}
    return Snapshot(
        cluster=cluster,
        facts=facts,
        now=now,
        wanted_pki={name: found.entries for name, found in files.items()},
        kept_pki={name: found.kept for name, found in files.items()},
        etcd_ca=authorities.etcd_ca.certificate,
        cluster_ca=authorities.ca.certificate,
        admin_kubeconfig=_admin_kubeconfig(cluster, authorities, files, access, local, kubeconfig_path, now),
        admin_kubeconfig_path=kubeconfig_path,
        shared_patches=shared_patches(cluster),
        patches=patches_of(cluster),
        user_objects=user_objects(cluster),
        static_pods=static_pods,
        host_pods=host_pods(access, [name for name, pods in static_pods.items() if pods]),
        config_files=config_files(cluster, masters, access),
        local_files=local,
    )


def with_api(snapshot: Snapshot, state: ApiState) -> Snapshot:
    """The snapshot with what the API server said."""
    return replace(snapshot, api=state)


def shared_patches(cluster: Cluster) -> tuple[Patch, ...]:
    """The patches of `spec.patches`."""
    return patches.load(cluster.patches) if cluster.patches else ()


def patches_of(cluster: Cluster) -> dict[str, tuple[Patch, ...]]:
    """Per host, the patches of `spec.patches` and then the host's own."""
    shared = shared_patches(cluster)
    return {host.name: (*shared, *(patches.load(host.patches) if host.patches else ())) for host in cluster.hosts}


def user_objects(cluster: Cluster) -> tuple[dict[str, object], ...]:
    """API objects of the manifests that `addons` names."""
    return tuple(thing for addon in cluster.addons if not _built_in(addon) for thing in manifests.load(Path(addon)))


def host_pods(access: Access | None, names: Sequence[str]) -> dict[str, HostPods]:
    """The pods of those hosts, looked at all at once; none where there are no hosts to look at."""
    if access is None:
        return {}
    found = each(lambda name: hostpods.look(access.connections[name]), names, MAX_HOSTS_AT_ONCE)
    return dict(zip(names, found, strict=True))


def config_files(
    cluster: Cluster, facts: Mapping[str, Facts], access: Access | None, *, with_secrets: bool = True
) -> tuple[ConfigFile, ...]:
    """Configuration files of the API servers. with_secrets: whether a key may be made or read; else its file is a placeholder."""
    files = hardening.public_files(cluster)
    if not with_secrets:
        wanted = hardening.ENCRYPTION in hardening.config_flags(cluster)
        return (*files, *((hardening.placeholder(hardening.ENCRYPTION),) if wanted else ()))
    encryption_file = _encryption(cluster, facts, access)
    return files if encryption_file is None else (*files, encryption_file)


def _encryption(cluster: Cluster, facts: Mapping[str, Facts], access: Access | None) -> ConfigFile | None:
    """The encryption configuration: the one that masters have, read only where one lacks it, else a new one."""
    hosts = {name: encryption.held(found.owned, _api_server_flags(found)) for name, found in facts.items()}
    born = [name for name, found in facts.items() if found.etcd.has_member]
    if hardening.ENCRYPTION not in hardening.config_flags(cluster):
        if cluster.hardening.encryption_at_rest is EncryptionAtRest.NONE and not _given_flag(cluster, hardening.ENCRYPTION):
            encryption.refuse_to_forget(hosts, born)
        return None
    found = encryption.found(hosts, born)
    if found is None:
        return hardening.named(hardening.ENCRYPTION, encryption.configuration(secrets.token_bytes(encryption.KEY_BYTES)))
    if access is None or set(found.holders) == set(facts):
        return ConfigFile(hardening.ENCRYPTION, found.path, None)
    content = access.connections[found.holders[0]].read([found.path])[found.path]
    return ConfigFile(hardening.ENCRYPTION, found.path, Secret(content))


def _given_flag(cluster: Cluster, flag: str) -> bool:
    return any(flag_name(arg.name) == flag for arg in cluster.api_server.extra_args)


def _api_server_flags(facts: Facts) -> dict[str, str]:
    """Flags of the API server's manifest that is there; none where it is no Pod."""
    seen = facts.owned.get(desired.manifest_path(facts, k.API_SERVER))
    try:
        return dict(staticpod.flags(staticpod.decode(seen.content))) if seen is not None and seen.content else {}
    except (ValueError, KeyError, TypeError):
        return {}


def local_file(path: Path) -> Secret | None:
    """A file of the operator's; None where there is none. Raises UsageError where it cannot be read."""
    try:
        return Secret(path.read_bytes()) if path.is_file() else None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _built_in(addon: str) -> bool:
    return addon in ("coredns", "kube-proxy")


def _gathered(
    cluster: Cluster, facts: Mapping[str, Facts], keys: Mapping[str, Mapping[PurePosixPath, Secret]], now: datetime
) -> Authorities:
    hosts = {name: pki.found_on(found.owned, keys.get(name)) for name, found in facts.items()}
    born = [name for name, found in facts.items() if found.etcd.has_member]
    return pki.gather(cluster, hosts, given_authorities(cluster), now, with_etcd_data=born)


def given_authorities(cluster: Cluster) -> Found | None:
    """The user's own authorities, read from the directory that the inventory names."""
    directory = cluster.certificate_authorities
    if directory is None:
        return None
    try:
        paths = sorted(path for path in directory.rglob("*") if path.is_file())
        found = {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}
    except OSError as error:
        raise UsageError(f"cannot read {error.filename or directory}: {error.strerror}") from error
    return pki.found_in(found)


def _due(cluster: Cluster, host: Host, authorities: Authorities, facts: Facts, now: datetime) -> dict[PurePosixPath, str]:
    left_out = hardening.certificates_left_out(cluster)
    certificates = pki.pki_due(cluster, host, authorities, facts.owned, now, left_out=left_out)
    return certificates | kubeconfig.kubeconfigs_due(cluster, host, authorities, facts.kubeconfigs, facts.owned, now)


def _keys(access: Access, facts: Mapping[str, Facts]) -> dict[str, dict[PurePosixPath, Secret]]:
    """The second read: every shared private key, each distinct content once."""
    wanted: dict[str, list[PurePosixPath]] = {}
    for host, path in pki.keys_to_read({name: pki.found_on(found.owned) for name, found in facts.items()}):
        wanted.setdefault(host, []).append(path)
    read = {host: access.connections[host].read(paths) for host, paths in wanted.items()}
    return {host: {path: Secret(content) for path, content in found.items()} for host, found in read.items()}


def _files(
    cluster: Cluster, host: Host, authorities: Authorities, facts: Facts, access: Access | None, now: datetime
) -> HostPki:
    left_out = hardening.certificates_left_out(cluster)
    certificates = pki.pki_files(cluster, host, authorities, facts.owned, now, left_out=left_out)
    parts = [certificates]
    if cluster.hardening.etcd_user and host.role is Role.CONTROL_PLANE:
        due = pki.keys_due(certificates, facts.owned)
        read = access.connections[host.name].read(due) if due and access is not None else {}
        keys = {path: Secret(content) for path, content in read.items()}
        parts.append(pki.etcd_copies(certificates, facts.owned, keys))
    parts.append(kubeconfig.kubeconfig_files(cluster, host, authorities, facts.kubeconfigs, facts.owned, now))
    return HostPki(tuple(e for part in parts for e in part.entries), tuple(kept for part in parts for kept in part.kept))


def _admin_kubeconfig(
    cluster: Cluster,
    authorities: Authorities,
    files: Mapping[str, HostPki],
    access: Access | None,
    local: Mapping[Path, Secret | None],
    path: Path | None,
    now: datetime,
) -> Secret | None:
    """What should be at `path` on this machine: the file that is there while it is good, else a master's admin.conf."""
    if path is None or not files:
        return None
    first = min(files)
    there = local.get(path)
    if there is not None:
        seen = kubeconfig.public_part(there, kubeconfig.ADMIN.path)
        host = cluster.host(first)
        if seen and not kubeconfig.problem_with_kubeconfig(seen, kubeconfig.ADMIN, cluster, host, authorities.ca, now):
            return there
    for entry in files[first].entries:
        if isinstance(entry, File) and entry.path == kubeconfig.ADMIN.path:
            return Secret(entry.bytes)
    if access is None:
        return None
    found = access.connections[first].read([kubeconfig.ADMIN.path])
    return Secret(found[kubeconfig.ADMIN.path]) if kubeconfig.ADMIN.path in found else None

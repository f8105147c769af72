"""What should be on a host, as values: the one place that puts manifests, PKI and kubelet files together.

Phases ask here for their part; `render` asks for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from bootstrap import addons, applyset, balancer, components, hardening, kubelet, userpods, virtual_ip
from bootstrap import constants as k
from bootstrap.changes import RemovePath, Run, SetMode, WriteFile
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.components import ManifestContext
from bootstrap.differences import difference, wrong_modes
from bootstrap.errors import PersonNeeded
from bootstrap.etcd_user import etcd_user, is_made, sysusers_file
from bootstrap.facts import Facts
from bootstrap.facts.live import manifests
from bootstrap.files import Directory, File, Link, is_temporary
from bootstrap.objects import WORKLOADS, Object, pod_spec, wave
from bootstrap.pki import Kept
from bootstrap.plan import Snapshot

Entry = File | Directory | Link
CONFIG_MODE = 0o600
RESOLVED_CONF = PurePosixPath("/run/systemd/resolve/resolv.conf")


def manifest_dir(facts: Facts) -> PurePosixPath:
    """Where this host's kubelet reads static pods from; kubeadm's directory where nothing is set."""
    return facts.kubelet.manifests.path or k.DEFAULT_MANIFEST_DIR


def manifest_path(facts: Facts, component: str) -> PurePosixPath:
    return manifest_dir(facts) / f"{component}.yaml"


def etcds_user(snapshot: Snapshot, host: Host) -> tuple[WriteFile | Run | RemovePath, ...]:
    """What makes the user and group that etcd runs as; nothing where the host has them. Without that user its copies go."""
    if host.role is not Role.CONTROL_PLANE:
        return ()
    facts = snapshot.facts[host.name]
    if not snapshot.cluster.hardening.etcd_user:
        left = (RemovePath(k.ETCD_USER_PKI_DIR, recursive=True), RemovePath(k.SYSUSERS_FILE))
        return tuple(change for change in left if change.path in facts.owned)
    wanted = sysusers_file(facts)
    if wanted is None:
        return ()
    made = Run(("systemd-sysusers", str(k.SYSUSERS_FILE)), f"made the system user and group {k.ETCD_USER}")
    return (*difference(facts, (wanted,)), *(() if is_made(facts) else (made,)))


def balancer_files(snapshot: Snapshot) -> tuple[Entry, ...]:
    """The directory that a worker's balancer reads, the same on every worker."""
    servers = balancer.masters(snapshot.cluster)
    return (
        Directory(k.BALANCER_DIR),
        File(balancer.CA, snapshot.cluster_ca, 0o644),
        File(balancer.CONFIG, balancer.config(snapshot.cluster, servers, snapshot.cluster_ca), 0o644),
    )


def vip_files(snapshot: Snapshot, host: Host) -> tuple[Entry, ...]:
    """The directory that a master's keepalived reads; nothing where there is no virtual IP."""
    vip = snapshot.cluster.vip
    if vip is None or host.role is not Role.CONTROL_PLANE:
        return ()
    return (Directory(k.KEEPALIVED_DIR), *virtual_ip.files(snapshot.cluster, vip, host, snapshot.cluster_ca))


def leftovers(facts: Facts) -> tuple[RemovePath, ...]:
    """Removal of what writes prepared on a host that died before they were done: certificates and keys of nobody, some half."""
    found = sorted(path for path, seen in facts.owned.items() if is_temporary(path) and seen.kind != "directory")
    return tuple(RemovePath(path) for path in found)


def pki(snapshot: Snapshot, host: Host) -> tuple[WriteFile | SetMode, ...]:
    """Changes to certificates and keys: what is missing or cannot be kept, and wrong modes."""
    return _of_pki(snapshot, host, lambda path: not _is_kubeconfig(path))


def kubeconfigs(snapshot: Snapshot, host: Host) -> tuple[WriteFile | SetMode, ...]:
    """Changes to kubeconfigs: what is missing or cannot be kept, and wrong modes."""
    return _of_pki(snapshot, host, _is_kubeconfig)


def _of_pki(snapshot: Snapshot, host: Host, which: Callable[[PurePosixPath], bool]) -> tuple[WriteFile | SetMode, ...]:
    facts = snapshot.facts[host.name]
    wanted = [entry for entry in snapshot.wanted_pki.get(host.name, ()) if which(entry.path)]
    kept = [file for file in snapshot.kept_pki.get(host.name, ()) if which(file.path)]
    return (*difference(facts, wanted), *wrong_modes(facts, kept))


def manifest(snapshot: Snapshot, host: Host, component: str) -> File:
    """The static pod manifest of one component. Without a PKI in the snapshot token and digest are marked placeholders."""
    facts = snapshot.facts[host.name]
    is_etcd = component == k.ETCD   # the others have no birth values, and reading a manifest costs
    context = ManifestContext(
        cluster_token=cluster_token(snapshot, host) if is_etcd else components.TOKEN_PLACEHOLDER,
        born_with=_birth(snapshot, host) if is_etcd else None,
        ca_dirs=tuple(path for path in facts.ca_dirs if path in components.CA_DIRS),
        hashes=hashes(snapshot, host) if snapshot.etcd_ca else None,
        patches=snapshot.patches.get(host.name, ()),
        etcd_user=etcd_user(facts) if snapshot.cluster.hardening.etcd_user else None,
        config_files=config_paths(snapshot),
    )
    content = components.manifest(snapshot.cluster, host, component, context)
    return File(manifest_path(facts, component), content, 0o600)


def static_pods(snapshot: Snapshot, host: Host) -> tuple[File, ...]:
    """The manifests of the user's own static pods."""
    directory = manifest_dir(snapshot.facts[host.name])
    return tuple(File(directory / pod.file_name, pod.content, 0o600) for pod in snapshot.static_pods.get(host.name, ()))


def own_manifests(cluster: Cluster, facts: Facts) -> tuple[PurePosixPath, ...]:
    """Where a host's static pods of ours lie: the control plane's, or a worker's balancer."""
    return tuple(manifest_path(facts, name) for name in components.static_pods(cluster, cluster.host(facts.host)))


def users_manifests(facts: Facts) -> dict[PurePosixPath, str]:
    """Manifests on a host that this tool wrote for the user, each with its origin (userpods.FROM_INVENTORY, userpods.APPLIED)."""
    found = {path: userpods.origin(seen.content) for path, seen in manifests(facts).items() if seen.kind == "file"}
    return {path: origin for path, origin in sorted(found.items()) if origin}


def cluster_token(snapshot: Snapshot, host: Host) -> str:
    """etcd's cluster token: the one this host's member was born with, else the one derived from the etcd CA."""
    birth = _birth(snapshot, host)
    if birth is not None:
        return birth.token
    return components.cluster_token(snapshot.etcd_ca) if snapshot.etcd_ca else components.TOKEN_PLACEHOLDER


def _birth(snapshot: Snapshot, host: Host) -> components.Birth | None:
    """With what this host's member was born, or, where it joins a living cluster, will be."""
    joining = snapshot.joins.get(host.name)
    return born_with(snapshot.facts[host.name]) or (joining.birth if joining is not None else None)


def etcd_data_dir(snapshot: Snapshot) -> Directory:
    """etcd's data directory: made before the kubelet could make it 0755."""
    owner = k.ETCD_USER if snapshot.cluster.hardening.etcd_user else "root"
    return Directory(PurePosixPath(snapshot.cluster.etcd.local.data_dir), 0o700, owner, owner)


def config_paths(snapshot: Snapshot) -> dict[str, PurePosixPath]:
    """kube-apiserver's configuration files by the flag that names them."""
    return {file.flag: file.path for file in snapshot.config_files}


def config_files(snapshot: Snapshot, host: Host) -> tuple[WriteFile | SetMode, ...]:
    """Changes to kube-apiserver's configuration files and to the directory of its audit log."""
    facts = snapshot.facts[host.name]
    wanted: list[Entry] = [Directory(k.API_SERVER_CONFIG_DIR, 0o700)] if snapshot.config_files else []
    kept = []
    for file in snapshot.config_files:
        if file.content is not None:
            wanted.append(File(file.path, file.content, CONFIG_MODE))
        elif file.path in facts.owned:
            kept.append(Kept(file.path, facts.owned[file.path].sha256, CONFIG_MODE))
    if hardening.writes_audit_log(snapshot.cluster):
        wanted.append(Directory(k.AUDIT_LOG_DIR, 0o700))
    return (*difference(facts, wanted), *wrong_modes(facts, kept))


def built_in_addons(snapshot: Snapshot) -> tuple[Object, ...]:
    """API objects of CoreDNS and kube-proxy, as far as the inventory names them, in the order they are applied in."""
    return _members(addons.objects(snapshot.cluster, snapshot.shared_patches))


def user_addons(snapshot: Snapshot) -> tuple[Object, ...]:
    """API objects of the manifests that the inventory names, in the order they are applied in."""
    return _members(snapshot.user_objects)


def _members(things: Sequence[Mapping[str, Any]]) -> tuple[Object, ...]:
    return tuple(sorted((applyset.member(thing) for thing in things), key=wave))


def has_pod_network(snapshot: Snapshot) -> bool:
    """Whether the user's own manifests bring a DaemonSet on the host network: what every pod network is."""
    return any(thing["kind"] == "DaemonSet" and _is_on_host_network(thing) for thing in snapshot.user_objects)


def workloads(snapshot: Snapshot) -> tuple[tuple[Object, ...], tuple[Object, ...]]:
    """What the add-ons run: that which can start, and that which cannot, because no add-on is a pod network."""
    found = [thing for thing in (*built_in_addons(snapshot), *user_addons(snapshot)) if thing["kind"] in WORKLOADS]
    can = [has_pod_network(snapshot) or _is_on_host_network(thing) for thing in found]
    return tuple(t for t, c in zip(found, can, strict=True) if c), tuple(t for t, c in zip(found, can, strict=True) if not c)


def _is_on_host_network(thing: Mapping[str, Any]) -> bool:
    return bool(pod_spec(thing).get("hostNetwork"))


def kubelet_files(snapshot: Snapshot, host: Host) -> tuple[Entry, ...]:
    """KubeletConfiguration, what of it is this host's own, drop-in and the manifest directory."""
    facts = snapshot.facts[host.name]
    resolved = facts.services.get("systemd-resolved.service")
    resolv_conf = RESOLVED_CONF if resolved is not None and resolved.active_state == "active" else None
    config = kubelet.config_file(
        snapshot.cluster,
        host,
        manifest_dir(facts),
        runtime_endpoint(facts),
        str(resolv_conf) if resolv_conf else None,
        snapshot.patches.get(host.name, ()),
    )
    return (
        Directory(manifest_dir(facts), 0o700),
        Directory(k.KUBELET_DIR, 0o750),
        File(k.KUBELET_CONFIG, config, 0o600),
        File(k.KUBELET_INSTANCE_CONFIG, kubelet.instance_config(snapshot.cluster, config), 0o600),
        File(k.KUBELET_DROP_IN, kubelet.drop_in(snapshot.cluster, host, facts.kubelet.binary or kubelet.BINARY), 0o600),
    )


def runtime_endpoint(facts: Facts) -> str:
    """CRI endpoint as a URL: what the kubelet is configured with, else the socket that was found."""
    return facts.kubelet.runtime_endpoint or f"unix://{facts.runtime.socket or '/run/containerd/containerd.sock'}"


def born_with(facts: Facts) -> components.Birth | None:
    """What this host's etcd member first started with; None before its first start.

    Raises PersonNeeded where a born member's manifest says something that no etcd could have been given.
    """
    seen = facts.owned.get(manifest_path(facts, k.ETCD))
    if not facts.etcd.has_member or seen is None or seen.content is None:
        return None
    try:
        return components.born_with(seen.content)
    except ValueError as error:
        raise PersonNeeded(
            f"{seen.path} on {facts.host} belongs to a member that has data, and cannot be understood: {error}",
            host=facts.host,
            hint="put the manifest back from another master or a backup, or reset this host",
        ) from error


def hashes(snapshot: Snapshot, host: Host) -> Mapping[PurePosixPath, str]:
    """SHA-256 of every file of ours as it will be: what is there, overlaid by what will be written."""
    seen = {path: o.sha256 for path, o in snapshot.facts[host.name].owned.items() if o.kind == "file"}
    entries = (*snapshot.wanted_pki.get(host.name, ()), *vip_files(snapshot, host))
    wanted = {e.path: e.sha256 for e in entries if isinstance(e, File)}
    return {**seen, **wanted}


def _is_kubeconfig(path: PurePosixPath) -> bool:
    return path.parent == k.KUBERNETES_DIR and path.suffix == ".conf"

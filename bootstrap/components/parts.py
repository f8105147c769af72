"""What the static pods have in common: environment, volumes, probes, and the way from a template to a checked manifest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.cluster import Cluster, Env, Volume
from bootstrap.components.context import CA_DIRS, ManifestContext
from bootstrap.constants import PKI_DIR
from bootstrap.inventory.findings import Finding
from bootstrap.patches import apply_patches, spoilt
from bootstrap.render import Scalar, Value, render_yaml, to_yaml
from bootstrap.staticpod import DIGEST_PLACEHOLDER, Pod, digest, problems, with_digest

Values = dict[str, Value]

PROBE_PERIOD_S = 10


@dataclass(frozen=True)
class Mount:
    """A hostPath volume and where the container sees it."""

    name: str
    host_path: str
    mount_path: str
    read_only: bool = True
    path_type: str = "DirectoryOrCreate"


def probe_host(bind_address: str) -> str:
    """Where a kubelet probes a process that binds to this address; empty: the pod's own IP."""
    return "" if bind_address in ("0.0.0.0", "::") else bind_address  # noqa: S104  # compared, not bound


def startup_failures(cluster: Cluster) -> int:
    """failureThreshold of a startup probe: kubeadm's health check timeout in probe periods."""
    timeout_s = cluster.timeouts.control_plane_component_health_check.total_seconds()
    return max(1, math.ceil(timeout_s / PROBE_PERIOD_S))


def environment(extra: Iterable[Env]) -> list[Mapping[str, Scalar]]:
    """Environment variables sorted by name; the last of a name wins, as in kubeadm app/util/env.go (v1.36.3)."""
    return [{"name": name, "value": value} for name, value in sorted({env.name: env.value for env in extra}.items())]


def pki_mount() -> Mount:
    return Mount("k8s-certs", str(PKI_DIR), str(PKI_DIR))


def ca_mounts(ca_dirs: tuple[str, ...]) -> list[Mount]:
    """The host's CA bundles: /etc/ssl/certs, and the directories that its links may point to, where the host has them."""
    present = [path for path in CA_DIRS if path in ca_dirs]
    return [
        Mount("ca-certs", "/etc/ssl/certs", "/etc/ssl/certs"),
        *(Mount(path.strip("/").replace("/", "-"), path, path) for path in present),
    ]


def kubeconfig_mount(path: PurePosixPath) -> Mount:
    return Mount("kubeconfig", str(path), str(path), path_type="FileOrCreate")


def volumes(defaults: Iterable[Mount], extra: Iterable[Volume]) -> list[Mapping[str, Scalar]]:
    """Volumes and mounts as templates take them, sorted by name; one of the user's replaces a default of that name."""
    by_name = {mount.name: mount for mount in defaults}
    by_name |= {
        volume.name: Mount(volume.name, volume.host_path, volume.mount_path, volume.read_only, volume.path_type)
        for volume in extra
    }
    return [vars(by_name[name]) for name in sorted(by_name)]


def finished(
    name: str,
    values: Values,
    startup_files: Iterable[PurePosixPath],
    context: ManifestContext,
) -> bytes:
    """The finished manifest of a component: rendered, patched, checked, digest inserted.

    InventoryError where a patch made it something else than this static pod; ValueError where the template did (a bug).
    """
    rendered: Pod = render_yaml(f"manifests/{name}.yaml.j2", values)
    if found := problems(rendered, name):
        raise ValueError(f"template of {name}: {'; '.join(found)}")
    pod: Pod = apply_patches(rendered, name, context.patches)
    if found := problems(pod, name):
        raise spoilt(name, context.patches, (Finding((), problem) for problem in found))
    return to_yaml(with_digest(pod, _digest(pod, startup_files, context)))


def _digest(pod: Pod, startup_files: Iterable[PurePosixPath], context: ManifestContext) -> str:
    if context.hashes is None:
        return DIGEST_PLACEHOLDER
    return digest(pod, {path: context.hashes[path] for path in startup_files})

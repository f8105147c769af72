"""Certificates to serve with, of components that would make up their own.

Without one a controller manager and a scheduler make two RSA keys at every start, for a certificate that nobody can verify.
Source: apiserver pkg/server/options/serving.go, MaybeDefaultWithSelfSignedCerts (v0.36.3).
"""

from __future__ import annotations

from bootstrap.cluster import Cluster, Volume
from bootstrap.constants import CONTROLLER_MANAGER, SCHEDULER
from bootstrap.owned import SERVING_PAIR, flag_name
from bootstrap.pki.table import CONTROLLER_MANAGER_SERVING, KUBELET_SERVING, SCHEDULER_SERVING, CertificateEntry

CERTIFICATE, KEY = SERVING_PAIR
DIRECTORY = "cert-dir"


def serving_certificate(cluster: Cluster, component: str) -> CertificateEntry | None:
    """What a controller manager or scheduler serves with; None where it is another than ours, or one that it makes up."""
    extra_args, entry = {
        CONTROLLER_MANAGER: (cluster.controller_manager.extra_args, CONTROLLER_MANAGER_SERVING),
        SCHEDULER: (cluster.scheduler.extra_args, SCHEDULER_SERVING),
    }[component]
    users = {flag_name(arg.name) for arg in extra_args} & {CERTIFICATE, KEY, DIRECTORY}
    return entry if cluster.hardening.controller_serving and not users else None


def certificates_left_out(cluster: Cluster) -> frozenset[str]:
    """Names of the certificates of `pki.table` that nothing in this cluster would serve with."""
    used = {
        KUBELET_SERVING.name: cluster.hardening.kubelet_serving,
        CONTROLLER_MANAGER_SERVING.name: serving_certificate(cluster, CONTROLLER_MANAGER) is not None,
        SCHEDULER_SERVING.name: serving_certificate(cluster, SCHEDULER) is not None,
    }
    return frozenset(name for name, is_used in used.items() if not is_used)


def serving_flags(cluster: Cluster, component: str) -> dict[str, str]:
    """The flags of a controller manager or scheduler that name its certificate."""
    entry = serving_certificate(cluster, component)
    return {} if entry is None else {CERTIFICATE: str(entry.path), KEY: str(entry.key_path)}


def scheduler_volumes(cluster: Cluster) -> list[Volume]:
    """What a scheduler sees of the PKI: its own directory, not single files, so that it notices new ones and loads them.

    A controller manager has all of the PKI mounted anyway.
    """
    entry = serving_certificate(cluster, SCHEDULER)
    if entry is None:
        return []
    path = str(entry.path.parent)
    return [Volume(name="scheduler-pki", host_path=path, mount_path=path, read_only=True, path_type="Directory")]

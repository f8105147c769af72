"""Certificates to serve with, of components that would make up their own.

Without one a controller manager and a scheduler make two RSA keys at every start, for a certificate that nobody can verify.
Source: apiserver pkg/server/options/serving.go, MaybeDefaultWithSelfSignedCerts (v0.36.3).
"""

from __future__ import annotations

from bootstrap.cluster import Cluster, Volume
from bootstrap.constants import CONTROLLER_MANAGER, SCHEDULER, SCHEDULER_PKI_DIR
from bootstrap.owned import flag_name
from bootstrap.pki.table import CONTROLLER_MANAGER_SERVING, KUBELET_SERVING, SCHEDULER_SERVING

CERTIFICATES = {CONTROLLER_MANAGER: CONTROLLER_MANAGER_SERVING, SCHEDULER: SCHEDULER_SERVING}
CERTIFICATE, KEY, DIRECTORY = "tls-cert-file", "tls-private-key-file", "cert-dir"


def serves_ours(cluster: Cluster, component: str) -> bool:
    """Whether a controller manager or scheduler serves with our certificate: unless the user's extraArgs name another."""
    if not cluster.hardening.controller_serving:
        return False
    of = cluster.controller_manager if component == CONTROLLER_MANAGER else cluster.scheduler
    return not {flag_name(arg.name) for arg in of.extra_args} & {CERTIFICATE, KEY, DIRECTORY}


def certificates_left_out(cluster: Cluster) -> frozenset[str]:
    """Names of the certificates of `pki.table` that nothing in this cluster would serve with."""
    kubelets = () if cluster.hardening.kubelet_serving else (KUBELET_SERVING.name,)
    return frozenset((*kubelets, *(entry.name for name, entry in CERTIFICATES.items() if not serves_ours(cluster, name))))


def serving_flags(cluster: Cluster, component: str) -> dict[str, str]:
    """The flags of a controller manager or scheduler that name its certificate."""
    if not serves_ours(cluster, component):
        return {}
    entry = CERTIFICATES[component]
    return {CERTIFICATE: str(entry.path), KEY: str(entry.key_path)}


def serving_volumes(cluster: Cluster, component: str) -> list[Volume]:
    """What a scheduler sees of the PKI: its own directory, not single files, so that it notices new ones and loads them.

    A controller manager has all of the PKI mounted anyway.
    """
    if component != SCHEDULER or not serves_ours(cluster, component):
        return []
    path = str(SCHEDULER_PKI_DIR)
    return [Volume(name="serving-certs", host_path=path, mount_path=path, read_only=True, path_type="Directory")]

"""Fields of KubeletConfiguration that are stricter than kubeadm's, for every host of the cluster alike."""

from __future__ import annotations

from typing import Any

from bootstrap.cluster import Cluster
from bootstrap.hardening.ciphers import CIPHER_SUITES, MIN_VERSION

# Processes and threads of one pod: far above what a pod needs, far below what stops a machine (kernel.pid_max is 32768 or more).
POD_PIDS_LIMIT = 4096


def kubelet_fields(cluster: Cluster) -> dict[str, Any]:
    """What is merged over kubeadm's defaults; spec.kubelet.config, the host's own and patches come after it.

    Source: CIS Kubernetes Benchmark v1.12, 4.2; what is not here (streamingConnectionIdleTimeout, readOnlyPort, eventRecordQPS,
    makeIPTablesUtilChains) is as it wants by the kubelet's own default.
    """
    fields: dict[str, Any] = {}
    if cluster.hardening.kubelet:
        fields |= {"podPidsLimit": POD_PIDS_LIMIT, "seccompDefault": True}
    if cluster.hardening.strong_ciphers:
        fields |= {"tlsCipherSuites": list(CIPHER_SUITES), "tlsMinVersion": MIN_VERSION}
    return fields

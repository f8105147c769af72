"""kube-controller-manager's static pod. Source: kubeadm app/phases/controlplane/manifests.go and volumes.go (v1.36.3)."""

from __future__ import annotations

from bootstrap import hardening, proxies
from bootstrap.cluster import Cluster, Host
from bootstrap.components.context import ManifestContext
from bootstrap.components.parts import (
    Mount,
    Values,
    ca_mounts,
    environment,
    finished,
    kubeconfig_mount,
    pki_mount,
    probe_host,
    startup_failures,
    volumes,
)
from bootstrap.constants import CONTROLLER_MANAGER, CONTROLLER_MANAGER_PORT, KUBERNETES_DIR, PKI_DIR
from bootstrap.flags import Flag, arguments, words
from bootstrap.versions import images, minor_of

NAME = CONTROLLER_MANAGER
KUBECONFIG = KUBERNETES_DIR / "controller-manager.conf"
FLEXVOLUME_DIR = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"

# Read once: the kubeconfig (its certificate is embedded), the CA that it publishes (cmd/kube-controller-manager/app,
# readCA) and the key that signs service account tokens. The CA pair that signs certificates is reloaded
# (pkg/controller/certificates/signer/ca_provider.go), as are the client CAs. All of v1.36.3.
STARTUP_FILES = (KUBECONFIG, PKI_DIR / "ca.crt", PKI_DIR / "sa.key")


def defaults(cluster: Cluster, host: Host) -> dict[str, str]:
    """kubeadm's flags."""
    flags = {
        "authentication-kubeconfig": str(KUBECONFIG),
        "authorization-kubeconfig": str(KUBECONFIG),
        "bind-address": "127.0.0.1",
        "client-ca-file": f"{PKI_DIR}/ca.crt",
        "cluster-name": cluster.cluster_name or cluster.name,
        "cluster-signing-cert-file": f"{PKI_DIR}/ca.crt",
        "cluster-signing-key-file": f"{PKI_DIR}/ca.key",
        "controllers": "*,bootstrapsigner,tokencleaner",
        "kubeconfig": str(KUBECONFIG),
        "leader-elect": "true",
        "requestheader-client-ca-file": f"{PKI_DIR}/front-proxy-ca.crt",
        "root-ca-file": f"{PKI_DIR}/ca.crt",
        "service-account-private-key-file": f"{PKI_DIR}/sa.key",
        "use-service-account-credentials": "true",
    }
    if cluster.networking.pod_subnet:
        flags |= {
            "allocate-node-cidrs": "true",
            "cluster-cidr": cluster.networking.pod_subnet,
            "service-cluster-ip-range": cluster.networking.service_subnet,
        }
    return flags


def args(cluster: Cluster, host: Host, context: ManifestContext) -> list[Flag]:
    """(flag without dashes, value) pairs in a fixed order; the same on every host."""
    return arguments(defaults(cluster, host), {}, hardening.extra_args(cluster, NAME, context.config_files))


def manifest(cluster: Cluster, host: Host, context: ManifestContext) -> bytes:
    flags = args(cluster, host, context)
    mounts = [pki_mount(), *ca_mounts(context.ca_dirs), kubeconfig_mount(KUBECONFIG), *_flexvolume(cluster, flags)]
    values: Values = {
        "image": images(cluster)[NAME],
        "args": words(flags),
        "port": CONTROLLER_MANAGER_PORT,
        "probe_host": probe_host(dict(flags)["bind-address"]),
        "startup_failures": startup_failures(cluster),
        "env": environment((*proxies.variables(cluster), *cluster.controller_manager.extra_envs)),
        "confined": cluster.hardening.confined_pods,
        "volumes": volumes(mounts, hardening.extra_volumes(cluster, NAME)),
    }
    return finished(NAME, values, STARTUP_FILES, context)


def _flexvolume(cluster: Cluster, flags: list[Flag]) -> list[Mount]:
    """Until 1.35. Not read-only: plugins speak over sockets that they make there."""
    if not minor_of(cluster.kubernetes_version).flexvolume_mount:
        return []
    path = dict(flags).get("flex-volume-plugin-dir", FLEXVOLUME_DIR)
    return [Mount("flexvolume-dir", path, path, read_only=False)]

"""kube-scheduler's static pod. Source: kubeadm app/phases/controlplane/manifests.go and volumes.go (v1.36.3)."""

from __future__ import annotations

from bootstrap import hardening, proxies
from bootstrap.cluster import Cluster, Host
from bootstrap.components.context import ManifestContext
from bootstrap.components.parts import Values, environment, finished, kubeconfig_mount, probe_host, startup_failures, volumes
from bootstrap.constants import KUBERNETES_DIR, SCHEDULER, SCHEDULER_PORT
from bootstrap.flags import Flag, arguments, words
from bootstrap.versions import images

NAME = SCHEDULER
KUBECONFIG = KUBERNETES_DIR / "scheduler.conf"

# Read once, with the certificate embedded in it.
STARTUP_FILES = (KUBECONFIG,)


def defaults(cluster: Cluster, host: Host) -> dict[str, str]:
    """kubeadm's flags."""
    return {
        "authentication-kubeconfig": str(KUBECONFIG),
        "authorization-kubeconfig": str(KUBECONFIG),
        "bind-address": "127.0.0.1",
        "kubeconfig": str(KUBECONFIG),
        "leader-elect": "true",
    }


def args(cluster: Cluster, host: Host, context: ManifestContext) -> list[Flag]:
    """(flag without dashes, value) pairs in a fixed order; the same on every host."""
    return arguments(defaults(cluster, host), {}, hardening.extra_args(cluster, NAME, context.config_files))


def manifest(cluster: Cluster, host: Host, context: ManifestContext) -> bytes:
    flags = args(cluster, host, context)
    values: Values = {
        "image": images(cluster)[NAME],
        "args": words(flags),
        "port": SCHEDULER_PORT,
        "probe_host": probe_host(dict(flags)["bind-address"]),
        "startup_failures": startup_failures(cluster),
        "env": environment((*proxies.variables(cluster), *cluster.scheduler.extra_envs)),
        "confined": cluster.hardening.confined_pods,
        "volumes": volumes([kubeconfig_mount(KUBECONFIG)], hardening.extra_volumes(cluster, NAME)),
    }
    return finished(NAME, values, STARTUP_FILES, context)

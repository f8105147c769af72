"""kube-proxy. Source: kubeadm app/phases/addons/proxy and app/componentconfigs/kubeproxy.go (v1.36.3, v1.37.2).

One address for all nodes: the control plane endpoint, or without one 127.0.0.1, where every control plane host has its API server
and every worker its node-local load balancer.
"""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap import proxies
from bootstrap.cluster import Cluster
from bootstrap.networking import is_ipv6
from bootstrap.objects import (
    BOOTSTRAPPERS_GROUP,
    Object,
    cluster_role_binding,
    config_map,
    config_map_reader,
    group,
    role_binding,
    service_account,
)
from bootstrap.patches import Patch, apply_patches, merge_patch
from bootstrap.patches.load import KUBE_PROXY_DAEMON_SET
from bootstrap.render import to_yaml
from bootstrap.urls import NODE_LOCAL_ADDRESS
from bootstrap.versions import images, minor_of

NAME = "kube-proxy"
CONFIG_DIR = "/var/lib/kube-proxy"
CONFIG_KEY = "config.conf"
KUBECONFIG_KEY = "kubeconfig.conf"
_SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"
_LABELS = {"k8s-app": NAME}


def objects(cluster: Cluster, patches: Iterable[Patch] = ()) -> tuple[Object, ...]:
    """Everything of kube-proxy; the DaemonSet with the patches for `kubeproxydaemonset`."""
    daemon_set: Object = apply_patches(_daemon_set(cluster), KUBE_PROXY_DAEMON_SET, patches)
    data = {CONFIG_KEY: to_yaml(config(cluster)).decode(), KUBECONFIG_KEY: to_yaml(_kubeconfig(cluster)).decode()}
    settings = config_map(NAME, "kube-system", data)
    settings["metadata"]["labels"] = {"app": NAME}
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": "kube-system"}},
        cluster_role_binding("kubeadm:node-proxier", "system:node-proxier", service_account(NAME)),
        config_map_reader(NAME, "kube-system", NAME),
        role_binding(NAME, "kube-system", group(BOOTSTRAPPERS_GROUP)),
        settings,
        daemon_set,
    )


def config(cluster: Cluster) -> Object:
    """KubeProxyConfiguration: kubeadm's settings, with the inventory's merged over them."""
    address = cluster.control_plane_hosts[0].address
    settings: Object = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": "::" if is_ipv6(address) else "0.0.0.0",  # noqa: S104  # kubeadm's
        "clientConnection": {"kubeconfig": f"{CONFIG_DIR}/{KUBECONFIG_KEY}"},
        "clusterCIDR": cluster.networking.pod_subnet,
    }
    if mode := minor_of(cluster.kubernetes_version).kube_proxy_mode:
        settings["mode"] = mode
    if cluster.feature_gates:
        settings["featureGates"] = dict(cluster.feature_gates)
    merged: Object = merge_patch(settings, cluster.kube_proxy.config)
    return merged


def server(cluster: Cluster) -> str:
    """URL of the API as every node can reach it."""
    return f"https://{cluster.control_plane_endpoint or f'{NODE_LOCAL_ADDRESS}:{cluster.api_server.bind_port}'}"


def _kubeconfig(cluster: Cluster) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "default",
                "cluster": {"certificate-authority": f"{_SERVICE_ACCOUNT_DIR}/ca.crt", "server": server(cluster)},
            }
        ],
        "contexts": [{"name": "default", "context": {"cluster": "default", "namespace": "default", "user": "default"}}],
        "current-context": "default",
        "users": [{"name": "default", "user": {"tokenFile": f"{_SERVICE_ACCOUNT_DIR}/token"}}],
    }


def _daemon_set(cluster: Cluster) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": "kube-system", "labels": _LABELS},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": {"metadata": {"labels": _LABELS}, "spec": _pod_spec(cluster)},
        },
    }


def _pod_spec(cluster: Cluster) -> Object:
    container = {
        "name": NAME,
        "image": images(cluster)[NAME],
        "imagePullPolicy": "IfNotPresent",
        "command": [
            "/usr/local/bin/kube-proxy",
            f"--config={CONFIG_DIR}/{CONFIG_KEY}",
            "--hostname-override=$(NODE_NAME)",
        ],
        "env": [
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            *({"name": variable.name, "value": variable.value} for variable in proxies.variables(cluster)),
        ],
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"name": NAME, "mountPath": CONFIG_DIR},
            {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
            {"name": "lib-modules", "mountPath": "/lib/modules", "readOnly": True},
        ],
    }
    return {
        "priorityClassName": "system-node-critical",
        "hostNetwork": True,
        "serviceAccountName": NAME,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": [
            {"name": NAME, "configMap": {"name": NAME}},
            {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
            {"name": "lib-modules", "hostPath": {"path": "/lib/modules"}},
        ],
    }

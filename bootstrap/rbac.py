"""API objects of a cluster that kubeadm's and other tools expect: who may do what, cluster-info, configuration, node labels.

Every object is complete for server-side apply: no status, no server-set field.
Sources: kubeadm app/phases/bootstraptoken, app/phases/uploadconfig, app/phases/kubelet/config.go, app/phases/markcontrolplane and
app/phases/kubeconfig (v1.36.3). The node annotation with the CRI socket is gone: since 1.34 it stands in a file on the node.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import PurePosixPath

from bootstrap import urls
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.constants import ADMIN_GROUP
from bootstrap.kubeadm_config import cluster_configuration
from bootstrap.kubelet import shared_config
from bootstrap.objects import (
    BOOTSTRAPPERS_GROUP,
    RBAC,
    Object,
    cluster_role_binding,
    config_map,
    config_map_reader,
    group,
    role_binding,
    user,
)
from bootstrap.render import to_yaml

NODES_GROUP = "system:nodes"
KUBELET_CLIENT_USER = "kube-apiserver-kubelet-client"
ANONYMOUS_USER = "system:anonymous"
CSR = "system:certificates.k8s.io:certificatesigningrequests"


def admins() -> Object:
    """Rights of admin.conf; to be bound with super-admin.conf before anything else."""
    return cluster_role_binding("kubeadm:cluster-admins", "cluster-admin", group(ADMIN_GROUP))


def access(cluster: Cluster, cluster_ca: bytes) -> tuple[Object, ...]:
    """Rights of administrators, of API servers and of joining nodes, and cluster-info.

    cluster_ca: PEM. The API server's kubelet client is bound on every minor: before 1.36 kubeadm put it into the administrators'
    group instead, and we never do.
    """
    bootstrappers = group(BOOTSTRAPPERS_GROUP)
    get_nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    return (
        admins(),
        cluster_role_binding("kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", user(KUBELET_CLIENT_USER)),
        cluster_role_binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", bootstrappers),
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "kubeadm:get-nodes"},
            "rules": [get_nodes],
        },
        cluster_role_binding("kubeadm:get-nodes", "kubeadm:get-nodes", bootstrappers),
        cluster_role_binding("kubeadm:node-autoapprove-bootstrap", f"{CSR}:nodeclient", bootstrappers),
        cluster_role_binding("kubeadm:node-autoapprove-certificate-rotation", f"{CSR}:selfnodeclient", group(NODES_GROUP)),
        cluster_info(cluster, cluster_ca),
        config_map_reader("kubeadm:bootstrap-signer-clusterinfo", "kube-public", "cluster-info"),
        role_binding("kubeadm:bootstrap-signer-clusterinfo", "kube-public", user(ANONYMOUS_USER)),
    )


def cluster_info(cluster: Cluster, cluster_ca: bytes) -> Object:
    """kube-public/cluster-info: CA and address of the cluster, for nodes that only have a token; signed by bootstrapsigner."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "",
                "cluster": {
                    "certificate-authority-data": base64.b64encode(cluster_ca).decode(),
                    "server": urls.control_plane_url(cluster, cluster.control_plane_hosts[0]),
                },
            }
        ],
        "contexts": [],
        "current-context": "",
        "users": [],
    }
    return config_map("cluster-info", "kube-public", {"kubeconfig": to_yaml(kubeconfig).decode()})


def upload_config(
    cluster: Cluster, config_files: Mapping[str, PurePosixPath], cluster_token: str | None = None
) -> tuple[Object, ...]:
    """kubeadm-config and kubelet-config, and who may read them.

    config_files: kube-apiserver's configuration files by the flag that names them.
    cluster_token: etcd's --initial-cluster-token, where known: kubeadm rebuilds etcd's manifest from kubeadm-config.
    """
    readers = (group(BOOTSTRAPPERS_GROUP), group(NODES_GROUP))
    configuration = to_yaml(cluster_configuration(cluster, config_files, cluster_token)).decode()
    return (
        config_map_reader("kubeadm:nodes-kubeadm-config", "kube-system", "kubeadm-config"),
        role_binding("kubeadm:nodes-kubeadm-config", "kube-system", *readers),
        config_map_reader("kubeadm:kubelet-config", "kube-system", "kubelet-config"),
        role_binding("kubeadm:kubelet-config", "kube-system", *reversed(readers)),
        config_map("kubelet-config", "kube-system", {"kubelet": shared_config(cluster).decode()}),
        config_map("kubeadm-config", "kube-system", {"ClusterConfiguration": configuration}),
    )


def node_marks(cluster: Cluster, host: Host) -> Object:
    """The labels of a host's Node object."""
    labels = dict(host.labels)
    if host.role is Role.CONTROL_PLANE:
        labels |= {
            "node-role.kubernetes.io/control-plane": "",
            "node.kubernetes.io/exclude-from-external-load-balancers": "",
        }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": host.name, "labels": labels}}

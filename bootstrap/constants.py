"""Paths, ports and names: kubeadm's, so that people and other tools find what they know."""

from __future__ import annotations

from pathlib import PurePosixPath

KUBERNETES_DIR = PurePosixPath("/etc/kubernetes")
PKI_DIR = KUBERNETES_DIR / "pki"
ETCD_PKI_DIR = PKI_DIR / "etcd"
CONTROLLER_MANAGER_PKI_DIR = PKI_DIR / "controller-manager"
SCHEDULER_PKI_DIR = PKI_DIR / "scheduler"
ETCD_USER = "etcd"
ETCD_USER_PKI_DIR = KUBERNETES_DIR / "etcd-pki"
SYSUSERS_FILE = PurePosixPath("/etc/sysusers.d/kubernetes-etcd.conf")
DEFAULT_MANIFEST_DIR = KUBERNETES_DIR / "manifests"
KUBELET_DIR = PurePosixPath("/var/lib/kubelet")
KUBELET_PKI_DIR = KUBELET_DIR / "pki"
KUBELET_CONFIG = KUBELET_DIR / "config.yaml"
KUBELET_INSTANCE_CONFIG = KUBELET_DIR / "instance-config.yaml"
KUBELET_DROP_IN = PurePosixPath("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf")
KUBELET_DROP_IN_MARK = b"# Written by bootstrap."
DEFAULT_ETCD_DATA_DIR = PurePosixPath("/var/lib/etcd")
POD_LOG_DIR = PurePosixPath("/var/log/pods")
BALANCER_DIR = KUBERNETES_DIR / "balancer"
KEEPALIVED_DIR = KUBERNETES_DIR / "keepalived"
API_SERVER_CONFIG_DIR = KUBERNETES_DIR / "kube-apiserver"
AUDIT_LOG_DIR = PurePosixPath("/var/log/kubernetes/audit")
FURTHER_PATHS = (SYSUSERS_FILE, KUBELET_INSTANCE_CONFIG, AUDIT_LOG_DIR)
"""What is looked after beside what the script that reads a host finds by itself."""

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
BALANCER = "balancer"
"""The static pod through which a worker reaches the API servers where there is no control plane endpoint."""
COMPONENTS = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER)
KEEPALIVED = "keepalived"
"""The static pod that holds the virtual IP, where the inventory has one."""
STATIC_PODS = (*COMPONENTS, KEEPALIVED, BALANCER)
"""Those of masters and of workers."""

ETCD_CLIENT_PORT = 2379
ETCD_PEER_PORT = 2380
ETCD_METRICS_PORT = 2381
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
KUBELET_PORT = 10250
KUBELET_HEALTHZ_PORT = 10248
BALANCER_HEALTH_PORT = 10247

ADMIN_GROUP = "kubeadm:cluster-admins"
SUPER_ADMIN_GROUP = "system:masters"

DIGEST_ANNOTATION = "bootstrap/digest"
DIGEST_ENV = "BOOTSTRAP_DIGEST"
ORIGIN_ANNOTATION = "bootstrap/origin"
"""On a static pod of the user's own: `inventory` or `applied`."""

FIELD_MANAGER = "bootstrap"
FINISHED_MARK = "bootstrap"
"""ConfigMap in kube-system: an init of this cluster came to its end."""

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
"""Where a node that only has a token finds the cluster's address and CA."""

"""What the tool decides itself: flags and fields that an inventory may not set, and what to do instead.

A second value would contradict certificates, addresses, probes or the quorum. Flags are written with dashes; most components take
underscores for them too, so compare `flag_name(name)`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.constants import KUBERNETES_DIR, PKI_DIR

_CERTIFICATES = "certificates lie where kubeadm has them"
_ETCD_CA = "certificates come from the etcd CA"
_ADDRESS = "it follows from the host's address"
_MEMBERS = "members are known from the inventory"
_GATEWAY = "the tool speaks to etcd's JSON gateway on its client URL"
_CONTROLLER_MANAGER = f"it is {KUBERNETES_DIR}/controller-manager.conf"
_SCHEDULER = f"it is {KUBERNETES_DIR}/scheduler.conf"
_OWN_PORT = "probes and the tool ask its own port"
_SEVERAL = "there are several of them"
_SERVING = "the serving certificate is issued by the tool"
_MANIFESTS = "where this kubelet reads manifests is found out, and kept"

ETCD_FLAGS: Mapping[str, str] = {
    "name": "it is the host's name",
    "data-dir": "set spec.etcd.local.dataDir",
    "wal-dir": "data and write-ahead log lie together in spec.etcd.local.dataDir",
    "config-file": "etcd would ignore every flag",
    "initial-cluster": "it follows from the hosts of the inventory",
    "initial-cluster-state": "it follows from how the member was born",
    "initial-cluster-token": "it is derived from the etcd CA",
    "initial-advertise-peer-urls": _ADDRESS,
    "advertise-client-urls": _ADDRESS,
    "listen-client-urls": _ADDRESS,
    "listen-client-http-urls": _GATEWAY,
    "listen-peer-urls": _ADDRESS,
    "cert-file": _CERTIFICATES,
    "key-file": _CERTIFICATES,
    "trusted-ca-file": _CERTIFICATES,
    "peer-cert-file": _CERTIFICATES,
    "peer-key-file": _CERTIFICATES,
    "peer-trusted-ca-file": _CERTIFICATES,
    "client-cert-auth": "clients always prove who they are",
    "peer-client-cert-auth": "peers always prove who they are",
    "auto-tls": _ETCD_CA,
    "peer-auto-tls": _ETCD_CA,
    "discovery": _MEMBERS,
    "discovery-srv": _MEMBERS,
    "discovery-token": _MEMBERS,
    "discovery-endpoints": _MEMBERS,
    "force-new-cluster": "it throws the other members away; restore a backup instead",
    "strict-reconfig-check": "it guards the quorum",
    "enable-grpc-gateway": _GATEWAY,
}

ETCD_DEFAULTS = (
    "cipher-suites", "feature-gates", "listen-metrics-urls", "snapshot-count", "tls-min-version",
    "watch-progress-notify-interval",
)
"""Flags that etcd is given, too, and that extraArgs may set otherwise."""

SERVING_PAIR = ("tls-cert-file", "tls-private-key-file")
"""Of a controller manager and a scheduler: a user's own certificate and its key, which come together or not at all."""

API_SERVER_FLAGS: Mapping[str, str] = {
    "advertise-address": "it is the host's address",
    "bind-address": "API servers listen on all addresses: node-local load balancers and kube-proxy use 127.0.0.1",
    "secure-port": "set spec.apiServer.bindPort",
    "anonymous-auth": "set spec.hardening.anonymousRequests: kubelets' probes of /livez and /readyz have no credentials",
    "etcd-servers": "each API server speaks to the member on its own host",
    "etcd-cafile": _CERTIFICATES,
    "etcd-certfile": _CERTIFICATES,
    "etcd-keyfile": _CERTIFICATES,
    "client-ca-file": _CERTIFICATES,
    "tls-cert-file": _CERTIFICATES,
    "tls-private-key-file": _CERTIFICATES,
    "cert-dir": _CERTIFICATES,
    "kubelet-client-certificate": _CERTIFICATES,
    "kubelet-client-key": _CERTIFICATES,
    "proxy-client-cert-file": _CERTIFICATES,
    "proxy-client-key-file": _CERTIFICATES,
    "requestheader-client-ca-file": _CERTIFICATES,
    "service-account-key-file": _CERTIFICATES,
    "service-account-signing-key-file": _CERTIFICATES,
    "service-cluster-ip-range": "set spec.networking.serviceSubnet",
}

CONTROLLER_MANAGER_FLAGS: Mapping[str, str] = {
    "kubeconfig": _CONTROLLER_MANAGER,
    "authentication-kubeconfig": _CONTROLLER_MANAGER,
    "authorization-kubeconfig": _CONTROLLER_MANAGER,
    "master": _CONTROLLER_MANAGER,
    "client-ca-file": _CERTIFICATES,
    "requestheader-client-ca-file": _CERTIFICATES,
    "root-ca-file": _CERTIFICATES,
    "service-account-private-key-file": _CERTIFICATES,
    "cluster-signing-cert-file": _CERTIFICATES,
    "cluster-signing-key-file": _CERTIFICATES,
    "cluster-cidr": "set spec.networking.podSubnet",
    "service-cluster-ip-range": "set spec.networking.serviceSubnet",
    "cluster-name": "set spec.clusterName",
    "secure-port": _OWN_PORT,
    "leader-elect": _SEVERAL,
}

SCHEDULER_FLAGS: Mapping[str, str] = {
    "kubeconfig": _SCHEDULER,
    "authentication-kubeconfig": _SCHEDULER,
    "authorization-kubeconfig": _SCHEDULER,
    "master": _SCHEDULER,
    "secure-port": _OWN_PORT,
    "leader-elect": _SEVERAL,
}

KUBELET_FLAGS: Mapping[str, str] = {
    "config": "set spec.kubelet.config",
    "config-dir": "set spec.kubelet.config",
    "kubeconfig": f"it is {KUBERNETES_DIR}/kubelet.conf",
    "bootstrap-kubeconfig": "hosts get their certificates over SSH",
    "node-ip": "set the host's address and secondaryAddress",
    "hostname-override": "a host's name in the inventory is the host's own name",
    "pod-manifest-path": _MANIFESTS,
    "container-runtime-endpoint": "the runtime's socket is found out on the host",
    "cert-dir": _CERTIFICATES,
    "tls-cert-file": _SERVING,
    "tls-private-key-file": _SERVING,
    "register-with-taints": "set the host's taints",
}

KUBELET_FIELDS: Mapping[str, str] = {
    "apiVersion": "it is kubelet.config.k8s.io/v1beta1",
    "kind": "it is KubeletConfiguration",
    "staticPodPath": _MANIFESTS,
    "tlsCertFile": _SERVING,
    "tlsPrivateKeyFile": _SERVING,
    "serverTLSBootstrap": _SERVING,
    "registerWithTaints": "set the host's taints",
    "podLogsDir": "logs are read where every kubelet has them by default",
}

KUBE_PROXY_FIELDS: Mapping[str, str] = {
    "apiVersion": "it is kubeproxy.config.k8s.io/v1alpha1",
    "kind": "it is KubeProxyConfiguration",
}

# Volumes of the static pods by name, and where each is mounted. Of the CA bundles a host mounts those that it has.
_CA_MOUNTS = {
    "ca-certs": "/etc/ssl/certs",
    "etc-pki-ca-trust": "/etc/pki/ca-trust",
    "etc-pki-tls-certs": "/etc/pki/tls/certs",
    "etc-ca-certificates": "/etc/ca-certificates",
    "usr-share-ca-certificates": "/usr/share/ca-certificates",
    "usr-local-share-ca-certificates": "/usr/local/share/ca-certificates",
}
MOUNTS: Mapping[str, Mapping[str, str]] = {
    "apiServer": {"k8s-certs": str(PKI_DIR), **_CA_MOUNTS},
    "controllerManager": {
        "k8s-certs": str(PKI_DIR), "kubeconfig": f"{KUBERNETES_DIR}/controller-manager.conf", **_CA_MOUNTS,
    },
    "scheduler": {"kubeconfig": f"{KUBERNETES_DIR}/scheduler.conf"},
}  # fmt: skip
NEVER_MOUNTED = ("/", "/dev", "/proc", "/sys")


def etcd_variable(flag: str) -> str:
    """The variable that sets a flag of etcd. Source: etcd pkg/flags/flag.go, FlagToEnv (3.6, 3.7)."""
    return f"ETCD_{flag.upper().replace('-', '_')}"


def flag_name(text: str) -> str:
    """A flag's name as the tables here have it. Source: component-base cli/flag/flags.go, WordSepNormalizeFunc (v1.36.3)."""
    return text.replace("_", "-")

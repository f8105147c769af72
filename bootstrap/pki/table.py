"""The tables of certificate authorities and certificates: kubeadm's set and names, the kubelet's two, and two for controllers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from bootstrap.cluster import Cluster, Host, Role
from bootstrap.constants import CONTROLLER_MANAGER_PKI_DIR, ETCD_PKI_DIR, KUBELET_PKI_DIR, PKI_DIR, SCHEDULER_PKI_DIR
from bootstrap.pki import names
from bootstrap.pki.names import NO_NAMES, AltNames

NODE_USER = "system:node:{node}"
NODES_GROUP = "system:nodes"
SA_PUBLIC_KEY = PKI_DIR / "sa.pub"
SA_KEY = PKI_DIR / "sa.key"
KUBELET_CLIENT_CURRENT = KUBELET_PKI_DIR / "kubelet-client-current.pem"


class Usage(StrEnum):
    """Extended key usages."""

    SERVER = "serverAuth"
    CLIENT = "clientAuth"


@dataclass(frozen=True)
class Wanted:
    """What one certificate has to say."""

    common_name: str
    organizations: tuple[str, ...] = ()
    usages: tuple[Usage, ...] = (Usage.CLIENT,)
    alt_names: AltNames = NO_NAMES
    tolerated_organizations: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuthorityEntry:
    """A certificate authority: its name in kubeadm, its certificate's path and common name."""

    name: str
    path: PurePosixPath
    common_name: str

    @property
    def key_path(self) -> PurePosixPath:
        return self.path.with_suffix(".key")


@dataclass(frozen=True)
class CertificateEntry:
    """A certificate that each host of its roles has for itself.

    common_name: `{node}` stands for the host's name. authority: name of the AuthorityEntry that signs it.
    tolerated_organizations: may be in an existing certificate, are not put into a new one.
    switch: what the inventory says where there is to be none.
    """

    name: str
    title: str
    path: PurePosixPath
    authority: str
    common_name: str
    usages: tuple[Usage, ...]
    organizations: tuple[str, ...] = ()
    alt_names: Callable[[Cluster, Host], AltNames] = names.no_names
    roles: tuple[Role, ...] = (Role.CONTROL_PLANE,)
    tolerated_organizations: tuple[str, ...] = ()
    switch: str = ""

    @property
    def key_path(self) -> PurePosixPath:
        """Where its key is; of the kubelet's client certificate the same file."""
        return self.path if self.path.suffix == ".pem" else self.path.with_suffix(".key")

    def wanted(self, cluster: Cluster, host: Host) -> Wanted:
        """What the certificate of `host` has to say."""
        return Wanted(
            self.common_name.format(node=host.name),
            self.organizations,
            self.usages,
            self.alt_names(cluster, host),
            self.tolerated_organizations,
        )


AUTHORITIES = (
    AuthorityEntry("ca", PKI_DIR / "ca.crt", "kubernetes"),
    AuthorityEntry("front-proxy-ca", PKI_DIR / "front-proxy-ca.crt", "front-proxy-ca"),
    AuthorityEntry("etcd-ca", ETCD_PKI_DIR / "ca.crt", "etcd-ca"),
)
"""Source: kubeadm app/phases/certs/certlist.go (v1.36.3)."""

KUBELET_CLIENT = CertificateEntry(
    "kubelet-client", "certificate for the kubelet to connect to the API server",
    KUBELET_CLIENT_CURRENT, "ca", NODE_USER, (Usage.CLIENT,), (NODES_GROUP,), roles=tuple(Role),
)
"""Certificate and key in one dated file, to which `path` is a symbolic link.

Source: client-go util/certificate/certificate_store.go (v0.36.3).
"""

KUBELET_SERVING = CertificateEntry(
    "kubelet-serving", "certificate for serving the kubelet's API",
    KUBELET_PKI_DIR / "kubelet.crt", "ca", NODE_USER, (Usage.SERVER,), (NODES_GROUP,), names.kubelet_names, tuple(Role),
    switch="hardening.kubeletServing: false",
)

CONTROLLER_MANAGER_SERVING = CertificateEntry(
    "controller-manager-serving", "certificate for serving the controller manager's health and metrics",
    CONTROLLER_MANAGER_PKI_DIR / "server.crt", "ca", "kube-controller-manager", (Usage.SERVER,), alt_names=names.controller_names,
    switch="hardening.controllerServing: false",
)

SCHEDULER_SERVING = CertificateEntry(
    "scheduler-serving", "certificate for serving the scheduler's health and metrics",
    SCHEDULER_PKI_DIR / "server.crt", "ca", "kube-scheduler", (Usage.SERVER,), alt_names=names.controller_names,
    switch="hardening.controllerServing: false",
)

CERTIFICATES = (
    CertificateEntry(
        "apiserver", "certificate for serving the Kubernetes API",
        PKI_DIR / "apiserver.crt", "ca", "kube-apiserver", (Usage.SERVER,), alt_names=names.api_server_names,
    ),
    # No organization since 1.36: its rights come from the ClusterRoleBinding kubeadm:apiserver-kubelet-client. In a
    # certificate that an earlier kubeadm made the group of cluster administrators stays until it is renewed.
    CertificateEntry(
        "apiserver-kubelet-client", "certificate for the API server to connect to kubelet",
        PKI_DIR / "apiserver-kubelet-client.crt", "ca", "kube-apiserver-kubelet-client", (Usage.CLIENT,),
        tolerated_organizations=("kubeadm:cluster-admins",),
    ),
    CertificateEntry(
        "front-proxy-client", "certificate for the front proxy client",
        PKI_DIR / "front-proxy-client.crt", "front-proxy-ca", "front-proxy-client", (Usage.CLIENT,),
    ),
    # etcd's own gateway dials the member with this certificate, hence clientAuth.
    CertificateEntry(
        "etcd-server", "certificate for serving etcd",
        ETCD_PKI_DIR / "server.crt", "etcd-ca", "{node}", (Usage.SERVER, Usage.CLIENT), alt_names=names.etcd_server_names,
    ),
    CertificateEntry(
        "etcd-peer", "certificate for etcd nodes to communicate with each other",
        ETCD_PKI_DIR / "peer.crt", "etcd-ca", "{node}", (Usage.SERVER, Usage.CLIENT), alt_names=names.etcd_peer_names,
    ),
    CertificateEntry(
        "etcd-healthcheck-client", "certificate for liveness probes to healthcheck etcd",
        ETCD_PKI_DIR / "healthcheck-client.crt", "etcd-ca", "kube-etcd-healthcheck-client", (Usage.CLIENT,),
    ),
    CertificateEntry(
        "apiserver-etcd-client", "certificate the apiserver uses to access etcd",
        PKI_DIR / "apiserver-etcd-client.crt", "etcd-ca", "kube-apiserver-etcd-client", (Usage.CLIENT,),
    ),
    CONTROLLER_MANAGER_SERVING,
    SCHEDULER_SERVING,
    KUBELET_CLIENT,
    KUBELET_SERVING,
)
"""Source: kubeadm app/phases/certs/certlist.go (v1.36.3); the last four are our own."""


def authority_entry(name: str) -> AuthorityEntry:
    """The row of that name; KeyError where there is none."""
    return {entry.name: entry for entry in AUTHORITIES}[name]

"""The cluster as the inventory describes it: frozen values with every default filled in, no I/O.

Field names in YAML are kubeadm v1beta4's where the thing exists there; Python uses the same words in snake_case.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Base of every inventory object: immutable, camelCase in YAML, unknown fields are mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, validate_default=True
    )


class Role(StrEnum):
    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


class KeyAlgorithm(StrEnum):
    """Values of kubeadm's encryptionAlgorithm (v1beta4)."""

    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    RSA_4096 = "RSA-4096"
    ECDSA_P256 = "ECDSA-P256"
    ECDSA_P384 = "ECDSA-P384"


class Arg(Model):
    """A flag without its dashes. A flag may be given several times; order is kept."""

    name: str
    value: str


class Env(Model):
    name: str
    value: str


class Volume(Model):
    """A hostPath mount added to a control plane component (kubeadm's HostPathMount)."""

    name: str
    host_path: str
    mount_path: str
    read_only: bool = False
    path_type: str = ""


class ControlPlaneComponent(Model):
    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[Env, ...] = ()
    extra_volumes: tuple[Volume, ...] = ()


class ApiServer(ControlPlaneComponent):
    bind_port: int = 6443
    cert_sans: tuple[str, ...] = Field(default=(), alias="certSANs")


class LocalEtcd(Model):
    image_repository: str = ""
    image_tag: str = ""
    data_dir: str = "/var/lib/etcd"
    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[Env, ...] = ()
    server_cert_sans: tuple[str, ...] = Field(default=(), alias="serverCertSANs")
    peer_cert_sans: tuple[str, ...] = Field(default=(), alias="peerCertSANs")


class Etcd(Model):
    local: LocalEtcd = LocalEtcd()


class Networking(Model):
    """Subnets are one CIDR, or an IPv4 and an IPv6 CIDR joined by a comma (dual-stack)."""

    pod_subnet: str = "10.244.0.0/16"
    service_subnet: str = "10.96.0.0/12"
    dns_domain: str = "cluster.local"


class Sudo(StrEnum):
    """How root is reached when the SSH user is not root."""

    AUTO = "auto"          # root: nothing; others: sudo -n, then with the password if one was given
    NEVER = "never"


class Ssh(Model):
    """How to reach a host. On a host, fields left out are taken from the cluster's `spec.ssh`.

    host: name, address or alias (of config_file) to connect to; the node's own address is the default.
    host_key: pinned fingerprints (`SHA256:...`) or public keys in OpenSSH format.
    known_hosts_file: OpenSSH known_hosts; default ~/.ssh/known_hosts.
    password_env: name of an environment variable that holds sudo's password; it is asked for with --ask-sudo-password.
    """

    host: str | None = None
    port: int | None = None
    user: str | None = None
    identity_file: Path | None = None
    agent: bool | None = None
    config_file: Path | None = None
    proxy_jump: str | None = None
    known_hosts_file: Path | None = None
    host_key: tuple[str, ...] = ()
    sudo: Sudo | None = None
    sudo_password_env: str | None = None
    connect_timeout: timedelta | None = None


class Taint(Model):
    key: str
    value: str = ""
    effect: str = "NoSchedule"


CONTROL_PLANE_TAINT = Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")


class HostKubelet(Model):
    """What one host's kubelet has of its own; merged over spec.kubelet."""

    config: dict[str, Any] = {}
    extra_args: tuple[Arg, ...] = ()


class Host(Model):
    """One machine. name: node name, etcd member name and certificate subject; it must be the host's own name.

    address: the node's own IP: advertised, etcd's, --node-ip. secondary_address: of the other IP family (dual-stack).
    taints: None means the default of the role (control plane: NoSchedule); an empty list means none.
    patches: directory of kubeadm-style patches for this host only, applied after spec.patches.
    """

    name: str
    role: Role
    address: str
    secondary_address: str | None = None
    ssh: Ssh = Ssh()
    labels: dict[str, str] = {}
    taints: tuple[Taint, ...] | None = None
    patches: Path | None = None
    kubelet: HostKubelet = HostKubelet()


class KubeletSpec(Model):
    """config is merged into the KubeletConfiguration that is written to every host."""

    config: dict[str, Any] = {}
    extra_args: tuple[Arg, ...] = ()


class KubeProxy(Model):
    """config is merged into the KubeProxyConfiguration."""

    config: dict[str, Any] = {}


class Dns(Model):
    image_repository: str = ""
    image_tag: str = ""


class Timeouts(Model):
    """Names and defaults of kubeadm's v1beta4 timeouts."""

    control_plane_component_health_check: timedelta = timedelta(minutes=4)
    kubelet_health_check: timedelta = timedelta(minutes=4)
    kubernetes_api_call: timedelta = Field(default=timedelta(minutes=1), alias="kubernetesAPICall")


class Cluster(Model):
    """`spec` of an inventory, and its name. Hosts are sorted by name: their order in the file means nothing.

    control_plane_endpoint: host:port of a load balancer or virtual IP; empty: workers have a node-local one.
    certificate_authorities: directory on the operator's machine with the user's own CAs, named as in /etc/kubernetes/pki.
    addons: `coredns`, `kube-proxy`, and paths of manifest files of the user's own.
    """

    name: str
    cluster_name: str = ""
    kubernetes_version: str
    control_plane_endpoint: str = ""
    networking: Networking = Networking()
    ssh: Ssh = Ssh()
    hosts: tuple[Host, ...]
    api_server: ApiServer = ApiServer()
    controller_manager: ControlPlaneComponent = ControlPlaneComponent()
    scheduler: ControlPlaneComponent = ControlPlaneComponent()
    etcd: Etcd = Etcd()
    dns: Dns = Dns()
    kubelet: KubeletSpec = KubeletSpec()
    kube_proxy: KubeProxy = KubeProxy()
    image_repository: str = "registry.k8s.io"
    encryption_algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    certificate_validity_period: timedelta = timedelta(days=365)
    ca_certificate_validity_period: timedelta = Field(default=timedelta(days=3650), alias="caCertificateValidityPeriod")
    certificate_authorities: Path | None = None
    patches: Path | None = None
    addons: tuple[str, ...] = ("coredns", "kube-proxy")
    timeouts: Timeouts = Timeouts()

    @property
    def control_plane_hosts(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role is Role.CONTROL_PLANE)

    def host(self, name: str) -> Host:
        """The host of that name; KeyError where there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

"""The cluster as the inventory describes it: frozen values with every default filled in, no I/O.

Field names in YAML are kubeadm v1beta4's where the thing exists there; Python uses the same words in snake_case.
Each field checks its own value (`bootstrap.syntax`); what several fields must agree on is checked when an inventory is loaded.
In docstrings, a line `field: text` describes that field in the JSON schema too.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from bootstrap import fields
from bootstrap.constants import DEFAULT_ETCD_DATA_DIR
from bootstrap.syntax import addresses


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

    name: fields.FlagName
    value: fields.FlagValue


class Env(Model):
    """A variable of a component's container."""

    name: fields.EnvName
    value: fields.Text


class Volume(Model):
    """A hostPath mount added to a control plane component (kubeadm's HostPathMount)."""

    name: fields.Label
    host_path: fields.HostPath
    mount_path: fields.HostPath
    read_only: bool = False
    path_type: fields.HostPathType = ""


class ControlPlaneComponent(Model):
    """Additions to a component's static pod; an argument replaces the tool's own of the same name.

    extra_args: flags, in this order.
    extra_envs: environment variables.
    extra_volumes: hostPath mounts.
    """

    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[Env, ...] = ()
    extra_volumes: tuple[Volume, ...] = ()


class ApiServer(ControlPlaneComponent):
    """kube-apiserver.

    extra_args: flags, in this order.
    extra_envs: environment variables.
    extra_volumes: hostPath mounts.
    bind_port: port that every API server listens on.
    cert_sans: further names and addresses in the serving certificate.
    """

    bind_port: fields.Port = 6443
    cert_sans: tuple[fields.SubjectAlternativeName, ...] = Field(default=(), alias="certSANs")


class LocalEtcd(Model):
    """The etcd member on every control plane host.

    image_repository: where etcd's image comes from; default: spec.imageRepository.
    image_tag: default: kubeadm's for the Kubernetes version.
    data_dir: directory on the host that belongs to etcd alone.
    """

    image_repository: fields.ImageRepository = ""
    image_tag: fields.ImageTag = ""
    data_dir: fields.DataDir = str(DEFAULT_ETCD_DATA_DIR)
    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[Env, ...] = ()
    server_cert_sans: tuple[fields.SubjectAlternativeName, ...] = Field(default=(), alias="serverCertSANs")
    peer_cert_sans: tuple[fields.SubjectAlternativeName, ...] = Field(default=(), alias="peerCertSANs")


class Etcd(Model):
    """etcd; only members on the control plane hosts themselves."""

    local: LocalEtcd = LocalEtcd()


class Networking(Model):
    """Subnets are one CIDR, or an IPv4 and an IPv6 CIDR joined by a comma (dual-stack); the first is the primary family.

    pod_subnet: addresses of pods; every node gets a /24 (IPv4) or /64 (IPv6) of it.
    service_subnet: addresses of services.
    dns_domain: domain of the cluster's own DNS names.
    """

    pod_subnet: fields.Subnets = "10.244.0.0/16"
    service_subnet: fields.Subnets = "10.96.0.0/12"
    dns_domain: fields.DnsName = "cluster.local"


class Sudo(StrEnum):
    """How root is reached when the SSH user is not root."""

    AUTO = "auto"          # root: nothing; others: sudo -n, then with the password if one was given
    NEVER = "never"


class Ssh(Model):
    """How to reach a host. On a host, fields left out are taken from the cluster's `spec.ssh`.

    host: name, address or alias (of config_file) to connect to; the node's own address is the default.
    host_key: pinned fingerprints (`SHA256:...`) or public keys in OpenSSH format.
    port: default: that of config_file, else 22.
    user: default: that of config_file, else the operator's own name.
    identity_file: private key; default: those of config_file and of ~/.ssh.
    agent: whether keys of a running ssh-agent may be used.
    config_file: an ssh_config file, such as the output of `vagrant ssh-config`.
    proxy_jump: hosts to go through, [user@]host[:port], several joined by commas; `none` for no jump.
    known_hosts_file: OpenSSH known_hosts; default ~/.ssh/known_hosts.
    sudo: auto (root needs none; others use sudo) or never.
    sudo_password_env: name of an environment variable that holds sudo's password; it is asked for with --ask-sudo-password.
    connect_timeout: how long to try to connect.
    """

    host: fields.SshTarget | None = None
    port: fields.Port | None = None
    user: fields.SshUser | None = None
    identity_file: fields.LocalPath | None = None
    agent: bool | None = None
    config_file: fields.LocalPath | None = None
    proxy_jump: fields.ProxyJump | None = None
    known_hosts_file: fields.LocalPath | None = None
    host_key: fields.HostKeys = ()
    sudo: Sudo | None = None
    sudo_password_env: fields.LocalEnvName | None = None
    connect_timeout: fields.Duration | None = None


class Taint(Model):
    """Keeps pods that do not tolerate it off a node.

    effect: NoSchedule, PreferNoSchedule or NoExecute.
    """

    key: fields.QualifiedName
    value: fields.LabelValue = ""
    effect: fields.TaintEffect = "NoSchedule"


CONTROL_PLANE_TAINT = Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")


class HostKubelet(Model):
    """What one host's kubelet has of its own; merged over spec.kubelet."""

    config: dict[str, Any] = {}
    extra_args: tuple[Arg, ...] = ()


class Host(Model):
    """One machine.

    name: node name, etcd member name and certificate subject; it must be the host's own name.
    role: control-plane or worker.
    address: the node's own IP: advertised, etcd's, --node-ip.
    secondary_address: the node's IP of the other family (dual-stack).
    labels: of the Node object.
    taints: None means the default of the role (control plane: NoSchedule); an empty list means none.
    patches: directory of kubeadm-style patches for this host only, applied after spec.patches.
    """

    name: fields.HostName
    role: Role
    address: fields.NodeAddress
    secondary_address: fields.NodeAddress | None = None
    ssh: Ssh = Ssh()
    labels: dict[fields.LabelKey, fields.LabelValue] = {}
    taints: tuple[Taint, ...] | None = None
    patches: fields.LocalPath | None = None
    kubelet: HostKubelet = HostKubelet()


class KubeletSpec(Model):
    """config is merged into the KubeletConfiguration that is written to every host.

    install: who installs kubelet and runtime; none: they are on the hosts already.
    """

    config: dict[str, Any] = {}
    extra_args: tuple[Arg, ...] = ()
    install: fields.Install = "none"


class StaticPod(Model):
    """A static pod of the user's own, on the hosts of these roles and on those that are named; one of the two must be given.

    file: its manifest: one v1 Pod.
    roles: control-plane, worker.
    hosts: names of hosts.
    """

    file: fields.LocalPath
    roles: tuple[Role, ...] = ()
    hosts: tuple[fields.HostName, ...] = ()


class KubeProxy(Model):
    """config is merged into the KubeProxyConfiguration."""

    config: dict[str, Any] = {}


class Dns(Model):
    """CoreDNS.

    image_repository: default: spec.imageRepository, with /coredns where kubeadm adds it.
    image_tag: default: kubeadm's for the Kubernetes version.
    """

    image_repository: fields.ImageRepository = ""
    image_tag: fields.ImageTag = ""


class Proxy(Model):
    """The HTTP proxy that kubelets, kube-proxy and the control plane, except etcd, ask through. A runtime has its own settings.

    http_proxy: URL for HTTP.
    https_proxy: URL for HTTPS.
    no_proxy: what is asked directly, too: hosts with their neighbours, the endpoint, pods and services are excepted already.
    """

    http_proxy: fields.ProxyUrl = ""
    https_proxy: fields.ProxyUrl = ""
    no_proxy: tuple[fields.ProxyException, ...] = ()


class Balancer(Model):
    """The node-local load balancer of workers: HAProxy as a static pod, where there is no control plane endpoint.

    image_repository: where the image `haproxy` comes from; not spec.imageRepository, which has none.
    image_tag: HAProxy 2.6 or later.
    """

    image_repository: fields.MainImageRepository = "docker.io/library"
    image_tag: fields.ImageTag = ""


class Vip(Model):
    """A virtual IP that keepalived moves between the masters; it becomes the control plane endpoint.

    address: an address that nobody has, in the masters' own network segment.
    interface: the masters' network interface that it is put on.
    router_id: VRRP's virtual router ID; another one for each virtual IP in the segment.
    image_repository: where an image `keepalived` comes from, with a shell and curl in it; there is no official one.
    image_tag: its tag.
    """

    address: fields.NodeAddress
    interface: fields.InterfaceName
    router_id: fields.RouterId = Field(default=51, alias="routerID")
    image_repository: fields.MainImageRepository
    image_tag: fields.RequiredImageTag


class AnonymousRequests(StrEnum):
    """What the API server answers to a request without credentials.

    A stock `kubeadm join --token` reads the ConfigMap cluster-info that way, so it is among the default.
    """

    HEALTH_AND_CLUSTER_INFO = "health-and-cluster-info"
    HEALTH = "health"
    ALL = "all"     # as kubeadm: whatever RBAC gives to system:unauthenticated


class EncryptionAtRest(StrEnum):
    """How Secrets lie in etcd."""

    SECRETBOX = "secretbox"
    NONE = "none"


class Audit(Model):
    """The API server's audit log in /var/log/kubernetes/audit of each master.

    Size and age are flags: audit-log-maxage, -maxbackup and -maxsize in spec.apiServer.extraArgs.
    policy_file: the user's own audit policy on the operator's machine; default: the one in templates/policies.
    """

    enabled: bool = True
    policy_file: fields.LocalPath | None = None


class Hardening(Model):
    """What is stricter than kubeadm's defaults, each with its switch, so that an adopted cluster can write down "off".

    deny_service_external_ips: admission plugin DenyServiceExternalIPs.
    event_rate_limit: admission plugin EventRateLimit.
    always_pull_images: admission plugin AlwaysPullImages; off: with it no pod starts while the registry is away.
    profiling: whether the components serve /debug/pprof.
    terminated_pods: the 1000 newest finished pods are kept, not 12500; another number: extraArgs.
    strong_ciphers: TLS 1.2 with forward secrecy and AEAD, or TLS 1.3, everywhere.
    extended_tokens: whether service account tokens of pods live for a year.
    kubelet_serving: kubelets' serving certificates are issued by the cluster's CA, and the API server verifies them.
    controller_serving: the controller manager's and the scheduler's serving certificates are issued by the cluster's CA.
    etcd_user: etcd runs as a system user `etcd` of its own.
    confined_pods: static pods run with no more capabilities than they need and a read-only root file system.
    kubelet: kubelets' own settings: seccomp by default, at most 4096 processes and threads per pod.
    """

    audit: Audit = Audit()
    encryption_at_rest: EncryptionAtRest = EncryptionAtRest.SECRETBOX
    anonymous_requests: AnonymousRequests = AnonymousRequests.HEALTH_AND_CLUSTER_INFO
    deny_service_external_ips: bool = Field(default=True, alias="denyServiceExternalIPs")
    event_rate_limit: bool = True
    always_pull_images: bool = False
    profiling: bool = False
    terminated_pods: bool = True
    strong_ciphers: bool = True
    extended_tokens: bool = False
    kubelet_serving: bool = True
    controller_serving: bool = True
    etcd_user: bool = True
    confined_pods: bool = True
    kubelet: bool = True


class Timeouts(Model):
    """Names and defaults of kubeadm's v1beta4 timeouts."""

    control_plane_component_health_check: fields.Duration = timedelta(minutes=4)
    kubelet_health_check: fields.Duration = timedelta(minutes=4)
    kubernetes_api_call: fields.Duration = Field(default=timedelta(minutes=1), alias="kubernetesAPICall")


def _by_name(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    return tuple(sorted(hosts, key=lambda host: host.name))


class Cluster(Model):
    """`spec` of an inventory, and its name. Hosts are sorted by name: their order in the file means nothing.

    cluster_name: kubeadm's clusterName, in kubeconfig contexts; default: metadata.name.
    kubernetes_version: vMAJOR.MINOR.PATCH.
    control_plane_endpoint: host:port of a load balancer or virtual IP; empty: that of spec.vip, or workers' own balancers.
    ssh: how to reach all hosts; what a host says itself goes first.
    image_repository: where the images of Kubernetes come from.
    encryption_algorithm: of keys that are made.
    certificate_validity_period: of certificates; not longer than the CAs'.
    ca_certificate_validity_period: of certificate authorities.
    certificate_authorities: directory on the operator's machine with the user's own CAs, named as in /etc/kubernetes/pki.
    patches: directory of kubeadm-style patches for all hosts.
    static_pods: static pods of the user's own.
    vip: a virtual IP that the masters hold between them.
    proxy: the HTTP proxy that is asked through.
    feature_gates: of Kubernetes' components, for all of them alike; extraArgs and config of one go first.
    addons: `coredns`, `kube-proxy`, and paths of manifest files of the user's own.
    hardening: what is stricter than kubeadm's defaults.
    """

    name: fields.InventoryName
    cluster_name: fields.ClusterName = ""
    kubernetes_version: fields.Version
    control_plane_endpoint: fields.Endpoint = ""
    networking: Networking = Networking()
    ssh: Ssh = Ssh()
    hosts: Annotated[tuple[Host, ...], AfterValidator(_by_name)]
    api_server: ApiServer = ApiServer()
    controller_manager: ControlPlaneComponent = ControlPlaneComponent()
    scheduler: ControlPlaneComponent = ControlPlaneComponent()
    etcd: Etcd = Etcd()
    dns: Dns = Dns()
    balancer: Balancer = Balancer()
    vip: Vip | None = None
    kubelet: KubeletSpec = KubeletSpec()
    kube_proxy: KubeProxy = KubeProxy()
    proxy: Proxy = Proxy()
    feature_gates: dict[fields.FeatureGate, bool] = {}
    image_repository: fields.MainImageRepository = "registry.k8s.io"
    encryption_algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    certificate_validity_period: fields.Duration = timedelta(days=365)
    ca_certificate_validity_period: fields.Duration = Field(default=timedelta(days=3650), alias="caCertificateValidityPeriod")
    certificate_authorities: fields.LocalPath | None = None
    patches: fields.LocalPath | None = None
    static_pods: tuple[StaticPod, ...] = ()
    addons: tuple[fields.Addon, ...] = ("coredns", "kube-proxy")
    hardening: Hardening = Hardening()
    timeouts: Timeouts = Timeouts()

    @model_validator(mode="after")
    def _filled_in(self) -> Self:
        """Defaults that follow from other fields: the cluster's name, and the port of the endpoint (as in kubeadm, bindPort)."""
        values = self.__dict__  # the instance is frozen for everybody else
        values["cluster_name"] = self.cluster_name or self.name
        if self.vip is not None and not self.control_plane_endpoint:
            values["control_plane_endpoint"] = addresses.join_endpoint(self.vip.address, self.api_server.bind_port)
        if self.control_plane_endpoint:
            host, port = addresses.split_endpoint(self.control_plane_endpoint)
            values["control_plane_endpoint"] = addresses.join_endpoint(host, port or self.api_server.bind_port)
        return self

    @property
    def control_plane_hosts(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role is Role.CONTROL_PLANE)

    @property
    def workers(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role is Role.WORKER)

    @property
    def has_balancers(self) -> bool:
        """Whether each worker reaches the API servers through a load balancer of its own."""
        return not self.control_plane_endpoint

    def host(self, name: str) -> Host:
        """The host of that name; KeyError where there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)


def ssh_of(cluster: Cluster, host: Host) -> Ssh:
    """How to reach `host`: its own settings, then the cluster's, field by field; `host` and `sudo` are always set.

    What stays None is for the ssh_config file and OpenSSH's defaults to say.
    """
    own, shared = host.ssh, cluster.ssh
    merged = {
        name: getattr(own, name) if getattr(own, name) not in (None, ()) else getattr(shared, name) for name in Ssh.model_fields
    }
    merged["host"] = own.host or host.address
    merged["sudo"] = merged["sudo"] or Sudo.AUTO
    return Ssh.model_construct(**merged)

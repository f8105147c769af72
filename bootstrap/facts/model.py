"""Facts: frozen values about one host. Paths are POSIX paths on that host; times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from bootstrap.files import Observed


@dataclass(frozen=True)
class OsFacts:
    """Of /etc/os-release and uname."""

    id: str = ""
    version_id: str = ""
    pretty_name: str = ""
    kernel: str = ""
    architecture: str = ""          # as uname -m: x86_64, aarch64


@dataclass(frozen=True)
class CgroupFacts:
    version: int = 0                # 1, 2; 0 unknown
    controllers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceFacts:
    """A systemd unit. load_state `not-found`: there is no such unit. active_state: active, inactive, failed, activating.

    needs_reload: its files changed since systemd read them.
    """

    name: str
    load_state: str = ""
    active_state: str = ""
    unit_file_state: str = ""       # enabled, disabled, masked, static
    main_pid: int = 0
    fragment_path: str = ""
    drop_in_paths: tuple[str, ...] = ()
    sub_state: str = ""             # running, auto-restart, dead
    needs_reload: bool = False


@dataclass(frozen=True)
class ManifestDirectory:
    """Where this kubelet reads static pods from, and what said so.

    path: None where nothing is set (the kubelet then reads no manifests).
    source: `running process`, `unit` (ExecStart and its environment files), `config-dir <file>`, `config <file>`, `not set`.
    is_file: the path exists and is a regular file (not supported).
    listed: its entries are in Facts.owned; False where the configuration names it in a way that only a YAML parser understands.
    """

    path: PurePosixPath | None
    source: str
    is_file: bool = False
    listed: bool = True


@dataclass(frozen=True)
class KubeletFacts:
    """binary: None where no kubelet is installed. version as `v1.36.3`. argv: of the running process, empty when stopped.

    proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY of its unit (upper case, without credentials).
    config: its KubeletConfiguration as the files have it now, drop-ins merged in; flags, which go over it, are not in it.
    problem: why its configuration cannot be read as a kubelet would read it; empty where it can.
    """

    binary: str | None = None
    version: str = ""
    argv: tuple[str, ...] = ()
    start_time: float = 0.0
    config_file: str = ""
    cgroup_driver: str = ""         # as configured now; empty: not configured
    fail_swap_on: bool | None = None
    runtime_endpoint: str = ""      # containerRuntimeEndpoint as configured; empty: default
    manifests: ManifestDirectory = ManifestDirectory(None, "not set")
    kubeconfig: str = ""
    bootstrap_kubeconfig: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class RuntimeFacts:
    """The CRI runtime found by its socket. cgroup_driver: systemd, cgroupfs, or empty where it could not be told."""

    name: str = ""                  # containerd, cri-o
    version: str = ""
    socket: str = ""                # /run/containerd/containerd.sock
    socket_exists: bool = False
    cgroup_driver: str = ""
    sandbox_image: str = ""


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket and the process that owns it (pid 0, process empty: unknown)."""

    address: str
    port: int
    pid: int = 0
    process: str = ""
    in_static_pod: bool = False     # its cgroup path is a pod's


@dataclass(frozen=True)
class Disk:
    """Free space of the file system that a path is on (the nearest existing parent's). read_only: mounted so."""

    path: PurePosixPath
    free_bytes: int
    free_inodes: int
    mount_point: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class KubeconfigFacts:
    """The public part of a kubeconfig: key data never leaves the host by this way.

    client_certificate: PEM bytes where embedded; client_certificate_file: path where it is referred to.
    """

    path: PurePosixPath
    server: str = ""
    certificate_authority: bytes = b""
    client_certificate: bytes = b""
    client_certificate_file: str = ""


@dataclass(frozen=True)
class EtcdDataFacts:
    """data_dir exists / has a member directory (etcd has started there once)."""

    data_dir: PurePosixPath
    exists: bool = False
    has_member: bool = False
    mount_point: bool = False
    mode: int = 0
    owner: str = ""
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class AccountFacts:
    """The user and the group `etcd`. uid, gid: None where there is none. taken: ids below 1000 that some user or group has."""

    uid: int | None = None
    gid: int | None = None
    taken: tuple[int, ...] = ()


@dataclass(frozen=True)
class StaticProcess:
    """A running process of a static pod of ours.

    component: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, keepalived, balancer.
    digest: value of BOOTSTRAP_DIGEST in its environment, empty where it has none. pod_uid: from its cgroup path.
    user: id of the user that it runs as (the effective one).
    """

    component: str
    pid: int
    argv: tuple[str, ...]
    start_time: float
    digest: str = ""
    pod_uid: str = ""
    user: int = 0


@dataclass(frozen=True)
class KubeProxy:
    """A running kube-proxy. config: of its --config file, empty where there is none or it could not be read."""

    pid: int
    argv: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SecurityFacts:
    """What is read only for a look at a host's hardening.

    files: what the API server's --audit-policy-file, --authentication-config and --authorization-config name, by that path;
    those that could not be read are not there.
    encryption: of what --encryption-provider-config names, the kinds of providers in order, a tuple for each list; never a key.
    """

    files: Mapping[PurePosixPath, bytes] = field(default_factory=dict)
    encryption: Mapping[PurePosixPath, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    kube_proxies: tuple[KubeProxy, ...] = ()


@dataclass(frozen=True)
class PodLog:
    """A container's newest log file below /var/log/pods. modified: its time of modification."""

    pod: str                        # <namespace>_<name>_<uid>
    container: str
    path: PurePosixPath
    restarts: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class Facts:
    """Everything that was read of one host.

    owned: every path that the tool looks after or that stands in a directory of its own (`/etc/kubernetes` and below,
    the kubelet's configuration, PKI and drop-ins, the manifest directory wherever it is, the directories of etcd's data and of
    the audit log themselves):
    absent paths are absent from the mapping. Certificates, manifests and kubelet configuration carry their content;
    keys and kubeconfigs never do (only their hash); of kubelet-client-current.pem, which holds both, only the certificates.
    ca_dirs: those of the distributions' directories of CA certificates (components/context.py, CA_DIRS) that exist.
    security: None where it was not asked for; where it was, `owned` has the files of the pod network as well.
    clock: the host's time when the script ran; clock_skew_s: host minus operator, corrected by half the round trip;
    clock_error_s: half the round trip, by which clock_skew_s may be wrong in either direction.
    """

    host: str
    hostname: str = ""
    os: OsFacts = OsFacts()
    cgroup: CgroupFacts = CgroupFacts()
    privileged: bool = True
    systemd: bool = True            # is the init system
    cpus: int = 0
    memory_bytes: int = 0
    swap: tuple[str, ...] = ()
    clock: float = 0.0
    clock_skew_s: float = 0.0
    clock_error_s: float = 0.0
    machine_id: str = ""
    product_uuid: str = ""
    boot_id: str = ""
    addresses: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)   # name -> path of those found (mount, conntrack, ...)
    services: Mapping[str, ServiceFacts] = field(default_factory=dict)
    kubelet: KubeletFacts = KubeletFacts()
    runtime: RuntimeFacts = RuntimeFacts()
    listeners: tuple[Listener, ...] = ()
    disks: tuple[Disk, ...] = ()
    owned: Mapping[PurePosixPath, Observed] = field(default_factory=dict)
    kubeconfigs: Mapping[PurePosixPath, KubeconfigFacts] = field(default_factory=dict)
    etcd: EtcdDataFacts = EtcdDataFacts(PurePosixPath("/var/lib/etcd"))
    accounts: AccountFacts = AccountFacts()
    processes: tuple[StaticProcess, ...] = ()
    pod_logs: tuple[PodLog, ...] = ()
    ca_dirs: tuple[str, ...] = ()
    security: SecurityFacts | None = None

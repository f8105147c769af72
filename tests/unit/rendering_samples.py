"""Clusters that the tests of everything rendered share, and a context for their manifests."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from bootstrap import components, hardening
from bootstrap.cluster import (
    AnonymousRequests,
    ApiServer,
    Arg,
    Audit,
    Cluster,
    ControlPlaneComponent,
    EncryptionAtRest,
    Env,
    Etcd,
    Hardening,
    Host,
    LocalEtcd,
    Networking,
    Role,
    Vip,
    Volume,
)
from bootstrap.components import ManifestContext
from bootstrap.etcd_user import EtcdUser
from bootstrap.hardening import ConfigFile, encryption
from bootstrap.patches import Patch

VERSIONS = {"1.35": "v1.35.4", "1.36": "v1.36.3", "1.37": "v1.37.2"}
TOKEN = "etcd-ca-0123456789abcdef0123456789abcdef"
MANIFEST_DIR = PurePosixPath("/etc/kubernetes/manifests")
RUNTIME = "unix:///run/containerd/containerd.sock"
ETCD_USER = EtcdUser(999, 998)
CA_DIRS = ("/etc/ca-certificates", "/usr/share/ca-certificates")


def master(number: int, address: str = "", **fields: Any) -> Host:
    return Host(name=f"cp{number}", role=Role.CONTROL_PLANE, address=address or f"192.0.2.1{number}", **fields)


def a_cluster(masters: int = 3, version: str = "v1.36.3", **fields: Any) -> Cluster:
    hosts = fields.pop("hosts", tuple(master(number) for number in range(1, masters + 1)))
    return Cluster(name="demo", kubernetes_version=version, hosts=hosts, **fields)


VIP = Vip(address="192.0.2.100", interface="eth0", image_repository="registry.example.com/infra", image_tag="2.2.7")


def ipv6() -> Cluster:
    networking = Networking(pod_subnet="fd00:10:244::/56", service_subnet="fd00:10:96::/112")
    return a_cluster(hosts=(master(1, "2001:db8::11"),), networking=networking)


def dual_stack() -> Cluster:
    networking = Networking(pod_subnet="10.244.0.0/16,fd00:10:244::/56", service_subnet="10.96.0.0/16,fd00:10:96::/112")
    return a_cluster(hosts=(master(1, secondary_address="2001:db8::11"),), networking=networking)


def extra_args() -> Cluster:
    """Everything that can be added to the static pods, a repeated flag and overridden defaults among it."""
    audit = Volume(name="audit", host_path="/var/log/audit", mount_path="/var/log/audit", path_type="DirectoryOrCreate")
    bundle = Volume(name="ca-certs", host_path="/opt/certs", mount_path="/etc/ssl/certs", read_only=True)
    return a_cluster(
        masters=1,
        image_repository="registry.example.com/k8s",
        api_server=ApiServer(
            bind_port=7443,
            cert_sans=("api.example.com",),
            extra_args=(
                Arg(name="audit-log-path", value="-"),
                Arg(name="service-account-issuer", value="https://issuer.example.com"),
                Arg(name="service-account-issuer", value="https://kubernetes.default.svc.cluster.local"),
                Arg(name="enable-admission-plugins", value="NodeRestriction,AlwaysPullImages"),
            ),
            extra_envs=(Env(name="GODEBUG", value="http2debug=1"), Env(name="EMPTY", value="")),
            extra_volumes=(audit, bundle),
        ),
        controller_manager=ControlPlaneComponent(extra_args=(Arg(name="bind-address", value="0.0.0.0"),)),
        scheduler=ControlPlaneComponent(extra_args=(Arg(name="bind-address", value="::"), Arg(name="v", value="4"))),
        etcd=Etcd(
            local=LocalEtcd(
                image_tag="3.6.16-0",
                data_dir="/data/etcd",
                extra_args=(Arg(name="quota-backend-bytes", value="8589934592"),),
                extra_envs=(Env(name="ETCD_VERBOSE", value="1"),),
            )
        ),
    )


def as_kubeadms_pods(cluster: Cluster) -> Cluster:
    """The cluster with static pods as little confined as kubeadm's."""
    off = {"etcd_user": False, "confined_pods": False}
    return cluster.model_copy(update={"hardening": cluster.hardening.model_copy(update=off)})


NOTHING = Hardening(
    audit=Audit(enabled=False),
    encryption_at_rest=EncryptionAtRest.NONE,
    anonymous_requests=AnonymousRequests.ALL,
    deny_service_external_ips=False,
    event_rate_limit=False,
    profiling=True,
    terminated_pods=False,
    strong_ciphers=False,
    extended_tokens=True,
    kubelet_serving=False,
    controller_serving=False,
    etcd_user=False,
    confined_pods=False,
    kubelet=False,
)
"""Every switch as kubeadm has it."""


def load_balancer() -> Cluster:
    return a_cluster(control_plane_endpoint="api.example.com:8443")


def hashes(cluster: Cluster) -> dict[PurePosixPath, str]:
    """A made-up SHA-256 for every file that some component reads at start."""
    paths = {path for module in components.COMPONENTS for path in module.STARTUP_FILES}
    return {path: f"{index:064x}" for index, path in enumerate(sorted(paths))}


def context(cluster: Cluster, patches: tuple[Patch, ...] = ()) -> ManifestContext:
    user = ETCD_USER if cluster.hardening.etcd_user else None
    return ManifestContext(
        cluster_token=TOKEN,
        ca_dirs=CA_DIRS,
        hashes=hashes(cluster),
        patches=patches,
        etcd_user=user,
        config_files=config_paths(cluster),
    )


def config_paths(cluster: Cluster) -> dict[str, PurePosixPath]:
    """kube-apiserver's configuration files by flag, the encryption configuration with a key of zeros."""
    return {file.flag: file.path for file in config_files(cluster)}


def config_files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    files = hardening.public_files(cluster)
    if hardening.ENCRYPTION not in hardening.config_flags(cluster):
        return files
    return (*files, hardening.named(hardening.ENCRYPTION, encryption.configuration(bytes(encryption.KEY_BYTES))))

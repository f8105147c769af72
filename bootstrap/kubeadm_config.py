"""What kubeadm-config says: kubeadm's ClusterConfiguration, from which its `upgrade` rebuilds every manifest.

So whatever we run that is not kubeadm's default stands here, as far as its fields reach.
Source: kubeadm app/apis/kubeadm/v1beta4/types.go (v1.36.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from bootstrap import constants as k
from bootstrap import durations, hardening, proxies
from bootstrap.cluster import Arg, Cluster, ControlPlaneComponent, Env
from bootstrap.urls import NODE_LOCAL_ADDRESS

Object = dict[str, Any]


def cluster_configuration(
    cluster: Cluster, config_files: Mapping[str, PurePosixPath], cluster_token: str | None = None
) -> Object:
    """The ClusterConfiguration (v1beta4) of a cluster.

    config_files: kube-apiserver's configuration files by the flag that names them.
    cluster_token: etcd's --initial-cluster-token; None where it is not known.
    """
    token = (Arg(name="initial-cluster-token", value=cluster_token),) if cluster_token else ()
    local = cluster.etcd.local
    certificate_sans = list(dict.fromkeys((NODE_LOCAL_ADDRESS, *cluster.api_server.cert_sans)))
    return _filled(
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "apiServer": {**_component(cluster, k.API_SERVER, cluster.api_server, config_files), "certSANs": certificate_sans},
            "caCertificateValidityPeriod": durations.format(cluster.ca_certificate_validity_period),
            "certificateValidityPeriod": durations.format(cluster.certificate_validity_period),
            "certificatesDir": str(k.PKI_DIR),
            "clusterName": cluster.cluster_name,
            "controlPlaneEndpoint": cluster.control_plane_endpoint,
            "controllerManager": _component(cluster, k.CONTROLLER_MANAGER, cluster.controller_manager, config_files),
            "dns": {
                "disabled": "coredns" not in cluster.addons,
                "imageRepository": cluster.dns.image_repository,
                "imageTag": cluster.dns.image_tag,
            },
            "encryptionAlgorithm": str(cluster.encryption_algorithm),
            "etcd": {
                "local": {
                    "dataDir": local.data_dir,
                    "extraArgs": _args((*token, *hardening.extra_args(cluster, k.ETCD, config_files))),
                    "extraEnvs": _envs(local.extra_envs),
                    "imageRepository": local.image_repository,
                    "imageTag": local.image_tag,
                    "peerCertSANs": list(local.peer_cert_sans),
                    "serverCertSANs": list(local.server_cert_sans),
                }
            },
            "imageRepository": cluster.image_repository,
            "kubernetesVersion": cluster.kubernetes_version,
            "networking": {
                "dnsDomain": cluster.networking.dns_domain,
                "podSubnet": cluster.networking.pod_subnet,
                "serviceSubnet": cluster.networking.service_subnet,
            },
            "proxy": {"disabled": "kube-proxy" not in cluster.addons},
            "scheduler": _component(cluster, k.SCHEDULER, cluster.scheduler, config_files),
        }
    )


def _component(
    cluster: Cluster, name: str, component: ControlPlaneComponent, config_files: Mapping[str, PurePosixPath]
) -> Object:
    return {
        "extraArgs": _args(hardening.extra_args(cluster, name, config_files)),
        "extraEnvs": _envs((*proxies.variables(cluster), *component.extra_envs)),
        "extraVolumes": [
            {
                "name": volume.name,
                "hostPath": volume.host_path,
                "mountPath": volume.mount_path,
                "readOnly": volume.read_only,
                "pathType": volume.path_type,
            }
            for volume in hardening.extra_volumes(cluster, name)
        ],
    }


def _args(args: Iterable[Arg]) -> list[Object]:
    return [{"name": arg.name, "value": arg.value} for arg in args]


def _envs(envs: Iterable[Env]) -> list[Object]:
    """The last of a name wins."""
    return [{"name": name, "value": value} for name, value in {env.name: env.value for env in envs}.items()]


def _filled(value: Object) -> Object:
    """Without fields that say nothing, as kubeadm's own encoder leaves them out; an argument's empty value stays."""
    filled = {key: _filled(item) if isinstance(item, dict) else item for key, item in value.items()}
    return {key: item for key, item in filled.items() if item not in ("", [], False) and (item != {} or key in _ALWAYS)}


# kubeadm writes these three even where they are empty.
_ALWAYS = frozenset({"dns", "proxy", "scheduler", "controllerManager", "apiServer"})

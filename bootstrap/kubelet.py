"""The kubelet's configuration: each host's own file, the shared one in the cluster, and the systemd drop-in.

Sources: kubeadm app/componentconfigs/kubelet.go and app/phases/kubelet (v1.36.3); KubeletConfiguration, kubelet v1beta1 types.go;
the 10-kubeadm.conf of Kubernetes' packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from bootstrap import hardening, proxies
from bootstrap.cluster import Arg, Cluster, Host, Role
from bootstrap.constants import (
    DEFAULT_MANIFEST_DIR,
    KUBELET_CONFIG,
    KUBELET_HEALTHZ_PORT,
    KUBELET_PKI_DIR,
    KUBERNETES_DIR,
    PKI_DIR,
)
from bootstrap.flags import Flag, arguments, words
from bootstrap.inventory.component_fields import KUBELET, unknown
from bootstrap.inventory.findings import Finding
from bootstrap.networking import dns_address
from bootstrap.objects import taints
from bootstrap.owned import KUBELET_FIELDS
from bootstrap.patches import Patch, apply_patches, merge_patch, spoilt
from bootstrap.patches.load import KUBELET_CONFIGURATION
from bootstrap.render import Value, load_yaml_all, render_unit, to_yaml
from bootstrap.versions import Version

BINARY = "/usr/bin/kubelet"


def config_file(
    cluster: Cluster,
    host: Host,
    manifest_dir: PurePosixPath,
    runtime_endpoint: str,
    resolv_conf: str | None,
    patches: Iterable[Patch] = (),
) -> bytes:
    """/var/lib/kubelet/config.yaml of a host.

    Merged in this order: kubeadm's defaults and what was found on the host, spec.kubelet.config, the host's own, patches.
    manifest_dir: where this kubelet reads static pods. runtime_endpoint: a URL, unix:///run/containerd/containerd.sock.
    resolv_conf: set where systemd-resolved runs, or CoreDNS finds a loop; None leaves the kubelet's default.
    Raises InventoryError where a patch does not apply, or takes away what makes this host's kubelet work.
    """
    found: dict[str, Any] = {"containerRuntimeEndpoint": runtime_endpoint}
    if resolv_conf is not None:
        found["resolvConf"] = resolv_conf
    if host.role is Role.WORKER and (own_taints := taints(host)):
        found["registerWithTaints"] = list(own_taints)  # before the first pod is scheduled there
    config: Any = {**_shared_defaults(cluster), **found}
    for overlay in (cluster.kubelet.config, host.kubelet.config):
        config = merge_patch(config, overlay)
    owned = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "staticPodPath": str(manifest_dir),
    }
    if cluster.hardening.kubelet_serving:
        owned |= {
            "tlsCertFile": str(KUBELET_PKI_DIR / "kubelet.crt"),
            "tlsPrivateKeyFile": str(KUBELET_PKI_DIR / "kubelet.key"),
        }
    config.pop("serverTLSBootstrap", None)
    return to_yaml(_patched({**config, **owned}, owned, patches, cluster.kubernetes_version))


def shared_config(cluster: Cluster) -> bytes:
    """The `kubelet` key of the ConfigMap kubelet-config: what `kubeadm join` gives to a new node.

    Nothing of any host is in it: a tlsCertFile, for one, would keep a joining kubelet from starting. There the kubelet asks the
    cluster for its serving certificate.
    """
    config = merge_patch(_shared_defaults(cluster), cluster.kubelet.config)
    for field in KUBELET_FIELDS:
        config.pop(field, None)
    return to_yaml(
        {
            **config,
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "staticPodPath": str(DEFAULT_MANIFEST_DIR),
            **({"serverTLSBootstrap": True} if cluster.hardening.kubelet_serving else {}),
        }
    )


def instance_config(cluster: Cluster, config: bytes) -> bytes:
    """/var/lib/kubelet/instance-config.yaml: where a host's own configuration differs from the shared one.

    kubeadm's upgrade writes config.yaml anew from the shared configuration with this file as a patch, and finds the runtime's
    socket in it. config: the host's `config_file`. Source: kubeadm app/phases/kubelet/config.go (v1.36.3).
    """
    own, shared = load_yaml_all(config.decode())[0], load_yaml_all(shared_config(cluster).decode())[0]
    differing = {field: own.get(field) for field in {*own, *shared} if own.get(field) != shared.get(field)}
    return to_yaml({**differing, "containerRuntimeEndpoint": own["containerRuntimeEndpoint"], "serverTLSBootstrap": False})


def drop_in(cluster: Cluster, host: Host, binary: str = BINARY) -> bytes:
    """/etc/systemd/system/kubelet.service.d/10-kubeadm.conf: the kubelet's whole command line.

    Unlike the packages' file it reads no environment files (/etc/default/kubelet, /var/lib/kubelet/kubeadm-flags.env): a flag
    there would win over ours unseen, --node-ip for one. Such flags belong into kubelet.extraArgs. There is no
    --bootstrap-kubeconfig: the host has its certificate already. No --hostname-override: the node is called as the host is.
    Other drop-ins stay; one that sorts later may still change everything.
    """
    if not re.fullmatch(r"/[A-Za-z0-9._/+-]+", binary):
        raise ValueError(f"not the path of a kubelet: {binary!r}")
    values: dict[str, Value] = {
        "binary": binary,
        "args": words(args(cluster, host)),
        "config": f"--config={KUBELET_CONFIG}",
        "environment": [f"{variable.name}={variable.value}" for variable in proxies.variables(cluster)],
    }
    return render_unit("kubelet/10-kubeadm.conf.j2", values)


def args(cluster: Cluster, host: Host) -> list[Flag]:
    """Flags that have no field in KubeletConfiguration, then extraArgs; a host's own replace the cluster's of that name."""
    addresses = [host.address] if host.secondary_address is None else [host.address, host.secondary_address]
    defaults = {"kubeconfig": str(KUBERNETES_DIR / "kubelet.conf"), "node-ip": ",".join(addresses)}
    own = {arg.name for arg in host.kubelet.extra_args}
    extra: list[Arg] = [arg for arg in cluster.kubelet.extra_args if arg.name not in own]
    return arguments(defaults, {}, [*extra, *host.kubelet.extra_args])


def _shared_defaults(cluster: Cluster) -> dict[str, Any]:
    """What kubeadm sets that is not the kubelet's own default, and what makes it stricter, on every host alike."""
    return {
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(PKI_DIR / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "systemd",
        "clusterDNS": [dns_address(cluster)],
        "clusterDomain": cluster.networking.dns_domain,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": KUBELET_HEALTHZ_PORT,
        "rotateCertificates": True,
        **hardening.kubelet_fields(cluster),
        **({"featureGates": dict(cluster.feature_gates)} if cluster.feature_gates else {}),
    }


def _patched(config: dict[str, Any], owned: Mapping[str, str], patches: Iterable[Patch], version: str) -> Any:
    """owned: fields that stay as they are. version: of Kubernetes; a field that its kubelet does not have would do nothing."""
    ours = [patch for patch in patches if patch.target == KUBELET_CONFIGURATION]
    if not ours:
        return config
    patched = apply_patches(config, KUBELET_CONFIGURATION, ours)
    have = patched if isinstance(patched, dict) else {}
    found = [Finding((field,), "is changed", KUBELET_FIELDS[field]) for field in owned if have.get(field) != owned[field]]
    rest = {name: value for name, value in have.items() if name not in owned}
    found += unknown(rest, KUBELET, (), Version.parse(version).minor_name)
    if found:
        raise spoilt(KUBELET_CONFIGURATION, ours, found)
    return patched

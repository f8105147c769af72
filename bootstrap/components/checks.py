"""Extra arguments that would take the ground from under the tool: found with the inventory's other mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from bootstrap.cluster import Arg, Cluster
from bootstrap.components import apiserver, controller_manager, etcd, scheduler
from bootstrap.constants import ETCD_METRICS_PORT
from bootstrap.errors import Problem

KUBELET_OWNED_FLAGS = {
    "config": "set spec.kubelet.config",
    "config-dir": "set spec.kubelet.config",
    "kubeconfig": "it is /etc/kubernetes/kubelet.conf",
    "bootstrap-kubeconfig": "control plane hosts get their certificates over SSH",
    "node-ip": "set the host's address and secondaryAddress",
    "hostname-override": "a host's name in the inventory is the host's own name",
    "pod-manifest-path": "where this kubelet reads manifests is found out, and kept",
    "container-runtime-endpoint": "the runtime's socket is found out on the host",
    "tls-cert-file": "the serving certificate is issued by the tool",
    "tls-private-key-file": "the serving certificate is issued by the tool",
}


def check_extra_args(cluster: Cluster, file: str = "inventory") -> tuple[Problem, ...]:
    """Every extra argument that sets a flag which the tool owns, and an etcd too old for our flags. `line` is None here.

    file: name of the inventory, for the message.
    """
    return tuple(
        Problem(file, None, field, message, hint) for field, message, hint in _mistakes(cluster)
    )


def _mistakes(cluster: Cluster) -> Iterator[tuple[str, str, str]]:
    yield from _etcd_image(cluster.etcd.local.image_tag)
    yield from _owned("spec.etcd.local.extraArgs", cluster.etcd.local.extra_args, etcd.OWNED_FLAGS)
    yield from _metrics_urls("spec.etcd.local.extraArgs", cluster.etcd.local.extra_args)
    yield from _owned("spec.apiServer.extraArgs", cluster.api_server.extra_args, apiserver.OWNED_FLAGS)
    for field, extra_args, owned in (
        ("spec.controllerManager.extraArgs", cluster.controller_manager.extra_args, controller_manager.OWNED_FLAGS),
        ("spec.scheduler.extraArgs", cluster.scheduler.extra_args, scheduler.OWNED_FLAGS),
    ):
        yield from _owned(field, extra_args, owned)
        yield from _bind_addresses(field, extra_args)
    yield from _owned("spec.kubelet.extraArgs", cluster.kubelet.extra_args, KUBELET_OWNED_FLAGS)
    for index, host in enumerate(cluster.hosts):
        yield from _owned(f"spec.hosts[{index}].kubelet.extraArgs", host.kubelet.extra_args, KUBELET_OWNED_FLAGS)


def _etcd_image(tag: str) -> Iterator[tuple[str, str, str]]:
    """A tag that tells its version must be of 3.6 or later: before, the flags had other names."""
    version = re.match(r"v?(\d+)\.(\d+)", tag)
    if version and (int(version[1]), int(version[2])) < (3, 6):
        yield "spec.etcd.local.imageTag", f"etcd {tag} is older than 3.6", "leave it out, or name a later one"


def _owned(field: str, extra_args: Sequence[Arg], owned: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for index, arg in enumerate(extra_args):
        name = arg.name.replace("_", "-")       # component-base cli/flag/flags.go, WordSepNormalizeFunc
        if name in owned:
            yield f"{field}[{index}].name", f"--{name} is set by the tool", owned[name]


def _bind_addresses(field: str, extra_args: Sequence[Arg]) -> Iterator[tuple[str, str, str]]:
    """Health is asked on loopback: the process must listen there."""
    for index, arg in enumerate(extra_args):
        if arg.name == "bind-address" and not _listens_on_loopback(arg.value):
            yield f"{field}[{index}].value", f"{arg.value!r} is not 127.0.0.1, ::1, 0.0.0.0 or ::", "health is asked on loopback"


def _metrics_urls(field: str, extra_args: Sequence[Arg]) -> Iterator[tuple[str, str, str]]:
    """Further metrics URLs are welcome, as long as the plain one on loopback stays."""
    for index, arg in enumerate(extra_args):
        if arg.name != "listen-metrics-urls":
            continue
        if not any(_is_local_metrics_url(url) for url in arg.value.split(",")):
            yield (
                f"{field}[{index}].value",
                f"no URL of {arg.value!r} is plain HTTP on loopback, port {ETCD_METRICS_PORT}",
                f"add http://127.0.0.1:{ETCD_METRICS_PORT}: probes and the tool ask there",
            )


def _is_local_metrics_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme == "http" and url.port == ETCD_METRICS_PORT and _listens_on_loopback(url.hostname or "")
    except ValueError:
        return False


def _listens_on_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return parsed.is_loopback or parsed.is_unspecified

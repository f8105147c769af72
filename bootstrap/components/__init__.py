"""The four static pods of a control plane host, in the order in which they come up.

Each module of COMPONENTS has NAME, STARTUP_FILES (what the process reads once and we own: part of the digest), defaults()
(kubeadm's flags), args() and manifest().
"""

from __future__ import annotations

from pathlib import PurePosixPath
from types import ModuleType

from bootstrap.cluster import Cluster, Host, Role
from bootstrap.components import apiserver, balancer, controller_manager, etcd, keepalived, scheduler
from bootstrap.components.context import CA_DIRS, TOKEN_PLACEHOLDER, Birth, ManifestContext
from bootstrap.components.etcd import cluster_token
from bootstrap.flags import Flag
from bootstrap.staticpod import decode

__all__ = [
    "CA_DIRS",
    "COMPONENTS",
    "TOKEN_PLACEHOLDER",
    "Birth",
    "Flag",
    "ManifestContext",
    "args",
    "born_with",
    "cluster_token",
    "component",
    "manifest",
    "startup_files",
    "static_pods",
]

COMPONENTS: tuple[ModuleType, ...] = (etcd, apiserver, controller_manager, scheduler)


def static_pods(cluster: Cluster, host: Host) -> tuple[str, ...]:
    """Names of the static pods of ours that a host has, in the order in which they come up."""
    if host.role is Role.CONTROL_PLANE:
        return (*(module.NAME for module in COMPONENTS), *((keepalived.NAME,) if cluster.vip is not None else ()))
    return (balancer.NAME,) if cluster.has_balancers else ()


def component(name: str) -> ModuleType:
    """The module of that name, workers' balancer and keepalived among them; KeyError where there is none."""
    return {module.NAME: module for module in (*COMPONENTS, keepalived, balancer)}[name]


def startup_files(name: str) -> tuple[PurePosixPath, ...]:
    """Files of ours that the component reads at start and does not reload: ManifestContext.hashes must have each."""
    files: tuple[PurePosixPath, ...] = component(name).STARTUP_FILES
    return files


def args(cluster: Cluster, host: Host, name: str, context: ManifestContext) -> list[Flag]:
    """(flag without dashes, value) pairs of a component on a host, in order."""
    flags: list[Flag] = component(name).args(cluster, host, context)
    return flags


def manifest(cluster: Cluster, host: Host, name: str, context: ManifestContext) -> bytes:
    """The static pod manifest of a component on a host: what is written to `<manifest directory>/<name>.yaml`."""
    content: bytes = component(name).manifest(cluster, host, context)
    return content


def born_with(manifest: bytes) -> Birth | None:
    """The birth values in an etcd manifest that is there: initial cluster, state and token; None where it has none.

    ValueError where the manifest is no Pod, or a value is not one that etcd could have been given.
    """
    return Birth.of(decode(manifest))

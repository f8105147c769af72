"""API objects that several add-ons and phases are made of, as plain mappings, complete for server-side apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.cluster import CONTROL_PLANE_TAINT, Host, Role

Object = dict[str, Any]

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
"""Kinds that are rolled out: their controllers bring pods, and say how far they are."""

RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
GROUPS = frozenset({
    "", "apps", "autoscaling", "batch", "policy", RBAC, ADMISSION,
    *(f"{name}.k8s.io" for name in (
        "apiextensions", "apiregistration", "authentication", "authorization", "certificates",
        "coordination", "discovery", "events", "flowcontrol.apiserver", "internal.apiserver", "lifecycle", "networking", "node",
        "resource", "scheduling", "storage", "storagemigration",
    )),
})  # fmt: skip
"""API groups of Kubernetes itself; others are of somebody's definitions or servers. Source: k8s.io/api v0.37.2, GroupName."""
CUSTOM = 4
"""The wave of what is of such a group."""
BOOTSTRAPPERS_GROUP = "system:bootstrappers:kubeadm:default-node-token"


def ref(thing: Mapping[str, Any]) -> str:
    """`Kind namespace/name`, the way people say it."""
    metadata = thing["metadata"]
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{thing['kind']} {namespace}{metadata['name']}"


def wave(thing: Mapping[str, Any]) -> int:
    """When an object is applied: what others live in or are instances of, then what pods need, then what brings pods, then what
    those pods serve and what judges other objects, and last what is of a kind of somebody's own.

    Objects of one wave may be applied in any order. A controller that misses a pod's service account waits before it tries again.
    """
    group = group_of(thing)
    if group not in GROUPS:
        return CUSTOM
    if thing["kind"] in ("Namespace", "CustomResourceDefinition"):
        return 0
    if group == ADMISSION or thing["kind"] == "APIService":
        return 3
    return 2 if thing["kind"] in (*WORKLOADS, "Job", "CronJob", "Pod") else 1


def group_of(thing: Mapping[str, Any]) -> str:
    """The API group of an object; empty for the core group."""
    return str(thing["apiVersion"].rpartition("/")[0])


def pod_spec(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a workload's pods are made of; empty where there is nothing of the kind."""
    at: Any = workload
    for name in ("spec", "template", "spec"):
        at = at.get(name) if isinstance(at, Mapping) else None
    return at if isinstance(at, Mapping) else {}


def user(name: str) -> Object:
    return {"apiGroup": RBAC, "kind": "User", "name": name}


def group(name: str) -> Object:
    return {"apiGroup": RBAC, "kind": "Group", "name": name}


def service_account(name: str) -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}


def cluster_role_binding(name: str, role: str, *subjects: Object) -> Object:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": list(subjects),
    }


def role_binding(name: str, namespace: str, *subjects: Object) -> Object:
    """Binds the Role of the same name."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": list(subjects),
    }


def config_map_reader(name: str, namespace: str, of: str) -> Object:
    """A Role that may get one ConfigMap."""
    rule = {"apiGroups": [""], "resourceNames": [of], "resources": ["configmaps"], "verbs": ["get"]}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [rule],
    }


def config_map(name: str, namespace: str, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def taints(host: Host) -> tuple[dict[str, str], ...]:
    """The taints that a host's Node object must have; others (a node that is not ready) are not ours to touch."""
    defaults = (CONTROL_PLANE_TAINT,) if host.role is Role.CONTROL_PLANE else ()
    return tuple(
        {"key": taint.key, **({"value": taint.value} if taint.value else {}), "effect": taint.effect}
        for taint in (defaults if host.taints is None else host.taints)
    )

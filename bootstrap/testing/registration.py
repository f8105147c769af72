"""What model kubelets and controllers write to the API: nodes, mirror pods, readiness of nodes, signatures of cluster-info."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from bootstrap import constants as k
from bootstrap.testing.containers import Container, status
from bootstrap.testing.host import FakeHost
from bootstrap.testing.kubelet import argument
from bootstrap.testing.store import Key, ObjectStore

NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def register(host: FakeHost) -> None:
    """Let the kubelet of a host bring its Node and its mirror pods in step with what is."""
    process = host.kubelet.process
    if process is None or not host.kubelet_answers():
        return
    kubeconfig = host.files.content(PurePosixPath(argument(process.argv, "kubeconfig")))
    store = host.fleet.store_for(host, kubeconfig) if kubeconfig is not None else None
    if store is None:
        return
    node = _node(host, store)
    wanted = {f"{c.pod.pod['metadata']['name']}-{host.name}": c for c in host.runtime.containers.values()}
    for pod in store.list("/api/v1", "pods"):
        meta = pod["metadata"]
        mine = any(owner["uid"] == node["metadata"]["uid"] for owner in meta.get("ownerReferences") or [])
        if mine and (meta["name"] not in wanted or wanted[meta["name"]].pod.uid != _mirrored(pod)):
            store.delete(_key("pods", meta["namespace"], meta["name"]))
    for name, container in wanted.items():
        _mirror(host, store, node, name, container)


def sign(host: FakeHost, store: ObjectStore) -> None:
    """Let the controller bootstrapsigner of a host sign cluster-info for the bootstrap tokens that there are. store: its own."""
    controllers = host.answering(k.CONTROLLER_MANAGER)
    if controllers is None or "bootstrapsigner" not in controllers.flag("controllers"):
        return
    prefix = "bootstrap-token-"
    names = [key[3] for key in store.objects if key[1] == "secrets" and key[3].startswith(prefix)]
    key = _key("configmaps", "kube-public", "cluster-info")
    signing = [name for name in names if "usage-bootstrap-signing" in store.get(_key("secrets", "kube-system", name))["data"]]
    data = {f"jws-kubeconfig-{name.removeprefix(prefix)}": "header..signature" for name in signing}
    if key in store.objects and not data.items() <= store.get(key)["data"].items():
        store.merge(key, {"data": data}, _now(host))


def _node(host: FakeHost, store: ObjectStore) -> dict[str, Any]:
    process = host.kubelet.process
    key = _key("nodes", "", host.name)
    if key not in store.objects:
        labels = {"kubernetes.io/hostname": host.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        registered = list(process.config.get("registerWithTaints") or []) if process is not None else []
        store.create(
            key,
            {
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": host.name, "labels": labels},
                "spec": {"taints": [*registered, NOT_READY]},
            },
            _now(host),
        )  # fmt: skip
    address = argument(process.argv, "node-ip") if process is not None else ""
    live = store.get(key)
    reason = "" if _has_network(store) else "container runtime network not ready: cni plugin not initialized"
    condition = {"type": "Ready", "status": "False" if reason else "True", "message": reason or "kubelet is posting ready status"}
    fresh: dict[str, Any] = {
        "status": {
            "conditions": [condition],
            "addresses": [{"type": "InternalIP", "address": address or host.address}, {"type": "Hostname", "address": host.name}],
            "nodeInfo": {"kubeletVersion": host.kubelet.version},
        }
    }
    taints = live["spec"].get("taints") or []
    if not reason and NOT_READY in taints:
        fresh["spec"] = {"taints": [taint for taint in taints if taint != NOT_READY]}
    return store.merge(key, fresh, _now(host))


def _mirror(host: FakeHost, store: ObjectStore, node: dict[str, Any], name: str, container: Container) -> None:
    source = container.pod.pod
    namespace = source["metadata"].get("namespace") or "default"
    key = _key("pods", namespace, name)
    pod_status = {
        "phase": "Running", "podIP": host.address, "hostIP": host.address, "containerStatuses": [status(container)],
        "conditions": [{"type": "Ready", "status": "True" if container.running else "False"}],
    }  # fmt: skip
    if key in store.objects:
        if store.objects[key].get("status") != pod_status:
            store.merge(key, {"status": pod_status}, _now(host))
        return
    if _key("namespaces", "", namespace) not in store.objects:
        return
    annotations = {
        **(source["metadata"].get("annotations") or {}),
        "kubernetes.io/config.hash": container.pod.uid,
        "kubernetes.io/config.mirror": container.pod.uid,
        "kubernetes.io/config.source": "file",
    }
    owner = {"apiVersion": "v1", "kind": "Node", "name": host.name, "uid": node["metadata"]["uid"], "controller": True}
    labels = source["metadata"].get("labels") or {}
    store.create(
        key,
        {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": labels, "annotations": annotations, "ownerReferences": [owner]},
            "spec": {**source["spec"], "nodeName": host.name}, "status": pod_status,
        },
        _now(host),
    )  # fmt: skip


def _mirrored(pod: dict[str, Any]) -> str:
    return str(pod["metadata"].get("annotations", {}).get("kubernetes.io/config.mirror", ""))


def _has_network(store: ObjectStore) -> bool:
    """Whether a pod network is there: a DaemonSet on the host network that is not kube-proxy."""
    return any(
        thing["metadata"]["name"] != "kube-proxy" and thing["spec"]["template"]["spec"].get("hostNetwork")
        for thing in store.list("/apis/apps/v1", "daemonsets")
    )


def _key(plural: str, namespace: str, name: str) -> Key:
    return ("/api/v1", plural, namespace, name)


def _now(host: FakeHost) -> str:
    return datetime.fromtimestamp(host.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

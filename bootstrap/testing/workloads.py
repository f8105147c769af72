"""What controllers say of workloads and custom resource definitions: how far they are rolled out, what is served.

No pods are made for them, but one for each workload of `FakeFleet.troubles`, with the status that stands there.
Source: Kubernetes 1.36 pkg/controller/{deployment,daemon,statefulset}; apiextensions-apiserver pkg/controller/establish.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bootstrap import constants as k
from bootstrap.health import readiness
from bootstrap.testing.host import FakeHost
from bootstrap.testing.store import ObjectStore

APPS = "/apis/apps/v1"
CRDS = ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "")


def establish(host: FakeHost, store: ObjectStore) -> None:
    """Let the API server of a host serve what was defined. store: what it serves."""
    for thing in store.list(*CRDS[:2]):
        _say(host, store, (*CRDS, thing["metadata"]["name"]), {"conditions": [{"type": "Established", "status": "True"}]})


def roll_out(host: FakeHost, store: ObjectStore) -> None:
    """Let the controller manager of a host say how far each workload is. store: what its API server serves."""
    if host.answering(k.CONTROLLER_MANAGER) is None:
        return
    nodes = store.list("/api/v1", "nodes")
    ready = [node for node in nodes if readiness(node) == ""]
    for plural in ("daemonsets", "deployments", "statefulsets"):
        for thing in store.list(APPS, plural):
            name, namespace = thing["metadata"]["name"], thing["metadata"]["namespace"]
            trouble = host.fleet.troubles.get(name)
            if trouble is not None:
                _pod(host, store, thing, trouble)
            starts = trouble is None and (bool(ready) or bool(thing["spec"]["template"]["spec"].get("hostNetwork")))
            wanted = len(nodes) if plural == "daemonsets" else thing["spec"].get("replicas", 1)
            _say(host, store, (APPS, plural, namespace, name), _status(thing, wanted, wanted if starts else 0))


def _status(thing: dict[str, Any], wanted: int, available: int) -> dict[str, Any]:
    seen = {"observedGeneration": thing["metadata"]["generation"]}
    if thing["kind"] == "DaemonSet":
        return {**seen, "desiredNumberScheduled": wanted, "updatedNumberScheduled": wanted, "numberAvailable": available}
    return {**seen, "replicas": wanted, "updatedReplicas": wanted, "availableReplicas": available}


def _pod(host: FakeHost, store: ObjectStore, thing: dict[str, Any], status: dict[str, Any]) -> None:
    namespace, name = thing["metadata"]["namespace"], f"{thing['metadata']['name']}-0"
    key = ("/api/v1", "pods", namespace, name)
    if key not in store.objects:
        owner = {"apiVersion": "apps/v1", "kind": thing["kind"], "name": thing["metadata"]["name"]}
        metadata = {
            "name": name, "labels": thing["spec"]["selector"]["matchLabels"],
            "ownerReferences": [{**owner, "uid": thing["metadata"]["uid"]}],
        }  # fmt: skip
        store.create(key, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": status}, _now(host))


def _say(host: FakeHost, store: ObjectStore, key: tuple[str, str, str, str], status: dict[str, Any]) -> None:
    if store.objects[key].get("status") != status:
        store.merge(key, {"status": status}, _now(host))


def _now(host: FakeHost) -> str:
    return datetime.fromtimestamp(host.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Which pods of a node are evicted, which stay, and which would lose something: values in, values out.

Source: kubectl's drain, k8s.io/kubectl/pkg/drain/filters.go (v0.36.3): the same rules, with DaemonSets always left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MIRROR = "kubernetes.io/config.mirror"
FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Pod:
    """A pod that has to leave a node. terminating: it is on its way already."""

    namespace: str
    name: str
    uid: str
    terminating: bool = False

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Leaving:
    """evicted: pods that have to go. losses: why some of them must not, a line each, unless somebody wants it."""

    evicted: tuple[Pod, ...] = ()
    losses: tuple[str, ...] = ()


def leaving(pods: Iterable[Mapping[str, Any]], *, force: bool, delete_emptydir_data: bool) -> Leaving:
    """What a drain makes of the pods of a node (as the API has them).

    force: also pods that nothing makes anew. delete_emptydir_data: also pods with an emptyDir volume, which ends with them.
    """
    evicted, losses = [], []
    for thing in pods:
        meta = thing["metadata"]
        controller = next((o for o in meta.get("ownerReferences") or [] if o.get("controller")), None)
        if MIRROR in (meta.get("annotations") or {}) or (controller is not None and controller["kind"] == "DaemonSet"):
            continue
        pod = Pod(meta["namespace"], meta["name"], meta["uid"], bool(meta.get("deletionTimestamp")))
        evicted.append(pod)
        if thing.get("status", {}).get("phase") in FINISHED or pod.terminating:
            continue
        if controller is None and not force:
            losses.append(f"{pod} belongs to no controller: nothing makes it anew (--force)")
        if not delete_emptydir_data and any("emptyDir" in volume for volume in thing["spec"].get("volumes") or []):
            losses.append(f"{pod} keeps data in an emptyDir volume, which ends with it (--delete-emptydir-data)")
    return Leaving(tuple(evicted), tuple(losses))


def eviction(pod: Pod) -> dict[str, Any]:
    """The Eviction of this very pod; one of the same name that came after it is left alone."""
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }

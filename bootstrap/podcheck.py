"""What an API server of the cluster's own version says of a static pod, asked by a dry run that writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.access import Access
from bootstrap.apiserver import ApiError
from bootstrap.connection import NoAnswer
from bootstrap.errors import HostUnreachable, Refused
from bootstrap.userpods import UserPod

_MISTAKES = (400, 422)      # a field that it does not know, a value that it does not take: a kubelet would do no better
_THERE_ALREADY = 409


@dataclass(frozen=True)
class Said:
    """notes: what is worth knowing and keeps nobody from going on."""

    notes: tuple[str, ...] = ()


def ask(access: Access, pods: Iterable[tuple[UserPod, str]]) -> Said:
    """Have every pod, each with the node that it is for, judged as the mirror pod that the kubelet would make of it.

    Of such a pod admission wants no service account and adds nothing. Where it is not admitted for another reason than a mistake
    in it (a namespace that is not there, a policy) it runs all the same, and only the API does not show it. Raises Refused.
    """
    wrong, notes = [], []
    try:
        api = access.any_api()
        for pod, node in pods:
            try:
                api.create_dry_run(_mirror(pod, node), f"static pod {pod.key}")
            except ApiError as error:
                if error.status in _MISTAKES:
                    wrong.append(error.message)
                elif error.status != _THERE_ALREADY:
                    notes.append(f"{pod.key} will run, but kubectl will not show it: {error.message}")
    except (NoAnswer, HostUnreachable):
        return Said(("no API server answers: the manifest was judged by what a Pod can hold, not by this cluster's version",))
    if wrong:
        raise Refused("the API server would not take the pod", evidence=wrong, hint="mend the manifest; nothing was written")
    return Said(tuple(notes))


def _mirror(pod: UserPod, node: str) -> dict[str, object]:
    """As pkg/kubelet/pod/mirror_client.go (v1.36.3) makes it."""
    metadata = {key: value for key, value in pod.pod["metadata"].items() if value is not None}
    annotations = {
        **(metadata.get("annotations") or {}), "kubernetes.io/config.source": "file", "kubernetes.io/config.mirror": "dry-run",
    }  # fmt: skip
    metadata |= {"name": f"{pod.name}-{node}", "namespace": pod.namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**pod.pod["spec"], "nodeName": node}}

"""A static pod of the user's own: its manifest as it is written to a host, marked, so that it is known again there."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap import staticpod
from bootstrap.constants import COMPONENTS, DIGEST_ANNOTATION, ORIGIN_ANNOTATION
from bootstrap.render import to_yaml

FROM_INVENTORY = "inventory"
APPLIED = "applied"
DEFAULT_NAMESPACE = "default"
CONTROL_PLANE_NAMESPACE = "kube-system"
DEFAULT_GRACE_S = 30


@dataclass(frozen=True)
class UserPod:
    """pod: the decoded manifest, as it was read. origin: FROM_INVENTORY (spec.staticPods) or APPLIED (`pods apply -f`)."""

    namespace: str
    name: str
    pod: Mapping[str, Any] = field(hash=False)
    origin: str = APPLIED

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def file_name(self) -> str:
        """Of its manifest: no dot in front, for the kubelet skips those, and one file for each name."""
        return f"{self.name}.yaml"

    @property
    def containers(self) -> tuple[str, ...]:
        """Names of the containers that run for as long as the pod does: sidecars among the init containers are such, too."""
        spec = self.pod["spec"]
        sidecars = [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
        return tuple(str(one["name"]) for one in (*sidecars, *spec["containers"]))

    @property
    def may_end(self) -> bool:
        """Whether a container that has ended may stay so."""
        return str(self.pod["spec"].get("restartPolicy", "Always")) != "Always"

    @property
    def content(self) -> bytes:
        """The manifest in canonical YAML, without what an encoder adds that says nothing, with our two annotations.

        The digest makes a manifest that differs in whatever way a pod with another UID: where a change spells out a default,
        the kubelet would else find the same pod, and nothing would tell that it has read the new file.
        """
        marked = staticpod.without_digest(copy.deepcopy(dict(self.pod)))
        metadata = marked["metadata"]
        metadata["namespace"] = self.namespace
        metadata["annotations"] = {**(metadata.get("annotations") or {}), ORIGIN_ANNOTATION: self.origin}
        metadata["annotations"][DIGEST_ANNOTATION] = staticpod.digest(marked, {})
        return to_yaml(marked)


def grace_s(manifest: bytes | None) -> int:
    """How long the pod of a manifest may take to end, in seconds; a kubelet's default where nothing says so."""
    try:
        value = staticpod.decode(manifest or b"")["spec"].get("terminationGracePeriodSeconds")
    except ValueError:
        return DEFAULT_GRACE_S
    return value if isinstance(value, int) else DEFAULT_GRACE_S


def identity(manifest: bytes | None) -> tuple[str, str] | None:
    """Namespace and name of the pod that a kubelet makes of a manifest; None where it is no pod or could not be read."""
    try:
        pod = staticpod.decode(manifest or b"")
    except ValueError:
        return None
    name = pod["metadata"].get("name")
    if (pod.get("apiVersion"), pod.get("kind")) != ("v1", "Pod") or not isinstance(name, str) or not name:
        return None
    return str(pod["metadata"].get("namespace") or DEFAULT_NAMESPACE), name


def origin(manifest: bytes | None) -> str:
    """FROM_INVENTORY or APPLIED where this tool wrote the manifest for the user; else empty."""
    try:
        annotations = staticpod.decode(manifest or b"")["metadata"].get("annotations")
    except ValueError:
        return ""
    found = annotations.get(ORIGIN_ANNOTATION) if isinstance(annotations, dict) else None
    return found if found in (FROM_INVENTORY, APPLIED) else ""


def is_component(namespace: str, name: str) -> bool:
    """Whether that is a pod of the control plane."""
    return namespace == CONTROL_PLANE_NAMESPACE and name in COMPONENTS

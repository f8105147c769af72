"""The add-ons as one ApplySet: which objects belong to it, what its parent says, and what an earlier run left behind. Pure.

Source: KEP-3659 and kubectl v0.36 pkg/cmd/apply/applyset.go. The parent is a ConfigMap that names the kinds of the members; each
member has a label with the set's id. The parent is widened before anything is applied and narrowed after what left was deleted,
so whoever dies in between leaves nothing that the next run does not find.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.constants import FIELD_MANAGER
from bootstrap.objects import Object, config_map, group_of, ref, wave

NAME, NAMESPACE = "bootstrap-addons", "kube-system"
PARENT_PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}"

ID_LABEL = "applyset.kubernetes.io/id"
MEMBER_LABEL = "applyset.kubernetes.io/part-of"
KINDS_ANNOTATION = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES_ANNOTATION = "applyset.kubernetes.io/additional-namespaces"
TOOLING_ANNOTATION = "applyset.kubernetes.io/tooling"
TOOLING = "bootstrap/v1.0.0"
"""Who looks after the set: `NAME/SEMVER`, the version being that of how sets are kept, so that a new release changes nothing."""

LISTS = (KINDS_ANNOTATION, NAMESPACES_ANNOTATION)
CRD = "CustomResourceDefinition"
ID = "applyset-{}-v1".format(
    base64.urlsafe_b64encode(hashlib.sha256(f"{NAME}.{NAMESPACE}.ConfigMap.".encode()).digest()).decode().rstrip("=")
)


@dataclass(frozen=True)
class Leftover:
    """A member that the inventory no longer names.

    uid: so that nothing made anew under the same name is deleted. takes: what goes with it, for people. stays: why it is not
    deleted even when told to; empty where it is.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    takes: str = ""
    stays: str = ""

    @property
    def ref(self) -> str:
        return ref(self.head)

    @property
    def head(self) -> Object:
        """What finds it: version, kind, namespace and name."""
        namespace = {"namespace": self.namespace} if self.namespace else {}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": self.name, **namespace}}


@dataclass(frozen=True)
class Applied:
    """What the cluster knows of the set. parent: as it is, None where there is none yet."""

    parent: Mapping[str, Any] | None = None
    leftovers: tuple[Leftover, ...] = ()


def member(thing: Mapping[str, Any]) -> Object:
    """An object as a member of the set."""
    metadata = thing["metadata"]
    return {**thing, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), MEMBER_LABEL: ID}}}


def parent(members: Iterable[Mapping[str, Any]]) -> Object:
    """The parent of a set of these objects."""
    things = list(members)
    kinds = {group_kind(thing) for thing in things}
    namespaces = {thing["metadata"]["namespace"] for thing in things if thing["metadata"].get("namespace")} - {NAMESPACE}
    made = config_map(NAME, NAMESPACE, {})
    annotations = {
        TOOLING_ANNOTATION: TOOLING,
        KINDS_ANNOTATION: ",".join(sorted(kinds)),
        NAMESPACES_ANNOTATION: ",".join(sorted(namespaces)),
    }
    del made["data"]
    made["metadata"] |= {"labels": {ID_LABEL: ID}, "annotations": annotations}
    return made


def widened(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> Object:
    """A parent with what the live one has as well."""
    metadata = wanted["metadata"]
    lists = {name: ",".join(sorted(listed(wanted, name) | listed(live, name))) for name in LISTS}
    return {**wanted, "metadata": {**metadata, "annotations": {**metadata["annotations"], **lists}}}


def is_narrower(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Whether the live parent has what the wanted one has not."""
    return any(listed(live, name) - listed(wanted, name) for name in LISTS)


def listed(live: Mapping[str, Any] | None, annotation: str) -> frozenset[str]:
    """The words of one of the parent's lists."""
    text = ((live or {}).get("metadata", {}).get("annotations") or {}).get(annotation) or ""
    return frozenset(word.strip() for word in text.split(",") if word.strip())


def group_kind(thing: Mapping[str, Any]) -> str:
    """`Deployment.apps`; of the core group only the kind."""
    group = group_of(thing)
    return f"{thing['kind']}.{group}" if group else str(thing["kind"])


def owner(live: Mapping[str, Any]) -> str:
    """The id of the set that an object is in; empty where it is in none."""
    return str((live["metadata"].get("labels") or {}).get(MEMBER_LABEL, ""))


def is_ours(live: Mapping[str, Any]) -> bool:
    """Whether an object is in the set because we applied it: the label alone could have been copied along with a manifest."""
    if owner(live) != ID:
        return False
    return any(
        entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        and f"f:{MEMBER_LABEL}" in ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels", {})
        for entry in live["metadata"].get("managedFields") or []
    )  # fmt: skip


def is_named(live: Mapping[str, Any], kind: str, wanted: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an object of group and kind `kind` is among `wanted`. No namespace means `default`, or none at all."""
    metadata = live["metadata"]
    namespace = metadata.get("namespace")
    return any(
        group_kind(thing) == kind and thing["metadata"]["name"] == metadata["name"]
        and (not namespace or (thing["metadata"].get("namespace") or "default") == namespace)
        for thing in wanted
    )  # fmt: skip


def deletion_order(leftover: Leftover) -> tuple[int, int, str]:
    """Sorts leftovers: the other way round than they were applied, namespaces before what other objects are instances of.

    Kinds of somebody's own go first, so that the controllers that clean up after them hear of it.
    """
    return (1 if leftover.kind == CRD else 0), -wave(leftover.head), leftover.ref

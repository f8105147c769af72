"""A manifest of the user's own -> UserPod: everything that a kubelet would refuse, or silently leave out, is a mistake here.

Source: Kubernetes pkg/kubelet/config/common.go and file.go (v1.36.3): the decoder is lenient, the file is read up to 10 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bootstrap import api_schema, documents, staticpod
from bootstrap.constants import COMPONENTS
from bootstrap.errors import InventoryError, Problem
from bootstrap.inventory.findings import UNKNOWN_FIELD, Finding, Loc, field_path, within
from bootstrap.syntax import Mistake, names
from bootstrap.userpods.model import APPLIED, DEFAULT_NAMESPACE, UserPod

MAX_BYTES = 1 << 20
"""A tenth of what a kubelet reads; no manifest that a person wrote comes near."""
_SERVERS_OWN = (
    "uid", "resourceVersion", "generation", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields",
    "selfLink", "creationTimestamp", "generateName", "finalizers",
)  # fmt: skip
_KUBELETS_OWN = "kubernetes.io/config."
_HINT = "one manifest of a v1 Pod; to start from one: bootstrap pods new NAME --image IMAGE"


def load(path: Path, origin: str = APPLIED) -> UserPod:
    """The static pod of a manifest file. Raises InventoryError with every mistake, with line and field."""
    try:
        raw = _bytes(path)
        text = raw.decode("utf-8-sig")
        read = documents.parse(text)
    except documents.Malformed as error:
        raise InventoryError([Problem(str(path), error.line, "", error.message, _HINT)], what="the manifest") from error
    except UnicodeDecodeError as error:
        raise InventoryError([Problem(str(path), None, "", "is not UTF-8", _HINT)], what="the manifest") from error
    if len(read) != 1:
        line = read[1][0] if read else None
        said = f"{len(read)} documents; a kubelet reads the first and leaves out the others" if read else "holds nothing"
        raise InventoryError([Problem(str(path), line, "", said, _HINT)], what="the manifest")
    pod = read[0][1]
    found = tuple(findings(pod))
    if found:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raise InventoryError([_problem(path, root, finding) for finding in found], what="the manifest")
    metadata = pod["metadata"]
    return UserPod(str(metadata.get("namespace") or DEFAULT_NAMESPACE), str(metadata["name"]), pod, origin)


def findings(pod: Any) -> Iterator[Finding]:
    """Everything that keeps a decoded document from being a static pod that does what it says."""
    kind = (pod.get("apiVersion"), pod.get("kind")) if isinstance(pod, dict) else None
    if kind != ("v1", "Pod"):
        yield Finding((), "is no v1 Pod: nothing else can be static", _HINT)
        return
    found = [*api_schema.findings(pod, api_schema.POD), *_shape(pod)]
    yield from found
    bad = {finding.loc for finding in found}
    if within(("metadata",), bad) or within(("spec",), bad):
        return
    sound = {name: value for name, value in pod["metadata"].items() if ("metadata", name) not in bad}
    yield from (finding for finding in _metadata(sound) if not within(finding.loc, bad))
    if all(finding.message == UNKNOWN_FIELD for finding in found if finding.loc[:1] == ("spec",)):
        yield from _spec(pod["spec"])


def _shape(pod: dict[str, Any]) -> Iterator[Finding]:
    """What the schema leaves open and every pod has."""
    for name in ("metadata", "spec"):
        if pod.get(name) is None:
            yield Finding((name,), "is missing")
    if pod.get("status"):
        yield Finding(("status",), "belongs to the cluster, not into a manifest", "leave it out")


def _metadata(metadata: dict[str, Any]) -> Iterator[Finding]:
    for name in _SERVERS_OWN:
        if metadata.get(name):
            yield Finding(("metadata", name), "is given by an API server, and a static pod has none", "leave it out")
    for name in metadata.get("annotations") or {}:
        if name.startswith(_KUBELETS_OWN):
            yield Finding(("metadata", "annotations", name), "is the kubelet's own", "leave it out")
    yield from _named(("metadata", "name"), metadata.get("name"), names.subdomain)
    if metadata.get("namespace"):
        yield from _named(("metadata", "namespace"), metadata["namespace"], names.label)
    if metadata.get("name") in COMPONENTS:
        yield Finding(("metadata", "name"), "is the name of a component of the control plane", "another name")


def _named(loc: Loc, value: Any, check: Any) -> Iterator[Finding]:
    if not value:
        yield Finding(loc, "is missing", "a static pod needs a name of its own")
        return
    try:
        check(value)
    except Mistake as mistake:
        yield Finding(loc, str(mistake), mistake.hint)


def _spec(spec: dict[str, Any]) -> Iterator[Finding]:
    if spec.get("nodeName"):
        yield Finding(("spec", "nodeName"), "is overwritten by the kubelet that reads the manifest",
                      "leave it out; where it runs is said by --host, --role or spec.staticPods")  # fmt: skip
    if spec.get("ephemeralContainers"):
        yield Finding(("spec", "ephemeralContainers"), "a kubelet refuses them in a manifest", "leave them out")
    if not spec.get("containers"):
        yield Finding(("spec", "containers"), "has no container")
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            loc: Loc = ("spec", field, index)
            yield from _named((*loc, "name"), container.get("name"), names.label)
            if container.get("name") in seen:
                yield Finding((*loc, "name"), "is the name of another container of this pod", "a name of its own")
            seen.add(str(container.get("name")))
            if not container.get("image"):
                yield Finding((*loc, "image"), "is missing", "nothing else gives a static pod its image")
    for reference in staticpod.api_references(spec):
        yield Finding(("spec",), f"a static pod may not refer to API objects: {reference}",
                      "a hostPath volume, or the value itself: a kubelet refuses the manifest")  # fmt: skip
    for mount in staticpod.dangling_mounts(spec):
        yield Finding(("spec",), mount)


def _bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise documents.Malformed("is no regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise documents.Malformed(f"cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise documents.Malformed(f"is larger than {MAX_BYTES >> 20} MiB")
    return raw


def _problem(path: Path, root: yaml.Node | None, finding: Finding) -> Problem:
    line = None if root is None else _line(root, finding.loc)
    return Problem(str(path), line, field_path(finding.loc), finding.message, finding.hint)


def _line(node: yaml.Node, loc: Loc) -> int:
    """1-based line of a place in a document, or of the nearest thing around it that is there."""
    line: int = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line

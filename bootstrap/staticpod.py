"""Static pods as values: what a kubelet would refuse, and the digest that proves which pod runs.

A pod is its decoded manifest (a dict). Nothing here changes its argument.
Source: Kubernetes pkg/kubelet/config/common.go and pkg/api/pod/util.go, HasAPIObjectReference (v1.36.3).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from bootstrap.constants import DIGEST_ANNOTATION, DIGEST_ENV
from bootstrap.render import canonical, load_yaml_all

Pod = dict[str, Any]

DIGEST_PLACEHOLDER = "placeholder-known-when-the-hosts-files-are-issued"

_VOLUME_REFERENCES = {
    "configMap": "a ConfigMap",
    "secret": "a Secret",
    "csi": "a CSI driver",
    "glusterfs": "Endpoints",
    "persistentVolumeClaim": "a PersistentVolumeClaim",
    "ephemeral": "a PersistentVolumeClaim",
    "azureFile": "a Secret",
}
# Volumes of these kinds name the Secret with their credentials in one of these fields.
_SECRET_FIELDS = ("secretRef", "nodePublishSecretRef")


def decode(manifest: bytes) -> Pod:
    """The one Pod of a manifest, with metadata and spec; ValueError where it holds anything else."""
    try:
        documents = [document for document in load_yaml_all(manifest.decode()) if document is not None]
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ValueError(f"a manifest holds one Pod, not {len(documents)} documents")
    if not isinstance(documents[0].get("metadata"), dict) or not isinstance(documents[0].get("spec"), dict):
        raise ValueError("a Pod has metadata and a spec")
    pod: Pod = documents[0]
    return pod


def problems(pod: Pod, name: str) -> tuple[str, ...]:
    """Everything that makes this not the static pod `name`: empty where a kubelet would run it as such."""
    return tuple(_problems(pod, name))


def digest(pod: Pod, files: Mapping[PurePosixPath, str]) -> str:
    """Hexadecimal SHA-256 over the pod without its digest, and over the SHA-256 of each file it reads at start only."""
    hashes = {str(path): sha256 for path, sha256 in files.items()}
    return hashlib.sha256(canonical({"pod": without_digest(pod), "files": hashes})).hexdigest()


def with_digest(pod: Pod, value: str) -> Pod:
    """The pod with its digest, as annotation (mirror pod) and as environment variable (/proc/PID/environ)."""
    marked = without_digest(pod)
    metadata = marked.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), DIGEST_ANNOTATION: value}
    container = main_container(marked)
    container["env"] = [*(container.get("env") or []), {"name": DIGEST_ENV, "value": value}]
    return marked


def without_digest(pod: Pod) -> Pod:
    """A copy without the digest, and without what an encoder adds that says nothing (a null, an empty status)."""
    bare: Pod = _pruned(copy.deepcopy(pod))
    annotations = bare.get("metadata", {}).get("annotations", {})
    annotations.pop(DIGEST_ANNOTATION, None)
    if not annotations:
        bare.get("metadata", {}).pop("annotations", None)
    for container in bare.get("spec", {}).get("containers", []):
        env = [variable for variable in container.get("env", []) if variable.get("name") != DIGEST_ENV]
        container.pop("env", None)
        if env:
            container["env"] = env
    return bare


def main_container(pod: Pod) -> dict[str, Any]:
    """The container that is called as the pod is: a sidecar that a patch adds stands first. KeyError where there is none."""
    containers: list[dict[str, Any]] = pod["spec"]["containers"]
    return {container.get("name"): container for container in containers}[pod["metadata"]["name"]]


def flags(pod: Pod) -> tuple[tuple[str, str], ...]:
    """(flag without dashes, value) pairs of the component's command and args, in order; `--flag` alone has the value `true`."""
    pairs = (word[2:].partition("=") for word in _words(main_container(pod)) if word.startswith("--"))
    return tuple((name, value if equals else "true") for name, equals, value in pairs)


def words_apart(wanted: bytes, seen: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words of the component's command line that only one of two manifests has; nothing where either holds no such pod."""
    one, other = command(wanted), command(seen)
    if not one or not other:
        return (), ()
    return tuple(word for word in one if word not in other), tuple(word for word in other if word not in one)


def command(manifest: bytes) -> tuple[str, ...]:
    """The component's command line; empty where the manifest, which anybody may have written, holds no such pod."""
    try:
        return tuple(_words(main_container(decode(manifest))))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _words(container: Mapping[str, Any]) -> list[str]:
    return [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]


def api_references(spec: dict[str, Any]) -> Iterator[str]:
    """What a kubelet refuses since the gate PreventStaticPodAPIReferences: an object that only the API server knows."""
    for field in ("serviceAccountName", "serviceAccount", "imagePullSecrets", "resourceClaims"):
        if spec.get(field):
            yield f"spec.{field} refers to an API object"
    for container in _containers(spec):
        for source in container.get("envFrom") or []:
            yield f"container {container.get('name')}: envFrom refers to {', '.join(sorted(source))}"
        for variable in container.get("env") or []:
            value_from = variable.get("valueFrom") or {}
            if "configMapKeyRef" in value_from or "secretKeyRef" in value_from:
                yield f"container {container.get('name')}: env {variable.get('name')} refers to an API object"
    for volume in spec.get("volumes") or []:
        yield from _volume_references(volume)


def dangling_mounts(spec: dict[str, Any]) -> Iterator[str]:
    """Mounts of a volume that the pod does not have."""
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    for container in _containers(spec):
        for mount in container.get("volumeMounts") or []:
            if mount.get("name") not in volumes:
                yield f"container {container.get('name')} mounts {mount.get('name')!r}, and there is no such volume"


def _problems(pod: Pod, name: str) -> Iterator[str]:
    if not isinstance(pod, dict) or (pod.get("apiVersion"), pod.get("kind")) != ("v1", "Pod"):
        yield "it is not a v1 Pod"
        return
    metadata, spec = pod.get("metadata"), pod.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        yield "it has no metadata or no spec"
        return
    if metadata.get("name") != name:
        yield f"metadata.name is {metadata.get('name')!r}, not {name!r}"
    if metadata.get("namespace") != "kube-system":
        yield f"metadata.namespace is {metadata.get('namespace')!r}, not 'kube-system'"
    if (metadata.get("labels") or {}).get("component") != name:
        yield f"the label component is not {name!r}"
    if spec.get("hostNetwork") is not True:
        yield "spec.hostNetwork is not true"
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers or not all(isinstance(one, dict) for one in containers):
        yield "spec.containers has no container"
        return
    if [container.get("name") for container in containers].count(name) != 1:
        yield f"spec.containers has not exactly one container called {name!r}"
    for container in containers:
        if not container.get("image"):
            yield f"container {container.get('name')} has no image"
    yield from api_references(spec)
    yield from dangling_mounts(spec)


def _volume_references(volume: dict[str, Any]) -> Iterator[str]:
    name = volume.get("name")
    for kind, what in _VOLUME_REFERENCES.items():
        if kind in volume:
            yield f"volume {name} refers to {what}"
    for source in (volume.get("projected") or {}).get("sources") or []:
        if set(source) != {"downwardAPI"}:
            yield f"volume {name} projects {', '.join(sorted(source))}"
    for kind, source in volume.items():
        if isinstance(source, dict) and any(source.get(field) for field in _SECRET_FIELDS):
            yield f"volume {name} ({kind}) refers to a Secret"


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def _pruned(value: Any) -> Any:
    """Without nulls and what encoders write for nothing: `status: {}`, `creationTimestamp: null`, `resources: {}`, ..."""
    if isinstance(value, dict):
        pruned = {key: _pruned(item) for key, item in value.items() if item is not None}
        return {key: item for key, item in pruned.items() if not (key in _EMPTY_FIELDS and item in ({}, []))}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value


_EMPTY_FIELDS = frozenset({"status", "resources", "env", "annotations", "labels", "securityContext", "volumes", "volumeMounts"})

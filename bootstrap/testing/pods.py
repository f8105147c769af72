"""The kubelet's file source: which static pods a manifest directory means.

Source: Kubernetes 1.36 pkg/kubelet/config/file.go, file_linux.go and common.go; tests/manifest_scenarios.py is what real kubelets
were seen to do. Every name that does not begin with a dot counts, whatever its suffix. A periodic list replaces the whole set by
what parsed, the last duplicate of namespace/name winning; between lists single files are added as they change, and a removed
file removes the pod of its key, whichever file that pod came from.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from bootstrap.staticpod import api_references
from bootstrap.testing.decoding import first_document
from bootstrap.testing.filesystem import FakeFiles, Node

LIST_EVERY_S = 20.0
LIMIT_BYTES = 10 << 20
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_BOOLEANS = ("hostNetwork", "hostPID", "hostIPC")


@dataclass(frozen=True)
class StaticPod:
    """A pod that came from a file. uid: as the kubelet makes it, of the node, the file's path and the pod."""

    key: str                        # namespace/name-node
    uid: str
    file: PurePosixPath
    pod: dict[str, Any] = field(hash=False, compare=False)

    def __deepcopy__(self, memo: dict[int, object]) -> StaticPod:
        return self


class PodSource:
    """The pods of one manifest directory; `sync` follows the directory as time goes by."""

    def __init__(self, files: FakeFiles, path: PurePosixPath, node: str, now: float, version: str = "") -> None:
        self._files = files
        self._path = path
        self._node = node
        self._version = version
        self._store: dict[str, StaticPod] = {}
        self._sent: dict[str, StaticPod] = {}
        self._keys: dict[str, str] = {}
        self._seen: dict[str, Node] = {}
        self._generation = files.generation
        self._next_list = now
        self.complaints: list[str] = []

    def sync(self, now: float) -> dict[str, StaticPod]:
        """The pods that should run now, by key."""
        if self._files.generation != self._generation:
            self._generation = self._files.generation
            self._follow()
        if now >= self._next_list:
            self._next_list = now + LIST_EVERY_S
            self._list()
        return self._sent

    def _follow(self) -> None:
        """What the watch tells: entries of the directory, one at a time, a rename as its old name first.

        An entry that cannot be read changes nothing until the next list. Where a link leads is not watched.
        """
        before, self._seen = self._seen, self._entries()
        for name in [name for name in before if name not in self._seen]:
            key = self._keys.pop(name, None)
            if key is not None:
                self._store.pop(key, None)
                self._sent = dict(self._store)
        for name in sorted(self._seen):
            if before.get(name) != self._seen[name]:
                pod = self._read(name, "Unable to process watch event")
                if pod is not None:
                    self._store[pod.key] = pod
                    self._sent = dict(self._store)

    def _list(self) -> None:
        """Where nothing parses no pod is wanted, but what was there comes back with the next file that the watch tells of."""
        self._seen = self._entries()
        found = [pod for name in sorted(self._seen) if (pod := self._read(name, "Could not process manifest file")) is not None]
        self._sent = {pod.key: pod for pod in found}
        if found:
            self._store = dict(self._sent)

    def _entries(self) -> dict[str, Node]:
        """What stands in the directory, or the one file that the path is."""
        at = self._files.resolve(self._path)
        if at is None:
            return {}
        if self._files.nodes[at].kind == "file":
            return {at.name: self._files.nodes[at]}
        return {name: self._files.nodes[at / name] for name in self._files.names(at) if not name.startswith(".")}

    def _read(self, name: str, failed: str) -> StaticPod | None:
        single = self._files.resolve(self._path)
        path = self._path if single is not None and self._files.nodes[single].kind == "file" else self._path / name
        real = self._files.resolve(path)
        node = self._files.nodes[real] if real is not None else None
        if node is None:
            self._complain("Could not get metadata", path, "no such file or directory")
            return None
        if node.kind == "directory":
            self._complain("Provided manifest path is a directory, not recursing into manifest path", path)
            return None
        pod, problem = parsed_pod(node.content)
        if pod is None:
            self._complain(failed, path, problem)
            return None
        meta = pod["metadata"]
        key = f"{meta.get('namespace') or 'default'}/{meta['name']}-{self._node}"
        uid = meta.get("uid") or _uid(self._node, path, node.content, self._version)
        self._keys[name] = key
        return StaticPod(key, uid, path, pod)

    def _complain(self, what: str, path: PurePosixPath, problem: str = "") -> None:
        self.complaints.append(f'"{what}"' + (f' err="{problem}"' if problem else "") + f' path="{path}"')


@functools.lru_cache(maxsize=512)
def parsed_pod(content: bytes) -> tuple[dict[str, Any] | None, str]:
    """The v1 Pod of a manifest, or None and why the kubelet would refuse the file. Callers must not change it."""
    if len(content) >= LIMIT_BYTES:
        return None, "the read limit is reached"
    try:
        value = first_document(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return None, f"couldn't parse as pod({error}), please check config file".replace("\n", " ")
    problem = _undecodable(value)
    if problem:
        return None, f"couldn't parse as pod({problem}), please check config file"
    problem = _invalid(value)
    return (None, problem) if problem else (value, "")


def _undecodable(value: Any) -> str:
    if not isinstance(value, dict) or not value.get("kind"):
        return "Object 'Kind' is missing"
    if (value.get("apiVersion"), value["kind"]) != ("v1", "Pod"):
        return f"invalid pod: {value['kind']}"
    spec, meta = value.get("spec", {}), value.get("metadata", {})
    if not isinstance(meta, dict) or not isinstance(spec, dict):
        return "json: cannot unmarshal into Go struct field Pod"
    wrong = [name for name in _BOOLEANS if not isinstance(spec.get(name, False), bool)]
    return f"json: cannot unmarshal into Go struct field PodSpec.spec.{wrong[0]} of type bool" if wrong else ""


def _invalid(pod: dict[str, Any]) -> str:
    name, spec = (pod.get("metadata") or {}).get("name"), pod.get("spec") or {}
    if not name:
        return "invalid pod: name is needed for the pod"
    if not _NAME.fullmatch(name):
        return f'invalid pod: [metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of ...]'
    if not spec.get("containers"):
        return "invalid pod: [spec.containers: Required value]"
    references = list(api_references(spec))
    return f"static pods may not reference {references[0]}" if references else ""


@functools.lru_cache(maxsize=512)
def _uid(node: str, path: PurePosixPath, content: bytes, version: str) -> str:
    """Another minor of the kubelet has other fields in the pod that it makes the UID of."""
    pod = json.dumps(parsed_pod(content)[0], sort_keys=True, default=str)
    return hashlib.md5(f"{pod} host:{node} file:{path} of:{version}".encode(), usedforsecurity=False).hexdigest()

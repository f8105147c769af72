"""The kubelet's file source: which static pods a manifest directory means.

Source: Kubernetes 1.36 pkg/kubelet/config/file.go and file_linux.go. Every name that does not begin with a dot counts, whatever
its suffix. A periodic list replaces the whole set by what parsed, the last duplicate of namespace/name winning; between lists
single files are added as they change, and a removed file removes the pod of its key, whichever file that pod came from.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from bootstrap.testing.decoding import decoded
from bootstrap.testing.filesystem import FakeFiles

LIST_EVERY_S = 20.0


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

    def __init__(self, files: FakeFiles, path: PurePosixPath, node: str, now: float) -> None:
        self._files = files
        self._path = path
        self._node = node
        self._pods: dict[str, StaticPod] = {}
        self._keys: dict[str, str] = {}
        self._seen: dict[str, tuple[float, bytes]] = {}
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
        return self._pods

    def _follow(self) -> None:
        """What the watch tells: one file at a time. A file that cannot be read changes nothing until the next list."""
        before, self._seen = self._seen, self._scan()
        for name in sorted({*before, *self._seen}):
            if name not in self._seen:
                key = self._keys.pop(name, None)
                if key is not None:
                    self._pods.pop(key, None)
            elif before.get(name) != self._seen[name]:
                pod = self._read(name)
                if pod is not None:
                    self._pods[pod.key] = pod

    def _list(self) -> None:
        self._seen = self._scan()
        found = [pod for name in sorted(self._seen) if (pod := self._read(name)) is not None]
        self._pods = {pod.key: pod for pod in found}

    def _scan(self) -> dict[str, tuple[float, bytes]]:
        """Regular files (links followed) of the directory, or the one file that the path is."""
        at = self._files.resolve(self._path)
        if at is None:
            return {}
        single = self._files.nodes[at].kind == "file"
        paths = [at] if single else [at / name for name in self._files.names(at) if not name.startswith(".")]
        found = {}
        for path in paths:
            real = self._files.resolve(path)
            node = self._files.nodes[real] if real is not None else None
            if node is not None and node.kind == "file":
                found[path.name] = (node.mtime, node.content)
        return found

    def _read(self, name: str) -> StaticPod | None:
        path = self._path / name
        content = self._seen[name][1]
        pod = parsed_pod(content)
        if pod is None:
            self.complaints.append(f'"Could not process manifest file" path="{path}"')
            return None
        meta = pod["metadata"]
        key = f"{meta.get('namespace') or 'default'}/{meta['name']}-{self._node}"
        uid = meta.get("uid") or _uid(self._node, path, content)
        self._keys[name] = key
        return StaticPod(key, uid, path, pod)


def parsed_pod(content: bytes) -> dict[str, Any] | None:
    """The v1 Pod of a manifest; None where the kubelet would refuse the file. Callers must not change it."""
    value = decoded(content)
    if not isinstance(value, dict) or (value.get("apiVersion"), value.get("kind")) != ("v1", "Pod"):
        return None
    spec, meta = value.get("spec"), value.get("metadata")
    if not isinstance(meta, dict) or not meta.get("name") or not isinstance(spec, dict) or not spec.get("containers"):
        return None
    return value


@functools.lru_cache(maxsize=512)
def _uid(node: str, path: PurePosixPath, content: bytes) -> str:
    pod = json.dumps(parsed_pod(content), sort_keys=True, default=str)
    return hashlib.md5(f"{pod} host:{node} file:{path}".encode(), usedforsecurity=False).hexdigest()

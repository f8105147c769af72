"""Checks of the manifest directory: ours are whole, and nothing else in it becomes a pod.

Source: pkg/kubelet/config/file.go (v1.36.3): every regular file without a dot in front is read, and the last duplicate wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from bootstrap import userpods
from bootstrap.components import static_pods
from bootstrap.facts.kubelet import load_configuration
from bootstrap.facts.live import manifest_directory, manifests
from bootstrap.preflight.finding import Finding, error, path_name, warning
from bootstrap.preflight.subject import Subject

NAMESPACE = "kube-system"


def strangers(subject: Subject) -> Iterator[Finding]:
    names = static_pods(subject.cluster, subject.host)
    ours = {manifest_directory(subject.facts) / f"{name}.yaml": name for name in names}
    for path, seen in sorted(manifests(subject.facts).items()):
        pod = identity(seen.content)
        if path in ours:
            yield from _our_own(subject, path, ours[path], pod)
        elif pod is None:
            yield warning("ManifestDirectory", subject.name, f"{path} is no manifest, but the kubelet reads it as one",
                          "move it to another directory")
        elif pod[0] == NAMESPACE and pod[1] in names:
            yield error("ManifestDirectory", subject.name,
                        f"{path} is a second manifest of {pod[1]}: the kubelet runs the one whose name sorts last",
                        f"move it to another directory, then: touch {manifest_directory(subject.facts) / pod[1]}.yaml")
        elif not userpods.origin(seen.content):
            yield warning("ManifestDirectory", subject.name,
                          f"{path} runs as the static pod {pod[0]}/{pod[1]}, which is not ours")


def _our_own(subject: Subject, path: PurePosixPath, component: str, pod: tuple[str, str] | None) -> Iterator[Finding]:
    name = path_name("FileAvailable", path)
    if pod is None:
        yield error(name, subject.name, f"{path} is not a Pod", f"move it away, if it is worth nothing: mv {path} /root/")
    elif pod != (NAMESPACE, component):
        yield error(name, subject.name, f"{path} is the manifest of another pod, {pod[0]}/{pod[1]}",
                    f"move it away, if nobody needs it: mv {path} /root/")


def identity(content: bytes | None) -> tuple[str, str] | None:
    """Namespace and name of a manifest's pod; None where it is no pod or could not be read."""
    pod = decoded(content)
    metadata = pod.get("metadata")
    if pod.get("kind") != "Pod" or not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        return None
    return str(metadata.get("namespace") or "default"), str(metadata["name"])


def decoded(content: bytes | None) -> dict[str, Any]:
    """The mapping that a manifest is; empty where it is none."""
    try:
        return load_configuration((content or b"").decode("utf-8"))
    except (ValueError, UnicodeDecodeError):
        return {}


def flag(content: bytes | None, name: str) -> str | None:
    """Value of a flag of the first container's command line; None where it is not given."""
    spec = decoded(content).get("spec")
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    first = containers[0] if isinstance(containers, list) and containers else None
    if not isinstance(first, Mapping):
        return None
    for key in ("command", "args"):
        words = first.get(key)
        for word in words if isinstance(words, list) else []:
            if isinstance(word, str) and word.startswith(f"--{name}="):
                return word.partition("=")[2]
    return None

"""A manifest to start from, as `kubectl run NAME --image IMAGE --dry-run=client -o yaml` writes it, less what says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from bootstrap.errors import UsageError
from bootstrap.userpods import reading


def template(name: str, image: str, words: Sequence[str], *, command: bool) -> str:
    """YAML of a pod of one container. words: its arguments; with `command` its command instead, as kubectl run has it.

    Raises UsageError for what would be no static pod.
    """
    if command and not words:
        hint = f"bootstrap pods new {name} --image IMAGE --command -- WORDS"
        raise UsageError("--command needs the words of a command", hint=hint)
    container: dict[str, Any] = {"name": name, "image": image}
    if words:
        container["command" if command else "args"] = list(words)
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"run": name}},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always"},
    }  # fmt: skip
    mistakes = tuple(reading.findings(pod))
    if mistakes:
        raise UsageError(f"this would be no static pod: {mistakes[0].message}", hint=mistakes[0].hint)
    return yaml.safe_dump(pod, sort_keys=False)

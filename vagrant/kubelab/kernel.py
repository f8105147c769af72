"""Limits of the kernel that all nodes share."""

from __future__ import annotations

from pathlib import Path

from kubelab.shell import say

INOTIFY = Path("/proc/sys/fs/inotify")
# The default of 128 instances per user is for one machine; six nodes of pods are used up by kube-proxy, which then ends with
# "too many open files".
LEAST = {"max_user_instances": 8192, "max_user_watches": 524288}


def ensure_limits(directory: Path = INOTIFY) -> None:
    """Raise what is lower than nodes need; limits that are higher stay."""
    for name, least in LEAST.items():
        limit = directory / name
        if int(limit.read_text()) < least:
            limit.write_text(f"{least}\n")
            say(f"raised fs.inotify.{name} to {least}")

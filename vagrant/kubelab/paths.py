"""Where the lab keeps things: the cache, outside the tree, and this folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VAGRANT_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cache:
    """The cache directory and its parts."""

    root: Path

    @property
    def store(self) -> Path:
        """Components, images and releases; mounted read-only into every node."""
        return self.root / "store"

    @property
    def loaded(self) -> Path:
        """containerd's own directory with a release's images loaded, one per release."""
        return self.root / "loaded"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def boxes(self) -> Path:
        return self.root / "boxes"

    @property
    def labs(self) -> Path:
        return self.root / "labs"


def default_cache() -> Cache:
    """${XDG_CACHE_HOME:-~/.cache}/kube-bootstrap"""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Cache(Path(base) / "kube-bootstrap")

"""Images already loaded: /var/lib/containerd of a prepared node, kept in the cache and given to further nodes as hard links.

Importing and unpacking half a gigabyte per node, each blob flushed to disk, takes a minute and more on a slow disk; linking takes
one. containerd writes neither to a blob nor to a committed snapshot, so nodes can share them; its databases are copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kubelab.lab import Node
from kubelab.paths import Cache
from kubelab.shell import made_once, run

CONTAINERD = Path("var/lib/containerd")
PICTURE = Path("var/lib/kube-lab")
CONTENT = Path("io.containerd.content.v1.content/blobs")
SNAPSHOTS = Path("io.containerd.snapshotter.v1.overlayfs/snapshots")
DATABASES = (Path("io.containerd.metadata.v1.bolt/meta.db"), Path("io.containerd.snapshotter.v1.overlayfs/metadata.db"))


def provide(release: str, cache: Cache, node: Node, load: Callable[[], object]) -> Path:
    """The release's loaded images in the cache; where they are not there yet, load() loads them on `node`, and they are kept."""

    def keep(half: Path) -> None:
        load()
        for part in (CONTENT, SNAPSHOTS):
            link(node.rootfs / CONTAINERD / part, half / part)
        for database in DATABASES:
            (half / database).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(node.rootfs / PICTURE / database.name, half / database)

    return made_once(cache.loaded / release, cache.locks, f"images of {release}", keep)


def place(release: str, cache: Cache, node: Node) -> None:
    """Give `node`, whose containerd is stopped and empty, the release's loaded images."""
    source, target = cache.loaded / release, node.rootfs / CONTAINERD
    target.mkdir(mode=0o700)
    for part in (CONTENT, SNAPSHOTS):
        link(source / part, target / part)
    for database in DATABASES:
        (target / database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source / database, target / database)
        (target / database).chmod(0o600)


def link(source: Path, target: Path) -> None:
    """A tree of hard links, with owners and modes of the directories kept; copies where the file systems differ."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    same = source.stat().st_dev == target.parent.stat().st_dev
    run(["cp", "-al" if same else "-a", source, target])

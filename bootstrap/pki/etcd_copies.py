"""etcd's own key material once more, for the user that etcd runs as: always what the originals are.

Everything below /etc/kubernetes/pki belongs to root (CIS 1.1.19 to 1.1.21), and a process that is not root cannot read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from bootstrap.constants import ETCD_PKI_DIR, ETCD_USER, ETCD_USER_PKI_DIR
from bootstrap.files import Directory, File, Link, Observed, Secret
from bootstrap.pki.host import HostFiles, Kept

COPIED = tuple(ETCD_PKI_DIR / name for name in ("ca.crt", "server.key", "server.crt", "peer.key", "peer.crt"))
"""What the member itself reads: not the CA's key, not the client certificate that is there for people and probes."""

MODE = 0o400
DIRECTORY_MODE = 0o700


def copy_of(path: PurePosixPath) -> PurePosixPath:
    """Where the copy of one of COPIED is."""
    return ETCD_USER_PKI_DIR / path.name


def keys_due(files: HostFiles, observed: Mapping[PurePosixPath, Observed]) -> tuple[PurePosixPath, ...]:
    """Originals whose copy is not theirs and whose content is not in `files`: they must be read. files: `pki_files`."""
    return tuple(kept.path for kept in files.kept if kept.path in COPIED and not _is_copy(kept, observed))


def etcd_copies(
    files: HostFiles, observed: Mapping[PurePosixPath, Observed], keys: Mapping[PurePosixPath, Secret]
) -> HostFiles:
    """The copies and their directory. files: `pki_files`. observed: `Facts.owned`. keys: content of those of `keys_due`.

    ValueError where one of them was not read.
    """
    originals = {entry.path: entry for entry in files.entries if isinstance(entry, File)}
    kept = {one.path: one for one in files.kept}
    entries: list[File | Directory | Link] = [Directory(ETCD_USER_PKI_DIR, DIRECTORY_MODE, ETCD_USER, ETCD_USER)]
    same: list[Kept] = []
    for path in COPIED:
        if path in originals:
            entries.append(File(copy_of(path), originals[path].content, MODE, ETCD_USER, ETCD_USER))
        elif _is_copy(kept[path], observed):
            same.append(Kept(copy_of(path), kept[path].sha256, MODE, ETCD_USER, ETCD_USER))
        elif path in keys:
            entries.append(File(copy_of(path), keys[path], MODE, ETCD_USER, ETCD_USER))
        else:
            raise ValueError(f"{path} was not read from the host")
    return HostFiles(tuple(entries), tuple(same))


def _is_copy(original: Kept, observed: Mapping[PurePosixPath, Observed]) -> bool:
    seen = observed.get(copy_of(original.path))
    return seen is not None and seen.kind == "file" and seen.sha256 == original.sha256

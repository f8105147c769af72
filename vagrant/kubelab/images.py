"""docker-archive tars: what `ctr images import` and `docker load` read. Pure but for reading the files that go in."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

# struct vfs_cap_data, revision 2, effective bit set, permitted = 1 << CAP_NET_BIND_SERVICE (10); linux/capability.h
CAP_NET_BIND_SERVICE_EP = bytes.fromhex("0100000200040000000000000000000000000000")


@dataclass(frozen=True)
class Image:
    """What one image holds.

    files: path in the image -> local file, all mode 0755. links: path -> target of a symbolic link.
    base: an uncompressed tar of a root file system that comes first. capable: files that carry cap_net_bind_service=+ep.
    """

    name: str
    files: Mapping[PurePosixPath, Path]
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    base: Path | None = None
    links: Mapping[PurePosixPath, str] = field(default_factory=dict)
    capable: frozenset[PurePosixPath] = frozenset()


def pack(image: Image, architecture: str, target: Path) -> None:
    """Write the image to `target`. Equal contents give equal bytes: no clock, fixed order and owners."""
    layer = target.with_name(target.name + ".layer")
    try:
        _write_layer(image, layer)
        digest = _sha256(layer)
        config = json.dumps(config_document(image, architecture, digest), sort_keys=True).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = json.dumps([{"Config": config_name, "RepoTags": [image.name], "Layers": [f"{digest}/layer.tar"]}]).encode()
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
            _add_bytes(tar, config_name, config)
            entry = tarfile.TarInfo(f"{digest}/layer.tar")
            entry.size = layer.stat().st_size
            with layer.open("rb") as content:
                tar.addfile(entry, content)
            _add_bytes(tar, "manifest.json", manifest)
    finally:
        layer.unlink(missing_ok=True)


def config_document(image: Image, architecture: str, layer_sha256: str) -> dict[str, object]:
    """The image configuration (OCI image-spec, config.md)."""
    config: dict[str, object] = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "WorkingDir": "/"}
    if image.entrypoint:
        config["Entrypoint"] = list(image.entrypoint)
    if image.user:
        config["User"] = image.user
    return {
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_sha256}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "vagrant/lab"}],
    }


def _write_layer(image: Image, layer: Path) -> None:
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
        seen: set[PurePosixPath] = {PurePosixPath(".")}
        if image.base is not None:
            seen |= _copy_base(tar, image.base)
        for path, local in sorted(image.files.items()):
            _add_parents(tar, path, seen)
            entry = tarfile.TarInfo(str(path.relative_to("/")))
            entry.size = local.stat().st_size
            entry.mode = 0o755
            if path in image.capable:
                # The value is binary: PAX headers carry it byte for byte when decoded as the tar's own encoding does.
                value = CAP_NET_BIND_SERVICE_EP.decode("utf-8", "surrogateescape")
                entry.pax_headers = {"SCHILY.xattr.security.capability": value}
            with local.open("rb") as content:
                tar.addfile(entry, content)
        for path, destination in sorted(image.links.items()):
            _add_parents(tar, path, seen)
            entry = tarfile.TarInfo(str(path.relative_to("/")))
            entry.type = tarfile.SYMTYPE
            entry.linkname = destination
            tar.addfile(entry)


def _copy_base(tar: tarfile.TarFile, base: Path) -> set[PurePosixPath]:
    """Copy a root file system's entries, devices left out; returns the directories and links seen."""
    seen: set[PurePosixPath] = set()
    with tarfile.open(base) as source:
        for entry in source:
            path = PurePosixPath(entry.name)
            if path == PurePosixPath(".") or entry.isdev() or path.parts[0] == "dev":
                continue
            entry.name = str(path)
            if entry.islnk():
                entry.linkname = str(PurePosixPath(entry.linkname))
            entry.mtime = 0
            entry.pax_headers = {}
            tar.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
            if entry.isdir() or entry.issym():
                seen.add(path)
    return seen


def _add_parents(tar: tarfile.TarFile, path: PurePosixPath, seen: set[PurePosixPath]) -> None:
    for parent in reversed(path.relative_to("/").parents):
        if parent not in seen:
            entry = tarfile.TarInfo(str(parent))
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o755
            tar.addfile(entry)
            seen.add(parent)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

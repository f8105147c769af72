"""Paths on hosts and on the operator's machine."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from bootstrap.syntax import Mistake, quoted

HOST_PATH_TYPES = ("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice")

_SYSTEM = frozenset(
    PurePosixPath(path)
    for path in (
        "/", "/home", "/media", "/mnt", "/opt", "/srv", "/var", "/var/lib",
    )
)  # fmt: skip
_NEVER_BELOW = tuple(
    PurePosixPath(path)
    for path in (
        "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/opt/cni", "/proc", "/root", "/run", "/sbin", "/sys",
        "/tmp", "/usr", "/var/cache", "/var/lib/apt", "/var/lib/cni", "/var/lib/containerd", "/var/lib/containers",  # noqa: S108
        "/var/lib/docker", "/var/lib/dpkg", "/var/lib/kubelet", "/var/lib/rpm", "/var/lib/systemd", "/var/log", "/var/run",
        "/var/spool", "/var/tmp",  # noqa: S108
    )
)  # fmt: skip


def absolute(text: str) -> str:
    """An absolute path on a host, without `.`, `..`, doubled or trailing slashes."""
    if not text.startswith("/"):
        raise Mistake(f"{quoted(text)} is not an absolute path", "a path on the host that begins with /")
    if not re.fullmatch(r"[A-Za-z0-9_./@+-]+", text):
        raise Mistake(f"{quoted(text)} holds characters that are not allowed here", "letters, digits and / . _ - + @")
    parts = text.split("/")[1:]
    if text != "/" and any(part in ("", ".", "..") for part in parts):
        raise Mistake(f"{quoted(text)} is not in its shortest form", "no `.`, `..`, doubled or trailing slashes")
    return text


def data_dir(text: str) -> str:
    """etcd's data directory: one of its own, on a disk that is still there after a reboot."""
    path = PurePosixPath(absolute(text))
    if path in _SYSTEM or any(path.is_relative_to(root) for root in _NEVER_BELOW):
        raise Mistake(f"{quoted(text)} belongs to the system", "a directory for etcd alone, such as /var/lib/etcd")
    return text


def host_path_type(text: str) -> str:
    if text not in HOST_PATH_TYPES:
        raise Mistake(f"{quoted(text)} is not a hostPath type", "one of " + ", ".join(HOST_PATH_TYPES[1:]) + ', or ""')
    return text


def local(text: str, directory: Path | None) -> Path:
    """A path on the operator's machine: `~` expanded, a relative one taken from `directory` (None: left as it is)."""
    if not text:
        raise Mistake("is empty", "a path, or leave the line out")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise Mistake(f"{quoted(text)} names a home directory that does not exist", "a path such as ~/.ssh/id_ed25519") from error
    return path if directory is None else directory / path

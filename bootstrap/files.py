"""Files as values: what should be on a host, and secrets that never show themselves."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_TEMPORARY = re.compile(r"\..+\.bootstrap-[0-9a-f]{8}")


def is_temporary(path: PurePosixPath) -> bool:
    """Whether a write of ours was prepared there: `.NAME.bootstrap-TOKEN` beside NAME (see ssh/scripts.py)."""
    return _TEMPORARY.fullmatch(path.name) is not None


class Secret:
    """Bytes that must not be seen: repr and str are `***`; only `reveal` gives them."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class File:
    """A regular file on a host: content, permission bits, owner and group by name."""

    path: PurePosixPath
    content: bytes | Secret
    mode: int = 0o600
    owner: str = "root"
    group: str = "root"

    @property
    def secret(self) -> bool:
        return isinstance(self.content, Secret)

    @property
    def bytes(self) -> bytes:
        return self.content.reveal() if isinstance(self.content, Secret) else self.content

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the content."""
        return hashlib.sha256(self.bytes).hexdigest()


@dataclass(frozen=True)
class Directory:
    """A directory on a host. Missing parents are made 0755, root:root."""

    path: PurePosixPath
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class Link:
    """A symbolic link on a host; target is kept as given (relative targets stay relative)."""

    path: PurePosixPath
    target: str


@dataclass(frozen=True)
class Observed:
    """What a path on a host is now.

    kind: file, directory, link or other. sha256: of a regular file's content, else empty. target: of a link.
    content: only of files that hold no secret and were asked for; None otherwise.
    uid, gid: of owner and group.
    mtime: last change of the content, seconds since the epoch with a fraction.
    """

    path: PurePosixPath
    kind: str
    mode: int
    owner: str
    group: str
    size: int = 0
    sha256: str = ""
    target: str = ""
    content: bytes | None = field(default=None, repr=False)
    mtime: float = 0.0
    uid: int = 0
    gid: int = 0

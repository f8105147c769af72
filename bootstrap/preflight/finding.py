"""What a check found, and which findings an operator lets pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from bootstrap.facts import plain

ALIASES: Mapping[str, tuple[str, ...]] = {"Images": ("ImagePull",)}
"""kubeadm's names of findings that have another one here. Source: kubeadm app/preflight/checks.go (v1.36.3)."""


class Severity(StrEnum):
    """UNKNOWN: it could not be found out; init goes on, and does not mention it."""

    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One finding. name: what --ignore-preflight takes, kubeadm's where kubeadm has the check. host: None: of the cluster.

    message: printable, whatever paths of a host are in it.
    """

    name: str
    host: str | None
    severity: Severity
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", "\n".join(plain.text(line) for line in self.message.split("\n")))


def error(name: str, host: str | None, message: str, hint: str = "") -> Finding:
    return Finding(name, host, Severity.ERROR, message, hint)


def warning(name: str, host: str | None, message: str, hint: str = "") -> Finding:
    return Finding(name, host, Severity.WARNING, message, hint)


def unknown(name: str, host: str | None, message: str, hint: str = "") -> Finding:
    return Finding(name, host, Severity.UNKNOWN, message, hint)


def path_name(prefix: str, path: PurePosixPath | str) -> str:
    """kubeadm's name of a check on a path: `FileContent--proc-sys-net-ipv4-ip_forward`."""
    return f"{prefix}-{str(path).replace('/', '-')}"


def is_ignored(finding: Finding, ignored: Iterable[str]) -> bool:
    """Whether one of the names given to --ignore-preflight is the finding's, kubeadm's for it, or `all`; case does not matter."""
    return any(is_named(name, ignored) for name in ("all", finding.name, *ALIASES.get(finding.name, ())))


def is_named(name: str, ignored: Iterable[str]) -> bool:
    """Whether a name is among those given to --ignore-preflight; each may be several, joined by commas."""
    return name.casefold() in {part.strip().casefold() for given in ignored for part in given.split(",")}


def as_dict(finding: Finding) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(finding)

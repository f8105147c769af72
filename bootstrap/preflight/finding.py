"""What a check found, and which findings an operator lets pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One finding. name: what --ignore-preflight takes, kubeadm's where kubeadm has the check. host: None: of the cluster."""

    name: str
    host: str | None
    severity: Severity
    message: str
    hint: str = ""


def error(name: str, host: str | None, message: str, hint: str = "") -> Finding:
    return Finding(name, host, Severity.ERROR, message, hint)


def warning(name: str, host: str | None, message: str, hint: str = "") -> Finding:
    return Finding(name, host, Severity.WARNING, message, hint)


def path_name(prefix: str, path: PurePosixPath | str) -> str:
    """kubeadm's name of a check on a path: `FileContent--proc-sys-net-ipv4-ip_forward`."""
    return f"{prefix}-{str(path).replace('/', '-')}"


def is_ignored(finding: Finding, ignored: Iterable[str]) -> bool:
    """Whether one of the names given to --ignore-preflight is the finding's, or `all`; case does not matter."""
    names = {part.strip().casefold() for name in ignored for part in name.split(",")}
    return "all" in names or finding.name.casefold() in names


def as_dict(finding: Finding) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(finding)

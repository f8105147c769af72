"""Facts as plain values for JSON: contents as fingerprints, never as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from bootstrap.facts.model import Facts


def as_dict(facts: Facts) -> dict[str, Any]:
    """JSON-ready: field names as in Facts, paths as strings, bytes as `sha256:<hex>` (empty ones as empty strings)."""
    found: dict[str, Any] = _plain(facts)
    return found


def _plain(value: object) -> Any:
    match value:
        case bytes():
            return f"sha256:{hashlib.sha256(value).hexdigest()}" if value else ""
        case PurePath():
            return str(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in sorted(value.items(), key=lambda item: str(item[0]))}
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case None | str() | int() | float():
            return value
        case _:  # what else YAML has: a date in a kubelet's configuration
            return str(value)

"""Configuration that the API server was started with, as values. It comes from a host: nothing about its shape is certain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from bootstrap.facts import Facts
from bootstrap.facts.kubelet import load_configuration


def read(facts: Facts, path: str) -> Mapping[str, Any] | None:
    """The document that a flag names; None where it could not be read or is no mapping."""
    content = facts.security.files.get(PurePosixPath(path)) if facts.security is not None else None
    try:
        return None if content is None else load_configuration(content.decode(errors="replace"))
    except ValueError:
        return None


def mapping(document: object, *names: str) -> Mapping[str, Any]:
    """The mapping that lies under those names; empty where there is none."""
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings of a list; empty where it is none."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def strings(value: object) -> list[str]:
    """The texts of a list; empty where it is none."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

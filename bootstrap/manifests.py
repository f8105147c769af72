"""Manifests of the user's own: files of API objects, as `kubectl apply -f` would take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bootstrap.errors import InventoryError, Problem

FIRST = ("Namespace", "CustomResourceDefinition")


def load(path: Path) -> tuple[dict[str, Any], ...]:
    """Every object of a file of YAML documents, Lists opened, namespaces and custom resource definitions first.

    Raises InventoryError naming the file, the line and the document that is no API object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryError([Problem(str(path), None, "", f"cannot be read: {error}")]) from error
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error)
        raise InventoryError([Problem(str(path), mark.line + 1 if mark else None, "", problem)]) from error
    found: list[dict[str, Any]] = []
    problems = []
    for node, document in zip(nodes, documents, strict=True):
        if document is None:
            continue
        for thing in document.get("items", []) if _is_list(document) else [document]:
            why = _problem(thing)
            if why:
                problems.append(Problem(str(path), node.start_mark.line + 1 if node else None, "", why))
            else:
                found.append(thing)
    if problems:
        raise InventoryError(problems)
    return tuple(sorted(found, key=lambda thing: thing["kind"] not in FIRST))


def _is_list(document: Any) -> bool:
    return isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and "items" in document


def _problem(thing: Any) -> str:
    if not isinstance(thing, dict):
        return "an API object is a mapping with apiVersion, kind and metadata"
    for name in ("apiVersion", "kind"):
        if not isinstance(thing.get(name), str):
            return f"{name} is missing or no string"
    if not isinstance(thing.get("metadata"), dict) or not isinstance(thing["metadata"].get("name"), str):
        return f"metadata.name of this {thing['kind']} is missing (generateName cannot be applied twice)"
    return ""

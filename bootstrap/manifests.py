"""Manifests of the user's own: files of API objects, as `kubectl apply -f` would take them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bootstrap import documents
from bootstrap.errors import InventoryError, Problem
from bootstrap.objects import WORKLOADS, pod_spec
from bootstrap.syntax import quoted
from bootstrap.syntax.names import LABEL

_NAMESPACE = re.compile(LABEL)
_API_VERSION = re.compile(rf"({LABEL}(\.{LABEL})*/)?{LABEL}")


def load(path: Path) -> tuple[dict[str, Any], ...]:
    """Every object of a file of YAML documents, Lists opened, in the file's order.

    Raises InventoryError naming the file, the line and the document that is no API object.
    """
    try:
        read = documents.read(path)
    except documents.Malformed as error:
        hint = "a file of YAML documents, as kubectl apply -f takes it"
        raise InventoryError([Problem(str(path), error.line, "", error.message, hint)]) from error
    found: list[dict[str, Any]] = []
    problems = []
    for line, document in read:
        for thing in document["items"] if _is_list(document) else [document]:
            why, hint = _problem(thing)
            if why:
                problems.append(Problem(str(path), line, "", why, hint))
            else:
                found.append(thing)
    if problems:
        raise InventoryError(problems)
    return tuple(found)


def _is_list(document: Any) -> bool:
    kind = document.get("kind") if isinstance(document, dict) else None
    return isinstance(kind, str) and kind.endswith("List") and isinstance(document.get("items"), list)


def _problem(thing: Any) -> tuple[str, str]:
    """What keeps this from being an API object, and what would be right; twice nothing where it is one."""
    if not isinstance(thing, dict):
        return "this is no API object", "a mapping with apiVersion, kind and metadata"
    for name, example in (("apiVersion", "apps/v1"), ("kind", "DaemonSet")):
        if not isinstance(thing.get(name), str) or not thing[name]:
            return f"{name} is missing or no string", f"such as {name}: {example}"
    if not _API_VERSION.fullmatch(thing["apiVersion"]):
        return f"apiVersion is {quoted(thing['apiVersion'])}", "VERSION or GROUP/VERSION, such as v1 or apps/v1"
    metadata, kind = thing.get("metadata"), quoted(thing["kind"])
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        return f"metadata.name of this {kind} is missing or no string", "a name; generateName cannot be applied twice"
    if metadata["name"] in (".", "..") or set(metadata["name"]) & set("/%"):
        return f"metadata.name of this {kind} is {quoted(metadata['name'])}", "no slash, no percent sign, neither . nor .."
    namespace = metadata.get("namespace")
    if not isinstance(namespace, str | None):
        return f"metadata.namespace of this {kind} is no string", "the name of a namespace, in quotes if it is a number"
    if namespace and not _NAMESPACE.fullmatch(namespace):
        return f"metadata.namespace of this {kind} is {quoted(namespace)}", "lower case letters, digits and dashes"
    for field in ("labels", "annotations"):
        if not _is_map_of_strings(metadata.get(field)):
            return f"metadata.{field} of this {kind} are no mapping of strings", "numbers and true or false in quotes"
    if thing["kind"] in WORKLOADS and thing["apiVersion"].startswith("apps/") and not pod_spec(thing):
        return f"spec.template.spec of this {kind} is missing or no mapping", "what its pods are made of"
    return "", ""


def _is_map_of_strings(value: Any) -> bool:
    """Or nothing at all. A null in it is an empty string to the API."""
    return value is None or (isinstance(value, dict) and all(isinstance(one, str | None) for one in value.values()))

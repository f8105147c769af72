"""Patch files: names and contents checked, every mistake reported with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bootstrap import documents
from bootstrap.constants import STATIC_PODS
from bootstrap.errors import InventoryError, Problem
from bootstrap.patches import json_patch
from bootstrap.syntax import quoted

KUBELET_CONFIGURATION = "kubeletconfiguration"
COREDNS_DEPLOYMENT = "corednsdeployment"
KUBE_PROXY_DAEMON_SET = "kubeproxydaemonset"
TARGETS = (*STATIC_PODS, KUBELET_CONFIGURATION, COREDNS_DEPLOYMENT, KUBE_PROXY_DAEMON_SET)

_NAME = re.compile(r"(?P<target>" + "|".join(TARGETS) + r")(?P<suffix>[^.+]*)(?:\+(?P<type>[a-z]*))?\.(?:yaml|json)")


class PatchType(StrEnum):
    STRATEGIC = "strategic"
    MERGE = "merge"
    JSON = "json"


@dataclass(frozen=True)
class Patch:
    """One document of a patch file. file, line: where it begins, for messages."""

    target: str
    type: PatchType
    content: Any
    file: str
    line: int


def load(directory: Path) -> tuple[Patch, ...]:
    """Every patch of a directory, in the order in which they apply: files by name, documents as they stand.

    Files that do not end in .yaml or .json are left alone (a README).
    Raises InventoryError with everything that is wrong.
    """
    try:
        files = sorted(path for path in directory.iterdir() if not path.is_dir())
    except OSError as error:
        raise InventoryError([Problem(str(directory), None, "", f"cannot be read: {error.strerror}")]) from error
    found: list[Patch] = []
    problems: list[Problem] = []
    for path in files:
        for item in _read(path):
            match item:
                case Patch():
                    found.append(item)
                case Problem():
                    problems.append(item)
    if problems:
        raise InventoryError(problems)
    return tuple(found)


def _read(path: Path) -> Iterator[Patch | Problem]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        if path.suffix in (".yaml", ".json", ".yml"):
            yield _misnamed(path)
        return
    given = match["type"]
    if given is not None and given not in list(PatchType):
        yield Problem(str(path), None, "", f"{quoted(given)} is not a type of patch", f"after the +: {', '.join(PatchType)}")
        return
    patch_type = PatchType(given or PatchType.STRATEGIC)
    try:
        found = documents.read(path)
    except documents.Malformed as error:
        yield Problem(str(path), error.line, "", error.message, f"a {patch_type} patch in YAML or JSON")
        return
    for line, content in found:
        message = _wrong(patch_type, content)
        if message:
            yield Problem(str(path), line, "", message, f"as kubeadm and kubectl take a {patch_type} patch")
        else:
            yield Patch(match["target"], patch_type, content, str(path), line)


def _misnamed(path: Path) -> Problem:
    if path.suffix == ".yml":
        return Problem(str(path), None, "", "kubeadm and this tool read .yaml and .json only", f"{path.stem}.yaml")
    return Problem(
        str(path), None, "", f"{quoted(path.name)} names no target", f"target[suffix][+type].yaml, target: {', '.join(TARGETS)}"
    )


def _wrong(patch_type: PatchType, content: Any) -> str:
    """Why this content is no patch of its type; empty where it is."""
    if patch_type is PatchType.JSON:
        return json_patch.wrong(content)
    if not isinstance(content, dict):
        return f"a {patch_type} patch is a mapping, not a {type(content).__name__}"
    return ""

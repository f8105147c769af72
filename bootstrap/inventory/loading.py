"""The file -> Cluster, with every mistake at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bootstrap import versions
from bootstrap.cluster import Cluster
from bootstrap.errors import InventoryError, Problem
from bootstrap.fields import DIRECTORY
from bootstrap.inventory import (
    check_components,
    check_durations,
    check_files,
    check_hosts,
    check_networks,
    check_static_pods,
    document,
    translation,
)
from bootstrap.inventory.document import Document
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import UNKNOWN_FIELD, Finding, Loc, field_path, within

API_VERSION = "bootstrap/v1alpha1"
KIND = "Cluster"

_PLACEHOLDER = "unnamed"
_MOST = 200  # nobody reads more mistakes than this; a file that is no inventory could have a hundred thousand


def load(path: Path) -> Cluster:
    """The cluster that the file at `path` describes. Raises InventoryError."""
    try:
        with path.open("rb") as file:
            raw = file.read(document.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "a file; see `bootstrap config example` for one to begin with"
        raise InventoryError([Problem(str(path), None, "", f"cannot be read: {reason}", hint)]) from error
    return parse(raw, path)


def parse(text: bytes, path: Path) -> Cluster:
    """The cluster that `text` describes; paths in it are relative to the directory of `path`. Raises InventoryError."""
    try:
        read = document.read(text)
    except document.Unreadable as error:
        found = error.finding
        raise InventoryError([Problem(str(path), found.line, field_path(found.loc), found.message, found.hint)]) from error
    cluster, found_all = _judge(read, path.absolute().parent)
    if found_all or cluster is None:
        raise InventoryError(_problems(found_all, read, path))
    return cluster


def _judge(read: Document, directory: Path) -> tuple[Cluster | None, list[Finding]]:
    found = list(read.findings)
    cluster, errors = _model(read, directory)
    guessed = _places(read.findings)
    for finding in (*_envelope(read.data), *errors):
        if finding.message == UNKNOWN_FIELD or not within(finding.loc, guessed):
            found.append(finding)
    if len(found) > _MOST:  # not all are known, so nothing may be built on the rest
        return cluster, found
    draft = Draft(read.data, _places(found), directory, versions.SUPPORTED_MINORS)
    checks = (check_hosts, check_networks, check_components, check_durations, check_files, check_static_pods)
    found += chain.from_iterable(check.findings(draft) for check in checks)
    return cluster, found


def _places(found: Iterable[Finding]) -> set[Loc]:
    """Where nothing sound can be expected. A finding with a line of its own (a key that is there twice) spoils no value."""
    return {finding.loc for finding in found if finding.line is None}


def _model(read: Document, directory: Path) -> tuple[Cluster | None, list[Finding]]:
    """The cluster, or what every field by itself has wrong."""
    data = read.data if isinstance(read.data, dict) else {}
    spec, metadata = data.get("spec"), data.get("metadata")
    if not isinstance(spec, dict):
        return None, []
    name = metadata.get("name") if isinstance(metadata, dict) else None
    fields = {key: value for key, value in spec.items() if key != "name"} | {"name": _PLACEHOLDER if name is None else name}
    stray = [Finding(("spec", "name"), UNKNOWN_FIELD, "metadata.name")] if "name" in spec else []
    try:
        # JSON, because there lists, enumerations and paths can be told strictly from everything else
        cluster = Cluster.model_validate_json(
            json.dumps(fields, allow_nan=False), strict=True, context={DIRECTORY: directory}, by_alias=True, by_name=False
        )
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, stray + [translation.finding(detail, read) for detail in details[: _MOST + 1]]
    return cluster, stray


def _envelope(data: Any) -> list[Finding]:
    """What is wrong around `spec`."""
    known = ("apiVersion", "kind", "metadata", "spec")
    lead = {"metadata": "metadata: {name: demo}", "spec": "the cluster itself: kubernetesVersion, hosts, ..."}
    if not isinstance(data, dict):
        return [Finding((), "is not an inventory", f"the fields {', '.join(known)}; see `bootstrap config example`")]
    found = [Finding((key,), UNKNOWN_FIELD, _outer_hint(key, known)) for key in islice(data, _MOST + 1) if key not in known]
    found += _constant(data, "apiVersion", API_VERSION)
    found += _constant(data, "kind", KIND)
    found += [
        Finding((key,), "must hold fields" if key in data else "is missing", lead[key])
        for key in lead
        if not isinstance(data.get(key), dict)
    ]
    metadata = data.get("metadata")
    if isinstance(metadata, dict):
        found += [Finding(("metadata", key), UNKNOWN_FIELD, "only `name` is known here") for key in metadata if key != "name"]
        if metadata.get("name") is None:
            found.append(Finding(("metadata", "name"), "is missing", "the cluster's name, such as demo"))
    return found


def _outer_hint(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key[:60], known, n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else "known here: " + ", ".join(known) + "; all else belongs below spec"


def _constant(data: Mapping[str, Any], key: str, wanted: str) -> list[Finding]:
    value = data.get(key)
    if value == wanted:
        return []
    if isinstance(data.get("apiVersion"), str) and data["apiVersion"].startswith("kubeadm.k8s.io/"):
        return [Finding((key,), "is kubeadm's configuration, not an inventory", f"{key}: {wanted}")]
    return [Finding((key,), "is missing" if value is None else "is not one that is known", f"{key}: {wanted}")]


def _problems(found: list[Finding], read: Document, path: Path) -> list[Problem]:
    """By line, then by field; the same words about the same place only once."""

    def line(finding: Finding) -> int:
        return finding.line or read.line(finding.loc)

    def order(finding: Finding) -> tuple[int, str, str]:
        return line(finding), field_path(finding.loc), finding.message

    unique = sorted(dict.fromkeys(found), key=order)
    shown = [Problem(str(path), line(item), field_path(item.loc), item.message, item.hint) for item in unique[:_MOST]]
    if len(unique) > _MOST:
        shown.append(Problem(str(path), None, "", f"more than {_MOST} mistakes; the rest is not shown"))
    return shown

"""Applying patches to a document, and judging what comes out, with errors that name the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, assert_never

from bootstrap import api_schema
from bootstrap.constants import STATIC_PODS
from bootstrap.errors import InventoryError, Problem
from bootstrap.inventory.findings import Finding, field_path
from bootstrap.patches.json_patch import json_patched
from bootstrap.patches.load import COREDNS_DEPLOYMENT, KUBE_PROXY_DAEMON_SET, Patch, PatchType
from bootstrap.patches.merge import PatchError, merge_patch
from bootstrap.patches.strategic import DAEMON_SET, DEPLOYMENT, POD, Fields, strategic_merge

_FIELDS: Mapping[str, Fields] = {
    **dict.fromkeys(STATIC_PODS, POD),
    COREDNS_DEPLOYMENT: DEPLOYMENT,
    KUBE_PROXY_DAEMON_SET: DAEMON_SET,
}
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(STATIC_PODS, api_schema.POD),
    COREDNS_DEPLOYMENT: api_schema.DEPLOYMENT,
    KUBE_PROXY_DAEMON_SET: api_schema.DAEMON_SET,
}
_IDENTITY = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"))


def apply_patches(document: Any, target: str, patches: Iterable[Patch]) -> Any:
    """A copy of the document with every patch for this target applied, in order.

    Raises InventoryError naming the first patch that does not apply (those after it could only add confusion), or everything that
    is wrong with what they make of an API object: another object, unknown fields, values of a wrong type.
    """
    patched = document
    ours = [patch for patch in patches if patch.target == target]
    for patch in ours:
        try:
            patched = _patched(patched, patch)
        except PatchError as error:
            raise InventoryError([Problem(patch.file, patch.line, target, f"does not apply: {error}")]) from error
    if ours and target in _KINDS:
        found = tuple(_findings(patched, document, _KINDS[target]))
        if found:
            raise spoilt(target, ours, found)
    return patched


def spoilt(target: str, patches: Iterable[Patch], findings: Iterable[Finding]) -> InventoryError:
    """What is said of the patches for a target whose outcome is wrong: of several nobody can tell which one did it."""
    ours = [patch for patch in patches if patch.target == target]
    files, line = ", ".join(sorted({patch.file for patch in ours})), ours[0].line if len(ours) == 1 else None
    problems = []
    for finding in findings:
        where = field_path(finding.loc)
        what = f"after the patches: {where} {finding.message}" if where else f"after the patches: {finding.message}"
        problems.append(Problem(files, line, target, what, finding.hint))
    return InventoryError(problems)


def _findings(patched: Any, document: Any, kind: str) -> Iterator[Finding]:
    found = tuple(api_schema.findings(patched, kind))
    yield from found
    if not found:
        for loc in _IDENTITY:
            if _at(patched, loc) != _at(document, loc):
                yield Finding(loc, f"is no longer {_at(document, loc)}")


def _at(document: Any, loc: Sequence[str]) -> Any:
    for name in loc:
        document = (document or {}).get(name)
    return document


def _patched(document: Any, patch: Patch) -> Any:
    match patch.type:
        case PatchType.STRATEGIC:
            return strategic_merge(document, patch.content, _FIELDS.get(patch.target, {}))
        case PatchType.MERGE:
            return merge_patch(document, patch.content)
        case PatchType.JSON:
            return json_patched(document, patch.content)
        case _:
            assert_never(patch.type)

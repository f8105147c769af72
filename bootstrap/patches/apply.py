"""Applying patches to a document, with errors that name the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from bootstrap.constants import STATIC_PODS
from bootstrap.errors import InventoryError, Problem
from bootstrap.patches.json_patch import json_patched
from bootstrap.patches.load import COREDNS_DEPLOYMENT, KUBE_PROXY_DAEMON_SET, Patch, PatchType
from bootstrap.patches.merge import PatchError, merge_patch
from bootstrap.patches.strategic import DAEMON_SET, DEPLOYMENT, POD, Fields, strategic_merge

_FIELDS: Mapping[str, Fields] = {
    **dict.fromkeys(STATIC_PODS, POD),
    COREDNS_DEPLOYMENT: DEPLOYMENT,
    KUBE_PROXY_DAEMON_SET: DAEMON_SET,
}


def apply_patches(document: Any, target: str, patches: Iterable[Patch]) -> Any:
    """A copy of the document with every patch for this target applied, in order.

    Raises InventoryError naming the first patch that does not apply: those after it could only add confusion.
    """
    for patch in patches:
        if patch.target != target:
            continue
        try:
            document = _patched(document, patch)
        except PatchError as error:
            raise InventoryError([Problem(patch.file, patch.line, target, f"does not apply: {error}")]) from error
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

"""JSON merge patch. Source: RFC 7386."""

from __future__ import annotations

import copy
from typing import Any


class PatchError(Exception):
    """A patch does not fit the document."""


def merge_patch(document: Any, patch: Any) -> Any:
    """A copy of the document with the patch merged in: mappings field by field, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return copy.deepcopy(merged)

"""JSON patch. Source: RFC 6902 (operations), RFC 6901 (pointers)."""

from __future__ import annotations

import copy
import re
from typing import Any

from bootstrap.patches.merge import PatchError

_NEEDS = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
}


def wrong(patch: Any) -> str:
    """Why this is no JSON patch; empty where it is one."""
    if not isinstance(patch, list):
        return f"a json patch is a list of operations, not a {type(patch).__name__}"
    for index, operation in enumerate(patch):
        if not isinstance(operation, dict) or operation.get("op") not in _NEEDS:
            return f"operation {index}: op is one of {', '.join(_NEEDS)}"
        for field in ("path", *_NEEDS[operation["op"]]):
            if field not in operation:
                return f"operation {index}: {operation['op']} needs {field!r}"
        for field in ("path", "from"):
            pointer = operation.get(field, "")
            if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")) or re.search(r"~(?![01])", pointer):
                return f"operation {index}: {pointer!r} is not a JSON pointer (/spec/containers/0/...)"
    return ""


def json_patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """A copy of the document after every operation; PatchError where one cannot be done or a test fails."""
    result = copy.deepcopy(document)
    for index, operation in enumerate(patch):
        try:
            result = _applied(result, operation)
        except PatchError as error:
            raise PatchError(f"operation {index} ({operation['op']} {operation['path']}): {error}") from None
    return result


def _applied(document: Any, operation: dict[str, Any]) -> Any:
    path = _steps(operation["path"])
    match operation["op"]:
        case "add":
            return _added(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            return _removed(document, path)
        case "replace":
            _found(document, path)
            return _replaced(document, path, copy.deepcopy(operation["value"]))
        case "move":
            source = _steps(operation["from"])
            if path[: len(source)] == source and path != source:
                raise PatchError(f"{operation['from']} cannot be moved into itself")
            value = _found(document, source)
            return _added(_removed(document, source), path, value)
        case "copy":
            return _added(document, path, copy.deepcopy(_found(document, _steps(operation["from"]))))
        case _:
            if not _equal(_found(document, path), operation["value"]):
                raise PatchError(f"the value there is {_found(document, path)!r}")
            return document


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _found(document: Any, path: list[str]) -> Any:
    for step in path:
        document = document[_key(document, step)]
    return document


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        index = len(parent) if last == "-" else _index(last, len(parent) + 1)
        parent.insert(index, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise PatchError(f"{'/'.join(path[:-1])} is neither a mapping nor a list")
    return document


def _removed(document: Any, path: list[str]) -> Any:
    if not path:
        raise PatchError("the whole document cannot be removed")
    parent = _found(document, path[:-1])
    del parent[_key(parent, path[-1])]
    return document


def _replaced(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _found(document, path[:-1])
    parent[_key(parent, path[-1])] = value
    return document


def _key(parent: Any, step: str) -> Any:
    """The key or index that a step of a pointer names in `parent`; it must exist."""
    if isinstance(parent, list):
        return _index(step, len(parent))
    if not isinstance(parent, dict) or step not in parent:
        raise PatchError(f"there is no {step!r}")
    return step


def _index(step: str, length: int) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", step) or int(step) >= length:
        raise PatchError(f"there is no element {step!r}")
    return int(step)


def _equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: in Python, True equals 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)

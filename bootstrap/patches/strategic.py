"""Strategic merge patch for Pods, Deployments and DaemonSets, with every directive.

Sources: apimachinery pkg/util/strategicpatch/patch.go (v0.36.3); merge keys: patchStrategy and patchMergeKey in api core/v1 and
apps/v1 types.go and meta/v1 ObjectMeta (v0.36.3). Lists that are not named here are replaced whole (tolerations, args,
command); mappings are merged field by field. Elements that a patch names come before those that it does not, unless the original
has them in another order: so a sidecar that a patch adds becomes the first container, as with kubeadm.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bootstrap.patches.merge import PatchError


@dataclass(frozen=True)
class Merged:
    """A list that is merged, not replaced. key: names its elements; empty: the elements are scalars. fields: of an element."""

    key: str = ""
    fields: Fields = field(default_factory=dict)


Fields: TypeAlias = "Mapping[str, Fields | Merged]"
Object = dict[str, Any]

_METADATA: Fields = {"ownerReferences": Merged("uid"), "finalizers": Merged()}
_CONTAINER: Fields = {
    "ports": Merged("containerPort"),
    "env": Merged("name"),
    "volumeMounts": Merged("mountPath"),
    "volumeDevices": Merged("devicePath"),
}
_POD_SPEC: Fields = {
    "volumes": Merged("name"),
    "initContainers": Merged("name", _CONTAINER),
    "containers": Merged("name", _CONTAINER),
    "ephemeralContainers": Merged("name", _CONTAINER),
    "imagePullSecrets": Merged("name"),
    "hostAliases": Merged("ip"),
    "topologySpreadConstraints": Merged("topologyKey"),
    "schedulingGates": Merged("name"),
    "resourceClaims": Merged("name"),
}
POD: Fields = {"metadata": _METADATA, "spec": _POD_SPEC}
DEPLOYMENT: Fields = {"metadata": _METADATA, "spec": {"template": POD}}
DAEMON_SET: Fields = DEPLOYMENT

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def strategic_merge(document: Object, patch: Object, fields: Fields) -> Object:
    """A copy of the document with the patch merged in; PatchError where a directive or a merge key is wrong."""
    return _merged(copy.deepcopy(document), copy.deepcopy(patch), fields)


def _merged(original: Object, patch: Object, fields: Fields) -> Object:
    """Merges into `original`; both belong to the caller's copy."""
    if _PATCH in patch:
        return _directed(patch)
    _retain(original, patch)
    _ordered(original, patch, fields)
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            unwanted = _list(value, key)
            if isinstance(original.get(name), list):
                original[name] = [item for item in original[name] if item not in unwanted]
        elif value is None:
            original.pop(key, None)
        else:
            _merge_field(original, key, value, fields.get(key, {}))
    return original


def _merge_field(original: Object, key: str, value: Any, below: Fields | Merged) -> None:
    present = original.get(key)
    if isinstance(present, dict) and isinstance(value, dict):
        original[key] = _merged(present, value, {} if isinstance(below, Merged) else below)
    elif isinstance(present, list) and isinstance(value, list):
        original[key] = _merged_list(present, value, below, key) if isinstance(below, Merged) else value
    else:
        kept, plain = _without_directives(_without_nulls(value))
        original.pop(key, None)
        if kept:
            original[key] = plain


def _directed(patch: Object) -> Object:
    """A mapping with `$patch`: replaced by the rest of it, or emptied."""
    directive = patch.pop(_PATCH)
    if directive == "replace":
        return patch
    if directive == "delete":
        return {}
    raise PatchError(f"{_PATCH}: {directive!r} is not known for a mapping (replace, delete)")


def _retain(original: Object, patch: Object) -> None:
    """`$retainKeys`: all other keys go; a key that the patch sets must be among them."""
    if _RETAIN not in patch:
        return
    retained = _list(patch.pop(_RETAIN), _RETAIN)
    set_here = [key for key, value in patch.items() if value is not None and not key.startswith((_DELETE, _ORDER))]
    strays = [key for key in set_here if key not in retained]
    if strays:
        raise PatchError(f"{_RETAIN} lacks {', '.join(strays)}")
    for key in [key for key in original if key not in retained]:
        del original[key]


def _ordered(original: Object, patch: Object, fields: Fields) -> None:
    """`$setElementOrder/list`: the list is merged here, in the order given, and taken out of the patch."""
    for directive in [key for key in patch if key.startswith(_ORDER)]:
        order = _list(patch.pop(directive), directive)
        name = directive.removeprefix(_ORDER)
        below = fields.get(name, {})
        merged_by = below if isinstance(below, Merged) else None
        key = merged_by.key if merged_by else ""
        present, given = original.get(name), patch.pop(name, None)
        if present is None and given is None:
            continue
        _check_order(_list(given or [], name), order, key, directive)
        if given is None:
            items = _list(present, name)
        elif present is None:
            items = _without_directives(given)[1]
        elif merged_by:
            items = _merged_list(_list(present, name), _list(given, name), merged_by, name)
        else:
            items = given
        original[name] = _in_order(items, order, _list(present or [], name), key)


def _check_order(given: Sequence[Any], order: Sequence[Any], key: str, directive: str) -> None:
    """Every element that the patch sets stands in the order list, in the same order."""
    if not given or not order:
        return
    names = [_name(item, key) for item in order]
    position = 0
    for item in given:
        if isinstance(item, dict) and _PATCH in item:
            continue
        try:
            position = names.index(_name(item, key), position) + 1
        except ValueError:
            raise PatchError(f"the elements of the patch are not in the order of {directive}") from None


def _merged_list(original: list[Any], patch: list[Any], merged: Merged, where: str) -> list[Any]:
    if not original and not patch:
        return original
    if len({isinstance(item, dict) for item in (*original, *patch)}) > 1:
        raise PatchError(f"{where}: mappings and plain values do not mix")
    if not any(isinstance(item, dict) for item in (*original, *patch)):
        both = [*original, *(item for item in patch if item not in original)]
        unique = [item for index, item in enumerate(both) if item not in both[:index]]
        return _in_order(unique, patch, original, "")
    if not merged.key:
        raise PatchError(f"{where}: there is no key to merge these elements by")
    original, patch = _special_elements(original, patch, merged.key, where)
    result = list(original)
    for item in patch:
        name = _key_value(item, merged.key, where)
        index = next((i for i, have in enumerate(result) if _name(have, merged.key) == name), None)
        if index is None:
            result.append(_without_directives(_without_nulls(item))[1])
        else:
            result[index] = _merged(result[index], item, merged.fields)
    return _in_order(result, patch, original, merged.key)


def _special_elements(original: list[Any], patch: list[Any], key: str, where: str) -> tuple[list[Any], list[Any]]:
    """Elements with `$patch`: delete takes the element of that key away, replace puts the rest of the patch in place of all."""
    plain = [item for item in patch if _PATCH not in item]
    replace = False
    for item in patch:
        match item.get(_PATCH, ""):
            case "":
                pass
            case "delete":
                unwanted = _key_value(item, key, where)
                original = [have for have in original if _name(have, key) != unwanted]
            case "replace":
                replace = True
            case directive:
                raise PatchError(f"{where}: {_PATCH}: {directive!r} is not known for an element (delete, replace)")
    for item in plain:
        _key_value(item, key, where)
    return (plain, []) if replace else (original, plain)


def _in_order(items: list[Any], order: Sequence[Any], original: Sequence[Any], key: str) -> list[Any]:
    """Elements named in `order`, in that order, merged with the others in theirs; where both know, the original decides."""
    names = [_name(item, key) for item in order]
    before = [_name(item, key) for item in original]
    named = [item for item in items if _name(item, key) in names]
    named.sort(key=lambda item: names.index(_name(item, key)))
    others = [item for item in items if _name(item, key) not in names]
    others.sort(key=lambda item: _position(before, _name(item, key)))
    result: list[Any] = []
    while named and others:
        mine, other = _name(named[0], key), _name(others[0], key)
        other_first = mine in before and other in before and before.index(other) < before.index(mine)
        result.append(others.pop(0) if other_first else named.pop(0))
    return result + named + others


def _position(names: Sequence[Any], name: Any) -> int:
    return names.index(name) if name in names else len(names)


def _name(item: Any, key: str) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item


def _key_value(item: Object, key: str, where: str) -> Any:
    if key not in item:
        raise PatchError(f"{where}: an element of the patch has no {key!r}, by which elements are merged")
    return item[key]


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise PatchError(f"{where} is a list, not a {type(value).__name__}")
    return value


def _without_directives(value: Any) -> tuple[bool, Any]:
    """(keep it?, the value without directives): a mapping that carries `$patch` is itself a directive.

    Upstream leaves the other directives standing in what is new, where no decoder wants them.
    """
    if isinstance(value, dict):
        if _PATCH in value:
            return False, None
        kept = {key: _without_directives(item) for key, item in value.items() if not _is_directive(key)}
        return True, {key: item for key, (keep, item) in kept.items() if keep}
    if isinstance(value, list):
        return True, [item for keep, item in map(_without_directives, value) if keep]
    return True, value


def _is_directive(key: str) -> bool:
    return key == _RETAIN or key.startswith((_ORDER, _DELETE))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value

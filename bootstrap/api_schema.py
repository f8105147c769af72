"""The fields of API objects and their types, to tell a typo while no API server answers: a kubelet decodes leniently and says
nothing.

Source: lightkube-models, which is generated from Kubernetes' OpenAPI documents. Its modules are read as text, never imported:
that is quick, and they would want a client of the API beside them. They are those of the newest minor that is supported: a field
that the cluster's own does not have yet is found only where its API server is asked, in a strict dry run, as for pods of the
user's own.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bootstrap.inventory.findings import UNKNOWN_FIELD, Finding, Loc

_PACKAGE = "lightkube.models"
POD, DEPLOYMENT, DAEMON_SET = "core_v1.Pod", "apps_v1.Deployment", "apps_v1.DaemonSet"
_SCALARS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "meta_v1.Time": ((str,), "a time, such as 2026-01-31T12:00:00Z"),
    "meta_v1.MicroTime": ((str,), "a time, such as 2026-01-31T12:00:00Z"),
    "resource.Quantity": ((str, int, float), "a quantity, such as 100m or 64Mi"),
    "util_intstr.IntOrString": ((int, str), "a number or a name"),
}


def findings(thing: Any, kind: str) -> Iterator[Finding]:
    """Every field that such an object does not have, every value of a wrong type, every field that must be there and is not.

    kind: POD, DEPLOYMENT or DAEMON_SET. A null is what is left out, as it is for Kubernetes' own decoders.
    """
    yield from _object(thing, kind, ())


def _object(value: Any, kind: str, loc: Loc) -> Iterator[Finding]:
    fields = _fields(kind)
    if not isinstance(value, dict):
        yield Finding(loc, "is not a group of fields", f"some of {', '.join(fields)}")
        return
    for name, item in value.items():
        if name not in fields:
            yield Finding((*loc, str(name)), UNKNOWN_FIELD, _meant(str(name), fields))
        elif item is not None:
            yield from _value(item, fields[name].removeprefix("?"), (*loc, name))
    missing = [name for name, annotation in fields.items() if not annotation.startswith("?") and value.get(name) is None]
    yield from (Finding((*loc, name), "is missing") for name in missing)


def _value(value: Any, annotation: str, loc: Loc) -> Iterator[Finding]:
    if annotation in _SCALARS:
        types, hint = _SCALARS[annotation]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            yield Finding(loc, f"is {_named(value)}", hint)
    elif annotation.startswith("["):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _value(item, annotation[1:], (*loc, index))
        else:
            yield Finding(loc, f"is {_named(value)}", "a list")
    elif annotation == "dict":
        yield from _text_by_text(value, loc)
    elif annotation not in ("Any", "meta_v1.FieldsV1"):
        yield from _object(value, annotation, loc)


def _text_by_text(value: Any, loc: Loc) -> Iterator[Finding]:
    """Labels, annotations, selectors, resources: the keys are the user's. Of resources the values may be numbers."""
    types = (str, int, float) if loc[-1] in ("limits", "requests", "overhead") else (str,)
    if not isinstance(value, dict):
        yield Finding(loc, f"is {_named(value)}", "names with a value each")
        return
    for key, item in value.items():
        if item is not None and (not isinstance(item, types) or isinstance(item, bool)):
            yield Finding((*loc, str(key)), f"is {_named(item)}", "text; quotes make it text")


def _meant(name: str, fields: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(name[:60], fields, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(fields)}"


def _named(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"{str(value).lower()}, which is a boolean"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a group of fields"


@lru_cache(maxsize=256)
def _fields(kind: str) -> dict[str, str]:
    """Annotation by name of the fields of `core_v1.Pod`, optional ones with `?` in front, lists with `[`."""
    module, _, name = kind.partition(".")
    found = {}
    for statement in _classes(module)[name].body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = _annotation(_unquoted(statement.annotation), module)
    return found


def _annotation(node: ast.expr, module: str) -> str:
    match node:
        case ast.Subscript(ast.Name("Optional"), inner):
            return f"?{_annotation(inner, module)}"
        case ast.Subscript(ast.Name("List"), inner):
            return f"[{_annotation(inner, module)}"
        case ast.Subscript(ast.Name("Dict"), _) | ast.Name("dict"):
            return "dict"
        case ast.Attribute(ast.Name(other), name):
            return f"{other}.{name}"
        case ast.Name("str" | "int" | "bool" | "float" | "Any" as name):
            return name
        case ast.Name(name):
            return f"{module}.{name}"
    raise ValueError(f"lightkube-models has an annotation that is not known here: {ast.unparse(node)}")


def _unquoted(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


@lru_cache(maxsize=8)
def _classes(module: str) -> dict[str, ast.ClassDef]:
    spec = find_spec(_PACKAGE)
    locations = spec.submodule_search_locations if spec is not None else None
    if not locations:
        raise FileNotFoundError(f"{_PACKAGE} is not installed")
    text = (Path(next(iter(locations))) / f"{module}.py").read_text(encoding="utf-8")
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}

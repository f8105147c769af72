"""pydantic's errors -> findings in plain English."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import ErrorDetails

from bootstrap.inventory.document import Document
from bootstrap.inventory.findings import UNKNOWN_FIELD, Finding, Loc
from bootstrap.inventory.shape import closest, model_at, suggestion
from bootstrap.syntax import Mistake, quoted, stranger

_MISSING = {
    "address": "the node's own IP, such as 192.0.2.11",
    "key": "as in a label: dedicated, example.com/gpu",
    "hosts": "a list of machines, at least one of them with role: control-plane",
    "kubernetesVersion": "a release, such as v1.36.3",
    "name": "every list entry of this kind has a name",
    "role": "control-plane or worker",
    "value": 'text; a flag without a value has "true"',
}
_ROLES = {"master": "control-plane", "controlplane": "control-plane", "control_plane": "control-plane", "node": "worker"}


def finding(error: ErrorDetails, document: Document) -> Finding:
    """What one error of Cluster's validation means. Places in it are below spec, but for the name, which is metadata's."""
    below = tuple(part for part in error["loc"] if part != "[key]")
    loc: Loc = ("metadata", *below) if below == ("name",) else ("spec", *below)
    message, hint = _words(error, below, document.words.get(loc))
    return Finding(loc, message, hint)


def _words(error: ErrorDetails, below: Loc, word: str | None) -> tuple[str, str]:
    kind, value, name = error["type"], error["input"], str(below[-1]) if below else ""
    reason = error.get("ctx", {}).get("error")
    if isinstance(reason, Mistake):
        return _with_stranger(reason.message, value), reason.hint
    match kind:
        case "missing":
            return "is missing", _MISSING.get(name, "every entry of this kind has one")
        case "extra_forbidden":
            return UNKNOWN_FIELD, suggestion(below)
        case "string_type":
            return f"must be text, but is {_kind(value, word)}", _text_hint(name, value, word)
        case "int_type" | "int_from_float" | "int_parsing":
            return f"must be a whole number, but is {_kind(value, word)}", _number_hint(value)
        case "bool_type":
            return f"must be true or false, but is {_kind(value, word)}", "true or false, without quotes"
        case "tuple_type":
            return f"must be a list, but is {_kind(value, word)}", "entries that begin with a dash, or [] for none"
        case "model_type" | "model_attributes_type" | "dict_type":
            hint = "leave the line out for the defaults" if value is None else _fields(below)
            return f"must hold fields, but is {_kind(value, word)}", hint
        case "enum":
            return _choice(value, word, str(error.get("ctx", {}).get("expected", "")))
    return f"cannot be {_kind(value, word)}", "see `bootstrap config schema`"


def _fields(below: Loc) -> str:
    """The fields of the object at `below`, or of whatever kind it may be."""
    model = model_at(below)
    if model is None:
        return "lines `name: value`, or {} for none"
    return "fields: " + ", ".join(field.alias or "" for field in model.model_fields.values())


def _with_stranger(message: str, value: Any) -> str:
    """A wrong value that holds what is not ASCII: which character, for it may look like one that would be right."""
    found = stranger(value) if isinstance(value, str) else ""
    return message if not found or found in message else f"{message}; it holds {found}"


def _choice(value: Any, word: str | None, expected: str) -> tuple[str, str]:
    known = re.findall(r"'([^']*)'", expected)
    listed = "one of " + ", ".join(known)
    if not isinstance(value, str):
        return f"must be text, but is {_kind(value, word)}", listed
    message = _with_stranger(f"{quoted(value)} is not a choice", value)
    near = closest(value, known) or closest(value, [choice.lower() for choice in known])
    meant = _ROLES.get(value.lower(), "") if "control-plane" in known else ""
    meant = meant or next((choice for choice in known if choice.lower() == near.lower()), "")
    return message, f"did you mean {meant}? {listed}" if meant else listed


def _kind(value: object, word: str | None) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"the switch {word or str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {word or value}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "a list" if isinstance(value, list) else "a group of fields"


def _text_hint(name: str, value: object, word: str | None) -> str:
    if name == "kubernetesVersion" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"a whole release, such as v{word or value}.3"
    if isinstance(value, bool | int | float):
        return f'in quotes: "{word or value}"'
    if value is None:
        return _MISSING.get(name, 'text, or leave the line out; "" is an empty text')
    return "one value, without brackets; text that begins with [ or { stands in quotes"


def _number_hint(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return f"without quotes: {value.strip()}"
    return "digits alone, without quotes"

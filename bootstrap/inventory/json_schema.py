"""JSON schema of an inventory, for editors; made from the models and their docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any

from bootstrap.cluster import Cluster, Model
from bootstrap.inventory.loading import API_VERSION, KIND
from bootstrap.inventory.showing import plain

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of the whole file. It knows each field's form; `load` checks more."""
    spec = Cluster.model_json_schema(by_alias=True)
    definitions = spec.pop("$defs")
    for model in _models(Model):
        if model.__name__ in definitions:
            _describe(definitions[model.__name__], model)
    _describe(spec, Cluster)
    name = spec["properties"].pop("name")
    spec["required"].remove("name")
    spec["properties"]["hosts"]["minItems"] = 1
    whole = {
        "$schema": _DIALECT,
        "title": "bootstrap inventory",
        "description": "A Kubernetes cluster: its machines, and what their control plane is like.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {"name": name | {"description": "The cluster's name."}},
            },
            "spec": spec,
        },
        "$defs": definitions,
    }
    untitled: dict[str, Any] = _without_titles(whole)
    return untitled | {"title": whole["title"]}


def _describe(part: dict[str, Any], model: type[Model]) -> None:
    """Descriptions of a model and its fields, from its docstring: lines `field: text` are the fields'. Defaults as in YAML."""
    for field in model.model_fields.values():
        part["properties"][field.alias].pop("default", None)
        if not field.is_required() and field.default is not None and not isinstance(field.default, Model):
            part["properties"][field.alias]["default"] = plain(field.default)
    own: list[str] = []
    for line in inspect.cleandoc(model.__doc__ or "").splitlines():
        match = re.fullmatch(r"([a-z_]+): (.+)", line)
        if match and match[1] in model.model_fields:
            alias = model.model_fields[match[1]].alias or match[1]
            if alias in part["properties"]:
                part["properties"][alias]["description"] = _in_yaml(match[2])
        elif line:
            own.append(line)
    part.pop("description", None)
    if own and model.__doc__ != Model.__doc__:
        part["description"] = _in_yaml(" ".join(own))


def _in_yaml(text: str) -> str:
    """`text` with the fields that it names spelt as in the file."""
    aliases = {name: field.alias or name for model in _models(Model) for name, field in model.model_fields.items() if "_" in name}
    return re.sub(r"\b[a-z]+(_[a-z]+)+\b", lambda match: aliases.get(match[0], match[0]), text)


def _models(base: type[Model]) -> list[type[Model]]:
    below = base.__subclasses__()
    return below + [model for child in below for model in _models(child)]


def _without_titles(value: Any, names: bool = False) -> Any:
    """`value` without the titles that pydantic derives from names; under `properties` a title is a field's name."""
    if isinstance(value, dict):
        return {
            key: _without_titles(item, names=key in ("properties", "$defs") and not names)
            for key, item in value.items()
            if names or key != "title"
        }
    return [_without_titles(item) for item in value] if isinstance(value, list) else value

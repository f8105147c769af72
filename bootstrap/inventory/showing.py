"""Cluster -> YAML with every default filled in; what it gives loads back to an equal Cluster."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from bootstrap import durations
from bootstrap.cluster import Cluster, Model
from bootstrap.inventory.loading import API_VERSION, KIND
from bootstrap.inventory.scalars import is_plain_text


def show(cluster: Cluster) -> str:
    """The inventory of `cluster` in full. Fields without a default that are not set are left out."""
    spec = plain(cluster)
    whole = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": spec.pop("name")}, "spec": spec}
    return yaml.dump(whole, Dumper=_Dumper, sort_keys=False, width=2**31 - 1)


def plain(value: Any) -> Any:
    """`value` in YAML's own types; a None in a model is left out, one in the operator's own mapping is kept."""
    match value:
        case Model():
            named = [(field.alias or name, getattr(value, name)) for name, field in type(value).model_fields.items()]
            return {alias: plain(content) for alias, content in named if content is not None}
        case tuple():
            return [plain(item) for item in value]
        case timedelta():
            return durations.format(value)
        case Enum():
            return value.value
        case Path():
            return str(value)
    return value


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML would take for something else; never uses aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain_text(value) else '"')


_Dumper.add_representer(str, _text)

"""Field names of the model by place, and what an operator probably meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from bootstrap.cluster import Cluster, Model
from bootstrap.inventory.findings import Loc, field_path

_NOT_HERE = {
    "external": "external etcd is not supported; every control plane host has a member",
    "password": "no passwords in an inventory: keys for SSH; sudoPasswordEnv or --ask-sudo-password for sudo",
    "sudopassword": "no passwords in an inventory: sudoPasswordEnv names a variable, --ask-sudo-password asks",
    "advertiseaddress": "a host's `address` is what its API server advertises",
    "proxycommand": "proxyJump, or an ssh_config file that has it: configFile",
    "stricthostkeychecking": "host keys are always checked: hostKey, knownHostsFile, bootstrap trust",
    "masters": "hosts with role: control-plane",
    "nodes": "hosts",
    "workers": "hosts with role: worker",
}


def model_at(loc: Loc) -> type[Model] | None:
    """The model that `loc` (below spec) is an object of; None where any field is allowed."""
    annotation: Any = Cluster
    for part in loc:
        if isinstance(part, int):
            annotation = next(iter(get_args(_bare(annotation))), None)
            continue
        model = _as_model(annotation)
        field = None if model is None else next((f for f in model.model_fields.values() if f.alias == part), None)
        if field is None:
            return None
        annotation = field.annotation
    return _as_model(annotation)


def suggestion(loc: Loc) -> str:
    """What to write instead of the unknown field at `loc` (below spec)."""
    name = _normal(str(loc[-1]))
    model = model_at(loc[:-1])
    known = [] if model is None else [field.alias or "" for field in model.model_fields.values()]
    if model is Cluster:
        known.remove("name")
    by_normal = {_normal(alias): alias for alias in known}
    if close := difflib.get_close_matches(name, by_normal, n=1, cutoff=0.75):
        return f"did you mean {by_normal[close[0]]}?"
    if name in _NOT_HERE:
        return _NOT_HERE[name]
    elsewhere = [field_path(("spec", *place)) for place in places(Cluster) if _normal(str(place[-1])) == name and len(place) > 1]
    if elsewhere:
        return "it belongs to " + " or ".join(place.replace("[0]", "[]") for place in elsewhere[:3])
    return "known here: " + ", ".join(known)


def closest(word: str, known: list[str]) -> str:
    """The one of `known` that `word` probably is; empty if none is near."""
    return next(iter(difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)), "")


def places(model: type[Model], prefix: Loc = ()) -> Iterator[Loc]:
    """Every field below `model`; 0 stands for any entry of a list."""
    for field in model.model_fields.values():
        place = (*prefix, field.alias or "")
        yield place
        below = _as_model(field.annotation)
        if below is not None:
            yield from places(below, place)
        elif args := [_as_model(arg) for arg in get_args(_bare(field.annotation))]:
            for item in dict.fromkeys(args):
                if item is not None:
                    yield from places(item, (*place, 0))


def _normal(name: str) -> str:
    return name[:60].replace("_", "").replace("-", "").lower()


def _bare(annotation: Any) -> Any:
    """`annotation` without Annotated and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(arg for arg in get_args(annotation) if arg is not type(None)))
    return annotation


def _as_model(annotation: Any) -> type[Model] | None:
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, Model) else None

"""Flags of components and kubelets: (name without dashes, value) pairs, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bootstrap.cluster import Arg
from bootstrap.owned import flag_name

Flag = tuple[str, str]


def arguments(defaults: Mapping[str, str], ours: Mapping[str, str], extra: Iterable[Arg]) -> list[Flag]:
    """All flags of a component: kubeadm's and ours sorted by name, then the user's in their own order.

    A flag of the user's replaces every default of that name, however it is spelt, and may itself be repeated.
    Source: kubeadm app/util/arguments.go, ArgumentsToCommand (v1.36.3).
    """
    overrides = [(flag_name(arg.name), arg.value) for arg in extra]
    overridden = {name for name, _ in overrides}
    base = sorted({**defaults, **ours}.items())
    return [(name, value) for name, value in base if name not in overridden] + overrides


def words(flags: Iterable[Flag]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags]

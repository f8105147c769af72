"""The commented examples that come with the tool."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from bootstrap.errors import UsageError


def examples() -> tuple[str, ...]:
    """Names of the examples, sorted."""
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml")))


def example(kind: str) -> str:
    """Text of one example. Raises UsageError where there is none of that name."""
    known = examples()
    if kind not in known:
        raise UsageError(f"there is no example {kind}", hint="one of " + ", ".join(known))
    return (_folder() / f"{kind}.yaml").read_text(encoding="utf-8")


def _folder() -> Traversable:
    """In an installed package beside the code; in a checkout at its top."""
    packaged = files("bootstrap") / "inventory_examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "inventory"

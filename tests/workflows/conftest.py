"""Model time for everything that waits, and no text rendered or read twice."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from bootstrap import components
from tests.workflows.support import in_model_time

REMEMBERED: dict[tuple[str, str, str], bytes] = {}


@pytest.fixture(autouse=True)
def model_time(monkeypatch: pytest.MonkeyPatch) -> None:
    in_model_time(monkeypatch)


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine tenths of what a plan costs is YAML, and here it is the same a thousand times over."""
    for module, function in ((yaml, yaml.load), (yaml, yaml.load_all), (yaml, yaml.dump), (components, components.manifest)):
        monkeypatch.setattr(module, function.__name__, _remembering(function))


def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    every = function is yaml.load_all

    def ask(text: Any, *arguments: Any, **options: Any) -> Any:
        key = (function.__name__, repr(text), f"{arguments} {options}")
        if key not in REMEMBERED:
            found = function(text, *arguments, **options)
            REMEMBERED[key] = pickle.dumps(list(found) if every else found)
        found = pickle.loads(REMEMBERED[key])
        return iter(found) if every else found

    return ask

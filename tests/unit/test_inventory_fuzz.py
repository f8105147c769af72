"""Whatever the bytes are, loading gives a Cluster or an InventoryError, with words for people and places in the file."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.cluster import Cluster
from bootstrap.errors import InventoryError
from bootstrap.inventory import example, examples, show
from bootstrap.inventory import shape as model_shape
from tests.unit.inventory_support import GOOD, load

FEW = settings(max_examples=150, deadline=None)
INTERNALS = ("Input should", "pydantic", "Value error", "Traceback", "validation error", "Extra inputs", "JSON")


def check(text: str | bytes) -> None:
    """Load `text`; a cluster must survive a round trip, an error must be fit to be read."""
    try:
        cluster = load(text)
    except InventoryError as error:
        lines = (text if isinstance(text, bytes) else text.encode(errors="replace")).splitlines()
        for problem in error.problems:
            assert problem.message
            assert problem.line is None or 1 <= problem.line <= len(lines) + 1
            assert not any(word in str(problem) for word in INTERNALS)
            assert "\n" not in str(problem)
            assert len(str(problem)) < 2000
    else:
        assert load(show(cluster)) == cluster


@FEW
@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    check(raw)


@FEW
@given(st.text(alphabet="ab: -[]{}&*!|>'\"#%@`,?\n\t01.~<=\r\u00e9", max_size=120))
def test_any_text_that_looks_like_yaml(text: str) -> None:
    check(text)
    check(GOOD + "  kubelet: {config: " + text.replace("\n", " ") + "}\n")


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["", "cp1", "192.0.2.1", "::1", "10.0.0.0/8", "-x", "a,b", "1h", "v1.36.3", "~/x", "~x", "\x00", "\ud800"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
PLACES = list(model_shape.places(Cluster))


@FEW
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_at_any_field(place: tuple[str | int, ...], value: Any) -> None:
    data = yaml.safe_load(GOOD)
    target: Any = data["spec"]
    for part, following in pairwise(place):
        if isinstance(part, int):
            target = target[part] if target and part < len(target) else _added(target)
        elif isinstance(target, dict):
            target = target.setdefault(part, [] if isinstance(following, int) else {})
    if isinstance(place[-1], str) and isinstance(target, dict):
        target[place[-1]] = value
    check(yaml.safe_dump(data, allow_unicode=False))


def _added(target: list[Any]) -> dict[str, Any]:
    target.append({})
    added: dict[str, Any] = target[-1]
    return added


@FEW
@given(st.sampled_from([GOOD, *(example(kind) for kind in examples())]), st.data())
def test_any_line_spoilt(text: str, data: st.DataObject) -> None:
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, len(lines[at])))
    lines[at] = lines[at][:cut] + data.draw(st.text(max_size=6)) + lines[at][cut + data.draw(st.integers(0, 3)) :]
    check("\n".join(lines) + "\n")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_every_field_says_in_words_what_it_cannot_be(place: tuple[str | int, ...]) -> None:
    """A list of lists is right nowhere; the message must be ours at every field there is."""
    for value in ([[1]], {"a": {"b": []}}, 1.5, None, True, "\u2603 \u2028"):
        text: Any = value
        for part in reversed(place):
            text = [text] if isinstance(part, int) else {part: text}
        data = yaml.safe_load(GOOD)
        data["spec"] = {**data["spec"], **text}
        check(yaml.safe_dump(data))

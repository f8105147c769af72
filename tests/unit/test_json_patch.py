"""JSON patch, RFC 6902 (examples of its appendix A) and RFC 6901."""

import copy
from typing import Any

import pytest

from bootstrap.patches.json_patch import json_patched
from bootstrap.patches.merge import PatchError


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        ({"foo": ["a", "b", "c", "d"]}, [{"op": "move", "from": "/foo/1", "path": "/foo/3"}], {"foo": ["a", "c", "d", "b"]}),
        ({"foo": ["a"]}, [{"op": "add", "path": "/foo/-", "value": ["x"]}], {"foo": ["a", ["x"]]}),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}, {"op": "remove", "path": "/~1"}], {"~1": 10}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
        ({"": 1}, [{"op": "remove", "path": "/"}], {}),
    ],
)
def test_operations(document: Any, patch: list[dict[str, Any]], expected: Any) -> None:
    before = copy.deepcopy(document)
    assert expected == json_patched(document, patch)
    assert before == document


@pytest.mark.parametrize(
    ("document", "patch", "message"),
    [
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "the value there is 1"),
        ({"a": [0]}, {"op": "test", "path": "/a", "value": [False]}, "the value there is"),
        ({}, {"op": "replace", "path": "/a", "value": 1}, "there is no 'a'"),
        ({}, {"op": "add", "path": "/a/b", "value": 1}, "there is no 'a'"),
        ({"a": []}, {"op": "add", "path": "/a/1", "value": 1}, "there is no element '1'"),
        ({"a": [1]}, {"op": "remove", "path": "/a/01"}, "there is no element '01'"),
        ({"a": [1]}, {"op": "remove", "path": "/a/-"}, "there is no element '-'"),
        ({"a": "text"}, {"op": "add", "path": "/a/b", "value": 1}, "neither a mapping nor a list"),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a", "path": "/a/b"}, "into itself"),
        ({"a": 1}, {"op": "remove", "path": ""}, "the whole document"),
    ],
)
def test_what_cannot_be_done_is_said(document: Any, patch: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchError, match=message):
        json_patched(document, [patch])

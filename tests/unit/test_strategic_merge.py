"""Strategic merge: what upstream's own implementation made of the same patches, and the directives one by one.

strategic_merge_cases.jsonl: random documents and patches with the results of apimachinery pkg/util/strategicpatch (v0.36.3).
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.patches.merge import PatchError
from bootstrap.patches.strategic import DEPLOYMENT, POD, strategic_merge

CASES = [json.loads(line) for line in Path(__file__).with_name("strategic_merge_cases.jsonl").read_text().splitlines()]
FIELDS = {"Pod": POD, "Deployment": DEPLOYMENT}


@pytest.mark.parametrize("case", CASES)
def test_results_are_upstreams(case: dict[str, Any]) -> None:
    document = copy.deepcopy(case["document"])
    assert case["result"] == strategic_merge(document, case["patch"], FIELDS[case["kind"]])
    assert case["document"] == document


def merged(patch: dict[str, Any], **spec: Any) -> Any:
    return strategic_merge({"spec": spec}, {"spec": patch}, POD)["spec"]


def test_containers_are_merged_by_name_and_tolerations_replaced() -> None:
    patch = {"containers": [{"name": "b", "image": "2"}], "tolerations": [{"key": "y"}]}
    spec = merged(patch, containers=[{"name": "a"}, {"name": "b", "image": "1", "tty": True}], tolerations=[{"key": "x"}])
    assert spec == {"containers": [{"name": "a"}, {"name": "b", "image": "2", "tty": True}], "tolerations": [{"key": "y"}]}


def test_mounts_merge_by_path_ports_by_number() -> None:
    container = {"name": "a", "volumeMounts": [{"mountPath": "/x", "name": "v"}], "ports": [{"containerPort": 1, "name": "p"}]}
    patch = {"name": "a", "volumeMounts": [{"mountPath": "/x", "name": "w"}], "ports": [{"containerPort": 1, "name": "q"}]}
    found = merged({"containers": [patch]}, containers=[container])["containers"][0]
    assert (found["volumeMounts"], found["ports"]) == ([{"mountPath": "/x", "name": "w"}], [{"containerPort": 1, "name": "q"}])


def test_command_and_args_are_replaced() -> None:
    assert merged({"containers": [{"name": "a", "command": ["c"]}]}, containers=[{"name": "a", "command": ["a", "b"]}])[
        "containers"
    ][0]["command"] == ["c"]


def test_elements_can_be_deleted_and_lists_replaced() -> None:
    volumes = [{"name": "a"}, {"name": "b"}]
    assert merged({"volumes": [{"name": "a", "$patch": "delete"}]}, volumes=volumes)["volumes"] == [{"name": "b"}]
    assert merged({"volumes": [{"name": "c"}, {"$patch": "replace"}]}, volumes=volumes)["volumes"] == [{"name": "c"}]


def test_mappings_can_be_replaced_and_emptied() -> None:
    assert merged({"securityContext": {"b": 1, "$patch": "replace"}}, securityContext={"a": 1})["securityContext"] == {"b": 1}
    assert merged({"securityContext": {"$patch": "delete"}}, securityContext={"a": 1})["securityContext"] == {}


def test_retained_keys_clear_the_others() -> None:
    volumes = [{"name": "a", "hostPath": {"path": "/a"}}]
    patch = {"volumes": [{"name": "a", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}
    assert merged(patch, volumes=volumes)["volumes"] == [{"name": "a", "emptyDir": {}}]


def test_elements_come_in_the_order_that_is_asked_for() -> None:
    containers = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    patch = {"$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}]}
    assert [one["name"] for one in merged(patch, containers=containers)["containers"]] == ["c", "b", "a"]


def test_no_directive_is_left_in_what_is_new() -> None:
    volume = {"name": "a", "emptyDir": {}, "$retainKeys": ["name", "emptyDir"]}
    patch = {"volumes": [volume], "securityContext": {"$patch": "delete"}}
    assert merged(patch) == {"volumes": [{"name": "a", "emptyDir": {}}]}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"containers": [{"image": "x"}]}, "no 'name'"),
        ({"containers": [{"name": "a", "$patch": "merge"}]}, "'merge' is not known"),
        ({"containers": ["a"]}, "do not mix"),
        ({"securityContext": {"$patch": "drop"}}, "'drop' is not known"),
        ({"securityContext": {"$retainKeys": ["a"], "b": 1}}, r"\$retainKeys lacks b"),
        ({"securityContext": {"$retainKeys": "a"}}, "is a list, not a str"),
        (
            {"$setElementOrder/containers": [{"name": "x"}], "containers": [{"name": "a"}]},
            "not in the order",
        ),
    ],
)
def test_mistakes_are_said(patch: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchError, match=message):
        merged(patch, containers=[{"name": "a"}], securityContext={"a": 1})

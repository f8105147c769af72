"""Patch files: names, contents, order, and errors that say where."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap import addons, components
from bootstrap.errors import InventoryError
from bootstrap.patches import Patch, PatchType, apply_patches, load, merge_patch
from bootstrap.staticpod import decode
from tests.unit import rendering_samples as samples

CLUSTER = samples.a_cluster()


def written(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory


def problems(directory: Path) -> list[tuple[str, int | None, str]]:
    with pytest.raises(InventoryError) as caught:
        load(directory)
    return [(Path(problem.file).name, problem.line, problem.message) for problem in caught.value.problems]


def test_files_apply_by_name_and_documents_as_they_stand(tmp_path: Path) -> None:
    documents = "a: 1\n---\n---\nb: 2\n"
    written(tmp_path, **{"etcd1.yaml": documents, "etcd0+merge.json": '{"c": 3}', "kube-apiserver+json.yaml": "[]"})
    expected = [
        ("etcd", PatchType.MERGE, {"c": 3}, 1),
        ("etcd", PatchType.STRATEGIC, {"a": 1}, 1),
        ("etcd", PatchType.STRATEGIC, {"b": 2}, 4),
        ("kube-apiserver", PatchType.JSON, [], 1),
    ]
    assert expected == [(patch.target, patch.type, patch.content, patch.line) for patch in load(tmp_path)]


def test_other_files_and_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "etcd").mkdir()
    written(tmp_path, **{"README.md": "text", "etcd.yaml.bak": "a: ["})
    assert load(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("etdc.yaml", "a: 1", None, "names no target"),
        ("etcd+strategc.yaml", "a: 1", None, "\"strategc\" is not a type of patch"),
        ("etcd+.yaml", "a: 1", None, '"" is not a type of patch'),
        ("etcd.yml", "a: 1", None, "read .yaml and .json only"),
        ("etcd.yaml", "a: 1\nb: [\n", 3, "node content"),
        ("etcd.yaml", "a: 1\na: 2\n", 2, "key 'a' stands twice"),
        ("etcd.yaml", "a: 1\n---\n- b\n", 3, "a strategic patch is a mapping, not a list"),
        ("etcd+json.yaml", "a: 1\n", 1, "a json patch is a list of operations, not a dict"),
        ("etcd+json.yaml", "- {op: add, path: /a}\n", 1, "operation 0: add needs 'value'"),
        ("etcd+json.yaml", "- {op: put, path: /a}\n", 1, "operation 0: op is one of"),
        ("etcd+json.yaml", "- {op: remove, path: a}\n", 1, "'a' is not a JSON pointer"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, name: str, text: str, line: int | None, message: str) -> None:
    found = problems(written(tmp_path, **{name: text}))
    assert [(name, line)] == [(file, where) for file, where, _ in found]
    assert message in found[0][2]


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    written(tmp_path, **{"etcd.yaml": "[1]", "kube-proxy.yaml": "a: 1", "kube-scheduler.yaml": "{"})
    assert len(problems(tmp_path)) == 3


def test_a_directory_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path / "missing") == [("missing", None, "cannot be read: No such file or directory")]


def test_a_patch_that_does_not_apply_names_its_file_and_operation() -> None:
    patch = Patch("etcd", PatchType.JSON, [{"op": "remove", "path": "/spec/nothing"}], "patches/etcd+json.yaml", 3)
    with pytest.raises(InventoryError) as caught:
        apply_patches({"spec": {}}, "etcd", [patch])
    expected = "patches/etcd+json.yaml:3: etcd: does not apply: operation 0 (remove /spec/nothing): there is no 'nothing'"
    assert expected == str(caught.value.problems[0])


def test_patches_for_other_targets_do_nothing() -> None:
    patch = Patch("etcd", PatchType.MERGE, {"a": 1}, "x", 1)
    assert apply_patches({"b": 1}, "kube-scheduler", [patch]) == {"b": 1}


@pytest.mark.parametrize(
    "content",
    [
        {"spec": {"volumes": [{"name": "s", "secret": {"secretName": "s"}}]}},
        {"spec": {"hostNetwork": False}},
        {"metadata": {"name": "other"}},
        {"spec": {"containers": [{"name": "etcd", "$patch": "delete"}]}},
        {"kind": "Deployment"},
        {"metadata": {"namespace": "default"}},
    ],
)
def test_a_patch_cannot_make_a_static_pod_something_else(content: Any) -> None:
    context = samples.context(CLUSTER, (Patch("etcd", PatchType.STRATEGIC, content, "patches/etcd.yaml", 4),))
    with pytest.raises(InventoryError) as caught:
        components.manifest(CLUSTER, CLUSTER.hosts[0], "etcd", context)
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == ("patches/etcd.yaml", 4)
    assert caught.value.problems[0].message.startswith("after the patches: ")


def test_a_null_in_labels_or_annotations_is_nothing() -> None:
    content = [{"op": "add", "path": "/metadata/annotations", "value": {"a": None}}]
    assert made_of("corednsdeployment", (Patch("corednsdeployment", PatchType.JSON, content, "x", 1),))


def made_of(target: str, patches: tuple[Patch, ...]) -> object:
    if target == "etcd":
        return components.manifest(CLUSTER, CLUSTER.hosts[0], target, samples.context(CLUSTER, patches))
    return addons.objects(CLUSTER, patches)


@pytest.mark.parametrize(
    ("target", "path", "value", "says"),
    [
        ("etcd", "/spec/volumes", 7, "spec.volumes is the number 7 (a list)"),
        ("etcd", "/spec/containers/0/env", [{"name": "A", "vlaue": "b"}],
         "spec.containers[0].env[0].vlaue unknown field (did you mean value?)"),
        ("etcd", "/metadata/labels", True, "metadata.labels is true, which is a boolean (names with a value each)"),
        ("corednsdeployment", "/spec/replicas", "two", "spec.replicas is text (a whole number)"),
        ("corednsdeployment", "", "x", "is not a group of fields (some of spec, apiVersion, kind, metadata, status)"),
        ("corednsdeployment", "/metadata/name", "dns", "metadata.name is no longer coredns"),
        ("kubeproxydaemonset", "/metadata/namespace", None, "metadata.namespace is no longer kube-system"),
        ("kubeproxydaemonset", "/kind", "Deployment", "kind is no longer DaemonSet"),
    ],
)  # fmt: skip
def test_what_patches_make_of_an_object_is_judged(target: str, path: str, value: Any, says: str) -> None:
    one = Patch(target, PatchType.JSON, [{"op": "add", "path": path, "value": value}], "patches/b.yaml", 2)
    two = Patch(target, PatchType.MERGE, {"metadata": {"annotations": {"a": "b"}}}, "patches/a.yaml", 1)
    for patches, where in (((one,), "patches/b.yaml:2"), ((two, one), "patches/a.yaml, patches/b.yaml")):
        with pytest.raises(InventoryError) as caught:
            made_of(target, patches)
        assert [str(problem) for problem in caught.value.problems] == [f"{where}: {target}: after the patches: {says}"]


def test_a_patch_changes_the_digest() -> None:
    patch = Patch("etcd", PatchType.STRATEGIC, {"metadata": {"labels": {"a": "b"}}}, "x", 1)
    contexts = [samples.context(CLUSTER, patches) for patches in ((), (patch,))]
    pods = [decode(components.manifest(CLUSTER, CLUSTER.hosts[0], "etcd", context)) for context in contexts]
    assert len({pod["metadata"]["annotations"]["bootstrap/digest"] for pod in pods}) == 2


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        # RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(document: Any, patch: Any, expected: Any) -> None:
    assert expected == merge_patch(document, patch)

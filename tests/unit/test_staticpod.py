"""What a kubelet would refuse, and the digest."""

import copy
from pathlib import PurePosixPath
from typing import Any

import pytest

from bootstrap import components
from bootstrap.constants import COMPONENTS, DIGEST_ANNOTATION, DIGEST_ENV
from bootstrap.staticpod import command, decode, digest, flags, main_container, problems, with_digest, without_digest, words_apart
from tests.unit import rendering_samples as samples

CLUSTER = samples.a_cluster()
FILES = {PurePosixPath("/etc/kubernetes/pki/sa.key"): "aa"}


def pod(name: str = "kube-apiserver") -> Any:
    return decode(components.manifest(CLUSTER, CLUSTER.hosts[0], name, samples.context(CLUSTER)))


def changed(**spec: Any) -> Any:
    value = pod()
    value["spec"].update(spec)
    return value


VOLUMES = pod()["spec"]["volumes"]
CONTAINER = pod()["spec"]["containers"][0]


@pytest.mark.parametrize("name", COMPONENTS)
def test_our_manifests_have_no_problem(name: str) -> None:
    assert problems(pod(name), name) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (changed(serviceAccountName="default"), "spec.serviceAccountName refers to an API object"),
        (changed(imagePullSecrets=[{"name": "a"}]), "spec.imagePullSecrets refers to an API object"),
        (changed(hostNetwork=False), "spec.hostNetwork is not true"),
        (changed(containers=[]), "spec.containers has no container"),
        (
            changed(containers=[{**CONTAINER, "name": "other"}]),
            "spec.containers has not exactly one container called 'kube-apiserver'",
        ),
        (changed(containers=[{**CONTAINER, "image": ""}]), "container kube-apiserver has no image"),
        (changed(volumes=[]), "container kube-apiserver mounts 'ca-certs', and there is no such volume"),
        (changed(volumes=[*VOLUMES, {"name": "a", "secret": {"secretName": "a"}}]), "volume a refers to a Secret"),
        (changed(volumes=[*VOLUMES, {"name": "a", "configMap": {"name": "a"}}]), "volume a refers to a ConfigMap"),
        (
            changed(volumes=[*VOLUMES, {"name": "a", "projected": {"sources": [{"serviceAccountToken": {}}]}}]),
            "volume a projects serviceAccountToken",
        ),
        (
            changed(volumes=[*VOLUMES, {"name": "a", "rbd": {"secretRef": {"name": "a"}}}]),
            "volume a (rbd) refers to a Secret",
        ),
        (
            changed(containers=[{**CONTAINER, "envFrom": [{"configMapRef": {"name": "a"}}]}]),
            "container kube-apiserver: envFrom refers to configMapRef",
        ),
        (
            changed(containers=[{**CONTAINER, "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a"}}}]}]),
            "container kube-apiserver: env A refers to an API object",
        ),
        ({"apiVersion": "v1", "kind": "List"}, "it is not a v1 Pod"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {}}, "it has no metadata or no spec"),
    ],
)
def test_b13_what_a_kubelet_would_not_run_is_named(value: Any, expected: str) -> None:
    assert expected in problems(value, "kube-apiserver")


def test_a_projected_downward_api_volume_is_fine() -> None:
    value = changed(volumes=[*VOLUMES, {"name": "a", "projected": {"sources": [{"downwardAPI": {}}]}}])
    assert problems(value, "kube-apiserver") == ()


def test_a_manifest_of_two_documents_is_refused() -> None:
    with pytest.raises(ValueError, match="one Pod, not 2"):
        decode(b"a: 1\n---\nb: 1\n")


def test_digest_stands_in_the_annotation_and_in_the_environment() -> None:
    marked = with_digest(pod(), "abc")
    assert marked["metadata"]["annotations"][DIGEST_ANNOTATION] == "abc"
    assert main_container(marked)["env"] == [{"name": DIGEST_ENV, "value": "abc"}]


def test_digest_does_not_cover_itself() -> None:
    assert digest(pod(), FILES) == digest(with_digest(pod(), "another"), FILES)
    assert without_digest(pod()) == without_digest(with_digest(pod(), "another"))


def test_digest_changes_with_the_pod_and_with_every_file() -> None:
    longer = pod()
    main_container(longer)["command"].append("--v=4")
    values = {
        digest(pod(), FILES),
        digest(longer, FILES),
        digest(pod(), {}),
        digest(pod(), {PurePosixPath("/etc/kubernetes/pki/sa.key"): "bb"}),
    }
    assert len(values) == 4


def test_digest_does_not_change_with_key_order_or_empty_fields() -> None:
    other = dict(reversed(list(pod().items())))
    other["metadata"] = {**other["metadata"], "creationTimestamp": None}
    other["status"] = {}
    assert digest(pod(), FILES) == digest(other, FILES)


def test_nothing_changes_its_argument() -> None:
    value = pod()
    before = copy.deepcopy(value)
    with_digest(value, "x")
    without_digest(value)
    assert before == value


def test_a_sidecar_in_front_is_not_the_component() -> None:
    value = changed(containers=[{"name": "sidecar", "image": "a", "command": ["b", "--c=d"]}, CONTAINER])
    assert flags(value)[0] == ("advertise-address", "192.0.2.11")
    assert "env" not in with_digest(value, "abc")["spec"]["containers"][0]


@pytest.mark.parametrize("containers", ["", "[a]", "[{name: kube-scheduler, command: 5}]", "{a: b}", "[{command: [a]}]"])
def test_a_manifest_that_somebody_broke_has_no_command_and_no_words_apart(containers: str) -> None:
    broken = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-scheduler}}\nspec:\n  containers: {containers}\n".encode()
    whole = broken.partition(b" containers")[0] + b" containers: [{name: kube-scheduler, command: [x]}]\n"
    assert command(whole) == ("x",)
    assert command(broken) == ()
    assert words_apart(whole, broken) == words_apart(broken, whole) == ((), ())

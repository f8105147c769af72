"""A manifest of the user's own: what is read, what is refused and where, what is written to a host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import userpods
from bootstrap.constants import DIGEST_ANNOTATION, ORIGIN_ANNOTATION
from bootstrap.errors import InventoryError, UsageError
from bootstrap.userpods import APPLIED, FROM_INVENTORY, UserPod
from bootstrap.userpods.reading import MAX_BYTES

KUBECTL_RUN = """\
apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  labels:
    run: once
  name: once
spec:
  containers:
  - command:
    - sleep
    - "3600"
    image: busybox
    name: once
    resources: {}
  dnsPolicy: ClusterFirst
  restartPolicy: Never
status: {}
"""
"""`kubectl run once --image busybox --restart=Never --dry-run=client -o yaml --command -- sleep 3600`, v1.33."""


def a_pod(spec: Mapping[str, Any] | None = None, metadata: Mapping[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "registry.example/web:1"}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", **(metadata or {})},
        "spec": {"containers": [container], **(spec or {})}, **top,
    }  # fmt: skip


def load(home: Path, text: str | dict[str, Any], origin: str = APPLIED) -> UserPod:
    path = home / "pod.yaml"
    path.write_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False))
    return userpods.load(path, origin)


def refused(home: Path, text: str | dict[str, Any]) -> list[tuple[int | None, str, str]]:
    """Line, field and message of every mistake."""
    with pytest.raises(InventoryError) as caught:
        load(home, text)
    assert all(problem.file == str(home / "pod.yaml") for problem in caught.value.problems)
    return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]


def test_the_unchanged_output_of_kubectl_run_is_read(tmp_path: Path) -> None:
    pod = load(tmp_path, KUBECTL_RUN)
    assert (pod.key, pod.file_name, pod.containers, pod.may_end) == ("default/once", "once.yaml", ("once",), True)
    written = yaml.safe_load(pod.content)
    assert "status" not in written
    assert "creationTimestamp" not in written["metadata"]
    assert written["spec"]["containers"] == [{"name": "once", "image": "busybox", "command": ["sleep", "3600"]}]


def test_what_is_written_is_known_again_and_means_the_same(tmp_path: Path) -> None:
    for origin in (APPLIED, FROM_INVENTORY):
        content = load(tmp_path, a_pod(), origin).content
        assert userpods.origin(content) == origin
        assert userpods.identity(content) == ("default", "web")
        path = tmp_path / "back.yaml"
        path.write_bytes(content)
        assert userpods.load(path, origin).content == content
    assert userpods.origin(yaml.safe_dump(a_pod()).encode()) == ""
    assert userpods.origin(yaml.safe_dump(a_pod(metadata={"annotations": {ORIGIN_ANNOTATION: "mine"}})).encode()) == ""


def test_b9_the_digest_differs_wherever_the_manifest_does_and_nowhere_else(tmp_path: Path) -> None:
    def digest(pod: dict[str, Any]) -> str:
        return str(yaml.safe_load(load(tmp_path, pod).content)["metadata"]["annotations"][DIGEST_ANNOTATION])

    plain = digest(a_pod())
    assert digest(dict(reversed(a_pod().items()))) == plain
    assert digest(a_pod(status={}, metadata={"creationTimestamp": None})) == plain
    assert digest(a_pod({"restartPolicy": "Always"})) != plain     # the default: to a kubelet the same pod
    assert digest(a_pod({"hostNetwork": True})) != plain


def test_sidecars_are_waited_for_and_init_containers_are_not(tmp_path: Path) -> None:
    inits = [{"name": "mesh", "image": "m", "restartPolicy": "Always"}, {"name": "migrate", "image": "m"}]
    assert load(tmp_path, a_pod({"initContainers": inits})).containers == ("mesh", "web")


@pytest.mark.parametrize(
    ("pod", "field", "says"),
    [
        (a_pod({"hostNetwrok": True}), "spec.hostNetwrok", "unknown field"),
        (a_pod({"hostNetwork": "yes"}), "spec.hostNetwork", "is text"),
        (a_pod({"containers": [{"name": "web", "image": "a", "args": [80]}]}), "spec.containers[0].args[0]", "is the number 80"),
        (a_pod({"containers": [{"name": "web", "image": "a", "ports": [{"hostPort": 1}]}]}),
         "spec.containers[0].ports[0].containerPort", "is missing"),
        (a_pod({"containers": [{"name": "web", "image": "a", "env": [{"name": "A", "value": True}]}]}),
         "spec.containers[0].env[0].value", "is true, which is a boolean"),
        (a_pod(metadata={"labels": {"a": 1}}), "metadata.labels.a", "is the number 1"),
        (a_pod({"nodeSelector": ["a"]}), "spec.nodeSelector", "is a list"),
        (a_pod(spce={}), "spce", "unknown field"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_b17_what_a_kubelet_would_leave_out_in_silence_is_a_mistake(
    pod: dict[str, Any], field: str, says: str, tmp_path: Path
) -> None:
    assert [(place, message) for _, place, message in refused(tmp_path, pod)] == [(field, says)]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = refused(tmp_path, a_pod({"hostNetwrok": True, "serviceAccountName": "web"}, metadata={"uid": "1"}))
    assert [place for _, place, _ in found] == ["spec.hostNetwrok", "metadata.uid", "spec"]


def test_a_mistake_has_its_line(tmp_path: Path) -> None:
    text = KUBECTL_RUN.replace("    image: busybox\n", "    image: busybox\n    imagePullPolice: Never\n")
    assert refused(tmp_path, text) == [(14, "spec.containers[0].imagePullPolice", "unknown field")]


MIRROR = "kubernetes.io/config.mirror"
REFERENCES: list[dict[str, Any]] = [
    {"serviceAccountName": "default"},
    {"imagePullSecrets": [{"name": "a"}]},
    {"resourceClaims": [{"name": "a", "resourceClaimName": "b"}]},
    {"containers": [{"name": "web", "image": "a", "envFrom": [{"configMapRef": {"name": "a"}}]}]},
    {"initContainers": [{"name": "init", "image": "a", "envFrom": [{"secretRef": {"name": "a"}}]}]},
    {"containers": [
        {"name": "web", "image": "a", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
    ]},
    *({"volumes": [{"name": "a", **volume}]} for volume in (
        {"secret": {"secretName": "a"}}, {"configMap": {"name": "a"}}, {"persistentVolumeClaim": {"claimName": "a"}},
        {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}, {"csi": {"driver": "a"}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "a"}}]}},
        {"projected": {"sources": [{"clusterTrustBundle": {"path": "a"}}]}},
        {"azureFile": {"secretName": "a", "shareName": "b"}},
    )),
]  # fmt: skip


@pytest.mark.parametrize("spec", REFERENCES, ids=str)
def test_b13_a_reference_to_an_api_object_is_refused(spec: dict[str, Any], tmp_path: Path) -> None:
    (mistake,) = refused(tmp_path, a_pod(spec))
    assert mistake[1] == "spec"
    assert mistake[2].startswith("a static pod may not refer to API objects: ")


def test_what_needs_no_api_server_may_be_there(tmp_path: Path) -> None:
    items = [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]
    volumes = [
        {"name": "a", "hostPath": {"path": "/srv"}}, {"name": "b", "emptyDir": {}},
        {"name": "c", "projected": {"sources": [{"downwardAPI": {"items": items}}]}},
    ]  # fmt: skip
    resources = {"requests": {"cpu": 1, "memory": "64Mi"}, "limits": {"cpu": 0.5}}
    container = {
        "name": "web", "image": "a", "resources": resources, "livenessProbe": {"httpGet": {"port": "http"}},
        "ports": [{"name": "http", "containerPort": 80}],
        "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}],
    }  # fmt: skip
    assert load(tmp_path, a_pod({"volumes": volumes, "containers": [container]})).key == "default/web"


@pytest.mark.parametrize(
    ("pod", "field"),
    [
        (a_pod({"ephemeralContainers": [{"name": "debug", "image": "a"}]}), "spec.ephemeralContainers"),
        (a_pod({"nodeName": "cp1"}), "spec.nodeName"),
        (a_pod({"containers": []}), "spec.containers"),
        (a_pod({"containers": [{"name": "web"}]}), "spec.containers[0].image"),
        (a_pod({"containers": [{"name": "a", "image": "a"}, {"name": "a", "image": "a"}]}), "spec.containers[1].name"),
        (a_pod({"containers": [{"name": "A_B", "image": "a"}]}), "spec.containers[0].name"),
        (a_pod(metadata={"uid": "1"}), "metadata.uid"),
        (a_pod(metadata={"annotations": {MIRROR: "a"}}), f'metadata.annotations["{MIRROR}"]'),
        (a_pod(metadata={"namespace": "A"}), "metadata.namespace"),
        (a_pod(metadata={"namespace": 7}), "metadata.namespace"),
        (a_pod(metadata={"name": 2026}), "metadata.name"),
        (a_pod(metadata={"name": ["web"]}), "metadata.name"),
        (a_pod(metadata={"annotations": 7}), "metadata.annotations"),
        (a_pod(metadata={"annotations": [None]}), "metadata.annotations"),
        (a_pod(status={"phase": "Running"}), "status"),
        (a_pod(metadata={"name": "etcd"}), "metadata.name"),
        (a_pod(kind="Deployment"), ""),
    ],
    ids=str,
)
def test_what_makes_no_static_pod_is_refused(pod: dict[str, Any], field: str, tmp_path: Path) -> None:
    assert [place for _, place, _ in refused(tmp_path, pod)] == [field]


@pytest.mark.parametrize("name", [".web", "../web", "web/x", "Web", "-web", "web.", "a" * 254, ""])
def test_b5_a_name_always_makes_a_file_name_that_a_kubelet_reads(name: str, tmp_path: Path) -> None:
    assert refused(tmp_path, a_pod(metadata={"name": name}))[0][1] == "metadata.name"


def test_a_file_is_one_document_of_a_bounded_size(tmp_path: Path) -> None:
    text = yaml.safe_dump(a_pod())
    assert refused(tmp_path, f"{text}---\n{text}")[0][2] == "2 documents; a kubelet reads the first and leaves out the others"
    assert refused(tmp_path, "# nothing\n")[0][2] == "holds nothing"
    assert refused(tmp_path, f"{text}#{'x' * MAX_BYTES}")[0][2] == "is larger than 1 MiB"
    assert load(tmp_path, f"---\n{text}---\n").name == "web"


def test_a_new_manifest_is_what_kubectl_run_means(tmp_path: Path) -> None:
    words = ("sleep", "3600")
    as_command = yaml.safe_load(userpods.template("once", "busybox", words, command=True))
    assert as_command["spec"]["containers"] == [{"name": "once", "image": "busybox", "command": ["sleep", "3600"]}]
    as_args = yaml.safe_load(userpods.template("once", "busybox", words, command=False))
    assert as_args["spec"]["containers"] == [{"name": "once", "image": "busybox", "args": ["sleep", "3600"]}]
    assert load(tmp_path, userpods.template("once", "busybox", (), command=False)).may_end is False
    for name, given, command in (("Once", (), False), ("etcd", (), False), ("once", (), True)):
        with pytest.raises(UsageError):
            userpods.template(name, "busybox", given, command=command)


def test_the_schema_costs_nothing_before_it_is_needed() -> None:
    late = ("lightkube", "bootstrap.userpods", "bootstrap.api_schema")
    code = f"import sys, bootstrap.cli; sys.exit(any(name.startswith({late}) for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

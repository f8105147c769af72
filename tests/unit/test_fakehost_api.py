"""The model API server: discovery, server-side apply, dry runs, merge patches, nodes and mirror pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bootstrap.apiserver import ApiClient, ApiError
from bootstrap.connection import NoAnswer, Tls
from bootstrap.health import MirrorPods, mirror_pods
from bootstrap.testing import FakeFleet, ObjectStore, Refusal
from tests.unit.fakehost_samples import MANIFESTS, control_plane, pod, put

NODE = "/api/v1/nodes/cp1"


@pytest.fixture(scope="module")
def shared() -> FakeFleet:
    """For tests that leave no trace: making a control plane is the slow part."""
    return control_plane("cp1", "cp2", "cp3")


def client(fleet: FakeFleet, host: str = "cp1") -> ApiClient:
    address = fleet.host(host).address
    return ApiClient(fleet.connect(host), address, 6443, Tls(b"", address))


def config_map(name: str = "greeting", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": data}


def test_apply_creates_and_a_second_apply_changes_nothing(shared):
    api = client(shared)
    first = api.apply(config_map("a", text="hello"))
    again = api.apply(config_map("a", text="hello"))
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert api.settled(config_map("a", text="hello"))


def test_dry_run_stores_nothing_and_is_no_operation(shared):
    api = client(shared)
    before = shared.count()
    shown = api.apply(config_map("b", text="hello"), dry_run=True)
    assert (shown["data"], api.get("/api/v1/namespaces/kube-system/configmaps/b")) == ({"text": "hello"}, None)
    assert shared.count() == before
    assert not api.settled(config_map("b", text="hello"))


def test_apply_takes_away_what_it_no_longer_names_and_leaves_what_others_have(shared):
    api = client(shared)
    api.apply(config_map("c", mine="1", gone="1"))
    api.merge("/api/v1/namespaces/kube-system/configmaps/c", {"data": {"theirs": "1"}}, "c")
    assert api.apply(config_map("c", mine="2"))["data"] == {"mine": "2", "theirs": "1"}


def test_every_master_serves_the_same_objects(shared):
    client(shared, "cp1").apply(config_map("d", text="hello"))
    assert client(shared, "cp3").get("/api/v1/namespaces/kube-system/configmaps/d")["data"] == {"text": "hello"}


def test_merge_with_an_old_resource_version_conflicts(shared):
    api = client(shared)
    with pytest.raises(ApiError, match="modified") as caught:
        api.merge(NODE, {"metadata": {"resourceVersion": "1"}, "spec": {}}, "cp1")
    assert caught.value.status == 409


def test_unknown_kind_and_unknown_namespace_are_404(shared):
    api = client(shared)
    for thing in ({"apiVersion": "v1", "kind": "Rocket", "metadata": {"name": "x"}}, _elsewhere(config_map())):
        with pytest.raises(ApiError) as caught:
            api.apply(thing)
        assert caught.value.status == 404


def _elsewhere(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {**thing, "metadata": {**thing["metadata"], "namespace": "nowhere"}}


def test_a_custom_resource_is_known_once_its_definition_is_established(shared):
    api = client(shared)
    thing = {"apiVersion": "example.com/v1", "kind": "Rocket", "metadata": {"name": "x"}, "spec": {"stages": 2}}
    names = {"plural": "rockets", "kind": "Rocket"}
    spec = {"group": "example.com", "names": names, "scope": "Cluster", "versions": [{"name": "v1"}]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    live = api.apply({**crd, "metadata": {"name": "rockets.example.com"}, "spec": spec})
    assert live["status"]["storedVersions"] == ["v1"]
    assert "conditions" not in live["status"], "they are null, as those of a real one are at first"
    assert api.get("/apis/example.com/v1/rockets/x") is None
    with pytest.raises(ApiError, match="knows no Rocket"):
        api.apply(thing)
    shared.advance(1)
    assert api.apply(thing)["spec"] == {"stages": 2}
    api.delete("/apis/example.com/v1/rockets/x")
    api.delete("/apis/example.com/v1/rockets/x")


def test_nodes_and_mirror_pods_appear(shared):
    api = client(shared)
    assert mirror_pods(MirrorPods(("cp1", "cp2", "cp3"), ("etcd", "kube-apiserver")), api).ok
    taints = api.get(NODE)["spec"]["taints"]
    assert [taint["key"] for taint in taints] == ["node.kubernetes.io/not-ready"]
    assert api.version() == "v1.36.3"


def test_mirror_pod_follows_its_file_and_not_its_deletion():
    fleet = control_plane("cp1")
    path = "/api/v1/namespaces/kube-system/pods/web-cp1"
    put(fleet, "cp1", f"{MANIFESTS}/web.yaml", pod("web"))
    fleet.advance(1)
    client(fleet).delete(path)
    fleet.advance(1)
    assert client(fleet).get(path) is not None
    fleet.host("cp1").files.remove(next(p for p in fleet.host("cp1").files.nodes if p.name == "web.yaml"), recursive=False)
    fleet.advance(1)
    assert client(fleet).get(path) is None


def test_node_is_ready_once_there_is_a_pod_network():
    fleet = control_plane("cp1")
    spec = {"template": {"spec": {"hostNetwork": True}}}
    metadata = {"name": "net", "namespace": "kube-system"}
    client(fleet).apply({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec})
    fleet.advance(2)
    node = client(fleet).get(NODE)
    assert (node["status"]["conditions"][0]["status"], node["spec"]["taints"]) == ("True", [])


def test_api_is_not_ready_without_quorum():
    fleet = control_plane("cp1", "cp2", "cp3")
    for name in ("cp2", "cp3"):
        fleet.host(name).power_off()
    assert not client(fleet).ready()
    with pytest.raises(ApiError, match="timed out"):
        client(fleet).get(NODE)
    fleet.host("cp1").power_off()
    with pytest.raises(NoAnswer, match="timeout"):
        fleet.route(fleet.host("cp2"), _readyz(fleet.host("cp1").address))


def _readyz(address: str):
    from bootstrap.connection import Request

    return Request("GET", address, 6443, "/readyz", Tls(b"", address))


def test_applying_over_anothers_field_needs_force():
    store = ObjectStore()
    key = ("/api/v1", "configmaps", "kube-system", "greeting")
    store.apply(key, config_map(text="one"), "them", "")
    with pytest.raises(Refusal) as caught:
        store.apply(key, config_map(text="two"), "us", "")
    assert caught.value.code == 409
    assert store.apply(key, config_map(text="two"), "us", "", force=True)["data"] == {"text": "two"}
    assert json.dumps(store.objects[key]["metadata"]["managedFields"]).count("f:text") == 1

"""Add-ons come, are waited for, and go when the inventory no longer names them and the operator says so."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import applyset, queries
from bootstrap.changes import ApiApply, ApiPrune
from bootstrap.cluster import Cluster
from bootstrap.errors import BootstrapError, ExitCode, Refused, RemoteError, UsageError
from bootstrap.plan import Plan
from bootstrap.testing import FakeFleet, Killed, allocations
from tests.workflows.support import TIME, Recorder, a_cluster, init, plan_of

PARENT = "/api/v1/configmaps/kube-system/bootstrap-addons"
NODES = ("cp1",)


def a_map(name: str, namespace: str = "kube-system", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def a_namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def a_workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": name}], **spec}}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip


def a_definition() -> dict[str, Any]:
    spec = {
        "group": "example.com", "names": {"plural": "rockets", "kind": "Rocket"}, "scope": "Cluster",
        "versions": [{"name": "v1", "served": True}],
    }  # fmt: skip
    metadata = {"name": "rockets.example.com"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata, "spec": spec}


def a_rocket(name: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Rocket", "metadata": {"name": name}, "spec": {"stages": 2}}


class House:
    """A model cluster of one master whose add-ons stand in files of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.fleet = FakeFleet.of(a_cluster(*NODES))

    def cluster(self, built_in: tuple[str, ...] = ("coredns", "kube-proxy"), **files: list[dict[str, Any]]) -> Cluster:
        paths = []
        for name, things in files.items():
            path = self.home / f"{name}.yaml"
            path.write_text(yaml.safe_dump_all(things))
            paths.append(str(path))
        return a_cluster(*NODES, addons=[*built_in, *paths])

    def init(self, cluster: Cluster, **asked: Any) -> Recorder:
        return init(self.fleet, cluster, self.home, **asked)

    def add(self, thing: Mapping[str, Any], manager: str = "kubectl") -> None:
        """Apply an object as somebody else would."""
        plural = {"ConfigMap": "configmaps", "Rocket": "rockets"}[thing["kind"]]
        base = "/api/v1" if thing["apiVersion"] == "v1" else f"/apis/{thing['apiVersion']}"
        key = (base, plural, thing["metadata"].get("namespace", ""), thing["metadata"]["name"])
        store = self.fleet.host("cp1").store()
        assert store is not None
        store.apply(key, thing, manager, "", force=True)

    def has(self, kind: str, name: str) -> bool:
        return any(thing["kind"] == kind and thing["metadata"]["name"] == name for thing in self.fleet.objects().values())

    def lists(self) -> tuple[set[str], set[str]]:
        """Kinds and further namespaces that the parent names."""
        parent = self.fleet.objects()[PARENT]
        kinds, namespaces = (applyset.listed(parent, name) for name in applyset.LISTS)
        return set(kinds), set(namespaces)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def deleted(plan: Plan) -> list[str]:
    return [change.leftover.ref for _, _, change in plan.all() if isinstance(change, ApiPrune)]


def an_operator() -> list[dict[str, Any]]:
    """A definition and its instance, and a webhook that judges those, in the order of an unlucky file."""
    rules = [{"apiGroups": ["example.com"], "resources": ["rockets"]}]
    service = {"name": "operator", "namespace": "kube-system"}
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "operator"},
        "webhooks": [{"name": "operator.example.com", "rules": rules, "clientConfig": {"service": service}}],
    }  # fmt: skip
    return [a_rocket("one"), webhook, a_workload("Deployment", "operator", hostNetwork=True), a_map("mine"), a_definition()]


def test_a_custom_resource_waits_for_the_webhook_that_judges_it(house: House) -> None:
    house.init(house.cluster(mine=an_operator()))
    assert house.has("Rocket", "one")
    assert plan_of(house.fleet, house.cluster(mine=an_operator()), house.home).is_empty
    house.init(house.cluster(), prune=True)
    assert not house.has("Rocket", "one")
    assert "Rocket.example.com" not in house.lists()[0]


def test_an_operator_makes_the_pod_network_of_its_resource_before_nodes_are_waited_for(house: House) -> None:
    """And whatever else is on the host network: that no node is ready yet is no reason to keep the resource out."""
    mine = [a_rocket("one"), a_definition(), a_workload("DaemonSet", "exporter", hostNetwork=True)]
    phases = [phase.name for phase, _, _ in plan_of(house.fleet, house.cluster(mine=mine), house.home).all()]
    assert phases.index("addon/user/resources") < phases.index("finish")


def test_leaving_out_the_users_manifests_leaves_out_all_of_them(house: House) -> None:
    house.init(house.cluster(mine=an_operator()), skip=("addon/user",))
    assert not house.has("Rocket", "one")


def test_resources_that_are_kept_out_together_share_their_time(house: House) -> None:
    house.fleet.troubles["operator"] = {"phase": "Pending"}
    many = [a_rocket(f"r{number}") for number in range(12)]
    began = house.fleet.now
    with pytest.raises(RemoteError):
        house.init(house.cluster(mine=[*an_operator(), *many]))
    alone = FakeFleet.of(a_cluster(*NODES))
    alone.troubles["operator"] = {"phase": "Pending"}
    with pytest.raises(RemoteError):
        init(alone, house.cluster(mine=an_operator()), house.home)
    assert house.fleet.now - began < 2 * (alone.now - began), "one after another they would have taken four times as long"


def test_a_webhook_that_never_answers_leaves_a_healthy_control_plane_and_the_same_command_goes_on(house: House) -> None:
    house.fleet.troubles["operator"] = {"phase": "Pending"}
    cluster = house.cluster(mine=an_operator())
    with pytest.raises(RemoteError, match="Rocket one could not be applied") as caught:
        house.init(cluster)
    assert "failed calling webhook" in caught.value.evidence[0]
    assert "kubectl get pods -A" in caught.value.hint
    assert (house.home / "demo.kubeconfig").exists()
    left = [change.ref for _, _, change in plan_of(house.fleet, cluster, house.home).all() if isinstance(change, ApiApply)]
    assert left == ["Rocket one", "ConfigMap kube-system/bootstrap"]
    del house.fleet.troubles["operator"]
    house.init(cluster)
    assert house.has("Rocket", "one")


def test_every_addon_object_is_a_member_and_the_parent_names_their_kinds(house: House) -> None:
    house.init(house.cluster(mine=[a_namespace("space"), a_map("mine", "space")]))
    objects = house.fleet.objects()
    parent = objects[PARENT]
    # printf bootstrap-addons.kube-system.ConfigMap. | openssl dgst -sha256 -binary | base64 | tr +/ -_
    assert parent["metadata"]["labels"] == {applyset.ID_LABEL: "applyset-VHmU4TVQ5ABnhVa9Y8BVCkBDOZMbh4V3efRFP_rliHQ-v1"}
    members = {key for key, thing in objects.items() if applyset.owner(thing) == applyset.ID}
    assert "/api/v1/configmaps/space/mine" in members
    assert len(members) == 14
    assert house.lists() == ({
        "ClusterRole.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io", "ConfigMap", "DaemonSet.apps",
        "Deployment.apps", "Namespace", "Role.rbac.authorization.k8s.io", "RoleBinding.rbac.authorization.k8s.io", "Service",
        "ServiceAccount",
    }, {"space"})  # fmt: skip


def test_an_addon_that_left_stays_until_told_and_then_goes_alone(house: House) -> None:
    house.init(house.cluster(mine=[a_map("mine"), a_map("also-mine")]))
    house.add(a_map("strangers"))
    smaller = house.cluster(mine=[a_map("mine")])
    said = house.init(smaller)
    assert "1 object of an add-on is no longer in the inventory: ConfigMap kube-system/also-mine" in said.text
    assert "--prune" in said.text
    assert house.has("ConfigMap", "also-mine")
    before = house.fleet.count()
    house.init(smaller, prune=True)
    assert [operation.what for operation in house.fleet.operations[before:]] == [
        "DELETE /api/v1/namespaces/kube-system/configmaps/also-mine"
    ]
    assert not house.has("ConfigMap", "also-mine")
    assert house.has("ConfigMap", "mine")
    assert house.has("ConfigMap", "strangers")
    before = house.fleet.count()
    assert "Nothing to do" in house.init(smaller, prune=True).text
    assert house.fleet.count() == before


def test_a_plan_shows_each_deletion_and_deletes_nothing(house: House) -> None:
    house.init(house.cluster())
    before = house.fleet.count()
    said = house.init(house.cluster(built_in=("coredns",)), prune=True, dry_run=True)
    assert deleted(said.plans[-1]) == [
        "DaemonSet kube-system/kube-proxy",
        "ClusterRoleBinding kubeadm:node-proxier",
        "ConfigMap kube-system/kube-proxy",
        "Role kube-system/kube-proxy",
        "RoleBinding kube-system/kube-proxy",
        "ServiceAccount kube-system/kube-proxy",
    ]
    assert "delete DaemonSet kube-system/kube-proxy (no longer in the inventory)" in said.text
    assert "6 API objects to delete" in said.text
    assert house.fleet.count() == before


def test_without_prune_a_plan_deletes_nothing(house: House) -> None:
    house.init(house.cluster())
    assert deleted(plan_of(house.fleet, house.cluster(built_in=("coredns",)), house.home)) == []


def test_the_parent_is_narrowed_only_after_what_left_is_gone(house: House) -> None:
    house.init(house.cluster(mine=[a_namespace("space"), a_map("mine", "space")]))
    house.init(house.cluster())
    assert "Namespace" in house.lists()[0]
    house.init(house.cluster(), prune=True)
    kinds, namespaces = house.lists()
    assert "Namespace" not in kinds
    assert namespaces == set()


def test_a_label_alone_makes_nobodys_object_ours(house: House) -> None:
    house.init(house.cluster())
    copied = a_map("copied")
    copied["metadata"]["labels"] = {applyset.MEMBER_LABEL: applyset.ID}
    house.add(copied)
    house.init(house.cluster(), prune=True)
    assert house.has("ConfigMap", "copied")


def test_an_object_made_anew_since_the_plan_is_not_deleted(house: House) -> None:
    house.init(house.cluster(mine=[a_map("mine"), a_map("more")]))
    store = house.fleet.host("cp1").store()
    assert store is not None
    key = ("/api/v1", "configmaps", "kube-system", "more")

    def replace() -> None:
        house.fleet.before_each = None
        store.delete(key)
        store.apply(key, a_map("more", theirs="yes"), "kubectl", "")

    house.fleet.before_each = replace
    smaller = house.cluster(mine=[a_map("mine", changed="yes")])
    with pytest.raises(Exception, match="changed by somebody else since the plan was made") as caught:
        house.init(smaller, prune=True)
    assert caught.value.exit_code is ExitCode.STOPPED  # type: ignore[attr-defined]
    assert house.has("ConfigMap", "more")
    house.init(smaller, prune=True)
    assert house.has("ConfigMap", "more")


def test_a_namespace_with_strangers_things_stays_and_it_is_said(house: House) -> None:
    house.init(house.cluster(mine=[a_namespace("space"), a_map("mine", "space")]))
    house.add(a_map("strangers", "space"))
    said = house.init(house.cluster(), prune=True)
    assert "Namespace space is no longer in the inventory, and stays: it holds what we did not apply: ConfigMap str" in said.text
    assert house.has("Namespace", "space")
    assert house.has("ConfigMap", "strangers")
    assert not house.has("ConfigMap", "mine")
    assert "Nothing to do" in house.init(house.cluster(), prune=True).text
    house.fleet.host("cp1").store().delete(("/api/v1", "configmaps", "space", "strangers"))  # type: ignore[union-attr]
    house.init(house.cluster(), prune=True)
    assert not house.has("Namespace", "space")


def test_definitions_go_last_and_the_plan_says_what_goes_with_them(house: House) -> None:
    house.init(house.cluster(mine=[a_rocket("ours"), a_definition(), a_namespace("space")]))
    house.add(a_rocket("strangers"))
    said = house.init(house.cluster(), prune=True, dry_run=True)
    assert deleted(said.plans[-1]) == ["Rocket ours", "Namespace space", "CustomResourceDefinition rockets.example.com"]
    assert "and with it every Rocket of the cluster, " in said.text
    house.init(house.cluster(), prune=True)
    assert not house.has("Rocket", "strangers")


def test_objects_wait_until_their_kind_is_served(house: House) -> None:
    said = house.init(house.cluster(mine=[a_rocket("ours"), a_definition()]))
    assert house.has("Rocket", "ours")
    assert "1 custom resource definition established" in said.text


def test_an_inventory_without_addons_wipes_nothing_without_the_clusters_name(house: House) -> None:
    house.init(house.cluster())
    empty = house.cluster(built_in=())
    before = house.fleet.count()
    with pytest.raises(UsageError):
        house.init(empty, prune=True)
    with pytest.raises(UsageError):
        house.init(empty, prune=True, confirm="another")
    assert house.fleet.count() == before
    house.init(empty, prune=True, confirm="demo")
    assert not house.has("Deployment", "coredns")
    assert house.lists() == (set(), set())


def test_prune_without_its_phase_is_a_mistake(house: House) -> None:
    for choice in ({"skip": ("addon",)}, {"only": ("certs",)}):
        with pytest.raises(UsageError, match="--prune needs the phase addon/prune, which was left out"):
            house.init(house.cluster(), prune=True, **choice)


def test_leaving_out_a_phase_deletes_nothing_of_it(house: House) -> None:
    house.init(house.cluster(mine=[a_map("mine")]))
    before = house.fleet.count()
    house.init(house.cluster(mine=[a_map("mine")]), prune=True, skip=("addon/user",))
    assert house.fleet.count() == before


def test_an_object_of_another_set_is_not_taken(house: House) -> None:
    house.init(house.cluster())
    theirs = a_map("shared")
    theirs["metadata"]["labels"] = {applyset.MEMBER_LABEL: "applyset-other-v1"}
    house.add(theirs)
    before = house.fleet.count()
    with pytest.raises(Refused) as caught:
        house.init(house.cluster(mine=[a_map("shared")]))
    assert caught.value.evidence == ("ConfigMap kube-system/shared is in applyset-other-v1",)
    assert house.fleet.count() == before


def test_a_parent_of_another_tool_is_refused(house: House) -> None:
    house.init(house.cluster())
    parent = applyset.parent([])
    parent["metadata"]["annotations"][applyset.TOOLING_ANNOTATION] = "kubectl/v1.36.3"
    house.add(parent)
    with pytest.raises(Refused, match=r"that kubectl/v1\.36\.3 keeps"):
        house.init(house.cluster())


@pytest.mark.exhaustive
def test_whatever_init_is_killed_before_the_same_command_prunes(house: House) -> None:
    house.init(house.cluster(mine=[a_namespace("space"), a_map("mine", "space"), a_map("old"), a_definition(), a_rocket("ours")]))
    other = house.cluster(built_in=("coredns",), mine=[a_map("new", "default")])
    start = copy.deepcopy(house.fleet)
    before = house.fleet.count()
    house.init(other, prune=True)
    number, expected, kubeconfig = house.fleet.count() - before, house.fleet.objects(), house.home / "demo.kubeconfig"
    assert number > 10
    for n in range(1, number + 1):
        house.fleet = copy.deepcopy(start)
        house.fleet.kill_before(n)
        with pytest.raises(Killed):
            house.init(other, prune=True)
        house.fleet.advance(40)
        house.init(other, prune=True)
        assert house.fleet.objects() == expected, n
        assert kubeconfig.exists()


def test_what_an_earlier_run_applied_is_found_although_no_api_answered_in_between(house: House) -> None:
    house.init(house.cluster(mine=[a_namespace("space")]))
    other = house.cluster()
    files = house.fleet.host("cp1").files
    content = files.content(Path("/etc/kubernetes/manifests/kube-apiserver.yaml"))  # type: ignore[arg-type]
    assert content is not None
    files.remove(next(p for p in files.nodes if p.name == "kube-apiserver.yaml"), recursive=False)
    house.fleet.advance(30)
    said = house.init(other, prune=True)
    assert "what is left over is not known" in said.text
    assert "Namespace" in house.lists()[0]
    house.init(other, prune=True)
    assert not house.has("Namespace", "space")


def test_verify_finds_what_is_left_over(house: House) -> None:
    house.init(house.cluster(mine=[a_map("mine"), a_map("more")]))
    TIME.fleet = house.fleet
    console = Recorder()
    code = queries.verify(
        house.cluster(mine=[a_map("mine")]), Path("demo.yaml"), lambda _, host: house.fleet.connect(host), console
    )
    assert code is ExitCode.DRIFT
    assert [(d["what"], d["expected"]) for d in console.results[-1]["differences"]] == [
        ("api object ConfigMap kube-system/more", "not there")
    ]


def test_init_waits_for_what_the_addons_run(house: House) -> None:
    said = house.init(house.cluster(mine=[a_workload("DaemonSet", "net", hostNetwork=True), a_workload("Deployment", "web")]))
    assert "4 workloads rolled out" in said.text
    assert "not waited for" not in said.text


def test_without_a_pod_network_nothing_waits_for_pods_that_cannot_start(house: House) -> None:
    began = house.fleet.now
    said = house.init(house.cluster())
    assert "1 workload rolled out" in said.text
    assert "these cannot start: Deployment kube-system/coredns; not waited for" in said.text
    assert house.fleet.now - began < 60


def test_pods_that_cannot_run_are_named_and_init_ends_soon(house: House) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    house.fleet.troubles["net"] = {"containerStatuses": [{"name": "net", "state": {"waiting": waiting}}]}
    cluster = house.cluster(mine=[a_workload("DaemonSet", "net", hostNetwork=True)])
    said = house.init(cluster)
    notes = [event for event in said.events if "going on without" in event.message]
    assert len(notes) == 1
    assert notes[0].message == (
        "waited 6 s in vain for 3 workloads rolled out; last answer: DaemonSet kube-system/net: 0 of 1 pods available; "
        "pod net-0: ImagePullBackOff (no such image); going on without"
    )
    assert "demo is up" in said.text


def test_what_others_need_is_applied_before_them(house: House) -> None:
    net = a_workload("DaemonSet", "net", hostNetwork=True)
    before = house.fleet.count()
    house.init(house.cluster(built_in=(), mine=[net, a_map("mine", "space"), a_namespace("space"), a_map("more", "space")]))
    done = [operation.what.removeprefix("PATCH ") for operation in house.fleet.operations[before:]]
    parent, namespace, workload = (
        done.index(path) for path in (
            applyset.PARENT_PATH, "/api/v1/namespaces/space", "/apis/apps/v1/namespaces/kube-system/daemonsets/net",
        )
    )  # fmt: skip
    maps = [done.index(f"/api/v1/namespaces/space/configmaps/{name}") for name in ("mine", "more")]
    assert parent < namespace < min(maps) < max(maps) < workload


DNS_ADDRESS = "10.96.0.10"


def hold(house: House, address: str, namespace: str, name: str) -> None:
    """Let an address be held for a Service, as by a creation that was cut off now."""
    store = house.fleet.host("cp1").store()
    assert store is not None
    now = TIME.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    store.create((*allocations.ADDRESSES, address), allocations.ip_address(address, namespace, name), now)


def test_an_address_that_a_cut_creation_left_behind_is_waited_for(house: House) -> None:
    house.init(house.cluster(()))
    hold(house, DNS_ADDRESS, "kube-system", "kube-dns")
    began = TIME.monotonic()
    said = house.init(house.cluster())
    assert f"{DNS_ADDRESS} is still held by a creation that was cut off" in said.text
    assert said.text.count("waiting for that") == 1
    assert 55 < TIME.monotonic() - began < 100
    assert house.has("Service", "kube-dns")


def test_an_address_that_another_service_has_is_refused_by_its_name(house: House) -> None:
    house.init(house.cluster(()))
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "theirs", "namespace": "default"}, "spec": {}}
    store = house.fleet.host("cp1").store()
    assert store is not None
    store.apply(("/api/v1", "services", "default", "theirs"), service, "kubectl", "")
    hold(house, DNS_ADDRESS, "default", "theirs")
    with pytest.raises(BootstrapError, match=f"its address {DNS_ADDRESS} belongs to Service default/theirs") as caught:
        house.init(house.cluster())
    assert f"kubectl get ipaddress {DNS_ADDRESS}" in caught.value.hint


def test_an_address_that_stays_held_is_told_when_the_time_is_over(house: House) -> None:
    house.init(house.cluster(()))
    hold(house, DNS_ADDRESS, "kube-system", "kube-dns")
    house.fleet.before_step = lambda: renew(house)
    with pytest.raises(BootstrapError, match="Service kube-system/kube-dns could not be applied") as caught:
        house.init(house.cluster())
    assert f"{DNS_ADDRESS} is still held" in caught.value.evidence[0]


def a_service(name: str, port: int) -> dict[str, Any]:
    ports = [{"port": 80, "nodePort": port}]
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "NodePort", "ports": ports}}


def test_a_node_port_that_a_cut_creation_left_behind_is_waited_for(house: House) -> None:
    house.init(house.cluster())
    store = house.fleet.host("cp1").store()
    assert store is not None
    store.left_ports[30080] = (TIME.now() + timedelta(minutes=8)).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = house.init(house.cluster(mine=[a_service("web", 30080)]))
    assert "node port 30080 is still held by a creation that was cut off; API servers free it within nine minutes" in said.text
    assert said.text.count("waiting for that") == 1
    assert house.has("Service", "web")


def test_a_node_port_that_another_service_has_is_refused_by_its_name(house: House) -> None:
    house.init(house.cluster())
    store = house.fleet.host("cp1").store()
    assert store is not None
    store.apply(("/api/v1", "services", "kube-system", "theirs"), a_service("theirs", 30080), "kubectl", "")
    with pytest.raises(BootstrapError, match="its node port 30080 belongs to Service kube-system/theirs") as caught:
        house.init(house.cluster(mine=[a_service("web", 30080)]))
    assert "another nodePort" in caught.value.hint


def renew(house: House) -> None:
    """Let what holds the address be as old as the moment."""
    store = house.fleet.host("cp1").store()
    key = (*allocations.ADDRESSES, DNS_ADDRESS)
    if store is not None and key in store.objects:
        store.delete(key)
        hold(house, DNS_ADDRESS, "kube-system", "kube-dns")

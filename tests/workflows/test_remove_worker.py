"""remove-worker against model hosts: pods leave first, then everything of ours, then the node."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import workers
from bootstrap.cluster import Cluster
from bootstrap.drains import NotDrained
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, Refused, SeveralErrors
from bootstrap.testing import FakeFleet, Killed
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet
from tests.workflows.test_reset import reset
from tests.workflows.test_workers import add, done, living, node, nodes

REPLICA_SET = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1", "controller": True}]


def remove(fleet: FakeFleet, cluster: Cluster, *names: str, console: Recorder | None = None, **asked: Any) -> Recorder:
    """`bootstrap remove-worker` to its end; errors go up."""
    TIME.fleet = fleet
    console = console or Recorder()
    request = workers.RemoveRequest(Path("demo.yaml"), names, **asked)
    assert workers.remove(cluster, request, lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    return console


def up(home: Path, count: int = 2) -> tuple[FakeFleet, Cluster]:
    """Three masters and workers that have joined."""
    fleet, cluster = living(home, count)
    add(fleet, cluster)
    return fleet, cluster


def pod(fleet: FakeFleet, name: str, where: str, **spec: Any) -> None:
    """A pod on a node, as the API has it."""
    store = fleet.host("cp1").store()
    assert store is not None
    owners = spec.pop("owners", REPLICA_SET)
    thing = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}, "ownerReferences": owners},
        "spec": {"nodeName": where, **spec}, "status": {"phase": "Running"},
    }  # fmt: skip
    store.create(("/api/v1", "pods", "default", name), thing, "")


def budget(fleet: FakeFleet, needed: int) -> None:
    store = fleet.host("cp1").store()
    assert store is not None
    spec = {"minAvailable": needed, "selector": {"matchLabels": {"app": "web"}}}
    thing = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": spec}
    store.create(("/apis/policy/v1", "poddisruptionbudgets", "default", "web"), thing, "")


def pods(fleet: FakeFleet) -> set[str]:
    return {path.rpartition("/")[2] for path in fleet.objects() if path.startswith("/api/v1/pods/default/")}


def paths(fleet: FakeFleet, name: str) -> set[str]:
    return {path for path, (kind, _, _) in fleet.tree(name).items() if kind != "directory"}


def test_a_removed_worker_is_as_it_was_before_it_joined(tmp_path: Path) -> None:
    cluster = a_cluster(workers=2)
    fresh = FakeFleet.of(cluster)
    fleet, _ = up(tmp_path)
    remove(fleet, cluster, "w1")
    host = fleet.host("w1")
    assert paths(fleet, "w1") == paths(fresh, "w1")
    assert (host.runtime.containers, host.kubelet.active_state, host.kubelet.enabled) == ({}, "inactive", False)
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w2"}
    before = fleet.count()
    told = remove(fleet, cluster, "w1")
    assert (done(fleet, before), told.results[-1]["changed"]) == ([], False)
    add(fleet, cluster, "w1")
    assert "w1" in nodes(fleet)


def test_pods_are_evicted_and_those_of_daemon_sets_are_left_alone(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    pod(fleet, "web-1", "w1")
    pod(fleet, "web-2", "w2")
    pod(fleet, "agent-1", "w1", owners=[{**REPLICA_SET[0], "kind": "DaemonSet"}])
    before = fleet.count()
    remove(fleet, cluster, "w1")
    assert pods(fleet) == {"web-2", "agent-1"}
    steps = done(fleet, before)
    assert steps[0] == "cp1 PATCH /api/v1/nodes/w1"
    assert steps[1] == "cp1 POST /api/v1/namespaces/default/pods/web-1/eviction"
    assert steps.index("cp1 DELETE /api/v1/nodes/w1") > steps.index("w1 run systemctl stop kubelet.service")


def test_a_dry_run_shows_it_and_changes_nothing(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    pod(fleet, "web-1", "w1")
    before = fleet.count()
    told = remove(fleet, cluster, "w1", dry_run=True)
    assert done(fleet, before) == []
    assert "  cordon node w1\n" in told.text
    assert "  drain node w1 (at most 300 s)\n" in told.text


@pytest.mark.parametrize(
    ("pod_is", "said", "switch"),
    [
        ({"owners": []}, "belongs to no controller", {"force": True}),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, "keeps data in an emptyDir volume", {"delete_emptydir_data": True}),
    ],
)
def test_what_would_be_lost_is_refused_before_anything_is_written(
    pod_is: dict[str, Any], said: str, switch: dict[str, bool], tmp_path: Path
) -> None:
    fleet, cluster = up(tmp_path)
    pod(fleet, "web-1", "w1", **pod_is)
    before = fleet.count()
    with pytest.raises(Refused, match="pods would be lost; nothing was written") as caught:
        remove(fleet, cluster, "w1")
    assert said in caught.value.evidence[0]
    assert done(fleet, before) == []
    remove(fleet, cluster, "w1", **switch)
    assert pods(fleet) == set()


def test_a_budget_is_respected_until_the_time_is_over(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    pod(fleet, "web-1", "w1")
    budget(fleet, 1)
    began = fleet.now
    with pytest.raises(NotDrained) as caught:
        remove(fleet, cluster, "w1", drain_timeout=timedelta(seconds=60))
    assert caught.value.exit_code is ExitCode.STOPPED
    assert "default/web-1: " in caught.value.evidence[0]
    assert "The disruption budget web needs 1 healthy pods and has 1 currently" in caught.value.evidence[0]
    assert 60 < fleet.now - began < 75
    assert node(fleet, "w1")["spec"]["unschedulable"] is True
    assert fleet.host("w1").runtime.running("balancer") is not None
    pod(fleet, "web-2", "w2")
    remove(fleet, cluster, "w1")
    assert pods(fleet) == {"web-2"}


def test_a_pod_that_is_held_by_one_node_does_not_hold_the_others(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    pod(fleet, "web-1", "w1")
    budget(fleet, 1)
    with pytest.raises(NotDrained):
        remove(fleet, cluster, "w1", "w2", drain_timeout=timedelta(seconds=10))
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w1"}


def test_a_machine_that_is_away_is_told_of_dead(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    fleet.host("w1").power_off()
    with pytest.raises(HostUnreachable) as caught:
        remove(fleet, cluster, "w1")
    assert caught.value.hint == "if it is gone for good: bootstrap remove-worker INVENTORY w1 --dead"
    assert "w1" in nodes(fleet)


def test_dead_removes_the_node_of_a_machine_that_does_not_answer(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    with pytest.raises(Refused) as caught:
        remove(fleet, cluster, "w1", dead=True)
    assert caught.value.evidence == ("w1 answers",)
    fleet.host("w1").power_off()
    before = fleet.count()
    remove(fleet, cluster, "w1", dead=True)
    assert done(fleet, before) == ["cp1 DELETE /api/v1/nodes/w1"]
    before = fleet.count()
    remove(fleet, cluster, "w1", dead=True)
    assert done(fleet, before) == []


def test_a_worker_is_cleaned_after_every_master_was_reset(tmp_path: Path) -> None:
    fresh = FakeFleet.of(a_cluster(workers=2))
    fleet, cluster = up(tmp_path)
    reset(fleet, cluster)
    told = remove(fleet, cluster, "w1")
    assert "demo has no control plane: no Node is removed, and pods end where they are" in told.text
    assert [phase.name for phase in dict.fromkeys(phase for phase, _, _ in told.plans[-1].all())] == ["stop-pods", "cleanup-node"]
    host = fleet.host("w1")
    assert paths(fleet, "w1") == paths(fresh, "w1")
    assert (host.runtime.containers, host.kubelet.active_state, host.kubelet.enabled) == ({}, "inactive", False)
    before = fleet.count()
    assert "Nothing to do" in remove(fleet, cluster, "w1").text
    assert done(fleet, before) == []
    fleet.host("w2").power_off()
    remove(fleet, cluster, "w2", dead=True)
    assert done(fleet, before) == []


def test_a_worker_of_a_living_cluster_is_not_taken_for_one_that_was_left_behind(tmp_path: Path) -> None:
    machines, theirs, mine = a_cluster(workers=1), a_cluster("cp1", "cp2", workers=1), a_cluster("cp3", workers=1)
    fleet = a_living_fleet(theirs, tmp_path, machines=machines)
    add(fleet, theirs)
    before = fleet.count()
    with pytest.raises(Refused) as caught:
        remove(fleet, mine, "w1")
    assert caught.value.evidence == ("the API server of w1, https://127.0.0.1:6443, answers",)
    assert done(fleet, before) == []
    remove(fleet, theirs, "w1")


def test_a_master_that_could_not_be_read_is_not_taken_for_one_without_a_control_plane(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    reset(fleet, cluster)
    fleet.host("cp3").power_off()
    before = fleet.count()
    with pytest.raises(Refused, match="no API server of demo answers, and nothing of a control plane is on cp1, cp2") as caught:
        remove(fleet, cluster, "w1")
    assert caught.value.evidence == ("not reached: cp3",)
    assert "bring back who is not reached" in caught.value.hint
    assert done(fleet, before) == []


@pytest.mark.parametrize("left", ["etcd's data", "a manifest"])
def test_a_control_plane_that_is_merely_down_is_not_taken_for_none(tmp_path: Path, left: str) -> None:
    fleet, cluster = up(tmp_path)
    for name in ("cp1", "cp2", "cp3"):
        directory = "/etc/kubernetes/manifests" if left == "etcd's data" else "/var/lib/etcd"
        fleet.host(name).kubelet.stop()
        fleet.host(name).files.remove(PurePosixPath(directory), recursive=True)
        fleet.host(name).runtime.containers.clear()
    before = fleet.count()
    with pytest.raises(Refused, match="no API server of demo answers; nothing was written") as caught:
        remove(fleet, cluster, "w1")
    assert caught.value.hint == "what is wrong: bootstrap status INVENTORY"
    assert done(fleet, before) == []


@pytest.mark.exhaustive
def test_killed_the_same_command_finishes(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    pod(fleet, "web-1", "w1")
    wanted = copy.deepcopy(fleet)
    began = wanted.count()
    remove(wanted, cluster, "w1")
    steps = wanted.count() - began
    assert steps > 10
    for n in range(1, steps + 1):
        state = copy.deepcopy(fleet)
        state.kill_before(n)
        with pytest.raises(Killed):
            remove(state, cluster, "w1")
        state.advance(25)
        remove(state, cluster, "w1")
        assert paths(state, "w1") == paths(wanted, "w1"), n
        assert (nodes(state), pods(state)) == (nodes(wanted), pods(wanted)), n


def test_several_leave_at_once_and_each_failure_is_told(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path, 3)
    fleet.host("w1").power_off()
    fleet.host("w3").power_off()
    with pytest.raises(SeveralErrors) as caught:
        remove(fleet, cluster, "w1", "w2", "w3")
    assert [error.host for error in caught.value.errors] == ["w1", "w3"]
    assert all(isinstance(error, BootstrapError) and error.exit_code is ExitCode.STOPPED for error in caught.value.errors)
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w1", "w3"}

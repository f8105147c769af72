"""What init may do to a control plane that serves: how it knows one, and what it makes good on one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.changes import Run
from bootstrap.constants import KUBELET_CONFIG, KUBELET_DROP_IN
from bootstrap.errors import Refused, UsageError
from bootstrap.testing import FakeFleet
from tests.workflows.support import a_cluster, a_living_fleet, init, plan_of

CLUSTER = a_cluster()
OTHER = a_cluster(scheduler={"extraArgs": [{"name": "v", "value": "4"}]})
MAPS = ("/api/v1", "configmaps", "kube-system")


def without(fleet: FakeFleet, *maps: str) -> None:
    store = fleet.host("cp1").store()
    assert store is not None
    for name in maps:
        store.delete((*MAPS, name))


def refused(fleet: FakeFleet, home: Path) -> Refused:
    before = fleet.count()
    with pytest.raises(Refused, match="this control plane is alive") as caught:
        init(fleet, OTHER, home)
    assert fleet.count() == before
    return caught.value


@pytest.mark.parametrize("skip", [(), ("upload-config",), ("finish", "upload-config", "addon")], ids=len)
def test_a_finished_cluster_is_known_whatever_was_left_out(skip: tuple[str, ...], tmp_path: Path) -> None:
    fleet = FakeFleet.of(CLUSTER)
    init(fleet, CLUSTER, tmp_path, skip=skip)
    refused(fleet, tmp_path)


def test_a_finished_cluster_is_known_by_any_sign(tmp_path: Path) -> None:
    """kubeadm's object alone, a node that init did not bring; where there is none of them, init may still correct itself."""
    fleet = a_living_fleet(CLUSTER, tmp_path)
    without(fleet, "bootstrap")
    refused(fleet, tmp_path)
    without(fleet, "kubeadm-config")
    store = fleet.host("cp1").store()
    assert store is not None
    worker = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker"}, "spec": {}}
    store.create(("/api/v1", "nodes", "", "worker"), worker, "2026-01-01T00:00:00Z")
    refused(fleet, tmp_path)
    store.delete(("/api/v1", "nodes", "", "worker"))
    init(fleet, OTHER, tmp_path)


def test_the_mark_cannot_be_left_out_by_itself(tmp_path: Path) -> None:
    fleet = FakeFleet.of(CLUSTER)
    with pytest.raises(UsageError, match="together with wait-control-plane"):
        init(fleet, CLUSTER, tmp_path, skip=("mark-finished",))
    init(fleet, CLUSTER, tmp_path, skip=("mark-finished", "wait-control-plane"))


@pytest.mark.parametrize("hosts", [("cp2",), ("cp1", "cp2", "cp3")], ids=len)
@pytest.mark.parametrize(("file", "component"), [
    ("scheduler.conf", "kube-scheduler"), ("controller-manager.conf", "kube-controller-manager"),
])  # fmt: skip
def test_a_controllers_lost_kubeconfig_comes_back(file: str, component: str, hosts: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing else is touched, and only that component starts anew, on that host: with what is in the file."""
    fleet = a_living_fleet(CLUSTER, tmp_path)
    before, pids = fleet.count(), processes(fleet)
    for name in hosts:
        fleet.host(name).files.remove(PurePosixPath(f"/etc/kubernetes/{file}"), recursive=False)
    init(fleet, CLUSTER, tmp_path)
    done = [(operation.host, operation.what) for operation in fleet.operations[before:]]
    writes = (f"write /etc/kubernetes/{file}", f"write /etc/kubernetes/manifests/{component}.yaml")
    assert sorted(done) == sorted((name, what) for name in hosts for what in writes)
    assert {key for key, pid in processes(fleet).items() if pids[key] != pid} == {(name, component) for name in hosts}
    assert "Nothing to do" in init(fleet, CLUSTER, tmp_path).text


def test_a_controllers_kubeconfig_that_somebody_changed_is_refused_with_the_reason(tmp_path: Path) -> None:
    fleet = a_living_fleet(CLUSTER, tmp_path)
    fleet.host("cp2").put("/etc/kubernetes/scheduler.conf", "kind: Config\n")
    before = fleet.count()
    with pytest.raises(Refused) as caught:
        init(fleet, CLUSTER, tmp_path)
    assert caught.value.evidence == (
        "cp2: /etc/kubernetes/manifests/kube-scheduler.yaml would change, because /etc/kubernetes/scheduler.conf would",
    )
    assert fleet.count() == before


def processes(fleet: FakeFleet) -> dict[tuple[str, str], int]:
    return {(name, one.component): one.pid for name, host in fleet.hosts.items() for one in host.runtime.processes()}


@pytest.mark.parametrize(("seconds", "restarted"), [(1.0, False), (2.0, True)])
def test_a_kubelet_that_is_older_than_its_files_is_restarted_by_more_than_clocks_differ(
    tmp_path: Path, seconds: float, restarted: bool
) -> None:
    fleet = a_living_fleet(CLUSTER, tmp_path)
    host = fleet.host("cp2")
    assert host.kubelet.process is not None
    written = max(int(host.files.nodes[path].mtime) for path in (KUBELET_CONFIG, KUBELET_DROP_IN))    # seen in whole seconds
    host.kubelet.process = replace(host.kubelet.process, start_time=written - seconds)
    plan = plan_of(fleet, CLUSTER, tmp_path)
    texts = [change.title for _, _, change in plan.all() if isinstance(change, Run)]
    assert texts == (["started the kubelet"] if restarted else [])

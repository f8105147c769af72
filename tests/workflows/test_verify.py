"""verify on model hosts: what it says where there is little, and how it stands against the CIS benchmark."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import cis, queries, workers
from bootstrap.cluster import Cluster, Host
from bootstrap.connection import Connection
from bootstrap.console import Console
from bootstrap.errors import ExitCode, HostUnreachable
from bootstrap.files import File
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init


def differences(fleet: FakeFleet, cluster: Cluster) -> list[dict[str, str]]:
    TIME.fleet = fleet
    console = Recorder()
    queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console)
    found: list[dict[str, str]] = console.results[-1]["differences"]
    return found


def test_hosts_without_a_control_plane_get_a_line_each() -> None:
    cluster = a_cluster()
    found = differences(FakeFleet.of(cluster), cluster)
    assert [(each["host"], each["what"]) for each in found] == [(name, "control plane") for name in ("cp1", "cp2", "cp3")]


def test_a_master_that_was_never_set_up_gets_a_line_and_the_cluster_what_it_lacks(tmp_path: Path) -> None:
    two = a_cluster("cp1", "cp2")
    three = a_cluster()
    fleet = FakeFleet.of(three)
    init(fleet, two, tmp_path)
    found = [(each["host"], each["what"]) for each in differences(fleet, three)]
    assert [what for host, what in found if host == "cp3"] == ["control plane"]
    assert {("cp1", "etcd members"), ("", "nodes"), ("", "mirror pods")} <= set(found)


def test_objects_are_not_called_missing_while_no_api_server_answers(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    fleet.host("cp1").files.remove(PurePosixPath("/etc/kubernetes/manifests/kube-apiserver.yaml"), recursive=False)
    fleet.sleep(60)
    found = differences(fleet, cluster)
    assert [each["actual"] for each in found if each["what"].startswith("api object")] == ["not known: no API server answers"]


def test_a_manifest_with_another_flag_is_told_by_the_flag(tmp_path: Path) -> None:
    fleet = a_living_fleet(a_cluster("cp1"), tmp_path)
    found = differences(fleet, a_cluster("cp1", scheduler={"extraArgs": [{"name": "v", "value": "3"}]}))
    wanted = {"host": "cp1", "expected": "--v=3", "actual": "no further flag"}
    assert {**wanted, "what": "file /etc/kubernetes/manifests/kube-scheduler.yaml"} in found


def test_the_benchmark_on_a_cluster_of_ours(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    before = fleet.count()
    code, result, _ = benchmark(fleet, cluster)
    assert sorted(result["results"]) == ["cp1", "cp2", "cp3"]
    for host in result["results"].values():
        assert [check["number"] for check in host["checks"]] == [check.number for check in cis.CHECKS]
        assert sum(host["counts"].values()) == len(cis.CHECKS)
    failed = {check["number"] for host in result["results"].values() for check in host["checks"] if check["status"] == "FAIL"}
    assert code is (ExitCode.DRIFT if failed else ExitCode.DONE)
    assert fleet.count() == before


def test_the_benchmark_of_workers_that_have_joined_is_that_of_their_kubelets(tmp_path: Path) -> None:
    cluster = a_cluster(workers=2)
    fleet = a_living_fleet(cluster, tmp_path)
    TIME.fleet = fleet
    workers.add(cluster, workers.AddRequest(Path("demo.yaml"), ("w1",)), lambda _, host: fleet.connect(host), Recorder())
    fleet.host("w2").power_off()
    _, result, _ = benchmark(fleet, cluster)
    assert (sorted(result["results"]), result["unreachable"]) == (["cp1", "cp2", "cp3", "w1"], [])
    checks = {check["number"]: check["status"] for check in result["results"]["w1"]["checks"]}
    assert list(checks) == [check.number for check in cis.WORKER_CHECKS]
    assert {number.partition(".")[0] for number in checks} == {"4"}
    fleet.host("w1").power_off()
    assert benchmark(fleet, cluster)[1]["unreachable"] == ["w1"]


def test_a_fault_is_shown_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    _, sound, _ = benchmark(fleet, cluster)
    files = fleet.host("cp1").files
    key = PurePosixPath("/etc/kubernetes/pki/ca.key")
    files.change(key, replace(files.nodes[key], mode=0o644))
    code, spoilt, text = benchmark(fleet, cluster)
    assert code in (ExitCode.DONE, ExitCode.DRIFT)
    assert _changed(sound, spoilt) == ["1.1.21"]
    assert "chmod 600 /etc/kubernetes/pki/ca.key" in text


@pytest.mark.parametrize("output", ["text", "json"])
def test_it_works_without_an_api_server_and_without_some_hosts(tmp_path: Path, output: str) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    for name in ("cp1", "cp2"):
        fleet.host(name).files.remove(PurePosixPath("/etc/kubernetes/manifests/kube-apiserver.yaml"), recursive=False)
    fleet.sleep(60)

    def connect(_: Cluster, host: Host) -> Connection:
        if host.name == "cp3":
            raise HostUnreachable("cannot reach cp3", host="cp3")
        return fleet.connect(host)

    out = StringIO()
    console = Console(output, stdout=out, stderr=StringIO(), environ={})
    code = queries.verify_cis(cluster, Path("demo.yaml"), False, connect, console)
    console.end(code)
    assert code is ExitCode.DRIFT
    if output == "text":
        assert "kube-apiserver does not run" in out.getvalue()
        assert out.getvalue().splitlines()[-1].endswith("not looked at, because not reached: cp3")
    else:
        last = json.loads(out.getvalue().splitlines()[-1])
        assert (sorted(last["results"]), last["unreachable"]) == (["cp1", "cp2"], ["cp3"])


def benchmark(fleet: FakeFleet, cluster: Cluster) -> tuple[ExitCode, Any, str]:
    TIME.fleet = fleet
    console = Recorder()
    code = queries.verify_cis(cluster, Path("demo.yaml"), False, lambda _, host: fleet.connect(host), console)
    return code, console.results[-1], console.text


def _changed(before: Any, after: Any) -> list[str]:
    pairs = zip(before["results"]["cp1"]["checks"], after["results"]["cp1"]["checks"], strict=True)
    return [new["number"] for old, new in pairs if old["status"] != new["status"]]


def test_a14_an_alarm_of_etcd_is_a_difference(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    assert differences(fleet, cluster) == []
    (etcd,) = fleet.etcd.clusters.values()
    etcd.alarms.append({"memberID": str(fleet.members()[1].id), "alarm": "NOSPACE"})
    assert [each["what"] for each in differences(fleet, cluster)] == ["etcd alarm NOSPACE"]


def test_a16_members_that_hold_different_data_are_a_difference(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    (etcd,) = fleet.etcd.clusters.values()
    etcd.damaged.add(fleet.members()[2].id)
    (found,) = differences(fleet, cluster)
    assert found["what"] == "data of etcd's members"
    assert "cp3" in found["actual"]


def test_a_scheduler_that_serves_with_a_strangers_certificate_is_told(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    assert differences(fleet, cluster) == []
    files = fleet.host("cp1").files
    served, other = (PurePosixPath("/etc/kubernetes/pki", name) for name in ("scheduler/server.crt", "etcd/server.crt"))
    files.put(File(served, files.content(other) or b"", 0o644), fleet.now)
    found = {each["what"]: each["actual"] for each in differences(fleet, cluster)}
    assert "certificate signed by unknown authority" in found["certificate served by kube-scheduler"]
    assert not [what for what in found if what.startswith("health of ")]


def test_a_scheduler_that_made_up_its_certificate_is_healthy_all_the_same(tmp_path: Path) -> None:
    """As in a cluster that an earlier version made: its flags and files are what differs."""
    as_kubeadm, cluster = a_cluster("cp1", hardening={"controllerServing": False}), a_cluster("cp1")
    fleet = a_living_fleet(as_kubeadm, tmp_path)
    assert differences(fleet, as_kubeadm) == []
    found = [each["what"] for each in differences(fleet, cluster)]
    assert "file /etc/kubernetes/manifests/kube-scheduler.yaml" in found
    assert "file /etc/kubernetes/pki/scheduler/server.crt" in found
    assert not [what for what in found if what.startswith(("health of ", "certificate served "))]


def test_a_scheduler_with_a_certificate_of_its_own_is_asked_as_it_is(tmp_path: Path) -> None:
    cluster = a_cluster("cp1", scheduler={"extraArgs": [{"name": "cert-dir", "value": "/var/run/made-up"}]})
    fleet = a_living_fleet(cluster, tmp_path)
    assert fleet.host("cp1").files.content(PurePosixPath("/etc/kubernetes/pki/scheduler/server.crt")) is None
    assert differences(fleet, cluster) == []

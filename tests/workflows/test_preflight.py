"""Faults between hosts: `preflight` names them, `init` refuses before it has written anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap import queries
from bootstrap.cluster import Cluster
from bootstrap.errors import ExitCode, HostUnreachable, Refused
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init
from tests.workflows.test_unreachable import without

LB = "192.0.2.9:6443"


def preflight(fleet: FakeFleet, cluster: Cluster, *ignored: str, lost: str = "") -> tuple[ExitCode, Recorder]:
    TIME.fleet = fleet
    console = Recorder()
    return queries.show_preflight(cluster, Path("demo.yaml"), ignored, without(fleet, lost), console), console


def found(console: Recorder) -> set[tuple[str, str, str | None]]:
    return {(one["name"], str(one["severity"]), one["host"]) for one in console.results[-1]["findings"]}


def drop(fleet: FakeFleet) -> None:
    fleet.network.dropped.add(("cp1", "192.0.2.12", 2380))


def wrong_clock(fleet: FakeFleet) -> None:
    fleet.host("cp2").skew_s = 7.0


def clone(fleet: FakeFleet) -> None:
    fleet.host("cp2").machine_id = fleet.host("cp1").machine_id


def another_name(fleet: FakeFleet) -> None:
    fleet.host("cp2").hostname = "node2"


def no_forwarding(fleet: FakeFleet) -> None:
    fleet.host("cp2").forwards = False


def far_away(fleet: FakeFleet) -> None:
    fleet.network.delay_s |= {("cp1", "192.0.2.12"): 0.8, ("cp2", "192.0.2.11"): 0.8}


def slow_disk(fleet: FakeFleet) -> None:
    fleet.host("cp2").write_s = 0.8


def no_image(fleet: FakeFleet) -> None:
    fleet.host("cp2").missing_images = {"registry.k8s.io/etcd:3.6.8-0"}


def a_small_kernel(fleet: FakeFleet) -> None:
    fleet.host("cp2").kernel_lacks = {"MEMCG"}


FAULTS: dict[str, tuple[Any, set[tuple[str, str, str | None]]]] = {
    "a filtered port": (drop, {("Reach-2380", "error", "cp2")}),
    "a wrong clock": (wrong_clock, {("ClockSkew", "warning", "cp2"), ("ClockSkew", "error", None)}),
    "one machine ID twice": (clone, {("MachineID", "error", None)}),
    "another host name": (another_name, {("Hostname", "error", "cp2")}),
    "no forwarding": (no_forwarding, {("SSHForwarding", "error", "cp2")}),
    "a long way": (far_away, {("RoundTrip", "error", None)}),
    "a disk that is far too slow": (slow_disk, {("EtcdDisk", "error", "cp2")}),
    "an image that cannot be had": (no_image, {("Images", "error", "cp2")}),
    "a kernel without cgroups for memory": (a_small_kernel, {("SystemVerification", "error", "cp2")}),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_and_init_writes_nothing(fault: Any, expected: set[tuple[str, str, str | None]], tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fault(fleet)
    code, console = preflight(fleet, cluster)
    assert (code, found(console)) == (ExitCode.REFUSED, expected)
    with pytest.raises(Refused):
        init(fleet, cluster, tmp_path)
    assert fleet.operations == []
    code, console = preflight(fleet, cluster, *{name for name, _, _ in expected})
    assert code is ExitCode.DONE


def test_healthy_hosts_pass_every_check(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    code, console = preflight(fleet, cluster)
    assert code is ExitCode.DONE
    assert {one["result"] for one in console.results[-1]["checks"]} == {"pass"}
    assert {(one["port"], str(one["outcome"])) for one in console.results[-1]["reach"]} == {
        (port, "refused") for port in (2379, 2380, 6443, 10250)
    }
    assert "Round trips" in console.text
    init(fleet, cluster, tmp_path)
    code, console = preflight(fleet, cluster)
    assert (code, found(console)) == (ExitCode.DONE, set())
    disks = [(one["p99Seconds"], one["writes"], one["measuredIn"]) for one in console.results[-1]["disks"]]
    assert disks == [(0.00099, 1000, None)] * 3
    assert {one["outcome"] for one in console.results[-1]["reach"]} == {"open"}


def test_what_only_warns_lets_init_go_on(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.host("cp1").knows_itself = False
    fleet.host("cp3").sandbox_image = "registry.k8s.io/pause:3.8"
    code, console = preflight(fleet, cluster)
    expected = {("Hostname", "warning", "cp1"), ("Images", "warning", "cp3")}
    assert (code, found(console)) == (ExitCode.DONE, expected)
    assert "its own name, cp1, does not resolve on it" in init(fleet, cluster, tmp_path).text


def test_images_of_the_users_own_static_pods_where_they_go(tmp_path: Path) -> None:
    pod, image = tmp_path / "web.yaml", "registry.example/web:1"
    pod.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
                   f"spec: {{containers: [{{name: web, image: '{image}'}}]}}\n")  # fmt: skip
    cluster = a_cluster(staticPods=[{"file": str(pod), "hosts": ["cp2"]}])
    fleet = FakeFleet.of(cluster)
    for host in fleet.hosts.values():
        host.missing_images = {image}
    code, console = preflight(fleet, cluster)
    assert (code, found(console)) == (ExitCode.REFUSED, {("Images", "error", "cp2")})
    with pytest.raises(Refused):
        init(fleet, cluster, tmp_path)
    code, console = preflight(fleet, cluster, "ImagePull")
    assert code is ExitCode.DONE


def test_a_host_that_cannot_be_reached_is_unknown_and_the_others_are_checked(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    code, console = preflight(fleet, cluster, lost="cp2")
    assert code is ExitCode.UNREACHABLE
    assert console.results[-1]["unknown"] == {"cp2": "cannot reach cp2"}
    results = {(one["host"], one["result"]) for one in console.results[-1]["checks"]}
    assert results == {("cp1", "pass"), ("cp2", "unknown"), ("cp3", "pass")}
    assert "unknown cp2: cannot reach cp2" in console.text
    drop(fleet)
    code, console = preflight(fleet, cluster, lost="cp2")
    assert (code, found(console)) == (ExitCode.REFUSED, {("Reach-2380", "error", "cp2")})


def test_no_host_that_can_be_reached_is_an_error() -> None:
    cluster = a_cluster("cp1")
    with pytest.raises(HostUnreachable):
        preflight(FakeFleet.of(cluster), cluster, lost="cp1")


def test_a_disk_is_left_alone_where_its_finding_is_ignored_and_in_a_dry_run(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)

    def measured() -> bool:
        return any("disk" in argv for _, argv in fleet.ran)

    preflight(fleet, cluster, "etcddisk")
    init(fleet, cluster, tmp_path, dry_run=True)
    assert not measured()
    preflight(fleet, cluster)
    assert measured()


def test_a_finished_cluster_is_not_asked_again_by_init(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    fleet.ran.clear()
    drop(fleet)
    init(fleet, cluster, tmp_path)
    assert fleet.ran == []


def test_an_endpoint_that_leads_to_another_cluster(tmp_path: Path) -> None:
    cluster = a_cluster(controlPlaneEndpoint=LB)
    fleet = FakeFleet.of(cluster)
    host, _, port = LB.partition(":")
    other = a_cluster("cp1")
    others = FakeFleet.of(other)
    init(others, other, tmp_path)
    der = others.connect("cp1").reach("192.0.2.11", 6443, server_name="x").certificate
    assert der
    fleet.network.servers[host, int(port)] = der
    code, console = preflight(fleet, cluster)
    assert (code, found(console)) == (ExitCode.REFUSED, {("ControlPlaneEndpoint", "error", None)})
    fleet.network.servers[host, int(port)] = b""
    code, console = preflight(fleet, cluster)
    assert (code, found(console)) == (ExitCode.DONE, set())


def test_an_endpoint_that_is_dead_is_a_warning(tmp_path: Path) -> None:
    cluster = a_cluster(controlPlaneEndpoint=LB)
    fleet = FakeFleet.of(cluster)
    code, console = preflight(fleet, cluster)
    assert code is ExitCode.DONE
    assert found(console) == {("ControlPlaneEndpoint", "warning", name) for name in ("cp1", "cp2", "cp3")}
    init(fleet, cluster, tmp_path)


def test_workers_are_said_to_be_left_to_their_own_command(tmp_path: Path) -> None:
    cluster = a_cluster("cp1", workers=2)
    _, console = preflight(a_living_fleet(cluster, tmp_path), cluster)
    assert "workers are not looked at here (w1, w2): add-worker checks them" in console.out.getvalue()

"""A virtual IP against model hosts: keepalived on every master, the address as endpoint, and both gone with a reset."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from bootstrap.cluster import Cluster
from bootstrap.errors import Refused, SeveralErrors
from bootstrap.health import Endpoint, ask
from bootstrap.testing import FakeFleet
from bootstrap.waiting import NotHealthy
from tests.workflows.support import a_cluster, a_living_fleet, init, plan_of
from tests.workflows.test_reset import reset
from tests.workflows.test_workers import add, nodes, verify

VIP: dict[str, Any] = {"address": "192.0.2.100", "interface": "eth0", "imageRepository": "quay.example.com", "imageTag": "2.2.7"}
CONFIG = "/etc/kubernetes/keepalived/keepalived.conf"


def up(home: Path, workers: int = 0) -> tuple[FakeFleet, Cluster]:
    cluster = a_cluster(vip=VIP, workers=workers)
    fleet = a_living_fleet(cluster, home)
    return fleet, cluster


def lines(fleet: FakeFleet, name: str) -> list[str]:
    return [line.strip() for line in (fleet.host(name).text(CONFIG) or "").splitlines()]


def test_every_master_has_keepalived_with_a_priority_of_its_own(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    assert cluster.control_plane_endpoint == "192.0.2.100:6443"
    for name, priority, peers in (("cp1", 200, [12, 13]), ("cp2", 199, [11, 13]), ("cp3", 198, [11, 12])):
        found = lines(fleet, name)
        assert f"priority {priority}" in found
        assert [line for line in found if line.startswith("192.0.2.1") and "/" not in line] == [f"192.0.2.{n}" for n in peers]
        assert f"unicast_src_ip {fleet.host(name).address}" in found
        assert fleet.host(name).runtime.running("keepalived") is not None
        check = PurePosixPath("/etc/kubernetes/keepalived/check.sh")
        assert fleet.host(name).files.nodes[check].mode == 0o755
        assert f"https://{fleet.host(name).address}:6443/readyz" in (fleet.host(name).text(check) or "")


def test_people_and_workers_go_to_the_virtual_ip(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path, workers=1)
    kubeconfig = yaml.safe_load((tmp_path / "demo.kubeconfig").read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://192.0.2.100:6443"
    add(fleet, cluster)
    assert "w1" in nodes(fleet)
    assert fleet.host("w1").runtime.containers == {}
    assert verify(fleet, cluster)[1] == []


def test_a_second_init_has_nothing_to_do(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    assert plan_of(fleet, cluster, tmp_path).is_empty


def test_another_keepalived_is_refused_on_a_living_control_plane(tmp_path: Path) -> None:
    fleet, _ = up(tmp_path)
    with pytest.raises(Refused, match="this control plane is alive") as refused:
        init(fleet, a_cluster(vip={**VIP, "imageTag": "2.3.0"}), tmp_path)
    manifest = "/etc/kubernetes/manifests/keepalived.yaml"
    assert refused.value.evidence == tuple(f"{name}: {manifest} would change" for name in ("cp1", "cp2", "cp3"))


def test_init_ends_only_when_the_address_answers(tmp_path: Path) -> None:
    cluster = a_cluster(vip=VIP)
    fleet = FakeFleet.of(cluster)
    for host in fleet.hosts.values():
        host.crashes["keepalived"] = ["(control-plane) WARNING - interface eth0 for vrrp_instance doesn't exist"]
    with pytest.raises(SeveralErrors) as caught:
        init(fleet, cluster, tmp_path)
    for error in caught.value.errors:
        assert (type(error), error.component) == (NotHealthy, "keepalived")
        assert any("interface eth0 for vrrp_instance doesn't exist" in line for line in error.evidence)


def test_the_address_moves_to_a_master_that_is_alive(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    authority = (fleet.host("cp1").text("/etc/kubernetes/pki/ca.crt") or "").encode()
    endpoint = Endpoint("keepalived", "192.0.2.100", 6443, "/readyz", ca=authority)
    fleet.host("cp1").power_off()
    fleet.advance(5)
    assert ask(endpoint, fleet.connect(cluster.host("cp2"))).ok


def test_reset_takes_it_away(tmp_path: Path) -> None:
    fleet, cluster = up(tmp_path)
    reset(fleet, cluster)
    for name in fleet.hosts:
        assert not [path for path in fleet.tree(name) if "keepalived" in path]

"""A virtual IP on real nodes: it is held by one master, moves when that one's API server goes, and leaves with a reset."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.conftest import MASTERS, Lab, wait_until


@pytest.fixture(scope="module")
def vip(lab: Lab) -> Iterator[tuple[Path, str]]:
    """A finished cluster with a virtual IP: its inventory, and the address."""
    found: list[str] = []

    def with_vip(spec: dict[str, Any]) -> None:
        # A lab has thirty addresses, masters first: the fifteenth is nobody's.
        found.append(str(ip_address(spec["hosts"][0]["address"]) + 14))
        repository = spec["balancer"]["imageRepository"]
        spec["vip"] = {"address": found[0], "interface": "eth0", "imageRepository": repository, "imageTag": "debian"}

    lab.reset()
    inventory = lab.inventory("vip", with_vip)
    lab.init(inventory)
    yield inventory, found[0]
    lab.reset()


def holders(lab: Lab, address: str) -> list[str]:
    return [name for name in MASTERS if f" {address}/32 " in lab.sh(name, "ip -4 -oneline address")]


def said_of_the_check(lab: Lab, node: str) -> str:
    """keepalived's complaints about running its check; it says them and goes on as if the check had passed."""
    return lab.sh(node, "cat /var/log/pods/*keepalived*/*/*.log | grep -E \"Couldn't|[Dd]isabling|not found\" || true")


def test_one_master_holds_it_and_people_use_it(lab: Lab, vip: tuple[Path, str]) -> None:
    inventory, address = vip
    assert len(holders(lab, address)) == 1
    kubeconfig = yaml.safe_load(lab.kubeconfig.read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == f"https://{address}:6443"
    assert len(lab.get("nodes")["items"]) == len(MASTERS)
    assert {f"keepalived-{name}" for name in MASTERS} <= set(lab.mirror_pods())
    assert {name: said_of_the_check(lab, name) for name in MASTERS} == dict.fromkeys(MASTERS, "")
    assert "Nothing to do" in lab.init(inventory)
    done = lab.bootstrap("verify", inventory)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_moves_to_a_master_that_serves_and_does_not_come_back(lab: Lab, vip: tuple[Path, str]) -> None:
    _, address = vip
    (first,) = holders(lab, address)
    lab.sh(first, "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/")
    try:
        wait_until(lambda: holders(lab, address) not in ([], [first]), 40, "another holder")
        (second,) = holders(lab, address)
        wait_until(lambda: len(lab.get("nodes")["items"]) == len(MASTERS), 20, "an answer at the address")
    finally:
        lab.sh(first, "mv /root/kube-apiserver.yaml /etc/kubernetes/manifests/")
    own = "curl -sk https://$(hostname):6443/readyz"
    wait_until(lambda: lab.sh(first, own) == "ok", 120, "the API server that was away")
    assert holders(lab, address) == [second]


def test_reset_takes_it_off(lab: Lab, vip: tuple[Path, str]) -> None:
    inventory, address = vip
    done = lab.bootstrap("reset", inventory, "--confirm", yaml.safe_load(inventory.read_text())["metadata"]["name"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert holders(lab, address) == []
    assert lab.sh(MASTERS[0], "find /etc/kubernetes -name 'keepalived*'") == ""

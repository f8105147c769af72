"""preflight on real nodes: faults on three of them, all named in one run; nothing is written while they last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import CP1, CP2, CP3, MASTERS, Lab

DROP = "nft add table inet faults && nft add chain inet faults in '{ type filter hook input priority 0; }' && "
RULE = "nft add rule inet faults in tcp dport 2380 ip saddr {} drop"
FAULTS = {
    CP1: "ctr -n k8s.io images rm registry.k8s.io/kube-scheduler:v1.36.3 >/dev/null; "
         "mkdir -p /etc/kubernetes && mount --bind /etc/kubernetes /etc/kubernetes && mount -o remount,bind,ro /etc/kubernetes",
    CP3: "hostname elsewhere; systemctl stop containerd",
}  # fmt: skip
MENDED = {
    CP1: "umount /etc/kubernetes",
    CP2: "nft delete table inet faults",
    CP3: f"hostname {CP3}; systemctl start containerd",
}


def preflight(lab: Lab, inventory: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = lab.bootstrap("preflight", inventory, "--output", "json", *words)
    assert done.stdout.strip(), done.stderr
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return done.returncode, result


def found(result: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(one["name"], one["host"]) for one in result["findings"] if one["severity"] == "error"}


@pytest.fixture
def faulty(lab: Lab) -> Iterator[Path]:
    lab.reset()
    inventory = lab.inventory("preflight")
    address = next(line.split()[2] for line in lab.command("status").splitlines() if line.split()[0] == CP1)
    try:
        lab.sh(CP2, DROP + RULE.format(address))
        for node, script in FAULTS.items():
            lab.sh(node, script)
        yield inventory
    finally:
        for node, script in MENDED.items():
            lab.sh(node, script, check=False)
        lab.reset()


def test_faults_are_named_at_once_and_init_writes_nothing(lab: Lab, faulty: Path) -> None:
    code, result = preflight(lab, faulty)
    assert (code, found(result)) == (4, {
        ("Reach-2380", CP2), ("Images", CP1), ("DirWritable--etc-kubernetes", CP1), ("Hostname", CP3), ("CRI", CP3),
    })  # fmt: skip
    filtered = [(one["from"], one["to"], one["port"]) for one in result["reach"] if one["outcome"] != "refused"]
    assert filtered == [(CP1, CP2, 2380)]
    refused = lab.bootstrap("init", faulty, "--kubeconfig", lab.kubeconfig)
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "5 preflight findings; nothing was written" in refused.stderr
    for node in MASTERS:
        assert not lab.sh(node, "find /var/lib -maxdepth 2 -name '.bootstrap*'").strip()
        assert not lab.sh(node, "find /etc/kubernetes -type f", check=False).strip()


def test_a_host_that_cannot_be_reached_is_unknown(lab: Lab) -> None:
    def closed(spec: dict[str, Any]) -> None:
        spec["hosts"] = [{**host, "ssh": {**host["ssh"], "port": 9}} if host["name"] == CP3 else host for host in spec["hosts"]]

    code, result = preflight(lab, lab.inventory("unreachable", closed))
    assert code == 3, result
    assert list(result["unknown"]) == [CP3]
    assert found(result) == set()
    assert {one["result"] for one in result["checks"] if one["host"] == CP3} == {"unknown"}


def test_a_finished_cluster_passes(lab: Lab, cluster: Path) -> None:
    code, result = preflight(lab, cluster)
    assert (code, found(result)) == (0, set())
    assert {one["outcome"] for one in result["reach"]} == {"open"}
    assert {one["measuredIn"] for one in result["disks"]} == {None}
    assert all(one["present"] for one in result["images"])

"""A run that is killed, or loses a master to a reboot, is finished by the same command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.conftest import COMPONENTS, CP1, CP2, CP3, MASTERS, Lab, wait_until

POINTS = (
    ("certs", 2), ("certs", 45), ("kubeconfig", 8), ("etcd", 3), ("kubelet-start", 5), ("wait-control-plane/api", 4),
    ("control-plane/controllers", 3), ("bootstrap-token", 6), ("addon", 4), ("upload-config", 3),
)  # fmt: skip
"""Phase, and the number of the event in it with which the run is killed; half a minute each."""
SHARED = "ca.crt ca.key etcd/ca.crt etcd/ca.key front-proxy-ca.crt front-proxy-ca.key sa.key sa.pub"


def etcdctl(lab: Lab, *words: str) -> Any:
    return json.loads(lab.kubectl("-n", "kube-system", "exec", f"etcd-{CP1}", "--", "etcdctl",
        "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
        "--key=/etc/kubernetes/pki/etcd/server.key", *words, "-w", "json"))  # fmt: skip


def is_whole(lab: Lab) -> None:
    """Three masters, one cluster, the same files everywhere, nothing half done; and the same command finds nothing to do."""
    assert {f"{c}-{m}" for c in COMPONENTS for m in MASTERS} <= set(lab.mirror_pods())
    assert sorted(member["name"] for member in etcdctl(lab, "member", "list")["members"]) == sorted(MASTERS)
    statuses = etcdctl(lab, "endpoint", "status", "--cluster")
    assert len({status["Status"]["header"]["cluster_id"] for status in statuses}) == 1
    assert len(statuses) == len(MASTERS)
    paths = {node: lab.paths(node) for node in MASTERS}
    assert paths[CP1] == paths[CP2] == paths[CP3]
    assert not [path for path in paths[CP1] if "/." in path]
    assert len({lab.sh(node, f"cd /etc/kubernetes/pki; sha256sum {SHARED}") for node in MASTERS}) == 1


def is_settled(lab: Lab, inventory: Any) -> None:
    trees = {node: lab.tree(node) for node in MASTERS}
    assert "Nothing to do" in lab.init(inventory)
    assert {node: lab.tree(node) for node in MASTERS} == trees
    done = lab.bootstrap("verify", inventory)
    assert done.returncode == 0, done.stdout + done.stderr


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    yield from (json.loads(line) for line in process.stdout if line.startswith("{"))


def started(lab: Lab, inventory: Any) -> subprocess.Popen[str]:
    return lab.start("init", inventory, "--kubeconfig", lab.kubeconfig, "--output", "json")


@pytest.mark.parametrize(("phase", "number"), POINTS)
def test_killed_in_a_phase_the_same_command_finishes(lab: Lab, phase: str, number: int) -> None:
    lab.reset()
    inventory = lab.inventory()
    process = started(lab, inventory)
    seen = 0
    for event in events(process):
        seen += event.get("phase") == phase
        if seen == number:
            process.kill()
            break
    assert seen == number, f"{phase} has {seen} events only"
    process.wait(timeout=30)
    lab.after_a_kill("init", inventory, "--kubeconfig", lab.kubeconfig)
    is_whole(lab)
    is_settled(lab, inventory)


def test_a_master_that_reboots_in_the_middle_is_brought_up_by_the_same_command(lab: Lab) -> None:
    """While etcd and the API are waited for. The run may even outlive that: a wait connects again."""
    lab.reset()
    inventory = lab.inventory()
    process = started(lab, inventory)
    boot = lab.sh(CP2, "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
    for event in events(process):
        if (event.get("event"), event.get("phase")) == ("waiting", "wait-control-plane/api"):
            lab.sh(CP2, "systemctl reboot", check=False)
            break
    for _ in events(process):
        pass
    assert process.wait(timeout=300) in (0, 3, 5)
    wait_until(lambda: lab.sh(CP2, "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1") != boot, 120, "the other boot")
    lab.init(inventory)
    is_whole(lab)
    is_settled(lab, inventory)

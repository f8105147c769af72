"""A run that is killed is finished by the same command."""

from __future__ import annotations

import json
import time

import pytest

from tests.lab.conftest import COMPONENTS, CP1, CP2, CP3, MASTERS, Lab


def members(lab: Lab) -> list[str]:
    listed = lab.kubectl("-n", "kube-system", "exec", f"etcd-{CP1}", "--", "etcdctl",
        "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
        "--key=/etc/kubernetes/pki/etcd/server.key", "member", "list", "-w", "json")  # fmt: skip
    return sorted(member["name"] for member in json.loads(listed)["members"])


@pytest.mark.parametrize("phase", ["certs", "etcd", "kubelet-start", "wait-control-plane/api", "addon"])
def test_killed_in_a_phase_the_same_command_finishes(lab: Lab, phase: str) -> None:
    lab.reset()
    inventory = lab.inventory()
    process = lab.start("init", inventory, "--kubeconfig", lab.kubeconfig, "--output", "json")
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "phase-started" and event.get("phase") == phase:
            time.sleep(0.05)
            process.kill()
            break
    else:
        raise AssertionError(f"phase {phase} never began")
    process.wait(timeout=30)
    lab.init(inventory)
    assert {f"{c}-{m}" for c in COMPONENTS for m in MASTERS} <= set(lab.mirror_pods())
    assert members(lab) == sorted(MASTERS)
    paths = {node: lab.paths(node) for node in MASTERS}
    assert paths[CP1] == paths[CP2] == paths[CP3]
    assert not [path for path in paths[CP1] if "/." in path]
    assert "Nothing to do" in lab.init(inventory)
    done = lab.bootstrap("verify", inventory)
    assert done.returncode == 0, done.stdout + done.stderr

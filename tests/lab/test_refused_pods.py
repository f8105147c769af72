"""A real kubelet refuses static pods, and says so where init looks; once there is room, one restart brings them up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.lab.conftest import CP1, Lab

ROOM = 1
"""For etcd or for the API server, by chance: so the API never answers, and no more than these two are ever placed."""
CONFIG = "/var/lib/kubelet/config.yaml"
RESTARTED = "restarted the kubelet: it refused "


def one_master(lab: Lab, name: str, pods: int) -> Path:
    def change(spec: dict[str, Any]) -> None:
        spec["hosts"] = [host for host in spec["hosts"] if host["name"] == CP1]
        spec.setdefault("kubelet", {}).setdefault("config", {})["maxPods"] = pods

    return lab.inventory(name, change)


def test_a_refused_static_pod_is_told_and_the_right_inventory_finishes(lab: Lab) -> None:
    lab.reset()
    done = lab.bootstrap("init", one_master(lab, "narrow", ROOM), "--kubeconfig", lab.kubeconfig)
    assert done.returncode == 5, done.stdout + done.stderr
    assert done.stderr.count(RESTARTED) == 1, done.stderr
    assert f"the kubelet on {CP1} again, after it was restarted, refuses " in done.stderr
    assert "no set of running pods found to reclaim resources: [(res: pods, q: 1), ]" in done.stderr
    wide = one_master(lab, "wide", 110)
    assert "is up: 1 master" in lab.init(wide)
    assert "Nothing to do" in lab.init(wide)


def test_a_restart_of_the_kubelet_helps_once_there_is_room(lab: Lab) -> None:
    """The kubelet reads its configuration when it starts: what is written there by somebody else counts from its restart on."""
    lab.reset()
    inventory = one_master(lab, "narrow", ROOM)
    process = lab.start("init", inventory, "--kubeconfig", lab.kubeconfig, "--output", "json")
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        event = json.loads(line) if line.startswith("{") else {}
        told.append(event.get("message", ""))
        if (event.get("event"), event.get("phase")) == ("phase-done", "kubelet-start"):
            lab.sh(CP1, f"sed -i 's/^maxPods: .*/maxPods: 110/' {CONFIG}; grep -q '^maxPods: 110' {CONFIG}")
    assert process.wait(timeout=60) == 0, told[-5:]
    restarts = [text for text in told if text.startswith(RESTARTED)]
    assert len(restarts) == 1
    assert "UnexpectedAdmissionError" in restarts[0]
    lab.reset()

"""verify sees each fault that is put in, names host and place, and sees none once it is mended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.conftest import CP1, CP2, CP3, MASTERS, Lab, wait_until

STRAY = (CP1, "cp /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes/manifests/kube-scheduler.yaml.bak")
FLAG = (
    CP2,
    "cp -p /etc/kubernetes/manifests/kube-scheduler.yaml /root/saved.yaml; "
    "sed 's/--leader-elect=true/--leader-elect=true\\n    - --v=4/' /root/saved.yaml >/etc/kubernetes/manifests/.new; "
    "chmod 600 /etc/kubernetes/manifests/.new; mv /etc/kubernetes/manifests/.new /etc/kubernetes/manifests/kube-scheduler.yaml",
)
CERTIFICATE = (
    CP3,
    "cd /etc/kubernetes/pki; cp -p apiserver.crt /root/saved.crt; cat etcd/server.crt >apiserver.crt",
)
ETCD = (CP3, "kill -STOP $(pgrep -x etcd)")


def found(lab: Lab, inventory: Path) -> list[dict[str, str]]:
    done = lab.bootstrap("verify", inventory, "--output", "json")
    assert done.returncode in (0, 8), done.stdout + done.stderr
    differences: list[dict[str, str]] = json.loads(done.stdout.strip().splitlines()[-1])["differences"]
    assert (done.returncode == 8) == bool(differences)
    return differences


@pytest.mark.parametrize(
    ("fault", "mend", "expected"),
    [
        (STRAY, "rm /etc/kubernetes/manifests/kube-scheduler.yaml.bak; touch /etc/kubernetes/manifests/kube-scheduler.yaml",
         (CP1, "stranger /etc/kubernetes/manifests/kube-scheduler.yaml.bak")),
        (FLAG, "mv /root/saved.yaml /etc/kubernetes/manifests/kube-scheduler.yaml",
         (CP2, "file /etc/kubernetes/manifests/kube-scheduler.yaml")),
        (CERTIFICATE, "cat /root/saved.crt >/etc/kubernetes/pki/apiserver.crt; rm /root/saved.crt",
         (CP3, "file /etc/kubernetes/pki/apiserver.crt")),
        (ETCD, "kill -CONT $(pgrep -x etcd)", (CP3, "health of etcd")),
    ],
    ids=["stray manifest", "changed flag", "swapped certificate", "stopped etcd"],
)  # fmt: skip
def test_a_fault_is_found_and_gone_when_mended(
    lab: Lab, cluster: Path, fault: tuple[str, str], mend: str, expected: tuple[str, str]
) -> None:
    node, script = fault
    assert found(lab, cluster) == []
    lab.sh(node, script)
    try:
        wait_until(lambda: expected in {(d["host"], d["what"]) for d in found(lab, cluster)}, 60, f"{expected} found")
    finally:
        lab.sh(node, mend)
    wait_until(lambda: found(lab, cluster) == [], 300, "no difference left")


def test_a_certificate_that_is_issued_anew_is_served_without_a_restart(lab: Lab, cluster: Path) -> None:
    """verify compares what is served with what lies there: a scheduler that kept its old one would show."""
    directory = "/etc/kubernetes/pki/scheduler"
    process, old = lab.sh(CP1, "pgrep -x kube-scheduler"), lab.sh(CP1, f"cat {directory}/server.crt")
    lab.sh(CP1, f"rm {directory}/server.crt")
    lab.init(cluster)
    assert lab.sh(CP1, f"cat {directory}/server.crt") != old
    wait_until(lambda: found(lab, cluster) == [], 120, "the new certificate served")
    assert lab.sh(CP1, "pgrep -x kube-scheduler") == process


def test_no_automated_check_of_the_cis_benchmark_fails(lab: Lab, cluster: Path) -> None:
    """What is left is for a person: anonymous probes, times, pull policy, credentials, the pod network's files."""
    done = lab.bootstrap("verify", cluster, "--profile", "cis", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout.strip().splitlines()[-1])["results"]
    assert sorted(results) == sorted(MASTERS)
    for_a_person = {"1.1.9", "1.1.10", "1.2.1", "1.2.11", "1.2.20", "3.1.1", "3.1.2", "3.1.3"}
    for host, found in results.items():
        assert found["counts"]["FAIL"] == 0, host
        assert {check["number"] for check in found["checks"] if check["status"] == "WARN"} <= for_a_person, host

"""Workers on real nodes: they join through their own balancers, outlive a master, and leave as their pods' budgets allow."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.conftest import CP1, CP3, MASTERS, NAME, PREFIX, Lab, wait_until

WORKERS = W1, W2 = (f"{PREFIX}worker1", f"{PREFIX}worker2")
# What pods and kubelet of a worker have: its own identity, its own balancer.
ASK = (
    "curl -sS --max-time 5 --cacert /etc/kubernetes/pki/ca.crt --cert /var/lib/kubelet/pki/kubelet-client-current.pem "
    "--key /var/lib/kubelet/pki/kubelet-client-current.pem https://127.0.0.1:6443"
)
BUSYBOX = "localhost/kube-bootstrap/pod-network:v1"
WEB = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                     "labelSelector": {"matchLabels": {"app": "web"}}},
                ],
                "containers": [{"name": "web", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "1d"]}],
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def workers(lab: Lab) -> Iterator[Path]:
    """Three masters that are up and two machines that are to be workers; the inventory of all."""
    lab.command("up", "--workers", "2", timeout=3600)
    (lab.directory / "ssh-config").write_text(lab.command("ssh-config") + "\n")
    lab.reset()
    inventory = lab.inventory("workers")
    lab.init(inventory)
    yield inventory
    lab.command("up", "--workers", "0")
    lab.reset()


@pytest.fixture(scope="module")
def joined(lab: Lab, workers: Path) -> Path:
    add(lab, workers)
    return workers


def add(lab: Lab, inventory: Path, *words: str) -> str:
    done = lab.bootstrap("add-worker", inventory, *words)
    assert done.returncode == 0, f"add-worker ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def node(lab: Lab, name: str) -> dict[str, Any]:
    return lab.get("node", name)


def ready(lab: Lab, name: str) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node(lab, name)["status"]["conditions"])


def names(lab: Lab) -> set[str]:
    return {one["metadata"]["name"] for one in lab.get("nodes")["items"]}


def balancer(lab: Lab, worker: str) -> tuple[str, int]:
    """Container and restarts of a worker's balancer."""
    (status,) = lab.mirror_pods()[f"balancer-{worker}"]["status"]["containerStatuses"]
    return status["containerID"], status["restartCount"]


@pytest.mark.parametrize("seconds", [0.8, 2.0, 4.0])
def test_killed_while_they_join_the_same_command_finishes(lab: Lab, workers: Path, seconds: float) -> None:
    process = lab.start("add-worker", workers)
    time.sleep(seconds)
    process.kill()
    process.wait()
    lab.after_a_kill("add-worker", workers)
    assert all(ready(lab, name) for name in WORKERS)
    done = lab.bootstrap("remove-worker", workers, *WORKERS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert names(lab) == set(MASTERS)


def test_they_join_through_their_own_balancers(lab: Lab, joined: Path) -> None:
    assert names(lab) == {*MASTERS, *WORKERS}
    for name in WORKERS:
        assert ready(lab, name)
        assert "server: https://127.0.0.1:6443" in lab.sh(name, "cat /etc/kubernetes/kubelet.conf")
        assert lab.sh(name, f"{ASK}/readyz") == "ok"
        assert lab.sh(name, "find /etc/kubernetes -name '*.key'") == ""
        assert lab.sh(name, "ls /etc/kubernetes/manifests").split() == ["balancer.yaml"]


def test_the_balancer_has_no_more_than_it_needs(lab: Lab, joined: Path) -> None:
    script = (
        "for pid in $(pgrep haproxy); do awk '/^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):/ {print $1, $2}' /proc/$pid/status; "
        "awk '$5 == \"/\" {print \"root\", substr($6, 1, 2)}' /proc/$pid/mountinfo | tail -n 1; done"
    )
    none = "0000000000000000"
    expected = {"Uid: 99", f"CapEff: {none}", f"CapBnd: {none}", "NoNewPrivs: 1", "Seccomp: 2", "root ro"}
    assert set(lab.sh(W1, script).splitlines()) == expected


def test_a_second_run_writes_nothing_and_verify_finds_nothing(lab: Lab, joined: Path) -> None:
    before = {name: lab.tree(name) for name in WORKERS}
    assert "Nothing to do: 2 workers" in add(lab, joined)
    assert before == {name: lab.tree(name) for name in WORKERS}
    for command in ("verify", "status"):
        done = lab.bootstrap(command, joined)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_automated_check_of_the_cis_benchmark_fails_on_a_worker(lab: Lab, joined: Path) -> None:
    done = lab.bootstrap("verify", joined, "--profile", "cis", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout.strip().splitlines()[-1])["results"]
    for name in WORKERS:
        statuses = {check["number"]: check["status"] for check in results[name]["checks"]}
        assert "4.2.1" in statuses
        assert {number for number, status in statuses.items() if status in ("FAIL", "WARN")} == set()


def test_kubelets_serve_logs_and_exec(lab: Lab, joined: Path) -> None:
    assert "haproxy" in lab.kubectl("-n", "kube-system", "exec", f"balancer-{W1}", "--", "haproxy", "-v").lower()
    lab.kubectl("-n", "kube-system", "logs", f"balancer-{W1}")


def test_a_master_that_dies_is_not_noticed(lab: Lab, joined: Path) -> None:
    """Its API server is taken away for longer than a node may be silent before it is taken for dead (50 s)."""
    lab.sh(CP1, "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/")
    others = ["--server", f"https://{address(joined, CP3)}:6443"]
    try:
        deadline, answers = time.monotonic() + 75, []
        while time.monotonic() < deadline:
            answers.append(lab.sh(W1, f"{ASK}/readyz", check=False))
            for name in WORKERS:
                conditions = json.loads(lab.kubectl(*others, "get", "node", name, "-o", "json"))["status"]["conditions"]
                assert {"Ready": "True"}.items() <= {one["type"]: one["status"] for one in conditions}.items()
            time.sleep(1)
        # A connection may meet the dead one until three checks have failed; afterwards none does.
        assert set(answers[10:]) == {"ok"}
        assert len(answers) > 20
    finally:
        lab.sh(CP1, "mv /root/kube-apiserver.yaml /etc/kubernetes/manifests/")
        own = f"curl -sk https://{address(joined, CP1)}:6443/readyz"
        wait_until(lambda: lab.sh(CP1, own) == "ok", 120, "the API server that was away")


def address(inventory: Path, name: str) -> str:
    hosts = yaml.safe_load(inventory.read_text())["spec"]["hosts"]
    return str(next(host["address"] for host in hosts if host["name"] == name))


def test_a_changed_list_cuts_no_connection_and_restarts_nothing(lab: Lab, joined: Path) -> None:
    watch = f"{ASK}/api/v1/nodes?watch=1\\&fieldSelector=metadata.name={W1}".replace("--max-time 5", "--max-time 600 -N")
    lab.sh(W1, f"(setsid {watch} >/root/watch 2>/root/watch-error & echo $! >/root/watch-pid)")
    wait_until(lambda: lab.sh(W1, "wc -l </root/watch").strip() != "0", 20, "the first event of the watch")
    before = {name: balancer(lab, name) for name in WORKERS}

    def without_cp3(spec: dict[str, Any]) -> None:
        spec["hosts"] = [host for host in spec["hosts"] if host["name"] != CP3]

    fewer = lab.inventory("fewer", without_cp3)
    add(lab, fewer)
    assert "server " + CP3 not in lab.sh(W1, "cat /etc/kubernetes/balancer/haproxy.cfg")
    assert {name: balancer(lab, name) for name in WORKERS} == before
    assert lab.sh(W1, f"{ASK}/readyz") == "ok"
    lab.kubectl("label", "node", W1, "watched=yes")
    wait_until(lambda: '"watched":"yes"' in lab.sh(W1, "cat /root/watch"), 10, "an event on the connection from before")
    assert lab.sh(W1, "kill $(cat /root/watch-pid); cat /root/watch-error") == ""
    add(lab, joined)
    assert {name: balancer(lab, name) for name in WORKERS} == before


def test_a_worker_leaves_as_the_budget_of_its_pods_allows(lab: Lab, joined: Path) -> None:
    budget = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    }  # fmt: skip
    apply(lab, WEB, budget)
    wait_until(lambda: both_run(lab), 60, "two pods")
    wait_until(lambda: lab.get("-n", "default", "pdb", "web")["status"].get("currentHealthy") == 2, 30, "the budget's status")
    done = lab.bootstrap("remove-worker", joined, W2, "--drain-timeout", "15s")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "The disruption budget web needs 2 healthy pods and has 2 currently" in done.stderr
    assert node(lab, W2)["spec"]["unschedulable"] is True
    assert ready(lab, W2)
    budget["spec"]["minAvailable"] = 1      # type: ignore[index]
    apply(lab, budget)
    done = lab.bootstrap("remove-worker", joined, W2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert names(lab) == {*MASTERS, W1}
    assert lab.sh(W2, "systemctl is-active kubelet", check=False) == "inactive\n"
    assert lab.sh(W2, "find /etc/kubernetes /var/lib/kubelet -type f 2>/dev/null; ctr -n k8s.io tasks ls -q", check=False) == ""
    wait_until(lambda: both_run(lab), 60, "both pods elsewhere")
    add(lab, joined)
    assert ready(lab, W2)


def test_dead_is_for_machines_that_do_not_answer(lab: Lab, joined: Path) -> None:
    done = lab.bootstrap("remove-worker", joined, W2, "--dead")
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"{W2} answers" in done.stderr
    lab.sh(W2, "systemctl stop kubelet ssh.socket ssh.service", check=False)
    try:
        wait_until(lambda: not ready(lab, W2), 90, "the node's silence")
        done = lab.bootstrap("remove-worker", joined, W2, "--dead")
        assert done.returncode == 0, done.stdout + done.stderr
        assert names(lab) == {*MASTERS, W1}
    finally:
        container = f"kubelab.{NAME}.worker2"
        subprocess.run(["lxc-attach", "-n", container, "--", "systemctl", "start", "ssh"], check=True)
    add(lab, joined)
    assert ready(lab, W2)


def both_run(lab: Lab) -> bool:
    return bool(lab.get("-n", "default", "deployment", "web")["status"].get("readyReplicas") == 2)


def apply(lab: Lab, *things: dict[str, Any]) -> None:
    path = lab.directory / "things.yaml"
    path.write_text(yaml.safe_dump_all(things))
    lab.kubectl("apply", "-f", str(path))

"""The real kubeadm on a cluster of ours: it understands what it finds, and a worker joins the way its documentation says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml

from tests.lab.balancer import Balancer
from tests.lab.conftest import CP1, MASTERS, PREFIX, Lab, run, wait_until

WORKER = f"{PREFIX}worker1"
ADMIN = "KUBECONFIG=/etc/kubernetes/admin.conf"


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Iterator[Path]:
    """Three masters behind a load balancer: a stock worker has no balancer of its own."""
    lab.reset()
    addresses = [host["address"] for host in yaml.safe_load(lab.inventory("kubeadm").read_text())["spec"]["hosts"]]
    bridge = str(ip_network(f"{addresses[0]}/24", strict=False)[1])
    balancer = Balancer(bridge, [(address, 6443) for address in addresses])
    inventory = lab.inventory("kubeadm", lambda spec: spec.update(controlPlaneEndpoint=f"{bridge}:{balancer.port}"))
    lab.init(inventory)
    yield inventory
    balancer.close()
    lab.reset()


def test_certificates_are_all_known_to_kubeadm(lab: Lab, cluster: Path) -> None:
    said = lab.sh(CP1, "kubeadm certs check-expiration 2>&1")
    assert "MISSING" not in said
    for certificate in ("admin.conf", "apiserver-etcd-client", "etcd-healthcheck-client", "scheduler.conf", "super-admin.conf"):
        assert re.search(rf"^{re.escape(certificate)} .* no\s*$", said, re.M), said


def test_images_are_those_that_kubeadm_lists(lab: Lab, cluster: Path) -> None:
    version = lab.get("nodes", CP1)["status"]["nodeInfo"]["kubeletVersion"]
    listed = set(lab.sh(CP1, f"kubeadm config images list --kubernetes-version {version}").split())
    run = {pod["spec"]["containers"][0]["image"] for pod in lab.mirror_pods().values()}
    assert len(run) == 4
    assert run <= listed


def test_upgrade_plan_runs(lab: Lab, cluster: Path) -> None:
    version = lab.get("nodes", CP1)["status"]["nodeInfo"]["kubeletVersion"]
    said = lab.sh(CP1, f"kubeadm upgrade plan {version} 2>&1", timeout=180)
    assert f"Cluster version: {version[1:]}" in said
    assert "Running cluster health checks" in said
    assert re.search(r"^[WE]\d{4} ", said, re.M) is None, said     # neither a warning nor an error


def test_upgrade_diff_loses_no_flag(lab: Lab, cluster: Path) -> None:
    version = lab.get("nodes", CP1)["status"]["nodeInfo"]["kubeletVersion"]
    said = lab.sh(CP1, f"kubeadm upgrade diff {version} 2>&1")
    assert "kube-apiserver" in said
    assert lost(r"- (--\S.*)", said) == set()
    assert lost(r"(?:mountPath|path): (\S+)", said) == set()


def lost(what: str, diff: str) -> set[str]:
    """What the lines that match have before the upgrade and not after it."""
    found = re.findall(rf"^([-+])\s+{what}$", diff, re.M)
    return {text for sign, text in found if sign == "-"} - {text for sign, text in found if sign == "+"}


def test_kubeadms_own_suite_finds_what_it_looks_for(lab: Lab, cluster: Path, tmp_path: Path) -> None:
    """Of its specs three are left out, about `kubeadm init --upload-certs`; that of dual-stack clusters leaves itself out."""
    token = said(lab, "token", "create", cluster, "--ttl", "10m").strip()
    suite = [lab.command("bin", "kubeadm-e2e", timeout=1800), "--kubeconfig", lab.kubeconfig, "--provider", "local"]
    done = run([*suite, "--ginkgo.no-color", "--ginkgo.skip", "copy-certs", "--report-dir", tmp_path], timeout=600)
    said(lab, "token", "delete", cluster, token[:6])
    counted = re.search(r"(\d+) Passed . (\d+) Failed . (\d+) Pending . (\d+) Skipped", done.stdout)
    assert counted is not None, done.stdout + done.stderr
    passed, *others = map(int, counted.groups())
    assert (done.returncode, passed) == (0, sum([passed, *others]) - 4), done.stdout


@pytest.fixture
def worker(lab: Lab, cluster: Path) -> Iterator[str]:
    """A fourth node, joined by a stock kubeadm with what `join-command` prints. The token is gone afterwards."""
    lab.command("up", "--masters", str(len(MASTERS)), "--workers", "1", timeout=900)
    (lab.directory / "ssh-config").write_text(lab.command("ssh-config") + "\n")
    (join,) = said(lab, "join-command", cluster, "--ttl", "10m").splitlines()
    lab.sh(WORKER, f"{join} --node-name {WORKER} --ignore-preflight-errors=all 2>&1", timeout=180)
    token_id = join.split(" --token ")[1][:6]
    assert f"{token_id}.*** " in said(lab, "token", "list", cluster)
    assert said(lab, "token", "delete", cluster, token_id) == f"deleted: {token_id}\n"
    assert token_id not in said(lab, "token", "list", cluster)
    yield WORKER
    lab.kubectl("delete", "node", WORKER)


def said(lab: Lab, *words: str | Path) -> str:
    """Standard output of a command that must go well."""
    done = lab.bootstrap(*words)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def test_tokens_are_kubeadms_in_both_directions(lab: Lab, cluster: Path) -> None:
    ours, theirs = (
        said(lab, "join-command", cluster).split(),
        lab.sh(CP1, f"{ADMIN} kubeadm token create --ttl 1h --description theirs --print-join-command").split(),
    )
    place = ours.index("--token") + 1
    tokens = [ours.pop(place), theirs.pop(place)]
    assert ours == theirs
    rest = "system:bootstrappers:kubeadm:default-node-token$"
    listed = lab.sh(CP1, f"{ADMIN} kubeadm token list 2>&1")
    assert re.search(rf"^{tokens[0]} +23h +\S+Z +authentication,signing +bootstrap join-command +{rest}", listed, re.M), listed
    shown = said(lab, "token", "list", cluster, "--show-secrets")
    assert re.search(rf"^{tokens[1]} +59m +\S+Z +authentication,signing +theirs +{rest}", shown, re.M), shown
    keys = [lab.get("-n", "kube-system", "secret", f"bootstrap-token-{token[:6]}")["data"].keys() for token in tokens]
    assert keys[0] == keys[1]
    said(lab, "token", "delete", cluster, *(token[:6] for token in tokens))
    assert not any(token[:6] in lab.sh(CP1, f"{ADMIN} kubeadm token list") for token in tokens)


def test_a_stock_join_brings_a_worker_whose_logs_can_be_read(lab: Lab, worker: str) -> None:
    def ready() -> bool:
        conditions = lab.get("node", worker)["status"]["conditions"]
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    wait_until(ready, 120, f"{worker} Ready")
    requests = [
        request["metadata"]["name"] for request in lab.get("certificatesigningrequests")["items"]
        if request["spec"]["signerName"] == "kubernetes.io/kubelet-serving"
        and request["spec"]["username"] == f"system:node:{worker}" and not request["status"].get("conditions")
    ]  # fmt: skip
    assert requests
    lab.kubectl("certificate", "approve", *requests)
    image = "localhost/kube-bootstrap/pod-network:v1"
    overrides = f'{{"spec":{{"nodeName":"{worker}"}}}}'
    lab.kubectl("run", "greeter", "--image", image, "--image-pull-policy=Never", "--restart=Never", "--overrides", overrides,
                "--command", "--", "sh", "-c", "echo a pod of the worker; sleep 600")  # fmt: skip
    lab.kubectl("wait", "pod/greeter", "--for=condition=Ready", "--timeout=60s")
    # The kubelet fetches its certificate some time after the approval.
    wait_until(lambda: "a pod of the worker" in lab.kubectl("logs", "greeter"), 60, f"logs of a pod on {worker}")
    assert lab.kubectl("exec", "greeter", "--", "hostname").strip() == "greeter"
    lab.kubectl("delete", "pod", "greeter", "--now")

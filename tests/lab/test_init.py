"""init on three real kubelets, and what is true afterwards."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import COMPONENTS, CP1, CP2, CP3, MASTERS, Lab, run, wait_until


def test_three_masters_are_up_when_init_says_so(lab: Lab, cluster: Path) -> None:
    mirrors = lab.mirror_pods()
    assert {f"{c}-{m}" for c in COMPONENTS for m in MASTERS} == set(mirrors)
    assert all(owner["kind"] == "Node" for pod in mirrors.values() for owner in pod["metadata"]["ownerReferences"])
    nodes = {node["metadata"]["name"]: node for node in lab.get("nodes")["items"]}
    assert set(MASTERS) == set(nodes)
    for node in nodes.values():
        assert {"type": "Ready", "status": "True"}.items() <= {
            key: value for c in node["status"]["conditions"] if c["type"] == "Ready" for key, value in c.items()
        }.items()
        assert "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"]
        assert {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"} in node["spec"]["taints"]


def test_etcd_has_three_voters(lab: Lab, cluster: Path) -> None:
    etcdctl = lab.command("bin", "etcdctl")
    node = json.loads(lab.kubectl("-n", "kube-system", "exec", f"etcd-{CP1}", "--", "etcdctl",
        "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
        "--key=/etc/kubernetes/pki/etcd/server.key", "member", "list", "-w", "json"))  # fmt: skip
    assert etcdctl
    assert sorted(MASTERS) == sorted(member["name"] for member in node["members"])
    assert not any(member.get("isLearner") for member in node["members"])


PROCESSES = """
for name in etcd kube-apiserver kube-controller kube-scheduler; do
    pid=$(pgrep -x -o "$name.*")
    awk -v name="$(cat /proc/$pid/comm)" '/^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):/ {print name, $1, $2}' /proc/$pid/status
    awk -v name="$(cat /proc/$pid/comm)" '$5 == "/" {print name, "root", substr($6, 1, 2)}' /proc/$pid/mountinfo | tail -n 1
done
"""
OWNERS = """
cd /
stat -c '%n %a %U:%G' var/lib/etcd etc/kubernetes/etcd-pki etc/kubernetes/etcd-pki/*
find etc/kubernetes/pki ! -user root -o ! -group root
find etc/kubernetes/pki -name '*.key' ! -perm 600
"""
NONE, NET_BIND_SERVICE = "0000000000000000", "0000000000000400"


def test_components_have_no_more_than_they_need(lab: Lab, cluster: Path) -> None:
    for node in MASTERS:
        etcd = lab.sh(node, "id -u etcd").strip()
        expected = set()
        for name in ("etcd", "kube-apiserver", "kube-controller", "kube-scheduler"):
            capabilities = NET_BIND_SERVICE if name == "kube-apiserver" else NONE
            user = etcd if name == "etcd" else "0"
            expected |= {f"{name} Uid: {user}", f"{name} CapEff: {capabilities}", f"{name} CapBnd: {capabilities}"}
            expected |= {f"{name} NoNewPrivs: 1", f"{name} Seccomp: 2", f"{name} root ro"}
        assert etcd != "0"
        assert set(lab.sh(node, PROCESSES).splitlines()) == expected


def test_data_and_keys_belong_to_those_who_use_them(lab: Lab, cluster: Path) -> None:
    names = ("ca.crt", "peer.crt", "peer.key", "server.crt", "server.key")
    copies = [f"etc/kubernetes/etcd-pki/{name} 400 etcd:etcd" for name in names]
    expected = ["var/lib/etcd 700 etcd:etcd", "etc/kubernetes/etcd-pki 700 etcd:etcd", *copies]
    for node in MASTERS:
        assert lab.sh(node, OWNERS).splitlines() == expected


def test_a_second_init_writes_nothing(lab: Lab, cluster: Path) -> None:
    before = {node: lab.tree(node) for node in MASTERS}
    said = lab.init(cluster)
    assert "Nothing to do" in said
    assert before == {node: lab.tree(node) for node in MASTERS}


def test_verify_finds_nothing_on_a_fresh_cluster(lab: Lab, cluster: Path) -> None:
    done = lab.bootstrap("verify", cluster)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dry_run_writes_nothing_and_shows_no_secret(lab: Lab, cluster: Path) -> None:
    lab.sh(CP1, "rm /etc/kubernetes/admin.conf")
    before = lab.tree(CP1)
    done = lab.bootstrap("init", cluster, "--dry-run", "--kubeconfig", lab.kubeconfig)
    assert done.returncode == 0, done.stderr
    assert "/etc/kubernetes/admin.conf" in done.stdout
    assert "client-key-data: LS0" not in done.stdout
    assert before == lab.tree(CP1)
    lab.init(cluster)
    assert lab.bootstrap("verify", cluster).returncode == 0


def test_a_changed_flag_is_refused_on_a_living_cluster(lab: Lab, cluster: Path) -> None:
    def verbose(spec: dict) -> None:  # type: ignore[type-arg]
        spec["scheduler"] = {"extraArgs": [{"name": "v", "value": "3"}]}

    before = lab.tree(CP1)
    done = lab.bootstrap("init", lab.inventory("changed", verbose), "--kubeconfig", lab.kubeconfig)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "kube-scheduler.yaml would change" in done.stderr
    assert before == lab.tree(CP1)


def test_status_logs_and_kubeconfig(lab: Lab, cluster: Path) -> None:
    status = lab.bootstrap("status", cluster)
    assert status.returncode == 0
    assert all(name in status.stdout for name in MASTERS)
    logs = lab.bootstrap("logs", cluster, CP2, "etcd", "--tail", "5")
    assert logs.returncode == 0
    assert len(logs.stdout.splitlines()) == 5
    fetched = lab.directory / "fetched.kubeconfig"
    assert lab.bootstrap("kubeconfig", cluster, "--kubeconfig", fetched).returncode == 0
    done = run([lab.command("bin", "kubectl"), "--kubeconfig", fetched, "auth", "can-i", "*", "*"])
    assert done.stdout.strip() == "yes"


def test_pods_of_the_addons_run_and_names_resolve(lab: Lab, cluster: Path) -> None:
    def running() -> bool:
        pods = lab.get("-n", "kube-system", "pods")["items"]
        return all(pod["status"]["phase"] == "Running" for pod in pods)

    wait_until(running, 120, "every pod of kube-system running")
    lab.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
    dns = lab.get("-n", "kube-system", "service", "kube-dns")["spec"]["clusterIP"]
    pods = lab.get("-n", "kube-system", "pods", "-l", "k8s-app=pod-network")["items"]
    for pod in pods:  # one per node: the service's address, the route to the pods, the answer
        name = pod["metadata"]["name"]
        answer = lab.kubectl("-n", "kube-system", "exec", name, "--", "nslookup", "kubernetes.default.svc.cluster.local", dns)
        assert "10.96.0.1" in answer
    assert len(pods) == len(MASTERS)
    kubelet_logs = lab.kubectl("-n", "kube-system", "logs", f"kube-scheduler-{CP3}", "--tail=1")
    assert kubelet_logs.strip()


def test_secrets_lie_encrypted_in_etcd_and_are_read_by_every_api_server(lab: Lab, cluster: Path) -> None:
    lab.kubectl("create", "secret", "generic", "canary", "--from-literal=password=CANARY-IN-A-SECRET")
    try:
        raw = lab.kubectl("-n", "kube-system", "exec", f"etcd-{CP2}", "--", "etcdctl",
            "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
            "--key=/etc/kubernetes/pki/etcd/server.key", "get", "/registry/secrets/default/canary", "-w", "json")  # fmt: skip
        value = base64.b64decode(json.loads(raw)["kvs"][0]["value"])
        assert value.startswith(b"k8s:enc:secretbox:v1:key1:")
        assert b"CANARY-IN-A-SECRET" not in value
        for node in MASTERS:
            conf = "/etc/kubernetes/super-admin.conf"
            read = lab.sh(node, f"kubectl --kubeconfig {conf} get secret canary -o 'jsonpath={{.data.password}}'")
            assert base64.b64decode(read) == b"CANARY-IN-A-SECRET"
    finally:
        lab.kubectl("delete", "secret", "canary")


def test_the_audit_log_says_who_touched_a_secret_and_not_what_is_in_it(lab: Lab, cluster: Path) -> None:
    lab.kubectl("create", "secret", "generic", "audited", "--from-literal=password=CANARY-IN-THE-LOG")
    lab.kubectl("delete", "secret", "audited")
    assert lab.sh(CP1, "stat -c '%a %U:%G' /var/log/kubernetes/audit /var/log/kubernetes/audit/audit.log").split() == [
        "700", "root:root", "600", "root:root",
    ]  # fmt: skip
    logs = [lab.sh(node, "cat /var/log/kubernetes/audit/*.log") for node in MASTERS]
    events = [json.loads(line) for log in logs for line in log.splitlines()]
    about = [e for e in events if e.get("objectRef", {}).get("resource") == "secrets" and e["objectRef"].get("name") == "audited"]
    # kubectl may also ask whether it is gone.
    assert {("create", "kubernetes-admin"), ("delete", "kubernetes-admin")} <= {(e["verb"], e["user"]["username"]) for e in about}
    assert {e["level"] for e in about} == {"Metadata"}
    body = base64.b64encode(b"CANARY-IN-THE-LOG").decode()
    assert not any(secret in log for log in logs for secret in ("CANARY-IN-THE-LOG", body))
    assert any("requestObject" in e for e in events if e.get("objectRef", {}).get("resource") == "daemonsets")


def test_without_credentials_only_health_and_cluster_info_are_answered(lab: Lab, cluster: Path) -> None:
    info = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
    answered = ("/livez", "/readyz", "/healthz", info)
    refused = ("/api", "/apis", "/version", "/metrics", "/livez/etcd", f"{info}/", "/.well-known/openid-configuration")
    paths = (*answered, *refused)
    for node in MASTERS:
        ask = "curl -sk -o /dev/null -w '%{http_code} ' https://127.0.0.1:6443$path"
        said = lab.sh(node, f"for path in {' '.join(paths)}; do {ask}; done")
        assert dict(zip(paths, said.split(), strict=True)) == {path: "200" if path in answered else "401" for path in paths}, node


def test_logs_exec_port_forward_and_metrics_go_to_kubelets_that_prove_who_they_are(lab: Lab, cluster: Path) -> None:
    for node in MASTERS:
        pod = f"etcd-{node}"
        assert lab.kubectl("-n", "kube-system", "logs", pod, "--tail=1").strip()
        assert "etcdctl version" in lab.kubectl("-n", "kube-system", "exec", pod, "--", "etcdctl", "version")
        assert "container_cpu_usage_seconds_total" in lab.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/metrics/resource")
    argv = [lab.command("bin", "kubectl"), "--kubeconfig", str(lab.kubeconfig), "-n", "kube-system"]
    forward = [*argv, "port-forward", f"pod/etcd-{CP3}", ":2381", "--address=127.0.0.1"]
    with subprocess.Popen(forward, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            port = running.stdout.readline().partition("127.0.0.1:")[2].split()[0]
            assert run(["curl", "-s", f"http://127.0.0.1:{port}/readyz"]).stdout.strip() == "ok"
        finally:
            running.terminate()


def test_a_pods_token_ends_when_it_says_so_and_opens_the_api(lab: Lab, cluster: Path) -> None:
    pod = lab.get("-n", "kube-system", "pods", "-l", "k8s-app=pod-network")["items"][0]["metadata"]["name"]
    path = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    token = lab.kubectl("-n", "kube-system", "exec", pod, "--", "cat", path).strip()
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["iat"] < 2 * 3600
    ask = "curl -sk -H @/dev/stdin -o /dev/null -w '%{http_code}' https://127.0.0.1:6443/api"
    assert lab.sh(CP2, f"printf 'Authorization: Bearer %s' '{token}' | {ask}") == "200"


@pytest.fixture
def at_the_prompt(lab: Lab, cluster: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An operator who is asked by `reset` whether he means it, and has gone for a coffee."""
    ours, theirs = os.openpty()
    argv = [sys.executable, "-m", "bootstrap", "reset", str(cluster)]
    process = subprocess.Popen(argv, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"to go on" not in said:
        said += os.read(ours, 4096)
    yield process
    process.kill()
    process.wait()
    os.close(ours)


def test_f5_a_second_operator_is_refused_until_the_first_is_gone(
    lab: Lab, cluster: Path, at_the_prompt: subprocess.Popen[bytes]
) -> None:
    before = {node: lab.tree(node) for node in MASTERS}
    for command in (("init", cluster, "--kubeconfig", lab.kubeconfig), ("reset", cluster, "--confirm", "lab")):
        refused = lab.bootstrap(*command)
        assert refused.returncode == 4, refused.stdout + refused.stderr
        assert f"(pid {at_the_prompt.pid}, " in refused.stderr
        assert "bootstrap reset of cluster" in refused.stderr
        assert f"{CP1} is held since " in refused.stderr
    assert before == {node: lab.tree(node) for node in MASTERS}
    assert lab.bootstrap("verify", cluster).returncode == 0
    assert lab.bootstrap("init", cluster, "--dry-run", "--kubeconfig", lab.kubeconfig).returncode == 0
    at_the_prompt.kill()
    at_the_prompt.wait()
    assert "Nothing to do" in lab.init(cluster)

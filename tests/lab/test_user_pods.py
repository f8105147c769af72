"""Static pods of the user's own on real kubelets: new, apply, list, logs, delete; refusals; without an API server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import CP1, CP2, Lab, wait_until

IMAGE = "registry.k8s.io/pause:3.10.2"
DIRECTORY = "/etc/kubernetes/manifests"


def rows(lab: Lab, inventory: Path, *words: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = lab.bootstrap("pods", "list", inventory, "--output", "json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    return {(row["host"], row["name"]): row for row in result["pods"]}


def ok(lab: Lab, *words: str | Path) -> str:
    done = lab.bootstrap(*words, timeout=400)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def manifest(lab: Lab, tmp_path: Path) -> Path:
    """What `pods new` prints for a pod of the lab's image."""
    path = tmp_path / "sentry.yaml"
    path.write_text(ok(lab, "pods", "new", "sentry", "--image", IMAGE, "--command", "--", "/pause"))
    return path


def test_new_apply_list_logs_delete(lab: Lab, cluster: Path, manifest: Path) -> None:
    told = ok(lab, "pods", "apply", cluster, "-f", manifest, "--host", CP1, "--host", CP2)
    assert f"default/sentry running on {CP1}, {CP2}" in told
    found = rows(lab, cluster, "--all")
    for host in (CP1, CP2):
        row = found[host, "sentry"]
        assert (row["state"], row["mirrorPod"], row["owner"], row["restarts"]) == ("running", "yes", "applied", 0)
        assert row["file"] == f"{DIRECTORY}/sentry.yaml"
        assert found[host, "etcd"]["owner"] == "control plane"
    assert any(row["owner"].startswith("DaemonSet kube-proxy") for row in found.values())
    assert "Nothing to do" in ok(lab, "pods", "apply", cluster, "-f", manifest, "--host", CP1)
    assert ok(lab, "verify", cluster)
    before = lab.kubectl("get", "pod", f"sentry-{CP1}", "-o", "jsonpath={.metadata.annotations}")
    manifest.write_text(manifest.read_text().replace("run: sentry", "run: sentry\n    generation: second"))
    ok(lab, "pods", "apply", cluster, "-f", manifest, "--host", CP1)
    assert lab.kubectl("get", "pod", f"sentry-{CP1}", "-o", "jsonpath={.metadata.annotations}") != before
    assert ok(lab, "pods", "logs", cluster, CP1, "sentry") is not None
    ok(lab, "pods", "delete", cluster, "sentry", "--role", "control-plane")
    assert (CP1, "sentry") not in rows(lab, cluster)
    wait_until(lambda: f"sentry-{CP1}" not in lab.kubectl("get", "pods"), 60, "the mirror pod gone")


def test_the_unchanged_output_of_kubectl_run(lab: Lab, cluster: Path, tmp_path: Path) -> None:
    path = tmp_path / "once.yaml"
    words = ("--image", IMAGE, "--restart=Never", "--dry-run=client", "-o", "yaml", "--command", "--", "/pause", "-v")
    path.write_text(lab.kubectl("run", "once", *words))
    assert "status: {}" in path.read_text()
    ok(lab, "pods", "apply", cluster, "-f", path, "--host", CP1)
    assert rows(lab, cluster)[CP1, "once"]["state"] == "ended"
    assert ok(lab, "pods", "logs", cluster, CP1, "once").strip()
    ok(lab, "pods", "delete", cluster, "default/once", "--host", CP1)


def test_what_fails_is_told_with_the_containers_own_words(lab: Lab, cluster: Path, manifest: Path) -> None:
    inventory = lab.inventory("hasty", lambda spec: spec.update(timeouts={"controlPlaneComponentHealthCheck": "30s"}))
    manifest.write_text(manifest.read_text().replace("- /pause", "- /pause\n    - -v"))
    done = lab.bootstrap("pods", "apply", inventory, "-f", manifest, "--host", CP1)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "in vain for static pod default/sentry running for 30 s" in done.stderr
    assert "last lines of container sentry" in done.stderr
    ok(lab, "pods", "delete", inventory, "sentry", "--host", CP1)


@pytest.mark.parametrize(
    ("instead", "said", "patience", "ends_early"),
    [
        (("- /pause", "- /nowhere"), 'container sentry: exec: "/nowhere"', "180s", True),
        ((IMAGE, "localhost/kube-bootstrap/nowhere:1"), "container sentry: its image cannot be pulled: ", "30s", False),
    ],
    ids=["command", "image"],
)
def test_why_a_container_cannot_start_is_told_in_the_kubelets_words(
    lab: Lab, cluster: Path, manifest: Path, instead: tuple[str, str], said: str, patience: str, ends_early: bool
) -> None:
    """A command that is not there ends the wait; an image may still come."""
    inventory = lab.inventory("patient", lambda spec: spec.update(timeouts={"controlPlaneComponentHealthCheck": patience}))
    manifest.write_text(manifest.read_text().replace(*instead))
    done = lab.bootstrap("pods", "apply", inventory, "-f", manifest, "--host", CP1)
    assert done.returncode == 5, done.stdout + done.stderr
    assert said in done.stderr
    whole = int(patience[:-1]) + 30     # and as long as it must have run
    assert (f"waited {whole} s in vain" not in done.stderr) == ends_early, done.stderr
    row = rows(lab, inventory)[CP1, "sentry"]
    assert said in row["reason"]
    done = lab.bootstrap("pods", "logs", inventory, CP1, "sentry")
    assert done.returncode == 4, done.stdout + done.stderr
    assert said in done.stderr
    ok(lab, "pods", "delete", inventory, "sentry", "--host", CP1)


def test_what_a_kubelet_refuses_is_told_with_its_reason(lab: Lab, cluster: Path, manifest: Path) -> None:
    """A pod that is not admitted; and a file that is no pod, which only somebody else can have put there."""
    sysctl = "  securityContext: {sysctls: [{name: kernel.msgmax, value: '65536'}]}\n"
    manifest.write_text(manifest.read_text().replace("spec:\n", f"spec:\n{sysctl}"))
    done = lab.bootstrap("pods", "apply", cluster, "-f", manifest, "--host", CP1)
    assert done.returncode == 5, done.stdout + done.stderr
    assert f"the kubelet on {CP1} refuses default/sentry" in done.stderr
    assert "SysctlForbidden" in done.stderr
    ok(lab, "pods", "delete", cluster, "sentry", "--host", CP1)
    text = manifest.read_text().replace(sysctl, "  serviceAccountName: sentry\n").replace("\n", "\\n").replace("'", "")
    lab.sh(CP1, f"printf '{text}' >/root/sentry.yaml; mv /root/sentry.yaml {DIRECTORY}/stray.yaml")
    wait_until(lambda: rows(lab, cluster)[CP1, "sentry"]["state"] == "refused", 60, "the kubelet's refusal")
    row = rows(lab, cluster)[CP1, "sentry"]
    assert row["owner"] == "stranger"
    assert "static pods may not reference serviceaccounts" in row["reason"]
    done = lab.bootstrap("pods", "delete", cluster, "sentry", "--host", CP1)
    assert done.returncode == 4, done.stdout + done.stderr
    ok(lab, "pods", "delete", cluster, f"{DIRECTORY}/stray.yaml", "--host", CP1)


def test_a_typo_is_told_by_the_api_server_and_without_one(lab: Lab, cluster: Path, manifest: Path) -> None:
    manifest.write_text(manifest.read_text().replace("restartPolicy", "restartPolice"))
    done = lab.bootstrap("pods", "apply", cluster, "-f", manifest, "--host", CP1)
    assert done.returncode == 2
    assert "spec.restartPolice: unknown field (did you mean restartPolicy?)" in done.stderr
    manifest.write_text(manifest.read_text().replace("restartPolice: Always", "restartPolicy: Sometimes"))
    done = lab.bootstrap("pods", "apply", cluster, "-f", manifest, "--host", CP1)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "spec.restartPolicy: Unsupported value" in done.stderr


def test_pods_are_listed_and_applied_while_no_api_server_answers(lab: Lab, cluster: Path, manifest: Path) -> None:
    inventory = lab.inventory("one", lambda spec: spec.update(hosts=[h for h in spec["hosts"] if h["name"] == CP1]))
    aside = "/root/kube-apiserver.yaml"
    lab.sh(CP1, f"mv {DIRECTORY}/kube-apiserver.yaml {aside}")
    try:
        wait_until(lambda: (CP1, "kube-apiserver") not in rows(lab, inventory), 60, "the API server gone")
        done = lab.bootstrap("pods", "apply", inventory, "-f", manifest, "--host", CP1)
        assert done.returncode == 0, done.stdout + done.stderr
        found = rows(lab, inventory)
        assert (found[CP1, "sentry"]["state"], found[CP1, "sentry"]["mirrorPod"]) == ("running", "?")
        assert (found[CP1, "etcd"]["state"], found[CP1, "etcd"]["owner"]) == ("running", "control plane")
        ok(lab, "pods", "delete", inventory, "sentry", "--host", CP1)
    finally:
        lab.sh(CP1, f"mv {aside} {DIRECTORY}/kube-apiserver.yaml")
    wait_until(lambda: rows(lab, cluster)[CP1, "kube-apiserver"]["mirrorPod"] == "yes", 90, "the API server back")

"""Other shapes of cluster: one master, a kubelet that reads its manifests elsewhere, the next minor, reset and init again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.lab.conftest import COMPONENTS, CP1, CP2, MASTERS, NAME, Lab


def only_cp1(spec: dict[str, Any]) -> None:
    spec["hosts"] = [host for host in spec["hosts"] if host["name"] == CP1]


def test_a_single_master(lab: Lab) -> None:
    lab.reset()
    inventory = lab.inventory("single", only_cp1)
    lab.init(inventory)
    assert {f"{c}-{CP1}" for c in COMPONENTS} == set(lab.mirror_pods())
    assert lab.bootstrap("verify", inventory).returncode == 0
    assert not lab.sh(CP2, "find /etc/kubernetes -type f", check=False).strip()


def test_a_kubelet_that_reads_its_manifests_elsewhere_is_served_there(lab: Lab) -> None:
    lab.reset()
    lab.sh(CP1, "mkdir -p /etc/kubelet.d /var/lib/kubelet; printf 'kind: KubeletConfiguration\\n"
                  "apiVersion: kubelet.config.k8s.io/v1beta1\\nstaticPodPath: /etc/kubelet.d\\n' >/var/lib/kubelet/config.yaml")
    inventory = lab.inventory("elsewhere", only_cp1)
    lab.init(inventory)
    assert {f"{c}-{CP1}" for c in COMPONENTS} == set(lab.mirror_pods())
    assert sorted(lab.sh(CP1, "ls /etc/kubelet.d").split()) == [f"{c}.yaml" for c in sorted(COMPONENTS)]
    assert not lab.sh(CP1, "ls -A /etc/kubernetes/manifests 2>/dev/null", check=False).strip()
    assert lab.bootstrap("verify", inventory).returncode == 0


def test_reset_shows_asks_and_init_comes_up_again(lab: Lab) -> None:
    lab.reset()
    inventory = lab.inventory()
    lab.init(inventory)
    shown = lab.bootstrap("reset", inventory, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "/etc/kubernetes/pki" in shown.stdout
    wrong = lab.bootstrap("reset", inventory, "--confirm", "another")
    assert wrong.returncode == 2
    assert lab.bootstrap("verify", inventory).returncode == 0
    done = lab.bootstrap("reset", inventory, "--confirm", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    for node in MASTERS:
        assert not lab.sh(node, "ls -A /etc/kubernetes/pki /var/lib/etcd 2>/dev/null", check=False).strip()
        assert not lab.sh(node, "ls /etc/kubernetes/*.conf /etc/kubernetes/manifests/*.yaml 2>/dev/null", check=False).strip()
        assert "member" in lab.sh(node, "ls /var/lib/etcd.reset-*")
        assert "kube-apiserver" not in lab.sh(node, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
    again = lab.bootstrap("reset", inventory, "--confirm", NAME)
    assert again.returncode == 0, again.stdout + again.stderr
    lab.init(inventory)
    assert {f"{c}-{m}" for c in COMPONENTS for m in MASTERS} == set(lab.mirror_pods())


def test_the_next_minor(lab: Lab, request: Any) -> None:
    lab.command("reset", "--kubernetes", "1.37.2")
    request.addfinalizer(lambda: lab.command("reset", "--kubernetes", "1.36.3"))
    inventory = lab.inventory("next-minor")
    assert "v1.37.2" in Path(inventory).read_text()
    lab.init(inventory)
    assert {f"{c}-{m}" for c in COMPONENTS for m in MASTERS} == set(lab.mirror_pods())
    assert lab.bootstrap("verify", inventory).returncode == 0
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in lab.get("nodes")["items"]} == {"v1.37.2"}

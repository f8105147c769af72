"""Masters come and go on real nodes while somebody writes: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.conftest import CP1, CP2, CP3, MASTERS, PREFIX, Lab, run, wait_until
from tests.lab.writer import Writer

CP4, CP5 = (f"{PREFIX}cp4", f"{PREFIX}cp5")
FIVE = (*MASTERS, CP4, CP5)
LEAST_WRITES = 1000
"""How many they are in a second says more of the machine than of the members, and is printed."""
KILLS = (
    ("kubelet-start", "wrote /var/lib/kubelet/config.yaml"), ("etcd-join", "added etcd learner"),
    ("etcd-join", "wrote /etc/kubernetes/manifests/etcd.yaml"), ("etcd-join", "promoted etcd member"),
    ("control-plane/apiserver", "wrote /etc/kubernetes/manifests/kube-apiserver.yaml"),
)  # fmt: skip
"""Phase, and how the message begins after which add-master is killed."""


@pytest.fixture(scope="module")
def five(lab: Lab) -> Iterator[None]:
    """Five machines, nothing on them."""
    lab.command("up", "--masters", "5", timeout=3600)
    (lab.directory / "ssh-config").write_text(lab.command("ssh-config") + "\n")
    lab.reset()
    yield
    lab.command("up", "--masters", "3", timeout=3600)
    lab.reset()


def of(lab: Lab, *names: str) -> Path:
    """The inventory with these masters."""

    def change(spec: dict[str, Any]) -> None:
        known = lab.directory / "known_hosts"
        keys = run(["ssh-keyscan", "-t", "ed25519", *(host["address"] for host in spec["hosts"])]).stdout
        known.write_text(keys + (known.read_text() if known.exists() else ""))
        spec["ssh"]["knownHostsFile"] = str(known)  # a master that the inventory no longer names is known by it alone
        spec["hosts"] = [host for host in spec["hosts"] if host["name"] in names]

    return lab.inventory("-".join(("masters", *(name.removeprefix(PREFIX) for name in names))), change)


def do(lab: Lab, command: str, inventory: Path, *words: str) -> str:
    done = lab.bootstrap(command, inventory, *words, "--kubeconfig", lab.kubeconfig, timeout=600)
    assert done.returncode == 0, f"{command} {' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def members(lab: Lab, node: str) -> dict[str, bool]:
    """Names of etcd's members, and whether each is a learner; asked on a node."""
    pki = "/etc/kubernetes/pki/etcd"
    text = lab.sh(
        node,
        f"curl -sS --cacert {pki}/ca.crt --cert {pki}/healthcheck-client.crt --key {pki}/healthcheck-client.key "
        "-X POST -d '{\"linearizable\": true}' https://$(hostname -I | cut -d' ' -f1):2379/v3/cluster/member/list",
    )
    return {member.get("name", ""): member.get("isLearner", False) for member in json.loads(text)["members"]}


def is_so(lab: Lab, *names: str) -> None:
    """These are the voters, the nodes, and the masters as their inventory says."""
    assert members(lab, names[0]) == dict.fromkeys(names, False)
    assert {one["metadata"]["name"] for one in lab.get("nodes")["items"]} == set(names)
    done = lab.bootstrap("verify", of(lab, *names))
    assert done.returncode == 0, done.stdout + done.stderr


def test_three_five_three_one_three_while_somebody_writes(lab: Lab, five: None, capsys: pytest.CaptureFixture[str]) -> None:
    lab.init(of(lab, *MASTERS))
    hosts = {host["name"]: host["address"] for host in yaml.safe_load(of(lab, *FIVE).read_text())["spec"]["hosts"]}
    with Writer(lab.kubeconfig, [hosts[name] for name in FIVE]) as writer:
        do(lab, "add-master", of(lab, *FIVE), CP4, CP5)
        is_so(lab, *FIVE)
        do(lab, "remove-master", of(lab, *FIVE), CP1, CP2)
        is_so(lab, CP3, CP4, CP5)
        do(lab, "apply", of(lab, CP5), "--members")
        is_so(lab, CP5)
        do(lab, "add-master", of(lab, CP1, CP2, CP5), CP1, CP2)
        is_so(lab, CP1, CP2, CP5)
        lab.sh(CP2, "rm -rf /var/lib/etcd /etc/kubernetes; poweroff -f", check=False)
        inventory = of(lab, CP1, CP3, CP5)
        wait_until(lambda: "does not answer" in lab.bootstrap("replace-master", inventory, CP2, CP3).stderr, 60, "its end")
        do(lab, "replace-master", inventory, CP2, CP3, "--dead")
        is_so(lab, CP1, CP3, CP5)
    lost = writer.acknowledged - writer.stored()
    rate = len(writer.acknowledged) / writer.seconds
    figures = f"{len(writer.acknowledged)} writes acknowledged in {writer.seconds:.0f} s ({rate:.0f} a second), {len(lost)} lost"
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}; longest time without one: {writer.gap_s:.1f} s\n")
    assert not lost
    assert len(writer.acknowledged) > LEAST_WRITES


def test_killed_at_five_points_the_same_command_finishes(lab: Lab, five: None) -> None:
    lab.command("up", "--masters", "5", timeout=3600)
    lab.reset()
    lab.init(of(lab, *MASTERS))
    four = of(lab, *MASTERS, CP4)
    for phase, message in KILLS:
        process = lab.start("add-master", four, CP4, "--kubeconfig", lab.kubeconfig, "--output", "json")
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("phase") == phase and event.get("message", "").startswith(message):
                break
        else:
            pytest.fail(f"{message} was never said in {phase}:\n{''.join(said[-5:])}")
        process.kill()
        process.wait()
        lab.after_a_kill("add-master", four, CP4, "--kubeconfig", lab.kubeconfig)
        is_so(lab, *MASTERS, CP4)
        do(lab, "remove-master", four, CP4)
        is_so(lab, *MASTERS)

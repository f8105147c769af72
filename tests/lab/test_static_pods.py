"""What a kubelet does with a static pod: the behaviours that the whole tool rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import CP1, Lab, wait_until

MANIFEST = """\
apiVersion: v1
kind: Pod
metadata:
  name: seed
  namespace: default
  labels: {generation: "GENERATION"}
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  containers:
  - name: seed
    image: registry.k8s.io/pause:3.10.2
    imagePullPolicy: IfNotPresent
"""
PATH = "/etc/kubernetes/manifests/seed.yaml"


def place(lab: Lab, generation: str) -> None:
    text = MANIFEST.replace("GENERATION", generation)
    lab.sh(CP1, f"cat >/etc/kubernetes/manifests/.seed <<'END'\n{text}END\nmv /etc/kubernetes/manifests/.seed {PATH}")


def pod(lab: Lab) -> dict:  # type: ignore[type-arg]
    found: dict = json.loads(lab.kubectl("get", "pod", f"seed-{CP1}", "-o", "json", "--ignore-not-found") or "{}")  # type: ignore[type-arg]
    return found


def running(lab: Lab) -> bool:
    return bool(pod(lab).get("status", {}).get("containerStatuses", [{}])[0].get("state", {}).get("running"))


@pytest.fixture
def seed(lab: Lab, cluster: Path) -> Iterator[None]:
    place(lab, "first")
    wait_until(lambda: running(lab), 60, "the static pod running")
    yield
    lab.sh(CP1, f"rm -f {PATH}")
    wait_until(lambda: pod(lab) == {}, 90, "the mirror pod gone")


def test_a_crashed_container_is_restarted(lab: Lab, seed: None) -> None:
    uid = pod(lab)["metadata"]["annotations"]["kubernetes.io/config.hash"]
    lab.sh(CP1, f"for f in /proc/[0-9]*/cgroup; do case $(cat $f) in *{uid}*) p=${{f#/proc/}}; p=${{p%/cgroup}}; "
                  "case $(tr '\\0' ' ' </proc/$p/cmdline) in */pause*) kill -9 $p;; esac;; esac; done")  # fmt: skip
    wait_until(lambda: pod(lab)["status"]["containerStatuses"][0]["restartCount"] >= 1 and running(lab), 90, "a restart")


def test_a_changed_file_recreates_the_pod(lab: Lab, seed: None) -> None:
    before = pod(lab)["metadata"]["annotations"]["kubernetes.io/config.hash"]
    place(lab, "second")
    wait_until(lambda: pod(lab).get("metadata", {}).get("labels", {}).get("generation") == "second", 90, "the new pod")
    assert pod(lab)["metadata"]["annotations"]["kubernetes.io/config.hash"] != before


def test_a_removed_file_removes_the_pod(lab: Lab, seed: None) -> None:
    lab.sh(CP1, f"rm {PATH}")
    wait_until(lambda: pod(lab) == {}, 90, "the mirror pod gone")


def test_a_mirror_pod_deleted_through_the_api_comes_back(lab: Lab, seed: None) -> None:
    before = pod(lab)["metadata"]["uid"]
    lab.kubectl("delete", "pod", f"seed-{CP1}", "--wait=false")
    wait_until(lambda: pod(lab).get("metadata", {}).get("uid", before) != before and running(lab), 90, "a new mirror pod")

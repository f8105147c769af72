"""render against init: the same files, and what is only known on hosts left out where no secrets are made."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import rendering
from bootstrap.changes import WriteFile
from bootstrap.cluster import Cluster
from bootstrap.errors import ExitCode
from bootstrap.files import File, Link
from bootstrap.testing import FakeFleet
from tests.workflows.support import Recorder, a_cluster, init

VIP = {"address": "192.0.2.10", "interface": "eth1", "imageRepository": "registry.example.com", "imageTag": "1"}
POD = """
apiVersion: v1
kind: Pod
metadata: {name: watch, namespace: default}
spec: {containers: [{name: watch, image: registry.example.com/watch:1}]}
"""


def rendered(cluster: Cluster, out: Path, *, secrets: bool) -> dict[str, set[PurePosixPath]]:
    """Paths on the host of the files that every master would get."""
    assert rendering.render(cluster, out, secrets, Recorder()) is ExitCode.DONE
    return {
        host.name: {
            PurePosixPath("/", path.relative_to(out / host.name)) for path in (out / host.name).rglob("*") if not path.is_dir()
        }
        for host in cluster.control_plane_hosts
    }


def alike(paths: set[PurePosixPath]) -> set[str]:
    """Without the parts of names that follow from keys, which are other ones each time, and from the day."""
    return {re.sub(r"(?<=encryption-)[0-9a-f]{12}|(?<=kubelet-client-)[0-9-]+", "X", str(path)) for path in paths}


def planned(cluster: Cluster, home: Path) -> dict[str, set[PurePosixPath]]:
    """Paths of the files that init plans to write, by host."""
    console = init(FakeFleet.of(cluster), cluster, home, dry_run=True)
    found: dict[str, set[PurePosixPath]] = {}
    for _, host, change in console.plans[-1].all():
        if isinstance(change, WriteFile) and isinstance(change.entry, File | Link):
            found.setdefault(host, set()).add(change.entry.path)
    return found


@pytest.mark.parametrize("spec", [
    {}, {"vip": VIP}, {"hardening": {"etcdUser": False, "confinedPods": False}}, {"staticPods": [{"roles": ["control-plane"]}]},
])  # fmt: skip
def test_render_writes_what_init_would_write_and_nothing_else(spec: dict[str, Any], tmp_path: Path) -> None:
    if "staticPods" in spec:
        (tmp_path / "watch.yaml").write_text(POD)
        spec = {"staticPods": [{**pod, "file": str(tmp_path / "watch.yaml")} for pod in spec["staticPods"]]}
    cluster = a_cluster(**spec)
    ours, inits = rendered(cluster, tmp_path / "out", secrets=True), planned(cluster, tmp_path)
    assert {name: alike(paths) for name, paths in ours.items()} == {name: alike(paths) for name, paths in inits.items()}


def test_without_secrets_only_what_follows_from_the_inventory_is_written(tmp_path: Path) -> None:
    cluster = a_cluster(vip=VIP)
    whole, public = (rendered(cluster, tmp_path / str(secrets), secrets=secrets)["cp1"] for secrets in (True, False))
    assert public < whole
    left_out = whole - public
    assert PurePosixPath("/etc/kubernetes/keepalived/ca.crt") in left_out
    assert not [path for path in public if path.suffix in (".key", ".crt", ".conf") and path.name.startswith("admin")]
    pki = {"pki", "etcd", "controller-manager", "scheduler", "etcd-pki"}
    assert {path.parent.name for path in left_out} <= pki | {"kubernetes", "kube-apiserver", "keepalived"}

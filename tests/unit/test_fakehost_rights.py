"""Model processes may do what their user and capabilities let them, as the kernel has it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from bootstrap.files import Directory, File
from bootstrap.testing import FakeFleet, FakeHost
from tests.unit.fakehost_samples import MANIFESTS, a_fleet, api_server, etcd, pod, with_kubelet

KEY = "/etc/kubernetes/pki/etcd/server.key"
CONFINED = {"capabilities": {"drop": ["ALL"]}}
ETCD = {"runAsUser": 990, "runAsGroup": 991, "runAsNonRoot": True}


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = a_fleet("cp1")
    with_kubelet(fleet.host("cp1"))
    files = fleet.host("cp1").files
    files.users["etcd"], files.groups["etcd"] = 990, 991
    return fleet


def outcome(
    fleet: FakeFleet, manifest: str, *, of_pod: dict[str, Any] | None = None, of_container: dict[str, Any] | None = None
) -> str:
    """The last log line of a pod's container, started now."""
    value = yaml.safe_load(manifest)
    value["spec"]["securityContext"] = of_pod or {}
    value["spec"]["containers"][0]["securityContext"] = of_container or {}
    host = fleet.host("cp1")
    host.put(f"{MANIFESTS}/{value['metadata']['name']}.yaml", yaml.safe_dump(value))
    fleet.advance(5)
    (container,) = host.runtime.containers.values()
    return container.log[-1].partition("stderr F ")[2]


def with_key(host: FakeHost, mode: int, owner: str, group: str, directory_mode: int = 0o755) -> str:
    """An etcd whose key and data have these owners."""
    host.files.put(Directory(PurePosixPath(KEY).parent, directory_mode, owner, group), host.now())
    host.files.put(File(PurePosixPath(KEY), b"key", mode, owner, group), host.now())
    host.files.put(Directory(PurePosixPath("/var/lib/etcd"), 0o700, owner, group), host.now())
    value = yaml.safe_load(etcd(host, host.fleet, key_file=KEY))
    spec = value["spec"]
    spec["volumes"].append({"name": "pki", "hostPath": {"path": str(PurePosixPath(KEY).parent)}})
    spec["containers"][0]["volumeMounts"].append({"name": "pki", "mountPath": str(PurePosixPath(KEY).parent)})
    return yaml.safe_dump(value)


@pytest.mark.parametrize(
    ("file", "of_pod", "of_container", "expected"),
    [
        ((0o400, "etcd", "etcd", 0o700), ETCD, CONFINED, "etcd started"),
        ((0o400, "etcd", "etcd", 0o700), {}, {}, "etcd started"),
        ((0o400, "etcd", "etcd", 0o700), {}, CONFINED, f"open {KEY}: permission denied"),
        ((0o600, "root", "root"), {}, CONFINED, "etcd started"),
        ((0o600, "root", "root"), ETCD, {}, f"open {KEY}: permission denied"),
        ((0o644, "root", "root", 0o700), ETCD, {}, f"open {KEY}: permission denied"),
        ((0o644, "root", "root"), ETCD, {}, "cannot access data directory: open /var/lib/etcd/.touch: permission denied"),
        ((0o040, "root", "etcd"), {"runAsUser": 5, "runAsGroup": 991}, {},
         "cannot access data directory: open /var/lib/etcd/.touch: permission denied"),
        ((0o400, "etcd", "etcd"), {"runAsNonRoot": True}, {}, "Error: container has runAsNonRoot and image will run as root"),
    ],
    ids=["its own", "root may all", "root without capabilities", "root's own", "not its own", "closed directory", "not its data",
         "its group's", "not root"],
)  # fmt: skip
def test_etcd(
    fleet: FakeFleet, file: tuple[Any, ...], of_pod: dict[str, Any], of_container: dict[str, Any], expected: str
) -> None:
    manifest = with_key(fleet.host("cp1"), *file)
    assert outcome(fleet, manifest, of_pod=of_pod, of_container=of_container) == expected


def test_the_api_servers_binary_needs_the_capability_that_it_carries(fleet: FakeFleet) -> None:
    refused = "exec /usr/local/bin/kube-apiserver: operation not permitted"
    assert outcome(fleet, api_server(fleet.host("cp1")), of_container=CONFINED) == refused


def test_with_that_capability_it_starts(fleet: FakeFleet) -> None:
    enough = {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    assert outcome(fleet, api_server(fleet.host("cp1")), of_container=enough) == "kube-apiserver started"


def test_what_a_member_writes_is_its_users(fleet: FakeFleet) -> None:
    manifest = with_key(fleet.host("cp1"), 0o400, "etcd", "etcd")
    outcome(fleet, manifest, of_pod=ETCD)
    node = fleet.host("cp1").files.nodes[PurePosixPath("/var/lib/etcd/member/snap/db")]
    assert (node.owner, node.group) == ("etcd", "etcd")


def test_other_pods_do_not_care(fleet: FakeFleet) -> None:
    assert outcome(fleet, pod("web", namespace="default"), of_container=CONFINED) == "web started"


def test_systemd_sysusers_keeps_what_is_there(fleet: FakeFleet) -> None:
    host = fleet.host("cp1")
    host.put("/etc/sysusers.d/x.conf", "# comment\ng etcd 500\nu etcd 501:500\ng new 600\nu new 601:600 \"text\"\n")
    assert fleet.connect("cp1").run(("systemd-sysusers", "/etc/sysusers.d/x.conf")).status == 0
    assert (host.files.users, host.files.groups) == ({"root": 0, "etcd": 990, "new": 601}, {"root": 0, "etcd": 991, "new": 600})

"""etcd's own user against model hosts: made, kept, not changed under a living etcd, and what reset leaves."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import queries
from bootstrap.changes import RemovePath, Run
from bootstrap.errors import ExitCode, Refused
from bootstrap.testing import FakeFleet
from tests.workflows.support import a_cluster, a_living_fleet, init, plan_of
from tests.workflows.test_reset import reset

DATA = "/var/lib/etcd"
COPIES = "/etc/kubernetes/etcd-pki"
PKI = "/etc/kubernetes/pki"
SYSUSERS = "/etc/sysusers.d/kubernetes-etcd.conf"
AS_KUBEADM: dict[str, Any] = {"hardening": {"etcdUser": False, "confinedPods": False}}


def owners(fleet: FakeFleet, below: str) -> set[tuple[str, str]]:
    nodes = fleet.host("cp1").files.nodes
    return {(node.owner, node.group) for path, node in nodes.items() if path.is_relative_to(below)}


def user_of_etcd(fleet: FakeFleet, name: str = "cp1") -> int:
    (process,) = [one for one in fleet.host(name).runtime.processes() if one.component == "etcd"]
    return process.user


def differences(fleet: FakeFleet, cluster: Any, home: Path) -> list[tuple[str, str]]:
    console = init(fleet, cluster, home, dry_run=True)
    queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console)
    return [(found["what"], found["actual"]) for found in console.results[-1]["differences"]]


def test_etcd_runs_as_its_own_user_on_data_and_keys_of_its_own(tmp_path: Path) -> None:
    fleet = FakeFleet.of(a_cluster())
    fleet.host("cp2").files.users["sshd"] = 999     # ids may differ from host to host
    init(fleet, a_cluster(), tmp_path)
    assert (user_of_etcd(fleet, "cp1"), user_of_etcd(fleet, "cp2")) == (999, 998)
    assert owners(fleet, DATA) == owners(fleet, COPIES) == {("etcd", "etcd")}
    assert owners(fleet, PKI) == {("root", "root")}
    tree = fleet.tree("cp1")
    assert (tree[DATA][1], tree[COPIES][1], tree[f"{COPIES}/peer.key"][1]) == (0o700, 0o700, 0o400)
    assert f"{COPIES}/ca.key" not in tree
    assert plan_of(fleet, a_cluster(), tmp_path).is_empty


def test_a_user_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    fleet = FakeFleet.of(a_cluster("cp1"))
    files = fleet.host("cp1").files
    files.users["etcd"], files.groups["etcd"] = 113, 120
    init(fleet, a_cluster("cp1"), tmp_path)
    assert user_of_etcd(fleet) == 113
    assert SYSUSERS not in fleet.tree("cp1")
    assert "systemd-sysusers" not in {argv[0] for _, argv in fleet.ran}
    assert plan_of(fleet, a_cluster("cp1"), tmp_path).is_empty


def test_without_it_the_layout_is_kubeadms(tmp_path: Path) -> None:
    cluster = a_cluster("cp1", **AS_KUBEADM)
    fleet = a_living_fleet(cluster, tmp_path)
    assert user_of_etcd(fleet) == 0
    assert owners(fleet, DATA) == {("root", "root")}
    assert not {path for path in fleet.tree("cp1") if path.startswith((COPIES, "/etc/sysusers.d"))}
    assert plan_of(fleet, cluster, tmp_path).is_empty


@pytest.mark.parametrize(("born", "now"), [(AS_KUBEADM, {}), ({}, AS_KUBEADM)], ids=["root, then etcd", "etcd, then root"])
def test_data_of_a_born_member_is_not_given_to_somebody_else(born: dict[str, Any], now: dict[str, Any], tmp_path: Path) -> None:
    fleet = FakeFleet.of(a_cluster("cp1"))
    init(fleet, a_cluster("cp1", **born), tmp_path)
    before = fleet.count()
    with pytest.raises(Refused, match="1 preflight finding"):
        init(fleet, a_cluster("cp1", **now), tmp_path)
    assert fleet.count() == before
    reset(fleet, a_cluster("cp1", **now))
    init(fleet, a_cluster("cp1", **now), tmp_path)
    assert user_of_etcd(fleet) == (0 if now else 999)
    assert plan_of(fleet, a_cluster("cp1", **now), tmp_path).is_empty


def test_copies_follow_their_originals_in_the_same_run(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    host = fleet.host("cp1")
    old = host.text(f"{COPIES}/server.crt")
    host.files.remove(PurePosixPath(f"{PKI}/etcd/server.crt"), recursive=False)
    init(fleet, cluster, tmp_path)
    for name in ("server.crt", "server.key"):
        assert host.text(f"{COPIES}/{name}") == host.text(f"{PKI}/etcd/{name}")
    assert host.text(f"{COPIES}/server.crt") != old
    assert plan_of(fleet, cluster, tmp_path).is_empty


def test_a_copy_that_is_lost_or_changed_is_found_and_comes_back(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    host = fleet.host("cp1")
    host.files.remove(PurePosixPath(f"{COPIES}/peer.key"), recursive=False)
    host.put(f"{COPIES}/peer.crt", host.text(f"{COPIES}/server.crt") or "", 0o400)
    found = differences(fleet, cluster, tmp_path)
    assert (f"file {COPIES}/peer.key", "missing") in found
    assert f"file {COPIES}/peer.crt" in {what for what, _ in found}
    before = fleet.count()
    init(fleet, cluster, tmp_path)
    written = [operation.what for operation in fleet.operations[before:]]
    assert written == [f"write {COPIES}/peer.key", f"write {COPIES}/peer.crt"]
    assert host.text(f"{COPIES}/peer.key") == host.text(f"{PKI}/etcd/peer.key")
    assert differences(fleet, cluster, tmp_path) == []


def test_an_etcd_that_runs_as_somebody_else_is_found(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    container = fleet.host("cp1").runtime.running("etcd")
    assert container is not None
    container.rights = type(container.rights)(uid=0)
    assert differences(fleet, cluster, tmp_path) == [("user of etcd", "0")]


def test_reset_takes_the_copies_and_leaves_the_user(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    console = reset(fleet, cluster)
    removed = {str(change.path) for _, _, change in console.plans[-1].all() if isinstance(change, RemovePath)}
    assert {COPIES, SYSUSERS} <= removed
    assert "the system user etcd stays on cp1" in console.text
    assert fleet.host("cp1").files.users["etcd"] == 999
    (aside,) = [path for path in fleet.tree("cp1") if path.startswith("/var/lib/etcd.reset-") and path.count("/") == 3]
    assert owners(fleet, aside) == {("etcd", "etcd")}
    init(fleet, cluster, tmp_path)
    assert (user_of_etcd(fleet), SYSUSERS in fleet.tree("cp1")) == (999, False)


def test_a_switch_thrown_before_etcd_was_born_leaves_no_copies(tmp_path: Path) -> None:
    cluster = a_cluster("cp1", **AS_KUBEADM)
    fleet = FakeFleet.of(cluster)
    init(fleet, a_cluster("cp1"), tmp_path, only=("certs",))
    assert COPIES in fleet.tree("cp1")
    init(fleet, cluster, tmp_path)
    assert not {COPIES, SYSUSERS} & set(fleet.tree("cp1"))
    assert user_of_etcd(fleet) == 0


def test_the_plan_says_how_the_user_is_made_and_before_anything_belongs_to_it(tmp_path: Path) -> None:
    plan = plan_of(FakeFleet.of(a_cluster("cp1")), a_cluster("cp1"), tmp_path)
    changes = [change for _, _, change in plan.all()]
    made = next(at for at, change in enumerate(changes) if isinstance(change, Run) and change.argv[0] == "systemd-sysusers")
    first = next(at for at, change in enumerate(changes) if getattr(getattr(change, "entry", None), "owner", "") == "etcd")
    assert made < first




def test_verify_is_content_with_both(tmp_path: Path) -> None:
    for spec in ({}, AS_KUBEADM):
        cluster = a_cluster("cp1", **spec)
        fleet = FakeFleet.of(cluster)
        console = init(fleet, cluster, tmp_path)
        code = queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console)  # noqa: B023
        assert code is ExitCode.DONE, console.results[-1]

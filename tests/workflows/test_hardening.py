"""Encryption key, configuration files, anonymous requests on model hosts: made once, the same everywhere, never lost or shown."""

from __future__ import annotations

import base64
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from bootstrap import queries
from bootstrap.errors import ExitCode, PersonNeeded, Refused
from bootstrap.testing import FakeFleet
from tests.workflows.support import Recorder, a_cluster, a_living_fleet, init
from tests.workflows.test_reset import reset

DIRECTORY = PurePosixPath("/etc/kubernetes/kube-apiserver")
OFF = {"encryptionAtRest": "none", "anonymousRequests": "all", "eventRateLimit": False, "audit": {"enabled": False}}
CLUSTER = a_cluster()


@pytest.fixture
def fleet(tmp_path: Path) -> FakeFleet:
    return a_living_fleet(CLUSTER, tmp_path)


def encryption_file(fleet: FakeFleet, name: str = "cp1") -> PurePosixPath:
    (found,) = [path for path in fleet.host(name).files.below(DIRECTORY) if path.name.startswith("encryption-")]
    return found


def key(fleet: FakeFleet) -> str:
    value = yaml.safe_load(fleet.host("cp1").text(encryption_file(fleet)) or "")
    return str(value["resources"][0]["providers"][0]["secretbox"]["keys"][0]["secret"])


def differences(fleet: FakeFleet) -> dict[tuple[str, str], tuple[str, str]]:
    console = Recorder()
    code = queries.verify(CLUSTER, Path("demo.yaml"), lambda _, host: fleet.connect(host), console)
    found: list[dict[str, Any]] = list(console.results[-1]["differences"])
    assert code is (ExitCode.DRIFT if found else ExitCode.DONE)
    return {(one["host"], one["what"]): (one["expected"], one["actual"]) for one in found}


def test_every_master_has_the_same_files_for_root_alone(fleet: FakeFleet) -> None:
    contents = [
        {path: host.text(path) for path in host.files.below(DIRECTORY) if host.files.nodes[path].kind == "file"}
        for host in fleet.hosts.values()
    ]
    assert len(contents[0]) == 4
    assert contents[0] == contents[1] == contents[2]
    assert len(base64.b64decode(key(fleet))) == 32
    for name in fleet.hosts:
        tree = fleet.tree(name)
        assert tree[str(DIRECTORY)] == ("directory", 0o700, "root")
        assert tree["/var/log/kubernetes/audit"] == ("directory", 0o700, "root")
        assert {tree[str(path)] for path in contents[0]} == {("file", 0o600, "root")}


def test_two_clusters_have_different_keys(fleet: FakeFleet, tmp_path: Path) -> None:
    other = FakeFleet.of(CLUSTER)
    (tmp_path / "other").mkdir()
    init(other, CLUSTER, tmp_path / "other")
    assert key(fleet) != key(other)


def test_a_lost_key_comes_back_from_another_master(fleet: FakeFleet, tmp_path: Path) -> None:
    path, tree, before = encryption_file(fleet), fleet.tree("cp1"), fleet.count()
    content = fleet.host("cp1").text(path)
    fleet.host("cp1").files.remove(path, recursive=False)
    assert ("cp1", f"file {path}") in differences(fleet)
    init(fleet, CLUSTER, tmp_path)
    assert [operation.what for operation in fleet.operations[before:]] == [f"write {path}"]
    assert (fleet.host("cp1").text(path), fleet.tree("cp1")) == (content, tree)


def test_a_key_that_everybody_lost_is_never_made_anew(fleet: FakeFleet, tmp_path: Path) -> None:
    path, before = encryption_file(fleet), fleet.count()
    for host in fleet.hosts.values():
        host.files.remove(path, recursive=False)
        host.files.remove(PurePosixPath("/etc/kubernetes/manifests/kube-apiserver.yaml"), recursive=False)
    with pytest.raises(PersonNeeded, match="no master has the key"):
        init(fleet, CLUSTER, tmp_path)
    assert fleet.count() == before


def test_a_changed_key_is_not_written_over(fleet: FakeFleet, tmp_path: Path) -> None:
    path = encryption_file(fleet)
    fleet.host("cp2").put(str(path), "another key\n")
    assert ("cp2", f"file {path}") in differences(fleet)
    with pytest.raises(Refused) as caught:
        init(fleet, CLUSTER, tmp_path)
    assert f"cp2: {path} would change" in caught.value.evidence


def test_a_wrong_mode_is_mended_without_reading_the_key(fleet: FakeFleet, tmp_path: Path) -> None:
    path, before = encryption_file(fleet), fleet.count()
    fleet.host("cp3").put(str(path), fleet.host("cp3").text(path) or "", 0o644)
    init(fleet, CLUSTER, tmp_path)
    done = [operation.what for operation in fleet.operations[before:]]
    assert done == [f"run chown root:root {path}", f"run chmod 0600 {path}"]
    assert differences(fleet) == {}


def test_encryption_is_not_switched_off_under_living_secrets(fleet: FakeFleet, tmp_path: Path) -> None:
    with pytest.raises(PersonNeeded, match="Secrets in etcd are encrypted"):
        init(fleet, a_cluster(hardening=OFF), tmp_path)


def test_the_key_is_in_no_output_and_on_no_command_line(tmp_path: Path) -> None:
    fleet = FakeFleet.of(CLUSTER)
    console = init(fleet, CLUSTER, tmp_path, console=(said := Recorder()))
    secret = key(fleet)
    fleet.host("cp1").files.remove(encryption_file(fleet), recursive=False)
    planned = init(fleet, CLUSTER, tmp_path, dry_run=True)
    for text in (console.text, said.text, planned.text, repr(planned.plans), *map(" ".join, fleet.argvs())):
        assert secret not in text
    assert "encryption-" in planned.text


def test_files_that_manifests_name_are_not_left_out(tmp_path: Path) -> None:
    fleet = FakeFleet.of(CLUSTER)
    with pytest.raises(Refused, match="their phases were left out"):
        init(fleet, CLUSTER, tmp_path, skip=("control-plane/config",))
    assert fleet.count() == 0


def test_verify_asks_without_credentials(fleet: FakeFleet) -> None:
    assert differences(fleet) == {}
    (path,) = [path for path in fleet.host("cp2").files.below(DIRECTORY) if path.name.startswith("authentication-")]
    value = yaml.safe_load(fleet.host("cp2").text(path) or "")
    value["anonymous"]["conditions"][0]["path"] = "/version"
    fleet.host("cp2").put(str(path), yaml.safe_dump(value))
    found = differences(fleet)
    assert found["cp2", "anonymous GET /version"] == ("401", "200")
    assert found["cp2", "anonymous GET /livez"] == ("200", "401")
    assert {host for host, _ in found} == {"cp2"}


def test_with_everything_off_nothing_is_written_for_it(tmp_path: Path) -> None:
    cluster = a_cluster(hardening=OFF)
    fleet = a_living_fleet(cluster, tmp_path)
    for name in fleet.hosts:
        assert not [path for path in fleet.tree(name) if path.startswith((str(DIRECTORY), "/var/log/kubernetes"))]
    console = Recorder()
    assert queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console) is ExitCode.DONE


@pytest.mark.parametrize("delete", [False, True])
def test_reset_keeps_the_key_as_long_as_the_data(fleet: FakeFleet, delete: bool) -> None:
    secret = key(fleet)
    reset(fleet, CLUSTER, delete_etcd_data=delete)
    for name, host in fleet.hosts.items():
        kept = [path for path in host.files.below(PurePosixPath("/etc/kubernetes")) if path.name.startswith("encryption-")]
        assert [secret in (host.text(path) or "") for path in kept] == ([] if delete else [True]), name
        assert str(DIRECTORY) not in fleet.tree(name)


def test_a_master_that_leaves_a_living_cluster_keeps_no_key(fleet: FakeFleet) -> None:
    reset(fleet, CLUSTER, "cp3")
    assert not [path for path in fleet.tree("cp3") if "kube-apiserver" in path and "/var/log/pods" not in path]
    assert encryption_file(fleet, "cp1")


def test_after_a_reset_there_is_a_new_key(fleet: FakeFleet, tmp_path: Path) -> None:
    secret = key(fleet)
    reset(fleet, CLUSTER)
    init(fleet, CLUSTER, tmp_path)
    assert key(fleet) != secret

"""init against model hosts: from nothing, again, interrupted, with faults, on what others left."""

from __future__ import annotations

import base64
import re
from pathlib import Path, PurePosixPath

import pytest

from bootstrap import inventory, queries
from bootstrap.changes import ApiApply
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, PersonNeeded, Refused
from bootstrap.events import Kind
from bootstrap.testing import FakeFleet, FakeHost
from bootstrap.waiting import NotHealthy
from tests.workflows.support import ADDRESSES, Recorder, a_cluster, a_living_fleet, init, plan_of

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
MANIFESTS = "/etc/kubernetes/manifests"
INVENTORY = """
apiVersion: bootstrap/v1alpha1
kind: Cluster
metadata: {{name: demo}}
spec:
  kubernetesVersion: v1.36.3
  hosts:
{hosts}
"""


def mirror_pods(fleet: FakeFleet) -> set[str]:
    return {path.rpartition("/")[2] for path in fleet.objects() if path.startswith("/api/v1/pods/kube-system/")}


def wanted_pods(*names: str) -> set[str]:
    return {f"{component}-{name}" for component in COMPONENTS for name in names}


@pytest.mark.parametrize("names", [("cp1",), ("cp1", "cp2"), ("cp1", "cp2", "cp3")], ids=len)
def test_masters_come_up_from_nothing_and_a_second_run_writes_nothing(names: tuple[str, ...], tmp_path: Path) -> None:
    cluster = a_cluster(*names)
    fleet = FakeFleet.of(cluster)
    first = init(fleet, cluster, tmp_path)
    assert first.results[-1]["changed"] is True
    assert [(member.name, member.learner) for member in fleet.members()] == [(name, False) for name in names]
    assert mirror_pods(fleet) == wanted_pods(*names)
    plan = plan_of(fleet, cluster, tmp_path)
    assert plan.is_empty
    assert all(changes for step in plan.steps for changes in (step.changes, *step.changes.values()))
    before = fleet.count()
    second = init(fleet, cluster, tmp_path)
    assert fleet.count() == before
    assert second.results[-1]["changed"] is False
    assert not [event for event in second.events if event.kind is Kind.CHANGED]


def test_b16_etcds_directory_is_there_and_its_own_before_a_kubelet_could_make_it(tmp_path: Path) -> None:
    fleet = FakeFleet.of(a_cluster("cp1"))
    init(fleet, a_cluster("cp1"), tmp_path)
    written = [operation.what for operation in fleet.operations]
    assert written.index("write /var/lib/etcd") < written.index(f"write {MANIFESTS}/etcd.yaml")
    kind, mode, _ = fleet.tree("cp1")["/var/lib/etcd"]
    assert (kind, mode) == ("directory", 0o700)


def test_verify_finds_nothing_after_init(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    console = init(fleet, cluster, tmp_path)
    code = queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console)
    assert (code, console.results[-1]["differences"]) == (ExitCode.DONE, [])


def test_waits_are_really_waited_for(tmp_path: Path) -> None:
    cluster = a_cluster()
    events = init(FakeFleet.of(cluster, startup_s=10.0), cluster, tmp_path).events
    waited = {event.phase for event in events if event.kind is Kind.WAITING and event.detail.get("answer")}
    assert {"wait-control-plane/api", "wait-control-plane"} <= waited


def test_dry_run_writes_nothing_anywhere(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    plan = plan_of(fleet, cluster, tmp_path)
    assert not plan.is_empty
    assert (fleet.operations, list(tmp_path.iterdir())) == ([], [])


def test_c9_order_of_the_inventory_means_nothing(tmp_path: Path) -> None:
    def load(names: list[str]) -> inventory.Cluster:
        lines = [f"    - {{name: {name}, role: control-plane, address: {ADDRESSES[name]}}}" for name in names]
        path = tmp_path / "demo.yaml"
        path.write_text(INVENTORY.format(hosts="\n".join(lines)))
        return inventory.load(path)

    cluster = load(["cp1", "cp2", "cp3"])
    fleet = a_living_fleet(cluster, tmp_path)
    before = fleet.count()
    for names in (["cp3", "cp1", "cp2"], ["cp2", "cp3", "cp1"]):
        init(fleet, load(names), tmp_path)
    assert fleet.count() == before


def test_a_lost_file_comes_back_and_nothing_else_is_touched(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    tree, before = fleet.tree("cp2"), fleet.count()
    fleet.host("cp2").files.remove(PurePosixPath("/etc/kubernetes/admin.conf"), recursive=False)
    init(fleet, cluster, tmp_path)
    assert [operation.what for operation in fleet.operations[before:]] == ["write /etc/kubernetes/admin.conf"]
    assert fleet.tree("cp2") == tree


def test_one_failing_host_is_reported_with_its_log_and_the_others_go_on(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.host("cp2").crashes["etcd"] = ["starting", "panic: disk is on fire"]
    with pytest.raises(NotHealthy) as caught:
        init(fleet, cluster, tmp_path)
    error = caught.value
    assert (error.host, error.exit_code) == ("cp2", ExitCode.STOPPED)
    assert any("panic: disk is on fire" in line for line in error.evidence)
    assert "cp2" in error.hint
    for name in ("cp1", "cp3"):
        assert fleet.host(name).store() is not None
    del fleet.host("cp2").crashes["etcd"]
    init(fleet, cluster, tmp_path)
    assert [member.name for member in fleet.members()] == ["cp1", "cp2", "cp3"]


def test_all_failing_hosts_are_reported(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    for name in ("cp1", "cp3"):
        fleet.host(name).crashes["kube-scheduler"] = [f"panic on {name}"]
    with pytest.raises(BootstrapError) as caught:
        init(fleet, cluster, tmp_path)
    errors = caught.value.errors  # type: ignore[attr-defined]
    assert {error.host for error in errors} == {"cp1", "cp3"}
    assert all(any(f"panic on {error.host}" in line for line in error.evidence) for error in errors)


def test_a_kubelet_that_ignores_its_manifests_is_shown_by_its_own_journal(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = FakeFleet.of(cluster)
    fleet.host("cp1").kubelet.frozen = True
    with pytest.raises(NotHealthy) as caught:
        init(fleet, cluster, tmp_path)
    assert "no container of etcd was ever started" in "\n".join(caught.value.evidence)
    assert "Started kubelet" in "\n".join(caught.value.evidence)


def test_what_will_be_done_is_told_in_a_line_before_it_is(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    first, again = (init(fleet, cluster, tmp_path).text for _ in range(2))
    (line,) = (line for line in first.splitlines() if line.startswith("plan: "))
    assert re.fullmatch(r"plan: \d+ files, .* on 3 hosts \(--dry-run shows all of it\)", line)
    assert first.index(line) < first.index("[certs]")
    assert "plan: " not in again


def test_a_changed_flag_is_refused_on_a_living_cluster(tmp_path: Path) -> None:
    fleet = FakeFleet.of(a_cluster())
    init(fleet, a_cluster(), tmp_path)
    before = fleet.count()
    changed = a_cluster(scheduler={"extraArgs": [{"name": "v", "value": "3"}]})
    with pytest.raises(Refused) as caught:
        init(fleet, changed, tmp_path)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert f"cp1: {MANIFESTS}/kube-scheduler.yaml would change: --v=3 instead of nothing" in caught.value.evidence
    assert "bootstrap verify" in caught.value.hint
    assert fleet.count() == before


def test_an_init_that_was_never_finished_may_be_mended_by_another_flag(tmp_path: Path) -> None:
    fleet = FakeFleet.of(a_cluster())
    for host in fleet.hosts.values():
        host.crashes["kube-scheduler"] = ["unknown flag: --v=x"]
    with pytest.raises(BootstrapError):
        init(fleet, a_cluster(scheduler={"extraArgs": [{"name": "v", "value": "x"}]}), tmp_path)
    for host in fleet.hosts.values():
        host.crashes.clear()
    mended = a_cluster(scheduler={"extraArgs": [{"name": "v", "value": "3"}]})
    init(fleet, mended, tmp_path)
    assert plan_of(fleet, mended, tmp_path).is_empty


def test_a_known_member_that_lost_its_data_is_not_started_again(tmp_path: Path) -> None:
    """Row A6: it would vote without remembering for whom it voted, and panics."""
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    fleet.hosts["cp2"] = FakeHost("cp2", ADDRESSES["cp2"], fleet)
    before = fleet.count()
    with pytest.raises((Refused, PersonNeeded)):
        init(fleet, cluster, tmp_path)
    assert fleet.count() == before


def test_another_manifest_directory_is_served_where_it_is(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.host("cp2").put("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\nstaticPodPath: /etc/kubelet.d\n")
    init(fleet, cluster, tmp_path)
    assert set(fleet.host("cp2").files.names(PurePosixPath("/etc/kubelet.d"))) == {f"{name}.yaml" for name in COMPONENTS}
    assert fleet.host("cp2").text(f"{MANIFESTS}/etcd.yaml") is None
    assert "staticPodPath: /etc/kubelet.d" in (fleet.host("cp2").text("/var/lib/kubelet/config.yaml") or "")
    assert mirror_pods(fleet) == wanted_pods("cp1", "cp2", "cp3")
    before = fleet.count()
    init(fleet, cluster, tmp_path)
    assert fleet.count() == before


@pytest.mark.parametrize("name", ["ca.crt", "etcd/ca.crt", "front-proxy-ca.crt", "sa.pub"])
def test_a_strangers_authority_is_refused(name: str, tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet, other = FakeFleet.of(cluster), FakeFleet.of(cluster)
    init(fleet, cluster, tmp_path / "one")
    init(other, cluster, tmp_path / "other")
    path = f"/etc/kubernetes/pki/{name}"
    fleet.host("cp3").put(path, other.host("cp3").text(path) or "", 0o644)
    before = fleet.count()
    console = Recorder()
    with pytest.raises(Refused) as caught:
        init(fleet, cluster, tmp_path / "one", console)
    assert path in " ".join(console.text.split()) + "\n".join(caught.value.evidence)
    assert fleet.count() == before


def test_an_unreachable_host_stops_everything_before_anything_is_written(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.host("cp2").reachable = False
    with pytest.raises(HostUnreachable) as caught:
        init(fleet, cluster, tmp_path)
    assert (caught.value.exit_code, caught.value.host) == (ExitCode.UNREACHABLE, "cp2")
    assert fleet.operations == []
    assert all(connection.closed for connection in fleet.connections)


def test_a_full_disk_is_said_and_mended_by_the_same_command(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    disk = fleet.host("cp3").files
    fleet.before_each = lambda: setattr(disk, "free_bytes", 10) if fleet.count("cp3") == 20 else None
    with pytest.raises(BootstrapError) as caught:
        init(fleet, cluster, tmp_path)
    assert caught.value.host == "cp3"
    assert "No space left on device" in "\n".join(caught.value.evidence)
    fleet.before_each, disk.free_bytes = None, 50 << 30
    init(fleet, cluster, tmp_path)
    assert mirror_pods(fleet) == wanted_pods("cp1", "cp2", "cp3")


def test_no_private_key_is_seen_in_output_or_on_any_command_line(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    console = init(fleet, cluster, tmp_path)
    files = [fleet.host(name).files for name in fleet.hosts]
    contents = [node.content for one in files for node in one.nodes.values() if node.kind == "file"]
    keys = [line for content in contents for line in _key_lines(content)]
    assert len(keys) > 50
    fleet.host("cp1").files.remove(PurePosixPath("/etc/kubernetes/admin.conf"), recursive=False)
    shown = Recorder()
    shown.plan(plan_of(fleet, cluster, tmp_path))
    seen = [console.text, shown.text, *(" ".join(argv) for argv in fleet.argvs())]
    everything = "\n".join(seen)
    assert not [key for key in keys if key in everything]


def _key_lines(content: bytes) -> list[str]:
    """Lines that only a private key has, of a PEM file or of one inside of a kubeconfig."""
    embedded = [base64.b64decode(data) for data in re.findall(rb"client-key-data: (\S+)", content)]
    pems = [pem for one in (content, *embedded) for pem in re.findall(rb"PRIVATE KEY-----\n(.+?)-----END", one, re.DOTALL)]
    return [line.decode() for pem in pems for line in pem.splitlines() if len(line) > 40]


def test_objects_are_applied_once_per_cluster(tmp_path: Path) -> None:
    cluster = a_cluster()
    plan = plan_of(FakeFleet.of(cluster), cluster, tmp_path)
    refs = [change.ref for _, _, change in plan.all() if isinstance(change, ApiApply)]
    assert len(refs) == len(set(refs))


@pytest.mark.parametrize("left_out", ["certs", "kubeconfig"])
def test_what_everything_rests_on_cannot_be_left_out_while_it_is_due(left_out: str, tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    with pytest.raises(Refused, match="their phases were left out"):
        init(fleet, cluster, tmp_path, skip=(left_out,))
    assert fleet.count() == 0
    init(fleet, cluster, tmp_path)
    assert init(fleet, cluster, tmp_path, skip=(left_out,)).results[-1]["changed"] is False


def test_certificates_alone_may_be_made_first(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    init(fleet, cluster, tmp_path, only=("certs",))
    assert fleet.count() > 0
    init(fleet, cluster, tmp_path)
    assert init(fleet, cluster, tmp_path).results[-1]["changed"] is False

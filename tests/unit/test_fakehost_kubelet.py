"""The model kubelet treats a manifest directory as the real one does (rows B1 to B5 and B11)."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap.files import Link
from bootstrap.testing import FakeFleet
from tests.unit.fakehost_samples import MANIFESTS, a_fleet, pod, put, running, with_kubelet

DATA = PurePosixPath("/var/lib/etcd")


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = a_fleet("cp1")
    with_kubelet(fleet.host("cp1"))
    return fleet


def put_pod(fleet: FakeFleet, file: str, which: str, name: str = "web") -> None:
    put(fleet, "cp1", f"{MANIFESTS}/{file}", pod(name, f"--which={which}"))


def test_manifest_runs_at_once(fleet):
    put_pod(fleet, "web.yaml", "new")
    assert running(fleet, "cp1") == {"web": "new"}


def test_changed_manifest_replaces_the_pod(fleet):
    put_pod(fleet, "web.yaml", "old")
    first = next(iter(fleet.host("cp1").runtime.containers.values()))
    put_pod(fleet, "web.yaml", "new")
    (second,) = fleet.host("cp1").runtime.containers.values()
    assert running(fleet, "cp1") == {"web": "new"}
    assert (second.pod.uid, second.pid) != (first.pod.uid, first.pid)


def test_removed_manifest_ends_the_pod(fleet):
    put_pod(fleet, "web.yaml", "old")
    fleet.connect("cp1").remove([PurePosixPath(f"{MANIFESTS}/web.yaml")])
    assert running(fleet, "cp1") == {}


def test_b1_truncated_manifest_kills_its_pod_at_the_next_list(fleet):
    put_pod(fleet, "web.yaml", "old")
    put(fleet, "cp1", f"{MANIFESTS}/web.yaml", pod("web", "--which=new")[:20])
    assert running(fleet, "cp1") == {"web": "old"}
    fleet.advance(20)
    assert running(fleet, "cp1") == {}


def test_b1_mended_manifest_brings_the_pod_back(fleet):
    put(fleet, "cp1", f"{MANIFESTS}/web.yaml", "{")
    put_pod(fleet, "web.yaml", "new")
    assert running(fleet, "cp1") == {"web": "new"}


@pytest.mark.parametrize("name", ["web.yaml.bak", "web.yaml~", "web.yml", "zzz"])
def test_b2_last_duplicate_wins_whatever_its_suffix(fleet, name):
    put_pod(fleet, name, "backup")
    put_pod(fleet, "web.yaml", "new")
    fleet.advance(20)
    assert running(fleet, "cp1") == {"web": "backup"}


def test_b1_where_nothing_parses_the_list_forgets_less_than_it_ends(fleet):
    """The kubelet sends an empty set and leaves its store as it was (file.go, listConfig): the next event brings the pod back."""
    put_pod(fleet, "web.yaml", "old")
    put(fleet, "cp1", f"{MANIFESTS}/web.yaml", "{")
    fleet.advance(20)
    assert running(fleet, "cp1") == {}
    put_pod(fleet, "other.yaml", "new", name="other")
    assert running(fleet, "cp1") == {"web": "old", "other": "new"}
    fleet.advance(20)
    assert running(fleet, "cp1") == {"other": "new"}


def test_b3_removing_a_duplicate_takes_the_pod_away_until_the_next_list(fleet):
    put_pod(fleet, "web.yaml", "new")
    put_pod(fleet, "web.yaml.bak", "backup")
    fleet.connect("cp1").remove([PurePosixPath(f"{MANIFESTS}/web.yaml.bak")])
    assert running(fleet, "cp1") == {}
    fleet.advance(20)
    assert running(fleet, "cp1") == {"web": "new"}


def test_b4_renaming_within_the_directory_does_not_stop_the_pod(fleet):
    put_pod(fleet, "web.yaml", "new")
    path = PurePosixPath(MANIFESTS)
    fleet.connect("cp1").move(path / "web.yaml", path / "web.yaml.off")
    fleet.advance(20)
    assert running(fleet, "cp1") == {"web": "new"}


def test_b5_names_with_a_dot_in_front_are_not_read(fleet):
    put_pod(fleet, ".web.yaml.tmp", "new")
    fleet.advance(20)
    assert running(fleet, "cp1") == {}


def test_links_are_followed_and_directories_are_not_entered(fleet):
    put(fleet, "cp1", "/srv/web.yaml", pod("web", "--which=linked"))
    put(fleet, "cp1", f"{MANIFESTS}/more/other.yaml", pod("other"))
    fleet.connect("cp1").write([Link(PurePosixPath(f"{MANIFESTS}/web.yaml"), "/srv/web.yaml")])
    fleet.advance(20)
    assert running(fleet, "cp1") == {"web": "linked"}


def test_b11_a_rejected_pod_is_not_tried_again_before_the_kubelet_restarts(fleet):
    host = fleet.host("cp1")
    host.kubelet.rejects = {"web": "OutOfpods"}
    put_pod(fleet, "web.yaml", "new")
    host.kubelet.rejects = {}
    fleet.advance(60)
    assert running(fleet, "cp1") == {}
    fleet.connect("cp1").run(("systemctl", "restart", "kubelet.service"))
    assert running(fleet, "cp1") == {"web": "new"}


def test_frozen_kubelet_ignores_changes(fleet):
    fleet.host("cp1").kubelet.frozen = True
    put_pod(fleet, "web.yaml", "new")
    fleet.advance(60)
    assert running(fleet, "cp1") == {}


def test_containers_outlive_the_kubelet_but_not_the_machine(fleet):
    put_pod(fleet, "web.yaml", "new")
    host = fleet.host("cp1")
    fleet.connect("cp1").run(("systemctl", "stop", "kubelet.service"))
    put_pod(fleet, "other.yaml", "new", name="other")
    fleet.advance(60)
    assert running(fleet, "cp1") == {"web": "new"}
    host.power_off()
    assert running(fleet, "cp1") == {}
    host.power_on()
    fleet.advance(5)
    assert running(fleet, "cp1") == {"web": "new", "other": "new"}


def test_another_manifest_directory_is_read_and_shown_in_facts():
    fleet = a_fleet("cp1")
    with_kubelet(fleet.host("cp1"), "/etc/kubelet.d")
    put(fleet, "cp1", "/etc/kubelet.d/web.yaml", pod("web", "--which=there"))
    put_pod(fleet, "other.yaml", "nowhere", name="other")
    assert running(fleet, "cp1") == {"web": "there"}
    facts = fleet.connect("cp1").look(DATA)
    assert facts.kubelet.manifests.path == PurePosixPath("/etc/kubelet.d")
    assert facts.owned[PurePosixPath("/etc/kubelet.d/web.yaml")].content == pod("web", "--which=there").encode()


@pytest.mark.parametrize(
    "missing",
    ["/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki/kubelet-client-current.pem"],
)
def test_kubelet_without_its_files_keeps_trying(missing):
    fleet = a_fleet("cp1")
    host = with_kubelet(fleet.host("cp1"))
    content = host.text(missing)
    fleet.connect("cp1").remove([PurePosixPath(missing)])
    assert fleet.connect("cp1").run(("systemctl", "restart", "kubelet.service")).status == 0
    assert fleet.connect("cp1").look(DATA).services["kubelet.service"].active_state == "activating"
    assert missing in fleet.connect("cp1").run(("journalctl", "-u", "kubelet", "-n", "5")).stdout.decode()
    host.put(missing, content)
    fleet.advance(15)
    assert fleet.connect("cp1").look(DATA).services["kubelet.service"].active_state == "active"


def test_drop_in_counts_after_daemon_reload():
    fleet = a_fleet("cp1")
    path = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
    put(fleet, "cp1", path, '[Service]\nEnvironment="MORE=--v=2 --x=y"\nExecStart=\nExecStart=/usr/bin/kubelet $MORE --a=b\n')
    service = fleet.connect("cp1").look(DATA).services["kubelet.service"]
    packaged = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
    assert (service.drop_in_paths, service.needs_reload) == ((packaged,), True)
    fleet.connect("cp1").run(("systemctl", "daemon-reload"))
    service = fleet.connect("cp1").look(DATA).services["kubelet.service"]
    assert (service.drop_in_paths, service.needs_reload) == ((path,), False)


def test_crash_loop_shows_in_restarts_and_log(fleet):
    host = fleet.host("cp1")
    host.crashes["etcd"] = ["cannot fetch cluster info", "panic: out of luck"]
    put(fleet, "cp1", f"{MANIFESTS}/etcd.yaml", pod("etcd"))
    fleet.advance(25)
    facts = fleet.connect("cp1").look(DATA)
    assert [log.restarts for log in facts.pod_logs if log.container == "etcd"] == [2]
    assert facts.processes == ()
    tail = fleet.connect("cp1").run(("tail", "-n", "1", str(facts.pod_logs[0].path)))
    assert tail.stdout.endswith(b"panic: out of luck\n")


def test_pod_whose_files_are_not_mounted_or_not_there_crashes(fleet):
    put(fleet, "cp1", f"{MANIFESTS}/a.yaml", pod("a", "--config=/etc/a.conf"))
    put(fleet, "cp1", f"{MANIFESTS}/b.yaml", pod("b", "--config=/etc/b/b.conf", mounts=("/etc/b",)))
    put(fleet, "cp1", "/etc/a.conf", "there, and not mounted")
    assert running(fleet, "cp1") == {}
    put(fleet, "cp1", "/etc/b/b.conf", "there now")
    fleet.advance(15)
    assert running(fleet, "cp1") == {"b": ""}

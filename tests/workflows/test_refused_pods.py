"""A kubelet that refuses a static pod does not try it again: init sees it, says why, and restarts the kubelet once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.errors import SeveralErrors
from bootstrap.events import Kind
from bootstrap.refusals import PodRefused, parse, unreadable
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, init

CLUSTER = a_cluster()
RESTART = "run systemctl restart kubelet.service"


def a_fleet(rejects: Mapping[str, str], *, once: bool = False) -> FakeFleet:
    """The kubelet of cp2 refuses pods. once: what they lack is there soon after."""
    fleet = FakeFleet.of(CLUSTER)
    kubelet = fleet.host("cp2").kubelet
    kubelet.rejects = dict(rejects)

    def make_room() -> None:
        if any("denied" in line for line in kubelet.journal):
            kubelet.rejects = {}

    fleet.before_each = make_room if once else None
    return fleet


def restarts(fleet: FakeFleet, host: str) -> int:
    return sum((operation.host, operation.what) == (host, RESTART) for operation in fleet.operations)


@pytest.mark.parametrize("component", ["etcd", "kube-apiserver", "kube-scheduler"])
def test_what_has_passed_by_then_is_tried_again_by_one_restart(component: str, tmp_path: Path) -> None:
    fleet = a_fleet({component: "OutOfpods"}, once=True)
    told = init(fleet, CLUSTER, tmp_path)
    assert [restarts(fleet, name) for name in ("cp1", "cp2", "cp3")] == [1, 2, 1]
    (event,) = [e for e in told.events if e.kind is Kind.CHANGED and e.message.startswith("restarted the kubelet")]
    assert event.host == "cp2"
    assert event.message == (
        f'restarted the kubelet: it refused {component} (OutOfpods: it does not "fit"), and does not try again by itself'
    )
    assert "Nothing to do" in init(fleet, CLUSTER, tmp_path).text


def test_the_plan_says_that_a_wait_may_restart_the_kubelet(tmp_path: Path) -> None:
    remark = "restarts a kubelet once that refused one of these pods"
    fleet = FakeFleet.of(CLUSTER)
    assert remark in init(fleet, CLUSTER, tmp_path, dry_run=True).text
    assert remark not in init(fleet, CLUSTER, tmp_path, dry_run=True, keep_kubelet=True).text


def refused(fleet: FakeFleet, home: Path, **asked: bool) -> tuple[PodRefused, float]:
    """The error that ends the run, and how long it took."""
    began = fleet.now
    with pytest.raises((PodRefused, SeveralErrors)) as caught:
        init(fleet, CLUSTER, home, **asked)
    errors = caught.value.errors if isinstance(caught.value, SeveralErrors) else (caught.value,)
    (error,) = [each for each in errors if isinstance(each, PodRefused)]
    return error, fleet.now - began


def test_what_stays_refused_ends_the_wait_with_the_reason(tmp_path: Path) -> None:
    fleet = a_fleet({"kube-apiserver": "OutOfcpu"})
    error, _ = refused(fleet, tmp_path)
    assert (error.host, error.message) == ("cp2", "the kubelet on cp2 again, after it was restarted, refuses kube-apiserver")
    assert error.evidence == ('kube-apiserver: OutOfcpu: it does not "fit"',)
    assert "run the same command again" in error.hint
    assert restarts(fleet, "cp2") == 2
    fleet.host("cp2").kubelet.rejects = {}
    init(fleet, CLUSTER, tmp_path)


def test_what_no_restart_can_help_is_said_at_once(tmp_path: Path) -> None:
    fleet = a_fleet({"etcd": "PodOSNotSupported"})
    error, _ = refused(fleet, tmp_path)
    assert error.message == "the kubelet on cp2 refuses etcd"
    assert restarts(fleet, "cp2") == 1


def test_no_restart_where_none_is_wanted(tmp_path: Path) -> None:
    fleet = a_fleet({"etcd": "OutOfpods"})
    error, _ = refused(fleet, tmp_path, keep_kubelet=True)
    assert "systemctl restart kubelet" in error.hint
    assert restarts(fleet, "cp2") == 1


def test_a_component_that_only_crashes_restarts_nothing(tmp_path: Path) -> None:
    fleet = FakeFleet.of(CLUSTER)
    fleet.host("cp2").crashes["kube-scheduler"] = ["panic"]
    TIME.fleet = fleet
    with pytest.raises(Exception, match="kube-scheduler on cp2 did not become healthy"):
        init(fleet, CLUSTER, tmp_path, console=Recorder())
    assert restarts(fleet, "cp2") == 1


REAL = (
    'I1124 03:19:35.988005     535 allocation_manager.go:619] "Pod admission denied" podUID="18aa82ec6907543f6ec242631843834b" '
    'pod="kube-system/etcd-cp1" reason="UnexpectedAdmissionError" message="Unexpected error while attempting to recover from '
    'admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: '
    '[(res: cpu, q: 998000), ]" operation="add"\n'
)


def test_what_a_real_kubelet_says_is_understood() -> None:
    other = REAL.replace("etcd-cp1", "etcd-backup-cp1")
    found, another = parse(REAL + other + "I1124 03:19:36 something else\n", "cp1")
    assert (another.pod, another.component) == ("kube-system/etcd-backup", "")
    assert (found.component, found.uid, found.reason) == ("etcd", "18aa82ec6907543f6ec242631843834b", "UnexpectedAdmissionError")
    assert found.message.endswith("[(res: cpu, q: 998000), ]")


FILE = PurePosixPath("/etc/kubernetes/manifests/web.yaml")
BAD = "couldn't parse as pod(static pods may not reference serviceaccounts), please check config file"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f'E1124 03:19:35.9 535 file.go:186] "Could not process manifest file" err="{FILE}: {BAD}" path="{FILE}"', BAD),
        ('E1124 03:19:35.9 535 file.go:107] "Unable to process watch event" err="can\'t process config file '
         f'\\"{FILE}\\": {FILE}: {BAD}"', BAD),
        (f'E1124 03:19:35.9 535 file.go:186] "Could not process manifest file" err="{FILE}.bak: no" path="{FILE}.bak"', ""),
        (f'I1124 03:19:35.9 535 kubelet.go:1] "SyncLoop ADD" source="file" path="{FILE}"', ""),
    ],
)  # fmt: skip
def test_a_file_that_a_kubelet_could_not_read_is_found_in_its_journal(line: str, reason: str) -> None:
    assert unreadable(f"{line}\nI1124 something else\n", FILE) == reason

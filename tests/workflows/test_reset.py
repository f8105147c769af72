"""reset against model hosts: everything of ours goes, interrupted or not, and init works again."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bootstrap import runner
from bootstrap.cluster import Cluster
from bootstrap.errors import ExitCode, HostUnreachable, PersonNeeded, Refused, UsageError
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init, states_within_writes
from tests.workflows.test_init_killed import SHARED, states_within_shared_files
from tests.workflows.test_workers import add


def reset(fleet: FakeFleet, cluster: Cluster, *hosts: str, **asked: Any) -> Recorder:
    TIME.fleet = fleet
    console = Recorder()
    request = runner.ResetRequest(Path("demo.yaml"), hosts, confirm=cluster.name, **asked)
    assert runner.reset(cluster, request, lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    return console


def paths(fleet: FakeFleet, name: str) -> set[str]:
    """What is on a host, without the data that was moved aside and directories that any machine may have."""
    tree = fleet.tree(name)
    return {path for path, (kind, _, _) in tree.items() if ".reset-" not in path and kind != "directory"}


def nodes(fleet: FakeFleet) -> set[str]:
    return {path.rpartition("/")[2] for path in fleet.objects() if path.startswith("/api/v1/nodes/")}


def test_reset_of_every_master_leaves_what_was_there_before(tmp_path: Path) -> None:
    cluster = a_cluster()
    fresh = FakeFleet.of(cluster)
    fleet = a_living_fleet(cluster, tmp_path)
    reset(fleet, cluster)
    for name, host in fleet.hosts.items():
        assert paths(fleet, name) == paths(fresh, name)
        assert (host.runtime.containers, host.kubelet.active_state, host.kubelet.enabled) == ({}, "inactive", False)
    before = fleet.count()
    reset(fleet, cluster)
    assert fleet.count() == before


def test_data_is_moved_aside_or_deleted_where_that_was_asked_for(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    for delete, kept in ((False, 1), (True, 0)):
        fleet = a_living_fleet(cluster, tmp_path)
        reset(fleet, cluster, delete_etcd_data=delete)
        assert sum(path.endswith("member/snap/db") for path in fleet.tree("cp1")) == kept


def test_init_after_reset_makes_a_new_cluster(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    first = {member.id for member in fleet.members()}
    reset(fleet, cluster)
    init(fleet, cluster, tmp_path)
    assert [member.name for member in fleet.members()] == ["cp1", "cp2", "cp3"]
    assert first.isdisjoint(member.id for member in fleet.members())


def test_h7_one_master_leaves_the_member_list_and_the_others_go_on(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    reset(fleet, cluster, "cp3")
    assert [member.name for member in fleet.members()] == ["cp1", "cp2"]
    assert fleet.host("cp1").store() is not None
    assert fleet.host("cp3").runtime.containers == {}
    assert nodes(fleet) == {"cp1", "cp2"}


def test_h8_a_node_stays_where_no_api_server_can_be_asked_and_goes_later(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    for name in ("cp1", "cp2"):
        fleet.host(name).crashes["kube-apiserver"] = ["out of order"]
    fleet.advance(1)
    told = reset(fleet, cluster, "cp3")
    assert "later: kubectl delete node cp3" in told.text
    for name in ("cp1", "cp2"):
        fleet.host(name).crashes.clear()
    fleet.advance(30)
    assert nodes(fleet) == {"cp1", "cp2", "cp3"}
    before = fleet.count()
    reset(fleet, cluster, "cp3")
    assert [operation.what for operation in fleet.operations[before:]] == ["DELETE /api/v1/nodes/cp3"]
    assert nodes(fleet) == {"cp1", "cp2"}


def test_quorum_is_not_given_away(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    fleet.host("cp2").power_off()
    before = fleet.count()
    with pytest.raises((Refused, PersonNeeded)):
        reset(fleet, cluster, "cp3")
    assert fleet.count() == before


def test_workers_that_a_whole_reset_leaves_running_are_named(tmp_path: Path) -> None:
    cluster = a_cluster(workers=2)
    fleet = a_living_fleet(cluster, tmp_path)
    add(fleet, cluster, "w1")
    said = "still running, not touched: w1 (take workers out first: bootstrap remove-worker demo.yaml w1)"
    assert said in reset(fleet, cluster, dry_run=True).text
    assert "not touched" not in reset(fleet, cluster, "cp3").text
    assert said in reset(fleet, cluster).text
    assert fleet.host("w1").runtime.running("balancer") is not None


def test_workers_that_nobody_can_tell_of_are_named(tmp_path: Path) -> None:
    cluster = a_cluster(workers=2)
    fleet = a_living_fleet(cluster, tmp_path)
    for name in ("cp1", "cp2", "cp3"):
        fleet.host(name).crashes["kube-apiserver"] = ["out of order"]
    fleet.advance(5)
    said = "not looked at, not touched: w1, w2 (those that have joined, afterwards: bootstrap remove-worker demo.yaml w1 w2)"
    assert said in reset(fleet, cluster).text


def test_a_worker_is_not_reset_but_removed() -> None:
    cluster = a_cluster(workers=1)
    with pytest.raises(UsageError, match="'w1' is no master of demo") as caught:
        reset(FakeFleet.of(cluster), cluster, "w1")
    assert caught.value.hint == "it is a worker: bootstrap remove-worker INVENTORY w1"


def is_finished(state: FakeFleet, cluster: Cluster, wanted: FakeFleet, *hosts: str) -> None:
    """The same reset again leaves what the reset left that nobody disturbed."""
    state.advance(25)
    reset(state, cluster, *hosts)
    assert {name: paths(state, name) for name in state.hosts} == {name: paths(wanted, name) for name in wanted.hosts}
    assert [list(state.host(name).runtime.containers) for name in hosts or state.hosts] == [[]] * len(hosts or state.hosts)
    assert [member.name for member in state.members()] == [member.name for member in wanted.members()]
    assert nodes(state) == nodes(wanted)


def failures(states: Sequence[tuple[str, FakeFleet]], check: Callable[[FakeFleet], None]) -> dict[str, Exception]:
    """Every state is tried before the test fails."""
    failed: dict[str, Exception] = {}
    for what, state in states:
        try:
            check(state)
        except Exception as error:
            failed[what] = error
    return failed


@pytest.mark.exhaustive
@pytest.mark.parametrize("hosts", [(), ("cp2",)], ids=["all", "one"])
def test_killed_before_any_operation_the_same_command_finishes(hosts: tuple[str, ...], tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    states: list[tuple[str, FakeFleet]] = []
    fleet.before_each = lambda: states.append((str(len(states)), copy.deepcopy(fleet)))
    reset(fleet, cluster, *hosts)
    assert len(states) > 15
    assert not failures(states, lambda state: is_finished(state, cluster, fleet, *hosts))


@pytest.mark.exhaustive
def test_a_host_that_died_in_the_middle_of_a_removal_is_reset(tmp_path: Path) -> None:
    cluster = a_cluster("cp1")
    fleet = a_living_fleet(cluster, tmp_path)
    states = states_within_writes(fleet)
    reset(fleet, cluster)
    assert len(states) > 30
    assert not failures(states, lambda state: is_finished(state, cluster, fleet))


@pytest.mark.exhaustive
@pytest.mark.parametrize("hosts", [(), ("cp2",)], ids=["all", "one"])
def test_whatever_was_done_unheard_the_same_command_finishes(hosts: tuple[str, ...], tmp_path: Path) -> None:
    cluster = a_cluster()
    alive = a_living_fleet(cluster, tmp_path)
    wanted = copy.deepcopy(alive)
    reset(wanted, cluster, *hosts)
    states = []
    for call in wanted.calls[len(alive.calls):]:
        state = copy.deepcopy(alive)
        state.cut(call.host, call.last - alive.count(call.host), after=True)
        with contextlib.suppress(HostUnreachable):  # a wait that was cut connects again and goes on by itself
            reset(state, cluster, *hosts)
        states.append((str(call), state))
    assert len(states) > 15
    assert not failures(states, lambda state: is_finished(state, cluster, wanted, *hosts))


@pytest.mark.exhaustive
def test_an_init_that_died_anywhere_can_be_reset(tmp_path: Path) -> None:
    """No key stays behind, under whatever name it was being written, and a new init makes a cluster."""
    cluster = a_cluster("cp1")
    fresh, fleet = FakeFleet.of(cluster), FakeFleet.of(cluster)
    states = states_within_writes(fleet)
    init(fleet, cluster, tmp_path)

    def check(state: FakeFleet) -> None:
        reset(state, cluster)
        assert paths(state, "cp1") == paths(fresh, "cp1")
        reset(state, cluster)

    assert len(states) > 150
    assert not failures(states, check)


@pytest.mark.exhaustive
@pytest.mark.parametrize("phase", SHARED)
def test_an_init_of_which_one_master_died_within_a_shared_file_can_be_reset(phase: str, tmp_path: Path) -> None:
    cluster = a_cluster()
    fresh = FakeFleet.of(cluster)

    def check(state: FakeFleet) -> None:
        reset(state, cluster)
        assert {name: paths(state, name) for name in state.hosts} == {name: paths(fresh, name) for name in fresh.hosts}
        before = state.count()
        reset(state, cluster)
        assert state.count() == before

    assert not failures(states_within_shared_files(cluster, phase, tmp_path), check)

"""reset against model hosts: everything of ours goes, interrupted or not, and init works again."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from bootstrap import runner
from bootstrap.cluster import Cluster
from bootstrap.errors import ExitCode, PersonNeeded, Refused
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, init


def reset(fleet: FakeFleet, cluster: Cluster, *hosts: str, **asked: Any) -> Recorder:
    TIME.fleet = fleet
    console = Recorder()
    request = runner.ResetRequest(Path("demo.yaml"), hosts, confirm=cluster.name, **asked)
    assert runner.reset(cluster, request, lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    return console


def a_live_fleet(cluster: Cluster, home: Path) -> FakeFleet:
    fleet = FakeFleet.of(cluster)
    init(fleet, cluster, home)
    return fleet


def paths(fleet: FakeFleet, name: str) -> set[str]:
    """What is on a host, without the data that was moved aside and directories that any machine may have."""
    tree = fleet.tree(name)
    return {path for path, (kind, _, _) in tree.items() if ".reset-" not in path and kind != "directory"}


def test_reset_of_every_master_leaves_what_was_there_before(tmp_path: Path) -> None:
    cluster = a_cluster()
    fresh = FakeFleet.of(cluster)
    fleet = a_live_fleet(cluster, tmp_path)
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
        fleet = a_live_fleet(cluster, tmp_path)
        reset(fleet, cluster, delete_etcd_data=delete)
        assert sum(path.endswith("member/snap/db") for path in fleet.tree("cp1")) == kept


def test_init_after_reset_makes_a_new_cluster(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_live_fleet(cluster, tmp_path)
    first = {member.id for member in fleet.members()}
    reset(fleet, cluster)
    init(fleet, cluster, tmp_path)
    assert [member.name for member in fleet.members()] == ["cp1", "cp2", "cp3"]
    assert first.isdisjoint(member.id for member in fleet.members())


def test_one_master_leaves_the_member_list_and_the_others_go_on(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_live_fleet(cluster, tmp_path)
    reset(fleet, cluster, "cp3")
    assert [member.name for member in fleet.members()] == ["cp1", "cp2"]
    assert fleet.host("cp1").store() is not None
    assert fleet.host("cp3").runtime.containers == {}


def test_quorum_is_not_given_away(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_live_fleet(cluster, tmp_path)
    fleet.host("cp2").power_off()
    before = fleet.count()
    with pytest.raises((Refused, PersonNeeded)):
        reset(fleet, cluster, "cp3")
    assert fleet.count() == before


@pytest.mark.exhaustive
@pytest.mark.parametrize("hosts", [(), ("cp2",)], ids=["all", "one"])
def test_killed_before_any_operation_the_same_command_finishes(hosts: tuple[str, ...], tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_live_fleet(cluster, tmp_path)
    before = fleet.count()
    states: list[FakeFleet] = []
    fleet.before_each = lambda: states.append(copy.deepcopy(fleet))
    reset(fleet, cluster, *hosts)
    wanted = {name: paths(fleet, name) for name in fleet.hosts}
    failed = {}
    for number, state in enumerate(states):
        try:
            state.advance(25)
            reset(state, cluster, *hosts)
            assert {name: paths(state, name) for name in state.hosts} == wanted
            assert all(not state.host(name).runtime.containers for name in hosts or state.hosts)
            assert [member.name for member in state.members()] == [m.name for m in fleet.members()]
        except Exception as error:
            failed[str(fleet.operations[before + number])] = error
    assert not failed

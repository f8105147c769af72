"""Changes of the members, killed or unheard at every single thing they do: the same command again, and the same end."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.errors import BootstrapError, HostUnreachable, RemoteError
from bootstrap.testing import FakeFleet
from tests.workflows.support import plan_of
from tests.workflows.test_init_killed import differences, end_state
from tests.workflows.test_members import add, living, masters, remove, replace, voters

CHUNKS = 2
THREE = masters("cp1", "cp2", "cp3")
FOUR = masters("cp1", "cp2", "cp3", "cp4")
Command = Callable[[FakeFleet], object]


def grow(fleet: FakeFleet) -> object:
    return add(fleet, THREE, "cp2", "cp3")


def shrink(fleet: FakeFleet) -> object:
    return remove(fleet, THREE, "cp3")


def swap(fleet: FakeFleet) -> object:
    return replace(fleet, FOUR, "cp3", "cp4", dead=True)


def before_growing(home: Path) -> FakeFleet:
    return living(home, "cp1", spare=("cp2", "cp3"))


def before_shrinking(home: Path) -> FakeFleet:
    return living(home, "cp1", "cp2", "cp3")


def before_swapping(home: Path) -> FakeFleet:
    fleet = living(home, "cp1", "cp2", "cp3", spare=("cp4",))
    fleet.host("cp3").power_off()
    return fleet


CASES = [
    pytest.param(before_growing, grow, ["cp1", "cp2", "cp3"], id="add-master"),
    pytest.param(before_shrinking, shrink, ["cp1", "cp2"], id="remove-master"),
    pytest.param(before_swapping, swap, ["cp1", "cp2", "cp4"], id="replace-master"),
]


def finished(fleet: FakeFleet, command: Command, names: list[str], home: Path):  # type: ignore[no-untyped-def]
    command(fleet)
    before = fleet.count()
    command(fleet)
    assert fleet.count() == before, "a second run wrote something"
    assert voters(fleet) == names
    found = copy.deepcopy(fleet)
    for name in set(found.hosts) - set(names):
        del found.hosts[name]       # how a master leaves is looked at elsewhere: there data and dates differ
    assert plan_of(found, masters(*names), home).is_empty
    return end_state(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(("begin", "command", "names"), CASES)
def test_killed_before_any_operation(
    chunk: int, begin: Callable[[Path], FakeFleet], command: Command, names: list[str], tmp_path: Path
) -> None:
    fleet = begin(tmp_path)
    first, states = fleet.count(), []
    fleet.before_each = lambda: states.append(copy.deepcopy(fleet))
    wanted = finished(fleet, command, names, tmp_path)
    assert len(states) > 10
    failed = {}
    for number, state in list(enumerate(states))[chunk::CHUNKS]:
        state.advance((0.0, 25.0)[number // CHUNKS % 2])
        try:
            assert differences(finished(state, command, names, tmp_path), wanted) == []
        except (BootstrapError, AssertionError) as error:  # every state is tried before the test fails
            operation = fleet.operations[first + number]
            failed[f"{number} ({operation.host} {operation.what})"] = error
    assert not failed


@pytest.mark.exhaustive
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a2_done_and_unheard(chunk: int, tmp_path: Path) -> None:
    """Each call in turn is done on its host, and the connection is gone before its answer comes: a member's ID, for one."""
    fleet = before_growing(tmp_path)
    start, seen = copy.deepcopy(fleet), len(fleet.calls)
    counts = {name: fleet.count(name) for name in fleet.hosts}
    wanted = finished(fleet, grow, ["cp1", "cp2", "cp3"], tmp_path)
    calls = fleet.calls[seen:]
    assert len(calls) > 10
    failed = {}
    for call in calls[chunk::CHUNKS]:
        again = copy.deepcopy(start)
        again.cut(call.host, call.last - counts[call.host], after=True)
        try:
            with contextlib.suppress(HostUnreachable, RemoteError):
                grow(again)
            assert differences(finished(again, grow, ["cp1", "cp2", "cp3"], tmp_path), wanted) == []
        except (BootstrapError, AssertionError) as error:
            failed[str(call)] = error
    assert not failed


@pytest.mark.exhaustive
def test_a2_killed_around_the_add_the_same_command_leaves_no_stray_member(tmp_path: Path) -> None:
    fleet = before_growing(tmp_path)
    states: dict[str, FakeFleet] = {}

    def photograph() -> None:
        last = fleet.operations[-1].what
        if "member" in last or "etcd-join" in last:
            states.setdefault(f"{len(states)} after {last}", copy.deepcopy(fleet))

    fleet.before_each = photograph
    grow(fleet)
    assert len(states) >= 10
    for what, state in states.items():
        grow(state)
        assert voters(state) == ["cp1", "cp2", "cp3"], what
        assert all(host.text("/etc/kubernetes/etcd-join.json") is None for host in state.hosts.values()), what

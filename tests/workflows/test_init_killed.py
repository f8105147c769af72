"""init killed before every single thing it does: the same command again ends in the same state.

Slow (see CHUNKS for how it spreads over processes): each of some 170 states is gone on from to the end.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

from bootstrap.errors import HostUnreachable
from bootstrap.testing import FakeFleet, Killed
from tests.workflows.support import a_cluster, init, plan_of

CHUNKS = 4
PAUSES_S = (0.0, 25.0)
"""How long the hosts are left alone between the kill and the next run."""
DATED = re.compile(r"kubelet-client-[0-9-]+\.pem")

Tree = dict[str, tuple[str, int, str]]


def end_state(fleet: FakeFleet) -> tuple[dict[str, Tree], list[str], set[str]]:
    """Paths with kinds, modes and owners, members, names of API objects. The kubelet's dated certificate has no date here."""
    trees = {name: {DATED.sub("kubelet-client-DATE.pem", path): it for path, it in fleet.tree(name).items()} for name in fleet.hosts}
    return trees, [member.name for member in fleet.members()], set(fleet.objects())


@pytest.fixture(scope="module")
def cluster():
    return a_cluster()


def finished(fleet: FakeFleet, cluster, home: Path) -> tuple[dict[str, Tree], list[str], set[str]]:
    init(fleet, cluster, home)
    plan = plan_of(fleet, cluster, home)
    assert plan.is_empty, [change for _, _, change in plan.all()]
    return end_state(fleet)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_killed_before_any_operation_the_same_command_finishes(chunk: int, cluster, tmp_path: Path) -> None:
    """A state is what a kill leaves behind: a copy of all hosts right before an operation, and what the operator's disk had."""
    fleet = FakeFleet.of(cluster)
    states: list[tuple[int, FakeFleet, bytes | None]] = []
    kubeconfig = tmp_path / "demo.kubeconfig"

    def photograph() -> None:
        if fleet.count() % CHUNKS == chunk:
            states.append((fleet.count(), copy.deepcopy(fleet), kubeconfig.read_bytes() if kubeconfig.exists() else None))

    fleet.before_each = photograph
    wanted = finished(fleet, cluster, tmp_path)
    assert len(states) >= fleet.count() // CHUNKS > 10
    failed = {}
    for number, state, local in states:
        kubeconfig.unlink(missing_ok=True)
        if local is not None:
            kubeconfig.write_bytes(local)
        state.advance(PAUSES_S[number // CHUNKS % len(PAUSES_S)])
        try:
            found = finished(state, cluster, tmp_path)
            assert found == wanted
        except Exception as error:  # every state is tried before the test fails
            failed[f"{number} ({fleet.operations[number].host} {fleet.operations[number].what})"] = error
    assert not failed


@pytest.mark.parametrize("n", [1, 2, 30, 75, 110, 120, 125, 140, 165])
def test_really_killed_the_same_command_finishes(n: int, cluster, tmp_path: Path) -> None:
    fleet = FakeFleet.of(cluster)
    fleet.kill_before(n)
    with pytest.raises(Killed):
        init(fleet, cluster, tmp_path)
    assert fleet.count() == n - 1
    fleet.advance(30)
    finished(fleet, cluster, tmp_path)


@pytest.mark.parametrize("n", [1, 20, 40, 43, 45])
@pytest.mark.parametrize("after", [False, True], ids=["before", "unheard"])
def test_cut_off_the_same_command_finishes(n: int, after: bool, cluster, tmp_path: Path) -> None:
    fleet = FakeFleet.of(cluster)
    fleet.cut("cp2", n, after=after)
    with pytest.raises(HostUnreachable) as caught:
        init(fleet, cluster, tmp_path)
    assert caught.value.host == "cp2"
    finished(fleet, cluster, tmp_path)

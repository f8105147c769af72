"""status: what is wrong, in a line each, with an exit code; on model hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap import queries
from bootstrap.cluster import Role
from bootstrap.errors import ExitCode
from bootstrap.status import NOT_REGISTERED, ComponentStatus, HostStatus, as_rows, troubles
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet


class Up:
    """Three masters that are up, and `status` of them."""

    def __init__(self, home: Path) -> None:
        self.cluster = a_cluster()
        self.fleet = a_living_fleet(self.cluster, home)

    def status(self) -> tuple[ExitCode, Any, str]:
        TIME.fleet = self.fleet
        console = Recorder()
        code = queries.status(self.cluster, Path("my demo.yaml"), lambda _, host: self.fleet.connect(host), console)
        return code, console.results[-1], console.text


@pytest.fixture
def up(tmp_path: Path) -> Up:
    return Up(tmp_path)


def test_all_is_well(up: Up) -> None:
    code, result, text = up.status()
    assert (code, result["troubles"]) == (ExitCode.DONE, [])
    assert all(host["healthy"] for host in result["hosts"])
    assert len(text.splitlines()) == 5


def test_what_is_down_is_told_in_a_line_and_its_log_is_named(up: Up) -> None:
    up.fleet.host("cp2").crashes["etcd"] = ["disk full"]
    up.fleet.host("cp3").crashes["kube-scheduler"] = ["panic"]
    up.fleet.advance(5)
    code, result, text = up.status()
    assert code is ExitCode.DRIFT
    assert result["troubles"][0].startswith("cp2: etcd: ")
    assert any("cp3: kube-scheduler: " in line for line in result["troubles"])
    assert [host["healthy"] for host in result["hosts"]] == [True, False, False]
    assert text.splitlines()[-1] == "next: bootstrap logs 'my demo.yaml' cp2 etcd"
    assert "DOWN" in text


def test_hosts_where_nothing_runs_are_one_line(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = TIME.fleet = FakeFleet.of(cluster)
    console = Recorder()
    assert queries.status(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console) is ExitCode.DRIFT
    assert console.results[-1]["troubles"] == ["cp1, cp2, cp3: no component answers"]


def test_a_host_that_is_not_reached_is_no_reason_to_hide_what_is_down(up: Up) -> None:
    up.fleet.host("cp3").reachable = False
    code, result, text = up.status()
    assert (code, result["unreachable"]) == (ExitCode.UNREACHABLE, ["cp3"])
    up.fleet.host("cp2").crashes["kube-scheduler"] = ["panic"]
    up.fleet.advance(5)
    assert up.status()[0] is ExitCode.DRIFT
    assert "unreachable" in text


def test_a_node_that_waits_for_a_pod_network_is_no_trouble_but_one_that_is_not_there_is(up: Up) -> None:
    code, result, _ = up.status()
    assert code is ExitCode.DONE
    assert {host["node"] for host in result["hosts"]} == {"container runtime network not ready: cni plugin not initialized"}
    well = ComponentStatus("etcd", healthy=True)
    found = (HostStatus("cp1", components=(well,), node="Ready"), HostStatus("cp2", components=(well,), node=NOT_REGISTERED))
    assert troubles(found) == ("cp2: the node is not in the API",)
    assert [host.healthy for host in found] == [True, False]


def test_restarts_are_counted_where_there_were_any() -> None:
    counts = (0, 1, 2)
    found = [HostStatus(f"cp{n}", components=(ComponentStatus("etcd", healthy=True, restarts=n),), node="Ready") for n in counts]
    cells = [next(cell for cell in row if cell.startswith("up")) for row in as_rows(found, Role.CONTROL_PLANE)]
    assert cells == ["up", "up, 1 restart", "up, 2 restarts"]

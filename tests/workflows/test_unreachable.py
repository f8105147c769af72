"""Commands that only look, while a host cannot be reached: what can be read is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import queries
from bootstrap.cluster import Cluster, Host
from bootstrap.connecting import Connect
from bootstrap.connection import Connection
from bootstrap.errors import ExitCode, HostNotTrusted, HostUnreachable
from bootstrap.testing import FakeFleet
from tests.workflows.support import Recorder, a_cluster, a_living_fleet


def without(fleet: FakeFleet, lost: str) -> Connect:
    def connect(_: Cluster, host: Host) -> Connection:
        if host.name == lost:
            raise HostUnreachable(f"cannot reach {lost}", host=lost)
        return fleet.connect(host)

    return connect


def test_the_others_are_compared_and_shown(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    connect = without(fleet, "cp1")
    console = Recorder()
    assert queries.verify(cluster, Path("demo.yaml"), connect, console) is ExitCode.UNREACHABLE
    assert (console.results[-1]["differences"], console.results[-1]["unreachable"]) == ([], ["cp1"])
    assert queries.show_facts(cluster, None, connect, console) is ExitCode.UNREACHABLE
    assert sorted(console.results[-1]["facts"]) == ["cp2", "cp3"]
    assert queries.status(cluster, Path("demo.yaml"), connect, console) is ExitCode.UNREACHABLE
    assert [host["host"] for host in console.results[-1]["hosts"]] == ["cp2", "cp3"]


def test_a_host_asked_for_by_name_is_an_error_when_it_cannot_be_reached() -> None:
    cluster = a_cluster()
    with pytest.raises(HostUnreachable):
        queries.show_facts(cluster, "cp1", without(FakeFleet.of(cluster), "cp1"), Recorder())


@pytest.mark.parametrize("look", [
    lambda *how: queries.verify(*how),
    lambda *how: queries.status(*how),
    lambda cluster, path, *how: queries.show_preflight(cluster, path, (), *how),
    lambda cluster, path, *how: queries.verify_cis(cluster, path, False, *how),
])  # fmt: skip
def test_what_would_make_hosts_answer_is_said_once_for_all_of_them(look: Callable[..., ExitCode], tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)

    def connect(_: Cluster, host: Host) -> Connection:
        if host.name != "cp1":
            raise HostNotTrusted("its host key is unknown", host=host.name, hint="bootstrap trust INVENTORY --accept")
        return fleet.connect(host)

    console = Recorder()
    assert look(cluster, Path("my demo.yaml"), connect, console) is ExitCode.UNREACHABLE
    assert console.out.getvalue().count("hint: bootstrap trust 'my demo.yaml' --accept\n") == 1

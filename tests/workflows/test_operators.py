"""Two operators at the same time, locks that are lost half-way, masters that go away and come back while init works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bootstrap import holding, runner
from bootstrap.cluster import Cluster, Host
from bootstrap.connecting import Connect
from bootstrap.connection import Connection
from bootstrap.errors import BootstrapError, ExitCode, HeldByAnother, HoldLost, HostUnreachable, Refused, SeveralErrors
from bootstrap.events import Event, Kind
from bootstrap.testing import FakeFleet, Killed
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init
from tests.workflows.test_reset import reset

ANOTHER = "bob@desk (pid 1, run aaaaaa): bootstrap reset of cluster demo"


@dataclass
class Watching(Recorder):
    """Calls `on_event` with each event."""

    on_event: Callable[[Event], None] = lambda event: None

    def event(self, event: Event) -> None:
        super().event(event)
        self.on_event(event)


def watched(fleet: FakeFleet, cluster: Cluster, home: Path, on_event: Callable[[Event], None]) -> Watching:
    console = Watching(on_event=on_event)
    init(fleet, cluster, home, console)
    return console


def run_init(fleet: FakeFleet, cluster: Cluster, home: Path, connect: Connect, console: Recorder) -> ExitCode:
    TIME.fleet = fleet
    return runner.init(cluster, runner.Request(Path("demo.yaml"), kubeconfig=home / "demo.kubeconfig"), connect, console)


def held(fleet: FakeFleet) -> list[str]:
    return [name for name, host in fleet.hosts.items() if host.hold is not None and host.hold.is_held()]


@pytest.mark.exhaustive
def test_f5_a_second_init_or_reset_is_refused_whenever_it_comes(tmp_path: Path) -> None:
    """Slow: a second operator tries more than a hundred times, at every event of the first."""
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    alone = FakeFleet.of(cluster)
    init(alone, cluster, tmp_path)
    heard: list[HeldByAnother] = []

    def second(event: Event) -> None:
        if event.phase in ("connect", "lock"):
            return
        again = partial(init, home=tmp_path / "other") if len(heard) % 2 else reset
        with pytest.raises(HeldByAnother) as caught:
            again(fleet, cluster)
        heard.append(caught.value)

    watched(fleet, cluster, tmp_path, second)
    assert len(heard) > 100
    assert {(error.host, error.exit_code) for error in heard} == {("cp1", ExitCode.REFUSED)}
    assert all("bootstrap init of cluster demo" in error.owner for error in heard)
    assert fleet.count() == alone.count()
    assert held(fleet) == []


def test_during_a_reset_nobody_else_gets_in(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    refused: list[str] = []

    def second() -> None:
        with pytest.raises(HeldByAnother) as caught, holding.alone(cluster, {"cp2": fleet.connect("cp2")}, "x", few_will_do=True):
            pass
        refused.append(caught.value.owner)

    fleet.before_each = second
    reset(fleet, cluster)
    assert len(refused) > 20
    assert all("bootstrap reset of cluster demo" in owner for owner in refused)
    fleet.before_each = None
    assert held(fleet) == []


def test_who_is_refused_half_way_gives_back_what_he_has(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.connect("cp2").hold(ANOTHER)
    with pytest.raises(HeldByAnother, match="bob@desk") as caught:
        init(fleet, cluster, tmp_path)
    assert caught.value.host == "cp2"
    assert held(fleet) == ["cp2"]
    assert fleet.count() == 0


def test_a_plan_can_be_looked_at_while_somebody_works(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.connect("cp1").hold(ANOTHER)
    assert not init(fleet, cluster, tmp_path, dry_run=True).plans[-1].is_empty
    TIME.fleet = fleet
    request = runner.ResetRequest(Path("demo.yaml"), dry_run=True)
    assert runner.reset(cluster, request, lambda _, host: fleet.connect(host), Recorder()) is ExitCode.DONE


@pytest.mark.parametrize("n", [1, 60, 120])
def test_after_a_kill_the_next_operator_gets_in_at_once(n: int, tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.kill_before(n)
    with pytest.raises(Killed):
        init(fleet, cluster, tmp_path)
    init(fleet, cluster, tmp_path)


def test_after_a_network_that_died_silently_it_takes_half_a_minute(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.connect("cp1").hold(ANOTHER)
    fleet.host("cp1").reachable = False
    fleet.advance(29)
    fleet.host("cp1").reachable = True
    with pytest.raises(HeldByAnother):
        init(fleet, cluster, tmp_path)
    fleet.host("cp1").reachable = False
    fleet.advance(31)
    fleet.host("cp1").reachable = True
    init(fleet, cluster, tmp_path)


def test_less_than_a_majority_is_not_enough_unless_the_rest_is_given_up(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = a_living_fleet(cluster, tmp_path)
    for name in ("cp2", "cp3"):
        fleet.host(name).power_off()
    before = fleet.count()
    with pytest.raises(Refused, match="1 of 3 masters") as caught:
        reset(fleet, cluster, "cp1")
    assert "not reached: cp2, cp3" in caught.value.evidence[0]
    assert fleet.count() == before
    reset(fleet, cluster, "cp1", force_quorum_loss=True)


def cut_all(fleet: FakeFleet) -> None:
    for connection in fleet.connections:
        connection.broken = True


def once(phase: str, kind: Kind, deed: Callable[[], object]) -> Callable[[Event], None]:
    """Does something at the first event of that kind in a phase."""
    left = [deed]

    def look(event: Event) -> None:
        if left and (event.phase, event.kind) == (phase, kind):
            left.pop()()

    return look


@pytest.mark.parametrize("names", [("cp1",), ("cp1", "cp2", "cp3")])
def test_a_network_that_is_cut_while_init_waits_is_no_end(names: tuple[str, ...], tmp_path: Path) -> None:
    """Every lock is lost for a moment; that the hosts still have our name in it proves that nobody was there."""
    cluster = a_cluster(*names)
    fleet = FakeFleet.of(cluster)
    console = watched(fleet, cluster, tmp_path, once("wait-control-plane/api", Kind.WAITING, lambda: cut_all(fleet)))
    notes = [event.message for event in console.events if event.kind is Kind.NOTE]
    for name in names:
        assert f"the connection to {name} is gone; connecting again" in notes
    assert notes.count("connected again") == len(names)
    assert held(fleet) == []
    assert fleet.members()


@pytest.mark.parametrize("phase", ["wait-control-plane/api", "wait-control-plane"])
def test_a_master_that_reboots_while_init_waits_is_no_end(phase: str, tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    attempts = []

    def connect(_: Cluster, host: Host) -> Connection:
        if host.name == "cp2" and not fleet.host("cp2").powered:
            attempts.append(fleet.now)
            if len(attempts) == 10:
                fleet.host("cp2").power_on()
        return fleet.connect(host)

    console = Watching(on_event=once(phase, Kind.WAITING, lambda: fleet.host("cp2").power_off()))
    assert run_init(fleet, cluster, tmp_path, connect, console) is ExitCode.DONE
    assert len(attempts) == 10
    assert init(fleet, cluster, tmp_path).results[-1]["changed"] is False


def test_a_master_that_stays_away_ends_the_wait(tmp_path: Path) -> None:
    cluster = a_cluster("cp2")      # alone, no other thread passes its time
    fleet = FakeFleet.of(cluster)
    console = Watching(on_event=once("wait-control-plane/api", Kind.WAITING, lambda: fleet.host("cp2").power_off()))
    started = fleet.now
    with pytest.raises(HostUnreachable, match="cp2") as caught:
        init(fleet, cluster, tmp_path, console)
    assert 150 < fleet.now - started < 200
    assert caught.value.exit_code is ExitCode.STOPPED
    assert "cannot be reached: connection timed out" in caught.value.evidence[-1]


def test_a_lock_lost_on_one_of_three_is_taken_again(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)

    def lose() -> None:
        fleet.host("cp3").hold = None

    watched(fleet, cluster, tmp_path, once("certs", Kind.PHASE_DONE, lose))
    assert fleet.members()


def failures(fleet: FakeFleet, cluster: Cluster, home: Path, console: Recorder) -> tuple[BootstrapError, ...]:
    """What init ends with, host by host."""
    with pytest.raises((HoldLost, SeveralErrors)) as caught:
        init(fleet, cluster, home, console)
    return caught.value.errors if isinstance(caught.value, SeveralErrors) else (caught.value,)


def intruder(fleet: FakeFleet, *names: str) -> Callable[[], None]:
    """Another operator who took the locks of hosts that had lost ours, worked, and has gone."""

    def work() -> None:
        cut_all(fleet)
        for name in names:
            fleet.connect(name).hold(ANOTHER).release()

    return work


@pytest.mark.parametrize("names", [("cp1", "cp2"), ("cp2", "cp3"), ("cp3",)])
def test_where_another_operator_was_at_work_meanwhile_nothing_more_is_changed(names: tuple[str, ...], tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    console = Watching(on_event=once("wait-control-plane/api", Kind.WAITING, intruder(fleet, *names)))
    errors = failures(fleet, cluster, tmp_path, console)
    assert {type(error) for error in errors} == {HoldLost}
    assert {error.exit_code for error in errors} == {ExitCode.STOPPED}
    assert any("held last by: bob@desk" in line for error in errors for line in error.evidence)
    changed = [event for event in console.events if event.kind is Kind.CHANGED and event.phase == "control-plane/controllers"]
    assert len({event.host for event in changed}) < 3


def test_while_another_operator_works_nothing_more_is_changed(tmp_path: Path) -> None:
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)

    def take_over() -> None:
        cut_all(fleet)
        for name in fleet.hosts:
            fleet.connect(name).hold(ANOTHER)

    console = Watching(on_event=once("wait-control-plane/api", Kind.WAITING, take_over))
    errors = failures(fleet, cluster, tmp_path, console)
    assert {type(error) for error in errors} == {HoldLost}
    assert {error.exit_code for error in errors} == {ExitCode.STOPPED}
    assert all("bob@desk" in error.message for error in errors)
    assert not [event for event in console.events if event.kind is Kind.CHANGED and event.phase == "control-plane/controllers"]


PATIENT = {"controlPlaneComponentHealthCheck": "2h"}
"""All threads share the model's clock, so a thread that the machine lets wait finds that much more time gone."""


def test_one_host_that_fails_for_good_ends_the_others_waits_soon(tmp_path: Path) -> None:
    """cp1 goes away; cp2 and cp3 would wait for an etcd that cannot come up."""
    cluster = a_cluster(timeouts=PATIENT)
    fleet = FakeFleet.of(cluster)
    started = fleet.now
    for name in ("cp2", "cp3"):
        fleet.host(name).crashes["etcd"] = ["no such luck"]

    def lose_cp1_for_good() -> None:
        fleet.host("cp1").reachable = False

    console = Watching(on_event=once("wait-control-plane/api", Kind.WAITING, lose_cp1_for_good))
    with pytest.raises(HostUnreachable, match="cp1"):
        init(fleet, cluster, tmp_path, console)
    assert fleet.now - started < 3600     # the waits themselves would have taken twice that
    notes = {event.host: event.message for event in console.events if event.kind is Kind.NOTE and event.phase}
    assert sorted(notes) == ["cp2", "cp3"]
    assert all("any longer: cp1 has failed; last answer: etcd" in note for note in notes.values())
    assert [event.host for event in console.events if event.kind is Kind.FAILED] == ["cp1"]


def test_a_name_is_one_plain_line_whoever_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "eve\x1b[31m\nroot\udcff")
    monkeypatch.setattr(holding.platform, "node", lambda: "host\r\n\x07")
    named = holding.owner("demo", "init")
    assert named.isprintable()
    assert named.startswith("eve?[31m?root?@host???")
    monkeypatch.setattr(holding.getpass, "getuser", lambda: (_ for _ in ()).throw(KeyError("getpwuid(): uid not found: 1234")))
    assert holding.owner("demo", "init").startswith("user ")


def test_the_message_says_who_where_since_when_and_what_to_do() -> None:
    fleet = FakeFleet({"cp1": "192.0.2.11"})
    fleet.connect("cp1").hold(ANOTHER)
    fleet.advance(250)
    with pytest.raises(HeldByAnother) as caught:
        fleet.connect("cp1").hold("alice")
    error = caught.value
    assert error.message == f"another operator is at work: {ANOTHER}"
    assert error.evidence == ("cp1 is held since 2026-05-28 20:26:40 UTC, for 0:04:10; nothing was written",)
    assert error.hint == (
        "wait until it has ended and run the same command again; "
        "if it was killed or cut off, cp1 is free at most 30 s after it was last heard of"
    )
    assert error.exit_code is ExitCode.REFUSED


def test_a_command_that_forgets_the_lock_is_a_bug(tmp_path: Path) -> None:
    from bootstrap.access import Access
    from bootstrap.plan import Plan

    with pytest.raises(AssertionError, match="operator's locks"):
        runner.run(Plan("init", ()), Access(a_cluster(), {}), Recorder(), 0.0)


def test_preflight_findings_of_another_cluster_do_not_hide_the_operator(tmp_path: Path) -> None:
    """The lock comes first: what is half-written by another operator is no finding."""
    cluster = a_cluster()
    fleet = FakeFleet.of(cluster)
    fleet.connect("cp1").hold(ANOTHER)
    fleet.host("cp2").put("/etc/kubernetes/pki/ca.crt", "half")
    with pytest.raises(HeldByAnother):
        init(fleet, cluster, tmp_path)
    with pytest.raises(HeldByAnother):
        reset(fleet, cluster)

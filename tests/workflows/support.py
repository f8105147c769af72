"""Running whole commands against model hosts, in the model's time."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from bootstrap import apply, deeds, drains, holding, memberdeeds, members, pods, queries, runner, token_commands, waiting, workers
from bootstrap.cluster import Cluster
from bootstrap.console import Console
from bootstrap.errors import ExitCode
from bootstrap.events import Event
from bootstrap.localfiles import write_local
from bootstrap.plan import Plan
from bootstrap.testing import FakeFleet

ADDRESSES = {"cp1": "192.0.2.11", "cp2": "192.0.2.12", "cp3": "192.0.2.13"}


class Time:
    """Stands in for the modules time and datetime while a command runs: the clock is the fleet's."""

    def __init__(self) -> None:
        self.fleet: FakeFleet | None = None

    def monotonic(self) -> float:
        assert self.fleet is not None
        return self.fleet.clock()

    def sleep(self, seconds: float) -> None:
        assert self.fleet is not None
        self.fleet.sleep(seconds)

    def now(self, zone: Any = UTC) -> datetime:
        assert self.fleet is not None
        return datetime.fromtimestamp(self.fleet.clock(), zone)


TIME = Time()
LIVING: dict[str, tuple[FakeFleet, bytes]] = {}


def in_model_time(patch: pytest.MonkeyPatch) -> None:
    """Let everything that waits or asks for the time ask TIME."""
    for module in (apply, deeds, drains, holding, memberdeeds):
        patch.setattr(module, "time", TIME)
    for module in (runner, members, pods, token_commands, workers):
        patch.setattr(module, "time", TIME)
    for module in (runner, members, pods, queries, token_commands, workers):
        patch.setattr(module, "datetime", TIME)
    defaults = {**(waiting.wait.__kwdefaults__ or {}), "clock": TIME.monotonic, "sleep": TIME.sleep}
    patch.setattr(waiting.wait, "__kwdefaults__", defaults)


@dataclass
class Recorder(Console):
    """A console that keeps what it is told, and prints into memory."""

    events: list[Event] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    results: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out = StringIO()
        super().__init__("text", 2, stdout=self.out, stderr=self.out, environ={}, width=120, clock=TIME.monotonic)

    def event(self, event: Event) -> None:
        self.events.append(event)
        super().event(event)

    def plan(self, plan: Plan) -> None:
        self.plans.append(plan)
        super().plan(plan)

    def result(self, result: Mapping[str, Any], text: str = "") -> None:
        self.results.append(result)
        super().result(result, text)

    @property
    def text(self) -> str:
        return self.out.getvalue()


def a_cluster(*names: str, workers: int = 0, **spec: Any) -> Cluster:
    """A cluster of these masters (default: cp1 to cp3), and workers w1, w2, ..."""
    hosts = [{"name": name, "role": "control-plane", "address": ADDRESSES[name]} for name in names or ADDRESSES]
    hosts += [{"name": f"w{n}", "role": "worker", "address": f"198.51.100.{n}"} for n in range(1, workers + 1)]
    return Cluster.model_validate({"name": "demo", "kubernetesVersion": "v1.36.3", "hosts": hosts, **spec})


def init(fleet: FakeFleet, cluster: Cluster, home: Path, console: Recorder | None = None, **asked: Any) -> Recorder:
    """`bootstrap init` to its end; errors go up. console: to look at what was said before an error."""
    TIME.fleet = fleet
    console = console or Recorder()
    request = runner.Request(Path("demo.yaml"), kubeconfig=home / "demo.kubeconfig", **asked)
    code = runner.init(cluster, request, lambda _, host: fleet.connect(host), console)
    assert code is ExitCode.DONE
    return console


def a_living_fleet(cluster: Cluster, home: Path, *, machines: Cluster | None = None) -> FakeFleet:
    """A fleet on which init has come to its end: one is made for each cluster, and every caller has a copy.

    machines: the fleet's, where it has more than the cluster.
    """
    key, kubeconfig = repr((cluster, machines)), home / "demo.kubeconfig"
    if key not in LIVING:
        made = FakeFleet.of(machines or cluster)
        init(made, cluster, home)
        LIVING[key] = made, kubeconfig.read_bytes()
    made, content = LIVING[key]
    write_local(kubeconfig, content)
    TIME.fleet = copy.deepcopy(made)
    return TIME.fleet


def plan_of(fleet: FakeFleet, cluster: Cluster, home: Path) -> Plan:
    """What init would do now."""
    return init(fleet, cluster, home, dry_run=True).plans[-1]


def states_within_writes(fleet: FakeFleet) -> list[tuple[str, FakeFleet]]:
    """Filled while a command runs: the fleet between any two things that happen on a host, and after which operation that was."""
    states: list[tuple[str, FakeFleet]] = []

    def photograph() -> None:
        last = fleet.operations[-1] if fleet.operations else "nothing"
        states.append((f"{len(states)}, after {last}", copy.deepcopy(fleet)))

    fleet.before_step = photograph
    return states

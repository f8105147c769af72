"""Waiting: what ends a wait, and what is said when it ends badly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest

from bootstrap import health, waiting
from bootstrap.access import Access
from bootstrap.apiserver import ApiError
from bootstrap.apply import Applier
from bootstrap.changes import RemovePath, WaitFor
from bootstrap.cluster import Cluster
from bootstrap.connection import Answer, Completed
from bootstrap.events import Event
from bootstrap.facts import Facts
from bootstrap.plan import Phase, Plan, Step

CLUSTER = Cluster.model_validate(
    {"name": "demo", "kubernetesVersion": "v1.36.3",
     "hosts": [{"name": f"cp{n}", "role": "control-plane", "address": f"192.0.2.1{n}"} for n in (1, 2)]}
)  # fmt: skip
NODES = health.NodesRegistered(("cp1", "cp2"))


class StubConnection:
    """A host whose kubelet has one line to say."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.removed: list[PurePosixPath] = []

    def look(self, data_dir: PurePosixPath) -> Facts:
        return Facts(self.name)

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        return Completed(0, f"kubelet of {self.name} says so".encode(), b"")

    def remove(self, paths: Sequence[PurePosixPath], *, recursive: bool = False) -> None:
        self.removed += paths


class StubApi:
    def __init__(self, *answers: dict[str, Any] | ApiError) -> None:
        self.answers = list(answers)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ApiError):
            raise answer
        return answer


def access(api: StubApi) -> Access:
    made = Access(CLUSTER, {name: StubConnection(name) for name in ("cp1", "cp2")})  # type: ignore[dict-item]
    made.any_api = lambda: api  # type: ignore[method-assign, assignment, return-value]
    return made


def nodes(*names: str) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": name}} for name in names]}


def wait(where: Access, *, stopped: bool = False) -> None:
    now = [0.0]
    waiting.wait(
        NODES, "cp1", where, timedelta(seconds=5), tell=lambda _: None, stopped=lambda: stopped,
        clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )  # fmt: skip


def test_an_api_server_that_stumbles_is_asked_again() -> None:
    wait(access(StubApi(ApiError("GET", 500, "etcdserver: leader changed", host="cp1"), nodes("cp1", "cp2"))))


def test_a_request_that_can_never_succeed_ends_the_wait() -> None:
    with pytest.raises(ApiError):
        wait(access(StubApi(ApiError("GET", 403, "forbidden", host="cp1"))))


def test_evidence_is_of_the_host_that_is_late() -> None:
    with pytest.raises(waiting.NotHealthy) as error:
        wait(access(StubApi(nodes("cp1"))))
    assert error.value.evidence == (
        "last answer: not registered: cp2", "last lines of the kubelet on cp2:", "  kubelet of cp2 says so",
    )  # fmt: skip
    assert error.value.hint == "bootstrap logs INVENTORY cp2 kubelet"


def test_who_slept_past_the_deadline_asks_once_more() -> None:
    """A laptop that was shut for an hour wakes up to a cluster that is well."""
    times = iter([0.0, 1.0, 3600.0])
    waiting.wait(
        NODES, "cp1", access(StubApi(nodes(), nodes("cp1", "cp2"))), timedelta(seconds=5), tell=lambda _: None,
        clock=lambda: next(times), sleep=lambda _: None,
    )  # fmt: skip


def test_an_answer_that_stays_the_same_is_told_again_after_a_while() -> None:
    """Whoever watches lines of progress else sees nothing until the deadline."""
    now, told = [0.0], list[float]()
    with pytest.raises(waiting.NotHealthy):
        waiting.wait(
            NODES, "cp1", access(StubApi(nodes())), timedelta(seconds=40), tell=lambda _: told.append(round(now[0])),
            clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        )  # fmt: skip
    assert told == [0, 15, 30]


def test_an_interrupt_is_no_missed_deadline() -> None:
    with pytest.raises(waiting.NotHealthy, match="stopped while waiting for 2 nodes registered"):
        wait(access(StubApi(nodes())), stopped=True)


def test_what_follows_a_wait_in_vain_is_done_where_it_works_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_vain(*_: Any, **__: Any) -> None:
        raise waiting.NotHealthy("in vain")

    monkeypatch.setattr(waiting, "wait", in_vain)
    where, path = access(StubApi(nodes())), PurePosixPath("/x")
    events: list[Event] = []
    phase = Phase("stop-pods", "", lambda *_: ())
    changes = (WaitFor(NODES, timedelta(seconds=1), required=False), RemovePath(path))
    Applier(where, events.append).apply(Plan("reset", (Step(phase, {"cp1": changes}),)))
    assert where.connections["cp1"].removed == [path]  # type: ignore[attr-defined]
    assert [event.message for event in events if event.kind == "note"] == ["in vain; going on without"]
    required = (WaitFor(NODES, timedelta()), RemovePath(path))
    with pytest.raises(waiting.NotHealthy):
        Applier(where, events.append).apply(Plan("init", (Step(phase, {"cp2": required}),)))
    assert where.connections["cp2"].removed == []  # type: ignore[attr-defined]


def test_without_a_ca_an_api_server_is_not_asked() -> None:
    verdict = health.ask(health.Endpoint("kube-apiserver", "192.0.2.11", 6443, "/readyz"), StubConnection("cp1"))  # type: ignore[arg-type]
    assert (verdict.ok, verdict.answer) == (False, "kube-apiserver: no CA is there to check it by")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n", "500 [-]etcd failed: reason withheld"),
        (b'{"kind":"Status","status":"Failure","message":"forbidden: no","code":403}', "500 forbidden: no"),
        (b'{"kind":"Status"}', '500 {"kind":"Status"}'),
        (b"upstream is away\n", "500 upstream is away"),
        (b"[1, 2]", "500 [1, 2]"),
    ],
)
def test_of_a_refusal_its_message_is_shown(body: bytes, said: str) -> None:
    connection = StubConnection("cp1")
    connection.request = lambda *_, **__: Answer(500, body)  # type: ignore[attr-defined]
    verdict = health.ask(health.Endpoint("kubelet", "127.0.0.1", 10248, "/healthz", tls=False), connection)  # type: ignore[arg-type]
    assert verdict.answer == f"{said} (kubelet http://127.0.0.1:10248/healthz)"


@pytest.mark.parametrize(
    ("asked_at", "enough"),
    [
        ([0.0, 0.3], False), ([0.0, 0.3, 0.6], True), ([0.0, 1.2, 2.4], False), ([0.0, 1.2, 1.8, 2.4], True),
        ([0.0, 1.2, 2.4, 3.6, 4.8], False), ([0.0, 1.2, 2.4, 3.6, 4.8, 6.0], True),
    ],
)  # fmt: skip
def test_three_times_running_is_within_two_seconds_or_twice_as_often(asked_at: list[float], enough: bool) -> None:
    assert waiting._is_enough(asked_at, 3) is enough
    assert waiting._is_enough(asked_at[:1], 1)

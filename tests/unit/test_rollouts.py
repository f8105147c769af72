"""Whether workloads are rolled out, and what is said where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.connection import Answer
from bootstrap.health import Established, RolledOut, Verdict, Workload, decoded
from bootstrap.rollouts import established, rolled_out, unfinished

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
COREDNS = Workload("Deployment", "kube-system", "coredns")


class Api:
    """Answers by path."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def get(self, path: str) -> dict[str, Any] | None:
        return self.answers.get(path)


def a_workload(kind: str, spec: dict[str, Any], **status: int) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": 3}, "spec": spec, "status": {"observedGeneration": 3, **status}}


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (None, "not there"),
        ({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {}}, "not seen by its controller yet"),
        (a_workload("Deployment", {"replicas": 2}, observedGeneration=2), "not seen by its controller yet"),
        (a_workload("Deployment", {"replicas": 2}, replicas=2, updatedReplicas=1), "1 of 2 pods updated"),
        (a_workload("Deployment", {"replicas": 2}, replicas=3, updatedReplicas=2, availableReplicas=2), "1 old pods left"),
        (a_workload("Deployment", {"replicas": 2}, replicas=2, updatedReplicas=2, availableReplicas=1), "1 of 2 pods available"),
        (a_workload("Deployment", {"replicas": 2}, replicas=2, updatedReplicas=2, availableReplicas=2), ""),
        (a_workload("Deployment", {"replicas": 0}), ""),
        (a_workload("DaemonSet", {}), ""),
        (a_workload("DaemonSet", {}, desiredNumberScheduled=3, updatedNumberScheduled=2), "2 of 3 pods updated"),
        (a_workload("DaemonSet", {}, desiredNumberScheduled=3, updatedNumberScheduled=3), "0 of 3 pods available"),
        (a_workload("DaemonSet", {}, desiredNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=3), ""),
        (a_workload("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, desiredNumberScheduled=3, numberAvailable=3), ""),
        (a_workload("StatefulSet", {}, replicas=1, updatedReplicas=1), "0 of 1 pods available"),
    ],
)
def test_what_a_workload_lacks(live: dict[str, Any] | None, expected: str) -> None:
    assert unfinished(live) == expected


def pods(*statuses: dict[str, Any]) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": f"coredns-{at}"}, "status": status} for at, status in enumerate(statuses)]}


def ask(*statuses: dict[str, Any]) -> Verdict:
    spec = {"replicas": 2, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    live = a_workload("Deployment", spec, replicas=2, updatedReplicas=2)
    path = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns"
    return rolled_out(RolledOut((COREDNS,)), Api({COREDNS.path: live, path: pods(*statuses)}))


UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
STARTING = {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}


def test_what_keeps_pods_from_running_is_said_and_that_waiting_is_in_vain() -> None:
    head = "Deployment kube-system/coredns: 0 of 2 pods available"
    assert ask(READY, UNSCHEDULABLE) == Verdict(False, f"{head}; pod coredns-1: Unschedulable (0/3 nodes)", stuck=True)


def test_a_pod_that_starts_is_worth_waiting_for() -> None:
    verdict = ask(UNSCHEDULABLE, STARTING)
    assert not verdict.stuck
    assert verdict.answer.endswith("pod coredns-1: ContainerCreating")
    assert not ask().stuck


def test_a_definition_is_waited_for_until_it_is_established() -> None:
    name = "rockets.example.com"
    path = f"{DEFINITIONS}/{name}"
    probe = Established((name,))
    assert established(probe, Api({})) == Verdict(False, f"{name} is not established yet")
    taken = {"status": {"conditions": [{"type": "NamesAccepted", "status": "False", "message": "rockets is in use"}]}}
    expected = Verdict(False, f"{name} is not established yet: rockets is in use", stuck=True)
    assert established(probe, Api({path: taken})) == expected
    served = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
    assert established(probe, Api({path: served})) == Verdict(True)


def test_what_an_answer_leaves_open_with_a_null_is_not_there() -> None:
    """A definition that was made a moment ago has no conditions, and an API server says so with a null."""
    body = b'{"status": {"conditions": null, "storedVersions": [null, {"a": null, "b": 0}]}, "spec": null}'
    live = decoded(Answer(200, body))
    assert live == {"status": {"storedVersions": [None, {"b": 0}]}}
    assert established(Established(("x",)), Api({f"{DEFINITIONS}/x": live})).answer == "x is not established yet"

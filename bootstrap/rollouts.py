"""Whether add-ons have come up: custom resource definitions that are served, workloads that are rolled out, and why not.

Source: kubectl v0.36 pkg/polymorphichelpers/rollout_status.go; apiextensions-apiserver v0.36 pkg/apis/apiextensions/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bootstrap.health import Api, Established, RolledOut, Verdict, Workload

STUCK_REASONS = (
    "Unschedulable", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
    "CrashLoopBackOff",
)  # fmt: skip
"""Why a pod does not run, where it takes somebody else to change that."""

NAMED = 3
"""How many workloads, or pods, are named at most."""


def established(probe: Established, api: Api) -> Verdict:
    """Whether the API server serves every definition. Raises NoAnswer."""
    for name in probe.definitions:
        live = api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}") or {}
        conditions = {c["type"]: c for c in live.get("status", {}).get("conditions", [])}
        if conditions.get("Established", {}).get("status") != "True":
            refused = conditions.get("NamesAccepted", {})
            why = f": {refused.get('message')}" if refused.get("status") == "False" else ""
            return Verdict(False, f"{name} is not established yet{why}", stuck=bool(why))
    return Verdict(True)


def rolled_out(probe: RolledOut, api: Api) -> Verdict:
    """Whether every workload is rolled out; of those that are not, what their pods say. Raises NoAnswer."""
    found = [(workload, live, unfinished(live)) for workload in probe.workloads for live in [api.get(workload.path)]]
    lacking = [(workload, live, why) for workload, live, why in found if why]
    if not lacking:
        return Verdict(True)
    troubles = {workload: _troubles(workload, live, api) for workload, live, _ in lacking if live is not None}
    texts = [
        f"{workload}: {why}" + "".join(f"; {trouble}" for trouble, _ in troubles.get(workload, [])[:NAMED])
        for workload, _, why in lacking[:NAMED]
    ]
    more = f"; and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    return Verdict(False, "; ".join(texts) + more, stuck=all(_is_stuck(troubles.get(workload, [])) for workload, _, _ in lacking))


def unfinished(live: Mapping[str, Any] | None) -> str:
    """What a workload lacks; empty where it is rolled out. None: it is not there."""
    if live is None:
        return "not there"
    spec, status = live.get("spec", {}), live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 1):
        return "not seen by its controller yet"
    if live["kind"] == "DaemonSet":
        wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
        available = status.get("numberAvailable", 0)
        old = 0
    else:
        wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
        available = status.get("availableReplicas", 0)
        old = status.get("replicas", 0) - updated
    if spec.get("updateStrategy", {}).get("type") == "OnDelete":
        updated, old = wanted, 0    # pods stay as they are until somebody deletes them
    if updated < wanted:
        return f"{updated} of {wanted} pods updated"
    if old > 0:
        return f"{old} old pods left"
    return f"{available} of {wanted} pods available" if available < wanted else ""


def _troubles(workload: Workload, live: Mapping[str, Any], api: Api) -> list[tuple[str, str]]:
    """For each pod that is not ready: what to say about it, and the reason in Kubernetes' own word."""
    labels = live.get("spec", {}).get("selector", {}).get("matchLabels") or {}
    if not labels:
        return []
    selector = quote(",".join(f"{name}={value}" for name, value in sorted(labels.items())))
    pods = (api.get(f"/api/v1/namespaces/{workload.namespace}/pods?labelSelector={selector}") or {}).get("items", [])
    found = [(pod["metadata"]["name"], *_why_not_ready(pod)) for pod in pods]
    return [(f"pod {name}: {reason}" + (f" ({text})" if text else ""), reason) for name, reason, text in found if reason]


def _why_not_ready(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Reason and message; twice nothing for a pod that is ready."""
    status = pod.get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Ready", {}).get("status") == "True":
        return "", ""
    unscheduled = conditions.get("PodScheduled", {})
    if unscheduled.get("status") == "False":
        return str(unscheduled.get("reason", "not scheduled")), str(unscheduled.get("message", ""))[:200]
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", "waiting")), str(waiting.get("message", ""))[:200]
    return "not ready yet", ""


def _is_stuck(troubles: list[tuple[str, str]]) -> bool:
    return bool(troubles) and all(reason in STUCK_REASONS for _, reason in troubles)

"""Which pods a drain evicts, and which it refuses to lose: kubectl's rules."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.draining import Pod, eviction, leaving

WEB = {"kind": "ReplicaSet", "name": "web", "controller": True}


def pod(**changes: Any) -> dict[str, Any]:
    """A pod of a ReplicaSet. changes: owners, volumes, phase, annotations, deletionTimestamp."""
    meta = {"namespace": "default", "name": "web-1", "uid": "1", "ownerReferences": changes.get("owners", [WEB])}
    meta |= {key: changes[key] for key in ("annotations", "deletionTimestamp") if key in changes}
    status = {"phase": changes.get("phase", "Running")}
    return {"metadata": meta, "spec": {"volumes": changes.get("volumes", [])}, "status": status}


EMPTY_DIR = [{"name": "data", "emptyDir": {}}]


@pytest.mark.parametrize(
    ("changes", "evicted", "losses"),
    [
        ({}, True, []),
        ({"owners": [{**WEB, "kind": "DaemonSet"}]}, False, []),
        ({"annotations": {"kubernetes.io/config.mirror": "1"}, "owners": [{"kind": "Node", "controller": True}]}, False, []),
        ({"owners": []}, True, ["default/web-1 belongs to no controller: nothing makes it anew (--force)"]),
        ({"owners": [{"kind": "ReplicaSet"}]}, True, ["default/web-1 belongs to no controller: nothing makes it anew (--force)"]),
        ({"owners": [], "phase": "Succeeded"}, True, []),
        ({"owners": [], "phase": "Failed"}, True, []),
        ({"owners": [], "deletionTimestamp": "2026-11-28T12:00:00Z"}, True, []),
        (
            {"volumes": EMPTY_DIR}, True,
            ["default/web-1 keeps data in an emptyDir volume, which ends with it (--delete-emptydir-data)"],
        ),
        ({"volumes": EMPTY_DIR, "owners": [{**WEB, "kind": "DaemonSet"}]}, False, []),
        ({"volumes": EMPTY_DIR, "phase": "Succeeded"}, True, []),
        ({"volumes": [{"name": "c", "configMap": {}}]}, True, []),
    ],
)  # fmt: skip
def test_what_a_drain_makes_of_a_pod(changes: dict[str, Any], evicted: bool, losses: list[str]) -> None:
    found = leaving([pod(**changes)], force=False, delete_emptydir_data=False)
    assert (len(found.evicted), list(found.losses)) == (int(evicted), losses)


def test_what_somebody_wants_is_no_loss() -> None:
    things = [pod(owners=[]), pod(volumes=EMPTY_DIR)]
    assert len(leaving(things, force=True, delete_emptydir_data=False).losses) == 1
    assert len(leaving(things, force=False, delete_emptydir_data=True).losses) == 1
    assert leaving(things, force=True, delete_emptydir_data=True).losses == ()


def test_an_eviction_is_of_that_very_pod() -> None:
    assert eviction(Pod("default", "web-1", "1")) == {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web-1", "namespace": "default"},
        "deleteOptions": {"preconditions": {"uid": "1"}},
    }  # fmt: skip

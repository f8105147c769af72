"""The add-ons' ApplySet: what its parent says, who is a member, and in which order members go."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap import applyset, objects
from bootstrap.applyset import Leftover


def thing(version: str, kind: str, name: str, namespace: str = "", **metadata: Any) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **where, **metadata}}


def annotations(parent: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = parent["metadata"]["annotations"]
    return found


NET = thing("apps/v1", "DaemonSet", "net", "net")
ROLE = thing("rbac.authorization.k8s.io/v1", "ClusterRole", "net")
SETTINGS = thing("v1", "ConfigMap", "settings", "kube-system")


def test_the_parent_says_what_kubectl_reads() -> None:
    assert annotations(applyset.parent([NET, ROLE, SETTINGS])) == {
        "applyset.kubernetes.io/tooling": "bootstrap/v1.0.0",
        "applyset.kubernetes.io/contains-group-kinds": "ClusterRole.rbac.authorization.k8s.io,ConfigMap,DaemonSet.apps",
        "applyset.kubernetes.io/additional-namespaces": "net",
    }


def test_a_member_keeps_its_own_labels_and_the_original_is_not_touched() -> None:
    labelled = thing("v1", "ConfigMap", "a", labels={"app": "a"})
    assert applyset.member(labelled)["metadata"]["labels"] == {"app": "a", applyset.MEMBER_LABEL: applyset.ID}
    assert labelled["metadata"]["labels"] == {"app": "a"}


def test_widening_forgets_nothing_and_narrowing_is_noticed() -> None:
    old, new = applyset.parent([NET]), applyset.parent([SETTINGS])
    wide = applyset.widened(new, old)
    assert annotations(wide)[applyset.KINDS_ANNOTATION] == "ConfigMap,DaemonSet.apps"
    assert annotations(wide)[applyset.NAMESPACES_ANNOTATION] == "net"
    assert applyset.widened(new, None) == new
    assert [applyset.is_narrower(new, live) for live in (wide, old, new, None)] == [True, True, False, False]
    assert not applyset.is_narrower(wide, new)


def managed(label: str = applyset.ID, manager: str = "bootstrap", operation: str = "Apply", owned: bool = True) -> dict[str, Any]:
    fields = {"f:metadata": {"f:labels": {f"f:{applyset.MEMBER_LABEL}": {}}}} if owned else {"f:data": {}}
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    return thing("v1", "ConfigMap", "a", labels={applyset.MEMBER_LABEL: label}, managedFields=[entry])


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (managed(), True),
        (managed(label="applyset-other-v1"), False),
        (managed(manager="kubectl"), False),
        (managed(operation="Update"), False),
        (managed(owned=False), False),
        (thing("v1", "ConfigMap", "a", labels={applyset.MEMBER_LABEL: applyset.ID}), False),
        (thing("v1", "ConfigMap", "a"), False),
    ],
)
def test_ours_is_what_we_ourselves_made_a_member(live: dict[str, Any], expected: bool) -> None:
    assert applyset.is_ours(live) is expected


@pytest.mark.parametrize(
    ("live", "kind", "expected"),
    [
        (NET, "DaemonSet.apps", True),
        (thing("apps/v1beta1", "DaemonSet", "net", "net"), "DaemonSet.apps", True),   # another version is the same object
        (thing("apps/v1", "DaemonSet", "net", "elsewhere"), "DaemonSet.apps", False),
        (ROLE, "ClusterRole.rbac.authorization.k8s.io", True),
        (ROLE, "ClusterRole", False),
        (thing("v1", "ConfigMap", "nowhere", "default"), "ConfigMap", True),
        (thing("v1", "ConfigMap", "nowhere", "kube-system"), "ConfigMap", False),
    ],
)
def test_what_the_inventory_names(live: dict[str, Any], kind: str, expected: bool) -> None:
    wanted = (NET, ROLE, SETTINGS, thing("v1", "ConfigMap", "nowhere"))
    assert applyset.is_named(live, kind, wanted) is expected


ORDERED = (
    ("v1", "Namespace"), ("v1", "ConfigMap"), ("apps/v1", "DaemonSet"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"), ("example.com/v1", "Rocket"),
)  # fmt: skip
CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


def test_an_object_is_applied_after_what_it_needs_and_deleted_before() -> None:
    """A webhook of an operator judges its custom resources: until its pods run, none of them can be applied."""
    assert [objects.wave(thing(*head, "x")) for head in (CRD, *ORDERED)] == [0, 0, 1, 2, 3, 4]
    assert objects.wave(thing("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "x")) == 3
    assert objects.wave(thing("gateway.networking.k8s.io/v1", "Gateway", "x")) == 4
    leftovers = [Leftover(version, kind, "", "x", "uid") for version, kind in (*ORDERED, CRD)]
    kinds = [leftover.kind for leftover in sorted(leftovers, key=applyset.deletion_order)]
    assert kinds == [kind for _, kind in (*reversed(ORDERED), CRD)]

"""Add-ons that left the inventory: what of their ApplySet is still there, what would go with it, and what is said about that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap import applyset, desired
from bootstrap import constants as k
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient, ApiError, Resource
from bootstrap.applyset import Applied, Leftover
from bootstrap.connection import NoAnswer
from bootstrap.errors import Refused
from bootstrap.facts import Facts
from bootstrap.objects import ref
from bootstrap.parallel import each
from bootstrap.phases import rollout
from bootstrap.plan import Plan, Snapshot

AT_ONCE = 8
NAMED = 3
"""How many strangers in a namespace are named."""

PERMANENT_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
PASSING_KINDS = ("Event", "Endpoints", "EndpointSlice", "Lease")
"""What comes and goes by itself: no reason to keep a namespace."""
OF_EVERY_NAMESPACE = (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"))


def look(access: Access, facts: Mapping[str, Facts], wanted: Sequence[Mapping[str, Any]]) -> Applied | None:
    """The add-ons' ApplySet as the cluster has it. wanted: the objects that the inventory names.

    None where no API server answers: then nothing is known, and nothing may be deleted. Raises Refused where somebody else keeps
    a set under our name.
    """
    if not any(process.component == k.API_SERVER for f in facts.values() for process in f.processes):
        return None
    try:
        api = access.any_api()
        parent = api.get(applyset.PARENT_PATH)
        _refuse_another_tools(parent)
        kinds = sorted(applyset.listed(parent, applyset.KINDS_ANNOTATION))
        versions = api.versions() if kinds else {}
        found = each(lambda kind: _of_kind(api, kind, versions, wanted), kinds, AT_ONCE)
        return Applied(parent, tuple(leftover for leftovers in found for leftover in leftovers))
    except (NoAnswer, ApiError):
        return None


def notes(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    """What of the add-ons stays although the inventory no longer names it, and which of them are not waited for."""
    found = snapshot.applied
    leftovers = () if found is None else found.leftovers
    for leftover in leftovers:
        if leftover.stays:
            yield f"{leftover.ref} is no longer in the inventory, and stays: {leftover.stays}"
    left = [leftover.ref for leftover in leftovers if not leftover.stays]
    if left and not snapshot.options.get("prune"):
        objects = "1 object of an add-on is" if len(left) == 1 else f"{len(left)} objects of add-ons are"
        yield f"{objects} no longer in the inventory: {', '.join(left)}; to delete what is left over: add --prune"
    if snapshot.options.get("prune") and found is None:
        yield "no API server answers yet, so what is left over is not known: run it again with --prune"
    _, unable = desired.workloads(snapshot)
    if unable and not plan.is_empty and any(step.phase == rollout.PHASE for step in plan.steps):
        yield f"no add-on is a pod network, and without one these cannot start: {', '.join(map(ref, unable))}; not waited for"


def _refuse_another_tools(parent: Mapping[str, Any] | None) -> None:
    tooling = ((parent or {}).get("metadata", {}).get("annotations") or {}).get(applyset.TOOLING_ANNOTATION, applyset.TOOLING)
    if tooling.rpartition("/")[0] != applyset.TOOLING.rpartition("/")[0]:
        raise Refused(
            f"ConfigMap {applyset.NAMESPACE}/{applyset.NAME} is the parent of an ApplySet that {tooling} keeps",
            hint="rename that set's parent, or delete it where nobody needs it",
        )


def _of_kind(
    api: ApiClient, kind: str, versions: Mapping[str, Sequence[str]], wanted: Sequence[Mapping[str, Any]]
) -> list[Leftover]:
    """Members of one kind (`Deployment.apps`) that are not wanted. A kind that the server knows no more has none."""
    name, _, group = kind.partition(".")
    for version in versions.get(group, ()):
        for resource in api.resources(version):
            if resource.kind == name:
                items = api.collection(resource.path, label=f"{applyset.MEMBER_LABEL}={applyset.ID}").get("items", [])
                left = [item for item in items if _is_there(item) and applyset.is_ours(item)]
                return [_leftover(api, version, resource, i) for i in left if not applyset.is_named(i, kind, wanted)]
    return []


def _leftover(api: ApiClient, version: str, resource: Resource, live: Mapping[str, Any]) -> Leftover:
    metadata = live["metadata"]
    name, takes, stays = metadata["name"], "", ""
    if (version, resource.kind) == ("v1", "Namespace"):
        takes, stays = "with everything in it", _why_a_namespace_stays(api, name)
    elif resource.kind == applyset.CRD:
        takes = _instances(api, live)
    return Leftover(version, resource.kind, metadata.get("namespace", ""), name, metadata["uid"], takes, stays)


def _instances(api: ApiClient, definition: Mapping[str, Any]) -> str:
    """How many objects go with a custom resource definition."""
    spec = definition["spec"]
    version = next(v["name"] for v in spec["versions"] if v["served"])
    found = api.collection(f"/apis/{spec['group']}/{version}/{spec['names']['plural']}", limit=1)
    number = len(found.get("items", [])) + found.get("metadata", {}).get("remainingItemCount", 0)
    return f"and with it every {spec['names']['kind']} of the cluster, {number} now"


def _why_a_namespace_stays(api: ApiClient, namespace: str) -> str:
    """What is in a namespace that we did not apply and that nobody else there owns; empty where nothing is."""
    if namespace in PERMANENT_NAMESPACES:
        return "Kubernetes needs it"
    offered = [resource for group in api.versions().values() for resource in api.resources(group[0])]
    kinds = [r for r in offered if r.namespaced and {"list", "delete"} <= r.verbs and r.kind not in PASSING_KINDS]
    found = each(lambda resource: _strangers(api, resource, namespace), kinds, AT_ONCE)
    strangers = list(dict.fromkeys(name for names in found for name in names))
    more = f" and {len(strangers) - NAMED} more" if len(strangers) > NAMED else ""
    return f"it holds what we did not apply: {', '.join(strangers[:NAMED])}{more}" if strangers else ""


def _strangers(api: ApiClient, resource: Resource, namespace: str) -> list[str]:
    base = resource.path.removesuffix(resource.plural)
    items = api.collection(f"{base}namespaces/{namespace}/{resource.plural}").get("items", [])
    return [
        f"{resource.kind} {item['metadata']['name']}" for item in items
        if _is_there(item) and not applyset.is_ours(item) and not item["metadata"].get("ownerReferences")
        and (resource.kind, item["metadata"]["name"]) not in OF_EVERY_NAMESPACE
    ]  # fmt: skip


def _is_there(live: Mapping[str, Any]) -> bool:
    """Whether nobody has deleted it yet: what is going goes by itself."""
    return "deletionTimestamp" not in live["metadata"]

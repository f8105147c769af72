"""Deeds of a plan that take more than one call: a program that must end well, and what is done in the API.

Used by `apply`; LOOK asks here what would be applied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bootstrap import allocations, applyset
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient, ApiError
from bootstrap.applyset import Leftover
from bootstrap.changes import ApiApply
from bootstrap.connection import Connection, NoAnswer
from bootstrap.errors import HostUnreachable, RemoteError
from bootstrap.plan import taint_in

# Source: Kubernetes pkg/controlplane/apiserver/server.go, IdentityLeaseComponentLabelKey (1.35 to 1.37).
_SERVERS_LEASES = "apiserver.kubernetes.io%2Fidentity%3Dkube-apiserver"

# Source: apiserver pkg/admission/plugin/webhook/errors/statuserror.go and .../webhook/validating/dispatcher.go (v0.36.3).
_WEBHOOK = "failed calling webhook"
_WEBHOOK_HINT = (
    "see whether the webhook's own pods run: kubectl get pods -A; once they do, or its configuration is deleted, "
    "type the same command again"
)

READY_WITHIN_S = 1.0
"""How long an API server that was ready is believed to be: a phase has a dozen objects, and each can be tried again."""


def run(connection: Connection, argv: Sequence[str], timeout_s: float, stdin: bytes = b"") -> None:
    """Run a program on a host. Raises RemoteError with the end of what it said where it does not end with 0."""
    done = connection.run(argv, stdin=stdin, timeout_s=timeout_s)
    if done.status != 0:
        tail = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-8:]
        message = f"`{' '.join(argv)}` ended with {done.status} on {connection.name}"
        raise RemoteError(message, host=connection.name, evidence=tail)


def retried(access: Access, deed: Callable[[ApiClient], object], what: str, stopped: Callable[[], bool], began: float) -> None:
    """Do a deed that may be done twice, through any ready API server, until it went through or the time is over; once at least.

    began: when what is done together began, by time.monotonic(). They share their time: many may be kept out by the same thing.
    """
    deadline = began + access.cluster.timeouts.kubernetes_api_call.total_seconds()
    told, trust_s = "", READY_WITHIN_S
    while True:
        try:
            deed(access.any_api(ready_within_s=trust_s))
            return
        except (NoAnswer, HostUnreachable) as error:    # the latter: that host's connection; another has an API server too
            last: Exception = error
        except ApiError as error:
            if not error.passing:
                raise
            last = error
            deadline = max(deadline, began + error.patience_s)
            if error.patience_s and error.message != told:
                told = error.message
                access.tell(error.host or "", f"{told}; waiting for that")
        if time.monotonic() > deadline or stopped():
            hint = _WEBHOOK_HINT if _WEBHOOK in str(last) else ""
            raise RemoteError(f"{what} could not be applied", evidence=[f"last answer: {last}"], hint=hint) from last
        trust_s = 0.0
        time.sleep(0.5)


def applied_object(api: ApiClient, change: ApiApply) -> Mapping[str, Any]:
    """What a change applies: its object, with what the live one has as well where it only widens that."""
    return applyset.widened(change.object, api.get(api.path(change.object))) if change.widens else change.object


def apply(api: ApiClient, change: ApiApply) -> None:
    """Server-side apply of a change's object."""
    thing = applied_object(api, change)
    try:
        api.apply(thing)
    except ApiError as error:
        raise allocations.explained(api, thing, error) from error


def prune(api: ApiClient, leftover: Leftover) -> None:
    """Delete an object that an earlier run applied; an absent one is fine. Raises RemoteError where it is another one by now."""
    try:
        path = api.path(leftover.head)
    except ApiError as error:
        if error.status != 404:
            raise
        return      # its kind is gone, and every object of it
    live = api.get(path)
    if live is None:
        return
    if live["metadata"]["uid"] != leftover.uid or not applyset.is_ours(live):
        raise RemoteError(
            f"{leftover.ref} was changed by somebody else since the plan was made, and was not deleted",
            hint="see what is planned now: bootstrap init INVENTORY --prune --dry-run",
        )
    api.delete(path, uid=leftover.uid)


def add_taints(api: ApiClient, node: str, taints: Sequence[Mapping[str, str]]) -> None:
    """Add those taints that the node lacks. Raises ApiError, among others where somebody else changed it meanwhile."""
    path = f"/api/v1/nodes/{node}"
    live = api.get(path)
    if live is None:
        raise ApiError(f"taints of {node}", 404, "the node is not registered", host=node)
    have = live.get("spec", {}).get("taints") or []
    lacking = [dict(taint) for taint in taints if not taint_in(taint, have)]
    if lacking:
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        api.merge(path, {"metadata": version, "spec": {"taints": [*have, *lacking]}}, f"taints of {node}")


def delete(api: ApiClient, thing: Mapping[str, Any]) -> None:
    """Delete an API object; an absent one is fine. thing: its kind and name are enough."""
    api.delete(api.path(thing))


def cordon(api: ApiClient, node: str) -> None:
    """Let no new pod be scheduled to a node; one that is gone is fine."""
    path = f"/api/v1/nodes/{node}"
    if api.get(path) is not None:
        api.merge(path, {"spec": {"unschedulable": True}}, f"the cordon of {node}")


def remove_node(api: ApiClient, node: str) -> None:
    """Remove a Node object and the leases of its API servers; absent ones are fine. The kubelet's lease goes with the Node."""
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
    for lease in (api.get(f"{leases}?labelSelector={_SERVERS_LEASES}") or {}).get("items", []):
        if (lease["metadata"].get("labels") or {}).get("kubernetes.io/hostname") == node:
            api.delete(f"{leases}/{lease['metadata']['name']}")
    api.delete(f"/api/v1/nodes/{node}")

"""Deeds of a plan that take more than one call: a program that must end well, and what is done in the API and in etcd.

Used by `apply` only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from bootstrap.access import Access
from bootstrap.apiserver import ApiClient, ApiError
from bootstrap.connection import Connection, NoAnswer
from bootstrap.errors import HostUnreachable, PersonNeeded, RemoteError
from bootstrap.plan import taint_in


def run(connection: Connection, argv: Sequence[str], timeout_s: float, stdin: bytes = b"") -> None:
    """Run a program on a host. Raises RemoteError with the end of what it said where it does not end with 0."""
    done = connection.run(argv, stdin=stdin, timeout_s=timeout_s)
    if done.status != 0:
        tail = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-8:]
        message = f"`{' '.join(argv)}` ended with {done.status} on {connection.name}"
        raise RemoteError(message, host=connection.name, evidence=tail)


def retried(access: Access, deed: Callable[[ApiClient], object], what: str, stopped: Callable[[], bool]) -> None:
    """Do a deed that may be done twice, through any ready API server, until it went through or the time is over."""
    deadline = time.monotonic() + access.cluster.timeouts.kubernetes_api_call.total_seconds()
    while True:
        try:
            deed(access.any_api())
            return
        except (NoAnswer, HostUnreachable) as error:    # the latter: that host's connection; another has an API server too
            last: Exception = error
        except ApiError as error:
            if not error.passing:
                raise
            last = error
        if time.monotonic() > deadline or stopped():
            raise RemoteError(f"{what} could not be applied", evidence=[f"last answer: {last}"]) from last
        time.sleep(0.5)


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


def remove_node(api: ApiClient, node: str) -> None:
    """Remove a Node object; an absent one is fine."""
    api.delete(f"/api/v1/nodes/{node}")


def remove_member(access: Access, name: str) -> None:
    """Take a member off etcd's list, through any other member that answers."""
    last: Exception | None = None
    for host in access.masters:
        if host == name:
            continue
        try:
            client = access.etcd(host)
            for member in client.members():
                if member.name == name:
                    client.remove(member.id)
            return
        except (NoAnswer, HostUnreachable) as error:
            last = error
    raise PersonNeeded(
        f"etcd member {name} could not be removed", evidence=[str(last)],
        hint=f"on a healthy master: etcdctl member list, then etcdctl member remove the ID of {name}",
    )  # fmt: skip

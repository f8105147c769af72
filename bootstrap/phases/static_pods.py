"""static-pods: manifests of the user's own in the kubelet's manifest directory, and their pods running.

Inputs: spec.staticPods or what `pods apply` was given, the pods that run, option `stable_s`. Outputs: a file for
each pod. Whether one runs is told by processes and logs of the host: a mirror pod may be of an earlier one, or not there.
A second run writes nothing, and waits only for what has not run for long enough yet.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from bootstrap import desired
from bootstrap.changes import Change, WaitFor, WriteFile
from bootstrap.cluster import Host
from bootstrap.differences import difference, same_pod
from bootstrap.health import PodRuns
from bootstrap.plan import Phase, Snapshot, Spread
from bootstrap.userpods import UserPod, grace_s

STABLE_S = 30.0
"""How long a pod must have run without a restart: a container that fails after its start has failed by then."""


def _all(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return _steps(snapshot, host, lambda write: True)


def _new(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return _steps(snapshot, host, lambda write: write is None or write.previous is None)


def _changed(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return _steps(snapshot, host, lambda write: write is not None and write.previous is not None)


def _steps(snapshot: Snapshot, host: Host, which: Callable[[WriteFile | None], bool]) -> list[Change]:
    """The writes, then a wait for each pod. which: says of a pod's write, None where its file stays, whether it is meant."""
    facts = snapshot.facts[host.name]
    writes = {write.entry.path: write for write in difference(facts, desired.static_pods(snapshot, host))}
    changes: list[Change] = []
    waits: list[Change] = []
    for pod in snapshot.static_pods.get(host.name, ()):
        write = writes.get(desired.manifest_dir(facts) / pod.file_name)
        if which(write):
            changes += [] if write is None else [write]
            waits.append(_wait(snapshot, host, pod, write))
    return [*changes, *waits]


def _wait(snapshot: Snapshot, host: Host, pod: UserPod, write: WriteFile | None) -> WaitFor:
    path = desired.manifest_dir(snapshot.facts[host.name]) / pod.file_name
    seen = snapshot.host_pods.get(host.name)
    before = write.previous.content if write is not None and write.previous is not None else None
    is_replaced = write is not None and before is not None and not same_pod(pod.content, before)
    replaces = seen.present(pod.namespace, pod.name) if seen is not None and is_replaced else ()
    stable_s = float(snapshot.options.get("stable_s", STABLE_S))
    timeout = snapshot.cluster.timeouts.control_plane_component_health_check + timedelta(seconds=stable_s)
    if is_replaced:
        timeout += timedelta(seconds=grace_s(before))
    probe = PodRuns(pod.namespace, pod.name, path, pod.containers, pod.may_end, replaces, stable_s)
    return WaitFor(probe, timeout)


PHASE = Phase("static-pods", "Static pods of the user's own", _all)
NEW = Phase("static-pods", "Static pods that are new", _new)
CHANGED = Phase("static-pods/changed", "Static pods that change, host by host", _changed, Spread.ONE_BY_ONE)

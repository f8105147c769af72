"""remove-static-pods: manifests that `pods delete` was asked to take away, and their pods ended.

Inputs: option `remove`: by host, the files; option `ending`: by host, pods that go on without one; the pods that run. Outputs: no
such file, no such process: a removed manifest alone does not prove that. A second run waits for what has not ended yet.
"""

from collections.abc import Sequence
from datetime import timedelta

from bootstrap.changes import Change, RemovePath, Run, WaitFor
from bootstrap.cluster import Host
from bootstrap.facts.live import manifests
from bootstrap.health import PodGone
from bootstrap.plan import Phase, Snapshot, Spread
from bootstrap.userpods import grace_s, identity

MARGIN = timedelta(seconds=60)


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts, pods = snapshot.facts[host.name], snapshot.host_pods[host.name]
    removed = snapshot.options["remove"].get(host.name, ())
    staying = {path: identity(seen.content) for path, seen in manifests(facts).items() if path not in removed}
    changes: list[Change] = []
    for path in removed:
        content = facts.owned[path].content
        pod = identity(content)
        twins = [other for other, same in staying.items() if pod is not None and same == pod]
        changes.append(RemovePath(path))
        # To the kubelet the pod goes with any file that held it; the other file brings it back as soon as it is read again.
        changes += [Run(("touch", "-c", str(twin)), f"had the kubelet read {twin} again") for twin in twins]
        if pod is not None and not twins:
            gone = PodGone(*pod, pods.present(*pod))
            changes.append(WaitFor(gone, MARGIN + timedelta(seconds=grace_s(content))))
    for namespace, name in snapshot.options["ending"].get(host.name, ()):
        gone = PodGone(namespace, name, pods.present(namespace, name))
        changes.append(WaitFor(gone, MARGIN + timedelta(seconds=grace_s(None))))
    return changes


PHASE = Phase("remove-static-pods", "Static pods removed, host by host", _changes, Spread.ONE_BY_ONE)

"""stop-pods: the kubelet ends etcd, whose manifest goes, then ends itself; other pods are ended after it.

A kubelet whose node was never registered does not end them (it waits to mirror them first): they are ended after it, too.
Those of the user's own that this tool put there go first. Strangers' manifests stay.
Inputs: manifests of ours on the host, whether the kubelet runs. Outputs: no manifest of ours, no kubelet, no container.
A second run does nothing on a host that has none of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change, RemovePath, Run, WaitFor
from bootstrap.cluster import Host, Role
from bootstrap.facts import Facts
from bootstrap.health import Gone
from bootstrap.plan import Phase, Snapshot
from bootstrap.scripts import script

GRACE = timedelta(seconds=60)
RUNNING = ("active", "activating", "reloading")


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts.get(host.name)
    if facts is None:
        return []   # a machine that is gone: there is nothing to be done on it
    service = facts.services.get("kubelet.service")
    runs = service is not None and service.active_state in RUNNING
    changes: list[Change] = [RemovePath(path) for path in desired.users_manifests(facts)]
    changes += ended(facts, (k.ETCD,) if host.role is Role.CONTROL_PLANE else (k.BALANCER,))
    if runs:
        changes.append(Run(("systemctl", "stop", "kubelet.service"), "stopped the kubelet"))
    if service is not None and service.unit_file_state == "enabled" and k.KUBELET_DROP_IN in facts.owned:
        changes.append(Run(("systemctl", "disable", "kubelet.service"), "disabled the kubelet"))
    if runs or facts.processes or PurePosixPath(k.KUBELET_CONFIG) in facts.owned:
        stop = script("stop-pods.sh")
        changes.append(Run(("sh", "-s"), "ended the remaining pods, freed the kubelet's mounts", stop, timedelta(minutes=2)))
    return changes


def ended(facts: Facts, components: Sequence[str]) -> list[Change]:
    """Changes that take the manifests of these components away, and wait until their processes are gone."""
    service = facts.services.get("kubelet.service")
    paths = [desired.manifest_path(facts, name) for name in components]
    changes: list[Change] = [RemovePath(path) for path in paths if path in facts.owned]
    running = tuple(name for name in components if any(process.component == name for process in facts.processes))
    if running and service is not None and service.active_state in RUNNING:
        changes.append(WaitFor(Gone(running), GRACE, required=False))
    return changes


PHASE = Phase("stop-pods", "Static pods, kubelet and remaining pods stopped", _changes)

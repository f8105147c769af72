"""mark-control-plane: the node's labels and annotations, and its taints.

Inputs: labels and taints of the inventory (control plane default: NoSchedule). Outputs: labels and taints of the Node object.
A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import objects, rbac
from bootstrap.changes import AddTaints, ApiApply, Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import NodesRegistered
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    cluster = snapshot.cluster
    names = tuple(master.name for master in cluster.control_plane_hosts)
    changes: list[Change] = [WaitFor(NodesRegistered(names), cluster.timeouts.kubelet_health_check)]
    for master in cluster.control_plane_hosts:
        changes.append(ApiApply(rbac.node_marks(cluster, master)))
        taints = objects.taints(master)
        if taints:
            changes.append(AddTaints(master.name, taints))
    return changes


PHASE = Phase("mark-control-plane", "Labels and taints of the masters", _changes, Spread.FIRST_ONLY)

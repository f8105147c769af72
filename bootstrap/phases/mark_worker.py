"""mark-worker: the labels of the inventory on the worker's Node object, and its taints.

A kubelet registers its node with these taints (kubelet.py); here they come to a node that was registered before it had them.
Inputs: labels and taints of the inventory. Outputs: labels and taints of the Node object. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import objects, rbac
from bootstrap.changes import AddTaints, ApiApply, Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    taints = objects.taints(host)
    return [ApiApply(rbac.node_marks(snapshot.cluster, host)), *([AddTaints(host.name, taints)] if taints else [])]


PHASE = Phase("mark-worker", "Labels and taints of the workers", _changes)

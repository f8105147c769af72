"""drain: every pod that a controller makes anew elsewhere leaves the node, as disruption budgets allow.

Inputs: the nodes as the API has them; options `drain_timeout`, `force`, `delete_emptydir_data`. Outputs: no pod on the node but
static pods' mirrors and those of DaemonSets. A second run finds no pod to evict; without a Node object there is nothing to do.
"""

from collections.abc import Sequence

from bootstrap.changes import Change, Drain
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    if snapshot.api is None or host.name not in snapshot.api.nodes:
        return []
    asked = snapshot.options
    return [Drain(host.name, asked["drain_timeout"], asked["force"], asked["delete_emptydir_data"])]


PHASE = Phase("drain", "Pods evicted", _changes)

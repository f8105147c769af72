"""cordon: no new pod is scheduled to nodes that are about to leave; all of them, before the first is drained.

Inputs: the nodes as the API has them. Outputs: spec.unschedulable of the Node objects. A second run does nothing.
"""

from collections.abc import Sequence

from bootstrap.changes import Change, Cordon
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    api = snapshot.api
    return [Cordon(host.name)] if api is not None and host.name in api.nodes and host.name not in api.cordoned else []


PHASE = Phase("cordon", "No new pods for nodes that leave", _changes)

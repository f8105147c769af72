"""remove-node: when some masters of a living cluster are reset, their Node objects go, and with them what hangs on those.

The garbage collector removes the node's lease and mirror pods, which belong to it.
Inputs: the nodes as the API has them, asked of a master that stays; the hosts that are reset. Outputs: no Node object of theirs.
Nothing to do when every master is reset, or when no API server that stays answers.
"""

from collections.abc import Sequence

from bootstrap.changes import Change, NodeRemove
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [NodeRemove(host.name)] if snapshot.api is not None and host.name in snapshot.api.nodes else []


PHASE = Phase("remove-node", "Nodes that leave", _changes)

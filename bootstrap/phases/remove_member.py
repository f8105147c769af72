"""remove-etcd-member: when some masters of a living cluster leave, their etcd members leave the member list.

Inputs: the member list as the cluster has it, the names of the masters that leave. Outputs: the member list. Nothing to do when
every master leaves, or when the member has left already. Whether the rest keeps its quorum is asked before (guards.py).
"""

from collections.abc import Sequence

from bootstrap import membership
from bootstrap.changes import Change, EtcdRemove
from bootstrap.cluster import Host
from bootstrap.components.etcd import peer_url
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    members = snapshot.members or ()
    entry = membership.find(members, host.name, peer_url(host))
    if entry is None or not set(membership.voters(members)) - snapshot.leaving:
        return []
    return [EtcdRemove(host.name, entry.id)]


PHASE = Phase("remove-etcd-member", "etcd members that leave", _changes, Spread.ONE_BY_ONE)

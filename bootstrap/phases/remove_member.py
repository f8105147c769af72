"""remove-etcd-member: when some masters of a living cluster are reset, their etcd members leave the member list first.

Inputs: the member list as the cluster has it, the hosts that are reset. Outputs: the member list. Nothing to do when every
master is reset, or when the member has left already. Whether the rest keeps its quorum is asked before (guards.py).
"""

from collections.abc import Sequence

from bootstrap import membership
from bootstrap.cluster import Host
from bootstrap.plan import Change, EtcdRemove, Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    voters = set(membership.voters(snapshot.members or ()))
    if host.name not in voters:
        return []
    staying = voters - set(snapshot.facts)
    return [EtcdRemove(host.name)] if staying else []


PHASE = Phase("remove-etcd-member", "etcd members that leave", _changes, Spread.ONE_BY_ONE)

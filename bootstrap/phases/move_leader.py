"""move-etcd-leader: etcd is led by a member that stays, so that those that leave take nothing with them.

Inputs: the hosts that leave, the member list. Outputs: another leader, where one of them leads. A second run changes nothing.
"""

from collections.abc import Sequence

from bootstrap import membership
from bootstrap.changes import Change, EtcdMoveLeader
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    voters = set(membership.voters(snapshot.members or ()))
    leaving = voters & snapshot.leaving & set(snapshot.facts)
    return [EtcdMoveLeader(tuple(sorted(leaving)))] if leaving and voters - leaving else []


PHASE = Phase("move-etcd-leader", "etcd led by a member that stays", _changes, Spread.FIRST_ONLY)

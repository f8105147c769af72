"""bootstrap-token: cluster-info and the RBAC that administrators, API servers and joining nodes need.

Inputs: the cluster's CA, the endpoint. Outputs: kube-public/cluster-info, roles and bindings. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import rbac
from bootstrap.changes import ApiApply, Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [ApiApply(thing) for thing in rbac.access(snapshot.cluster, snapshot.cluster_ca)]


PHASE = Phase("bootstrap-token", "RBAC and cluster-info", _changes, Spread.FIRST_ONLY)

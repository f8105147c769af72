"""finish: it ends when it is true. etcd's voters, nodes registered (Ready where there is a pod network), mirror pods.

Inputs: control plane hosts, addons of the user's own (one of them may be a pod network). Outputs: none.
A second run asks once.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.changes import Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import EtcdVoters, MirrorPods, NodesRegistered
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    cluster = snapshot.cluster
    voters = tuple(master.name for master in cluster.control_plane_hosts)
    there = tuple(name for name in voters if name in snapshot.facts)
    timeout = cluster.timeouts.kubelet_health_check
    return [
        WaitFor(EtcdVoters(host.address, voters, snapshot.etcd_ca), timeout),
        WaitFor(NodesRegistered(there, ready=desired.has_pod_network(snapshot)), timeout),
        WaitFor(MirrorPods(there), timeout),
    ]


PHASE = Phase("finish", "Voters, nodes and mirror pods", _changes, Spread.FIRST_ONLY)

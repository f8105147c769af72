"""finish: it ends when it is true. etcd's voters, nodes registered (Ready where there is a pod network), mirror pods.

Inputs: control plane hosts, addons of the user's own (one of them may be a pod network). Outputs: none.
A second run asks once.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.cluster import Host
from bootstrap.health import EtcdVoters, MirrorPods, NodesRegistered
from bootstrap.plan import Change, Phase, Snapshot, Spread, WaitFor


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    cluster = snapshot.cluster
    names = tuple(master.name for master in cluster.control_plane_hosts)
    timeout = cluster.timeouts.kubelet_health_check
    return [
        WaitFor(EtcdVoters(host.address, names, snapshot.etcd_ca), timeout),
        WaitFor(NodesRegistered(names, ready=desired.has_pod_network(snapshot)), timeout),
        WaitFor(MirrorPods(names), timeout),
    ]


PHASE = Phase("finish", "Voters, nodes and mirror pods", _changes, Spread.FIRST_ONLY)

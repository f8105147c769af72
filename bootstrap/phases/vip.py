"""control-plane/vip: keepalived as a static pod on every master, where the inventory has a virtual IP.

It follows when API servers are ready: its check would fail before. Inputs: spec.vip, the masters' addresses, the cluster's CA.
Outputs: /etc/kubernetes/keepalived, the manifest keepalived.yaml. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.differences import difference
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    if snapshot.cluster.vip is None:
        return []
    wanted = (*desired.vip_files(snapshot, host), desired.manifest(snapshot, host, k.KEEPALIVED))
    return difference(snapshot.facts[host.name], wanted)


PHASE = Phase("control-plane/vip", "keepalived as a static pod, for the virtual IP", _changes)

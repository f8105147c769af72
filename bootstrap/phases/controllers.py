"""control-plane/controllers: static pod manifests of kube-controller-manager and kube-scheduler.

They follow when their own API server is ready: started together with it they fail, back off and cost what it needs to start.
Inputs: the inventory, hashes of the files they read once. Outputs: two manifests. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.differences import difference
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    wanted = tuple(desired.manifest(snapshot, host, name) for name in (k.CONTROLLER_MANAGER, k.SCHEDULER))
    return difference(snapshot.facts[host.name], wanted)


PHASE = Phase("control-plane/controllers", "kube-controller-manager and kube-scheduler as static pods", _changes)

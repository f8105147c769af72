"""control-plane/controllers: static pod manifests of kube-controller-manager and kube-scheduler.

They follow when their own API server is ready, and wait for no other: started together with it they fail, back off and cost what
it needs to start. Inputs: the inventory, hashes of the files they read once; option `keep_kubelet`. Outputs: two manifests, and a
kubelet that refused one of the pods waited for is restarted once. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.cluster import Host
from bootstrap.phases import wait_api
from bootstrap.plan import Change, Phase, Snapshot, difference


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    wanted = tuple(desired.manifest(snapshot, host, name) for name in (k.CONTROLLER_MANAGER, k.SCHEDULER))
    changes = difference(snapshot.facts[host.name], wanted)
    return (wait_api.ready(snapshot, host), *changes) if changes else ()


PHASE = Phase("control-plane/controllers", "etcd and API servers, then kube-controller-manager and kube-scheduler", _changes)

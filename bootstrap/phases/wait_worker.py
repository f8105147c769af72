"""wait-worker: kubelet and balancer are healthy, the node is registered, and Ready where the cluster has a pod network.

Inputs: whether a node of the cluster is Ready, or the inventory brings a pod network; option `keep_kubelet`. Outputs: none, but
that a kubelet which refused the balancer's pod is restarted once. A second run asks once and goes on.
"""

from collections.abc import Sequence

from bootstrap import desired, healthz
from bootstrap.changes import Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import Healthy, NodesRegistered
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    timeout = snapshot.cluster.timeouts.kubelet_health_check
    network = desired.has_pod_network(snapshot) or bool(snapshot.api and snapshot.api.ready)
    return [
        WaitFor(Healthy(healthz.of_host(snapshot, host)), timeout, restart_kubelet=not snapshot.options.get("keep_kubelet")),
        WaitFor(NodesRegistered((host.name,), ready=network), timeout),
    ]


PHASE = Phase("wait-worker", "Kubelets healthy, nodes registered", _changes)

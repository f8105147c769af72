"""wait-control-plane/api: every master's etcd has a quorum and its API server is ready.

Inputs: addresses and ports of the inventory; option `keep_kubelet`. Outputs: none, but that a kubelet which refused one of these
pods is restarted once. A second run asks once and goes on.
"""

from collections.abc import Sequence

from bootstrap import healthz
from bootstrap.changes import Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import Healthy
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    wanted = (healthz.kubelet(snapshot, host), healthz.etcd(host), healthz.api_server(snapshot, host))
    timeout = snapshot.cluster.timeouts.control_plane_component_health_check
    return [WaitFor(Healthy(wanted), timeout, restart_kubelet=not snapshot.options.get("keep_kubelet"))]


PHASE = Phase("wait-control-plane/api", "etcd quorum and API servers", _changes)

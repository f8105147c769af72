"""wait-control-plane: every component of every master is healthy by its own endpoint, three times running within 2 s.

Inputs: addresses and ports of the inventory; option `keep_kubelet`. Outputs: none, but that a kubelet which refused one of these
pods is restarted once. A second run asks three times and goes on.
"""

from collections.abc import Sequence

from bootstrap import healthz
from bootstrap.changes import Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import Healthy
from bootstrap.plan import Phase, Snapshot

TIMES_RUNNING = 3


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    probe = Healthy(healthz.of_host(snapshot, host), TIMES_RUNNING)
    timeout = snapshot.cluster.timeouts.control_plane_component_health_check
    return [WaitFor(probe, timeout, restart_kubelet=not snapshot.options.get("keep_kubelet"))]


PHASE = Phase("wait-control-plane", "Every component healthy", _changes)

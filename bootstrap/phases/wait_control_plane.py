"""wait-control-plane: every component of every master is healthy by its own endpoint, three times running within 2 s.

Inputs: addresses and ports of the inventory. Outputs: none. A second run asks three times and goes on.
"""

from collections.abc import Sequence

from bootstrap import healthz
from bootstrap.cluster import Host
from bootstrap.health import Healthy
from bootstrap.plan import Change, Phase, Snapshot, WaitFor

TIMES_RUNNING = 3


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    probe = Healthy(healthz.of_host(snapshot, host), TIMES_RUNNING)
    return [WaitFor(probe, snapshot.cluster.timeouts.control_plane_component_health_check)]


PHASE = Phase("wait-control-plane", "Every component healthy", _changes)

"""addon/rollout: what the add-ons run is rolled out, as far as it can start.

Inputs: the add-ons. Outputs: none. Not required: the control plane is up by now, and what is missing may be the workers that pods
of the user's own wait for. A second run asks once; where pods cannot start it ends after some seconds and says why.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.changes import Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import RolledOut, Workload
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    running, _ = desired.workloads(snapshot)
    waited = tuple(Workload(t["kind"], t["metadata"].get("namespace") or "default", t["metadata"]["name"]) for t in running)
    timeout = snapshot.cluster.timeouts.kubernetes_api_call
    return [WaitFor(RolledOut(waited), timeout, required=False)] if waited else []


PHASE = Phase("addon/rollout", "What the add-ons run", _changes, Spread.FIRST_ONLY)

"""stop-control-plane: what serves on a master that leaves ends while its etcd still answers, so that it can take its leave.

An API server that is ended in order removes its address from the Service `kubernetes`, which it cannot once its etcd is gone,
and it takes half a minute longer to end then.
Inputs: manifests of ours on the host, what runs. Outputs: no manifest of the API server, controller manager and scheduler.
A second run does nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.phases import stop_static_pods
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts.get(host.name)
    if facts is None:
        return []   # a machine that is gone
    # The virtual IP leaves before what answers at it.
    return [*stop_static_pods.ended(facts, (k.KEEPALIVED,)), *stop_static_pods.ended(facts, k.COMPONENTS[1:])]


PHASE = Phase("stop-control-plane", "API server, controller manager and scheduler stopped", _changes)

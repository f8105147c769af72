"""kubelet-register: a kubelet that began before there was an API server for it begins anew, and registers its node at once.

Left alone it tries after 0.1, 0.2, 0.4 s and so on, up to every 7 s. Source: pkg/kubelet/kubelet_node_status.go (v1.36.3),
registerWithAPIServer.
Inputs: whether the API server's manifest was there when this was planned. Outputs: none. A second run does nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change, Run
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts[host.name]
    if desired.manifest_path(facts, k.API_SERVER) in facts.owned:
        return []
    return [Run(("systemctl", "restart", "kubelet.service"), "started the kubelet anew")]


PHASE = Phase("kubelet-register", "The node registered as soon as it can be", _changes)

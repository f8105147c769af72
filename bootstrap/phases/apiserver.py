"""control-plane/apiserver: static pod manifest of kube-apiserver.

Inputs: the inventory, hashes of the files that the API server reads once. Outputs: kube-apiserver.yaml in the kubelet's
manifest directory. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.differences import difference
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return difference(snapshot.facts[host.name], (desired.manifest(snapshot, host, k.API_SERVER),))


PHASE = Phase("control-plane/apiserver", "kube-apiserver as a static pod", _changes)

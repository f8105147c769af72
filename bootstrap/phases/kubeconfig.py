"""kubeconfig: admin, super-admin, kubelet, controller-manager and scheduler.

Inputs: kubeconfigs on the hosts (their public part), the cluster's CA, the endpoint of the inventory.
Outputs: /etc/kubernetes/*.conf. A second run keeps every file that is valid.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return desired.kubeconfigs(snapshot, host)


PHASE = Phase("kubeconfig", "Kubeconfig files", _changes)

"""addon: CoreDNS and kube-proxy, as far as the inventory names them.

Inputs: addons, dns, kubeProxy of the inventory. Outputs: their API objects. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import addons
from bootstrap.cluster import Host
from bootstrap.plan import ApiApply, Change, Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [ApiApply(thing) for thing in addons.objects(snapshot.cluster, snapshot.shared_patches)]


PHASE = Phase("addon", "CoreDNS and kube-proxy", _changes, Spread.FIRST_ONLY)

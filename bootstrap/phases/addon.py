"""addon: CoreDNS and kube-proxy, as far as the inventory names them.

Inputs: addons, dns, kubeProxy of the inventory. Outputs: their API objects, as members of the ApplySet of the add-ons.
A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import applyset, desired
from bootstrap.changes import ApiApply, Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    things = desired.built_in_addons(snapshot)
    if not things:
        return []
    return [ApiApply(applyset.parent(things), widens=True), *(ApiApply(thing) for thing in things)]


PHASE = Phase("addon", "CoreDNS and kube-proxy", _changes, Spread.FIRST_ONLY)

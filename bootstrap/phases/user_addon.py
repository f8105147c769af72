"""addon/user: manifests of the user's own that `addons` names (a pod network, for one), by server-side apply.

Inputs: the files. Outputs: their API objects. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap.cluster import Host
from bootstrap.plan import ApiApply, Change, Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [ApiApply(thing) for thing in snapshot.user_objects]


PHASE = Phase("addon/user", "Manifests of the user's own", _changes, Spread.FIRST_ONLY)

"""addon/user/resources: what the user's own manifests hold of kinds of somebody's own, by server-side apply.

Inputs: the files; their definitions are served by now, and what the other manifests run has been on its way for a while. Outputs:
API objects, as members of the ApplySet of the add-ons. An operator's webhook may have to judge them: until its pods run they are
tried again, and who waits for that in vain has a healthy control plane and its kubeconfig. An operator's pod network may need
them: no node is waited for before. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import applyset, desired
from bootstrap.changes import ApiApply, Change
from bootstrap.cluster import Host
from bootstrap.objects import CUSTOM, wave
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    things = [thing for thing in desired.user_addons(snapshot) if wave(thing) == CUSTOM]
    return [ApiApply(applyset.parent(things), widens=True), *map(ApiApply, things)] if things else []


PHASE = Phase("addon/user/resources", "Custom resources of the user's own", _changes, Spread.FIRST_ONLY)

"""addon/user: manifests of the user's own that `addons` names (a pod network, for one), by server-side apply.

Inputs: the files. Outputs: their API objects, as members of the ApplySet of the add-ons. Definitions are served when it ends;
what is of such a kind has a phase of its own, later. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import applyset, desired
from bootstrap.changes import ApiApply, Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import Established
from bootstrap.objects import CUSTOM, wave
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    things = [thing for thing in desired.user_addons(snapshot) if wave(thing) < CUSTOM]
    if not things:
        return []
    definitions = tuple(thing["metadata"]["name"] for thing in things if thing["kind"] == applyset.CRD)
    waits = [WaitFor(Established(definitions), snapshot.cluster.timeouts.kubernetes_api_call)] if definitions else []
    first = [ApiApply(thing) for thing in things if wave(thing) == 0]
    rest = [ApiApply(thing) for thing in things if wave(thing) > 0]
    return [ApiApply(applyset.parent(things), widens=True), *first, *waits, *rest]


PHASE = Phase("addon/user", "Manifests of the user's own", _changes, Spread.FIRST_ONLY)

"""addon/prune: API objects of add-ons that the inventory no longer names, deleted when that was asked for.

Inputs: what the API server knows of the add-ons' ApplySet, the inventory, option `prune`. Outputs: objects deleted, then the
set's parent narrowed to what is left; neither while it is not known what the cluster has. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import applyset, desired
from bootstrap.changes import ApiApply, ApiPrune, Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    found = snapshot.applied
    if found is None:
        return []
    leaving = [x for x in found.leftovers if not x.stays] if snapshot.options.get("prune") else []
    staying = [leftover.head for leftover in found.leftovers if leftover not in leaving]
    parent = applyset.parent((*desired.built_in_addons(snapshot), *desired.user_addons(snapshot), *staying))
    narrow = [ApiApply(parent)] if applyset.is_narrower(parent, found.parent) else []
    return [*(ApiPrune(leftover) for leftover in sorted(leaving, key=applyset.deletion_order)), *narrow]


PHASE = Phase("addon/prune", "What the inventory no longer names", _changes, Spread.FIRST_ONLY)

"""mark-finished: the mark that an init of this cluster came to its end; from then on init leaves what runs alone (guards.py).

Inputs: none. Outputs: ConfigMap kube-system/bootstrap. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap.changes import ApiApply, Change
from bootstrap.cluster import Host
from bootstrap.constants import FINISHED_MARK
from bootstrap.objects import config_map
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [ApiApply(config_map(FINISHED_MARK, "kube-system", {"initialized": "true"}))]


PHASE = Phase("mark-finished", "The mark that init was finished", _changes, Spread.FIRST_ONLY)

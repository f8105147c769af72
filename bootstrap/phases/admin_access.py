"""admin-kubeconfig: the administrator's kubeconfig on the operator's own machine.

Inputs: where the user asked for it, what is there. Outputs: that file, 0600. A second run keeps a file that is valid.
"""

from collections.abc import Sequence

from bootstrap.changes import Change, SaveLocal
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    path, content = snapshot.admin_kubeconfig_path, snapshot.admin_kubeconfig
    if path is None or content is None or snapshot.local_files.get(path) == content:
        return []
    return [SaveLocal(path, content, snapshot.local_files.get(path))]


PHASE = Phase("admin-kubeconfig", "The administrator's kubeconfig on this machine", _changes, Spread.FIRST_ONLY)

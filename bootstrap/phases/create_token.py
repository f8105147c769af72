"""create-token: a bootstrap token, as a Secret in kube-system.

Inputs: the option `token`, with its secret. Outputs: that Secret. A second run has another token.
"""

from collections.abc import Sequence

from bootstrap import tokens
from bootstrap.cluster import Host
from bootstrap.plan import ApiApply, Change, Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [ApiApply(tokens.secret_object(snapshot.options["token"]))]


PHASE = Phase("create-token", "A bootstrap token", _changes, Spread.FIRST_ONLY)

"""create-token: a bootstrap token, as a Secret in kube-system.

Inputs: the option `token`, with its secret. Outputs: that Secret; for a token that signs, also a wait until cluster-info is
signed with it, because nobody can join before that. A second run has another token.
"""

from collections.abc import Sequence
from datetime import timedelta

from bootstrap import tokens
from bootstrap.changes import ApiApply, Change, WaitFor
from bootstrap.cluster import Host
from bootstrap.health import TokenSigned
from bootstrap.plan import Phase, Snapshot, Spread

_SIGNED_WITHIN = timedelta(seconds=20)      # a controller that has just become the leader starts within some seconds


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    made: tokens.BootstrapToken = snapshot.options["token"]
    signs = tokens.SIGNING in made.usages
    signed = [WaitFor(TokenSigned(made.token.id), _SIGNED_WITHIN, required=False)] if signs else []
    return [ApiApply(tokens.secret_object(made)), *signed]


PHASE = Phase("create-token", "A bootstrap token", _changes, Spread.FIRST_ONLY)

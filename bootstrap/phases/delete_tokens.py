"""delete-tokens: bootstrap tokens that nobody may join with any more.

Inputs: the option `token_ids`. Outputs: no Secrets of those. A second run has nothing to do: the tokens are not there.
"""

from collections.abc import Sequence

from bootstrap import tokens
from bootstrap.changes import ApiDelete, Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return [ApiDelete(tokens.reference(token_id)) for token_id in snapshot.options["token_ids"]]


PHASE = Phase("delete-tokens", "Bootstrap tokens that go", _changes, Spread.FIRST_ONLY)

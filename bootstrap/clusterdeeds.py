"""Deeds of a plan in the API and in etcd's member list, through whichever host can: the one that it is about need not be there.

Used by `apply` only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

from bootstrap import deeds, memberdeeds
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient
from bootstrap.changes import (
    AddTaints,
    ApiApply,
    ApiDelete,
    ApiPrune,
    ClusterChange,
    Cordon,
    EtcdMoveLeader,
    EtcdPromote,
    EtcdRemove,
    NodeRemove,
)


def do(access: Access, change: ClusterChange, stopped: Callable[[], bool], began: float) -> None:
    """Do it, again and again where a failure may pass, until it is done, `stopped` or too late. Raises BootstrapError.

    began: when what is done together began, by time.monotonic().
    """
    match change:
        case EtcdPromote():
            memberdeeds.promote(access, change, stopped)
        case EtcdMoveLeader():
            memberdeeds.move_leader(access, change, stopped)
        case EtcdRemove():
            memberdeeds.remove(access, change, stopped)
        case _:
            deed, what = _in_the_api(change)
            deeds.retried(access, deed, what, stopped, began)


def _in_the_api(
    change: ApiApply | ApiDelete | ApiPrune | AddTaints | NodeRemove | Cordon,
) -> tuple[Callable[[ApiClient], None], str]:
    """What is done with an API server, and its name where it cannot be done."""
    match change:
        case ApiApply():
            return partial(deeds.apply, change=change), change.ref
        case ApiDelete(thing):
            return partial(deeds.delete, thing=thing), f"the deletion of {change.ref}"
        case ApiPrune(leftover):
            return partial(deeds.prune, leftover=leftover), f"the deletion of {leftover.ref}"
        case AddTaints(node, taints):
            return partial(deeds.add_taints, node=node, taints=taints), f"taints of {node}"
        case NodeRemove(node):
            return partial(deeds.remove_node, node=node), f"the removal of node {node}"
        case Cordon(node):
            return partial(deeds.cordon, node=node), f"the cordon of {node}"
        case _:
            assert_never(change)

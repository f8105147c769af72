"""The drain of a node: pods are evicted as disruption budgets allow, until none is left that has to go, or the time is over.

Used by `apply` only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bootstrap import draining
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient, ApiError
from bootstrap.changes import Drain
from bootstrap.connection import NoAnswer
from bootstrap.draining import Pod
from bootstrap.errors import BootstrapError, HostUnreachable

DRAIN_PAUSE_S = 2.0


class NotDrained(BootstrapError):
    """Pods are still on a node, and stay."""


class Draining:
    """A drain of one node. make_sure: raises where the operator's locks are lost. tell: hears what is waited for."""

    def __init__(
        self, access: Access, drain: Drain, *, tell: Callable[[str], None], make_sure: Callable[[], None],
        stopped: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._access = access
        self._drain = drain
        self._tell = tell
        self._make_sure = make_sure
        self._stopped = stopped
        self._refused: dict[str, str] = {}

    def run(self) -> None:
        """Evict and wait until no pod is left that has to go. Raises NotDrained; the node stays cordoned then."""
        deadline = time.monotonic() + self._drain.timeout.total_seconds()
        told = ""
        while True:
            self._make_sure()
            answer, left = self._round()
            if not left and not answer:
                return
            if answer != told:
                self._tell(answer)
                told = answer
            if time.monotonic() > deadline or self._stopped():
                raise self._late(answer, left)
            time.sleep(DRAIN_PAUSE_S)

    def _round(self) -> tuple[str, tuple[Pod, ...]]:
        """Evict once what is there. What is waited for, empty where nothing is; and the pods that are left."""
        drain = self._drain
        try:
            api = self._access.any_api()
            pods = draining.leaving(
                api.pods_on(drain.node), force=drain.force, delete_emptydir_data=drain.delete_emptydir_data
            )
            if pods.losses:
                raise NotDrained(
                    f"pods on {drain.node} would be lost; it stays cordoned", host=drain.node, evidence=pods.losses,
                    hint="give the switches that are named, or move these pods yourself; then the same command again",
                )  # fmt: skip
            self._refused = {str(pod): why for pod in pods.evicted if (why := self._evict(api, pod))}
        except (NoAnswer, HostUnreachable) as error:
            return f"no API server answers: {error}", ()
        except ApiError as error:
            if not error.passing:
                raise
            return error.message, ()
        if not pods.evicted:
            return "", ()
        stuck = next((f"; {pod}: {why}" for pod, why in self._refused.items()), "")
        return f"{len(pods.evicted)} pod{'' if len(pods.evicted) == 1 else 's'} left{stuck}", pods.evicted

    def _evict(self, api: ApiClient, pod: Pod) -> str:
        """Ask for the eviction; why it was refused for now, a disruption budget say; empty where it was granted.

        404 and 409: that pod is gone, or is another one by now.
        """
        if pod.terminating:
            return ""
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
        try:
            api.create(path, draining.eviction(pod), f"the eviction of {pod}")
        except ApiError as error:
            if error.status in (404, 409):
                return ""
            if error.status in (403, 429) or error.status >= 500:
                return error.message
            raise
        return ""

    def _late(self, answer: str, left: Sequence[Pod]) -> NotDrained:
        node, seconds = self._drain.node, self._drain.timeout.total_seconds()
        evidence = [f"{pod}: {self._refused.get(str(pod), 'evicted, and still there')}" for pod in left]
        how = "stopped before it was done" if self._stopped() else f"not done within {seconds:.0f} s"
        return NotDrained(
            f"the drain of {node} was {how}; the node stays cordoned", host=node, evidence=evidence or [f"last answer: {answer}"],
            hint=f"mend what keeps these pods and run the same command again; or let it work on: kubectl uncordon {node}",
        )  # fmt: skip

"""Static pods that a kubelet refused: it says so once, in its journal, and does not try again before it is restarted.

Admission comes before any container, so nothing else on the host tells: no sandbox, no log, no event while the API is down.
Source: Kubernetes 1.35 to 1.37, pkg/kubelet/allocation/allocation_manager.go ("Pod admission denied"), kubelet.go
(HandlePodAdditions), lifecycle/predicate.go and sysctl, apparmor and shutdown handlers (the reasons).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap.connection import Connection
from bootstrap.errors import BootstrapError, HostUnreachable
from bootstrap.facts import Facts
from bootstrap.health import Verdict

AFTER_S = 6.0
"""How long a component may be silent before the kubelet's journal is read."""
EVERY_S = 10.0
JOURNAL_LINES = 3000
LASTING = frozenset({
    "AppArmor", "InitContainerRestartPolicyForbidden", "PodFeatureUnsupported", "PodLevelResourcesNotSupported",
    "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch", "SupplementalGroupsPolicyNotSupported", "SysctlForbidden",
})  # fmt: skip
"""Reasons that lie in the pod and the node as they are: no restart helps."""
_DENIED = re.compile(
    r'"Pod admission denied" podUID="([^"]*)" pod="kube-system/([^"]*)" reason="([^"]*)" message="((?:[^"\\]|\\.)*)"'
)


class PodRefused(BootstrapError):
    """A kubelet refuses a static pod, and waiting does not change that."""


@dataclass(frozen=True)
class Refusal:
    """What a kubelet said of one static pod. uid: of the pod, which is made of its manifest."""

    component: str
    uid: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def refusals(connection: Connection, facts: Facts) -> tuple[Refusal, ...]:
    """What the kubelet that runs now refused of the static pods of ours, the last word on each; not what runs all the same."""
    service = facts.services.get("kubelet.service")
    if service is None or not service.main_pid:
        return ()
    journal = ("journalctl", "-b", f"_PID={service.main_pid}", "-n", str(JOURNAL_LINES), "--no-pager", "-o", "cat")
    done = connection.run(journal)
    found = parse(done.stdout.decode(errors="replace"), facts.host)
    running = {process.component for process in facts.processes}
    return tuple(refusal for refusal in found if refusal.component not in running)


def parse(journal: str, node: str) -> tuple[Refusal, ...]:
    """The refusals in a kubelet's journal, by component, the last of each. node: its name, which the pods' names end with."""
    found: dict[str, Refusal] = {}
    for uid, pod, reason, message in _DENIED.findall(journal):
        component = pod.removesuffix(f"-{node}")
        if component in k.STATIC_PODS:
            found[component] = Refusal(component, uid, reason, re.sub(r"\\(.)", r"\1", message))
    return tuple(found.values())


class Watch:
    """What looks, while one host is waited for, whether its kubelet refused a pod, and has the kubelet restarted once.

    restart: restarts the kubelet and tells of it, given the reason; None where that is not wanted.
    """

    def __init__(
        self, data_dir: PurePosixPath, restart: Callable[[str], None] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._data_dir = data_dir
        self._restart = restart
        self._clock = clock
        self._restarted = False
        self._next: float | None = None

    def __call__(self, verdict: Verdict, connection: Connection) -> None:
        """Hear of an answer that was no yes. Raises PodRefused where the kubelet refuses a pod, and waiting would not help."""
        now = self._clock()
        if verdict.component not in k.STATIC_PODS:
            return
        if self._next is None:
            self._next = now + AFTER_S
        if now < self._next:
            return
        self._next = now + EVERY_S
        try:
            found = refusals(connection, connection.look(self._data_dir))
        except HostUnreachable:
            return  # the wait itself finds out, and connects again
        if not found:
            return
        text = "; ".join(f"{refusal.component} ({refusal})" for refusal in found)
        if self._restart is None or self._restarted or any(refusal.reason in LASTING for refusal in found):
            raise self._error(connection.name, found)
        self._restarted = True
        self._restart(f"it refused {text}, and does not try again by itself")

    def _error(self, host: str, found: Collection[Refusal]) -> PodRefused:
        names = ", ".join(refusal.component for refusal in found)
        again = " again, after it was restarted," if self._restarted else ""
        if self._restart is None:
            hint = f"put that right, then on {host}: systemctl restart kubelet; it does not try again by itself"
        else:
            hint = f"put right on {host} what it says, then run the same command again"
        return PodRefused(
            f"the kubelet on {host}{again} refuses {names}", host=host, evidence=[f"{r.component}: {r}" for r in found], hint=hint
        )

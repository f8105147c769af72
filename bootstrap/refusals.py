"""Static pods that a kubelet refused: it says so in its journal, and nowhere else.

A pod that it does not admit it does not try again before its file changes or the kubelet is restarted. A file that is no static
pod to it is read again every 20 s. Both come before any container: no sandbox, no log, no event while the API is down.
Source: Kubernetes 1.35 to 1.37, pkg/kubelet/allocation/allocation_manager.go ("Pod admission denied"), kubelet.go
(HandlePodAdditions), lifecycle/predicate.go and sysctl, apparmor and shutdown handlers (the reasons); config/file.go and
file_linux.go ("Could not process manifest file", "Unable to process watch event").
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from bootstrap import complaints, hostpods
from bootstrap import constants as k
from bootstrap.complaints import TEXT, Complaint, unescaped
from bootstrap.connection import Connection
from bootstrap.errors import BootstrapError, HostUnreachable
from bootstrap.facts import Facts
from bootstrap.health import Verdict
from bootstrap.hostpods import HostPod

AFTER_S = 6.0
"""How long a component may be silent before the kubelet's journal is read."""
EVERY_S = 10.0
LOG_TIME_S = 0.5
"""The time of a log is told in whole seconds: by so much it may be rounded up."""
JOURNAL_LINES = 3000
LASTING = frozenset({
    "AppArmor", "InitContainerRestartPolicyForbidden", "PodFeatureUnsupported", "PodLevelResourcesNotSupported",
    "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch", "SupplementalGroupsPolicyNotSupported", "SysctlForbidden",
})  # fmt: skip
"""Reasons that lie in the pod and the node as they are: no restart helps."""
TRIES = 3
"""How often a runtime must have found nothing to execute before that is final: another pod may bring what is missing."""
_DENIED = re.compile(rf'"Pod admission denied" podUID="([^"]*)" pod="([^"]*)" reason="([^"]*)" message={TEXT}')
_UNREADABLE = re.compile(rf'"(?:Could not process manifest file|Unable to process watch event)" err={TEXT}')


class PodRefused(BootstrapError):
    """A kubelet refuses a static pod, and waiting does not change that."""


@dataclass(frozen=True)
class Refusal:
    """What a kubelet said of one static pod. pod: `namespace/name`. uid: of the pod, which is made of its manifest."""

    pod: str
    uid: str
    reason: str
    message: str

    @property
    def component(self) -> str:
        """The control plane component that the pod is; empty for any other."""
        name = self.pod.removeprefix("kube-system/")
        return name if name in k.COMPONENTS else ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def refusals(connection: Connection, facts: Facts) -> tuple[Refusal, ...]:
    """What the kubelet that runs now refused of the static pods of ours, the last word on each; not what runs all the same."""
    found = parse(_journal(connection, facts), facts.host)
    running = {process.component for process in facts.processes}
    return tuple(refusal for refusal in found if refusal.component and refusal.component not in running)


def said_of(connection: Connection, facts: Facts, path: PurePosixPath | None) -> str:
    """The journal of the kubelet that runs now, since a manifest was written: what it said before is about another one."""
    seen = None if path is None else facts.owned.get(path)
    return _journal(connection, facts, since=0.0 if seen is None else seen.mtime)


def present(connection: Connection, facts: Facts, journal: str, pod: str, newest: HostPod | None) -> tuple[Complaint, ...]:
    """What keeps a static pod from running now. A kubelet does not say that a try went well: processes and logs show that.

    journal: since the manifest was written. pod: `namespace/name-node`. newest: of the pods of that name that have a log.
    """
    said = complaints.parse(journal, pod)
    return tuple(one for one in said if newest is None or not _is_over(connection, facts, one, pod, newest))


def _is_over(connection: Connection, facts: Facts, complaint: Complaint, pod: str, newest: HostPod) -> bool:
    """Whether the container runs, or wrote its log after that was said; of the pod as a whole, any container of it.

    A log alone proves nothing: that of an earlier start stays when the image has to be pulled again, or after a reboot.
    """
    meant = [one for one in newest.containers if complaint.container in ("", one.name)]
    if not meant or any(one.age_s is not None for one in meant):
        return bool(meant)
    since = max(max(one.modified for one in meant) - LOG_TIME_S, 0.0)
    later = complaints.parse(_journal(connection, facts, since), pod)
    return all(one.container != complaint.container for one in later)


def reason(journal: str, node: str, path: PurePosixPath, pod: str) -> str:
    """Why a kubelet refuses the manifest at `path`; empty where its journal says nothing of that. pod: `namespace/name`."""
    denied = next((str(refusal) for refusal in parse(journal, node) if refusal.pod == pod), "")
    return denied or unreadable(journal, path)


def parse(journal: str, node: str) -> tuple[Refusal, ...]:
    """The pods not admitted in a kubelet's journal, the last of each. node: its name, which the pods' names end with."""
    found: dict[str, Refusal] = {}
    for uid, full_name, why, message in _DENIED.findall(journal):
        pod = full_name.removesuffix(f"-{node}")
        found[pod] = Refusal(pod, uid, why, unescaped(message))
    return tuple(found.values())


def unreadable(journal: str, path: PurePosixPath) -> str:
    """The last thing that a kubelet's journal says of a file that it could not make a pod of; empty where it says nothing."""
    whole = re.compile(rf"(?<![^\s\"\\]){re.escape(str(path))}(?![A-Za-z0-9._/-])")
    said = ""
    for line in journal.splitlines():
        found = _UNREADABLE.search(line)
        if found is not None and whole.search(line):
            said = unescaped(found[1]).rpartition(f"{path}: ")[2]
    return said


def _journal(connection: Connection, facts: Facts, since: float = 0.0) -> str:
    """What the kubelet said that runs now; nothing where none does. since: seconds since the epoch by the host's clock."""
    service = facts.services.get("kubelet.service")
    if service is None or not service.main_pid:
        return ""
    from_then = ("--since", f"@{since:.6f}") if since else ()
    argv = ("journalctl", "-b", f"_PID={service.main_pid}", "-n", str(JOURNAL_LINES), "--no-pager", "-o", "cat", *from_then)
    return connection.run(argv).stdout.decode(errors="replace")


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

    def __call__(self, verdict: Verdict, connection: Connection) -> Verdict:
        """Give an answer that was no yes back. Raises PodRefused where the kubelet refuses a pod, and waiting would not help."""
        now = self._clock()
        if verdict.component not in k.STATIC_PODS:
            return verdict
        if self._next is None:
            self._next = now + AFTER_S
        if now < self._next:
            return verdict
        self._next = now + EVERY_S
        try:
            found = refusals(connection, connection.look(self._data_dir))
        except HostUnreachable:
            return verdict  # the wait itself finds out, and connects again
        if not found:
            return verdict
        text = "; ".join(f"{refusal.component} ({refusal})" for refusal in found)
        if self._restart is None or self._restarted or any(refusal.reason in LASTING for refusal in found):
            raise self._error(connection.name, found)
        self._restarted = True
        self._restart(f"it refused {text}, and does not try again by itself")
        return verdict

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


class FileWatch:
    """What looks, while a static pod of the user's own is waited for, whether the kubelet refused it, or cannot start it."""

    def __init__(
        self, data_dir: PurePosixPath, path: PurePosixPath, pod: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._data_dir = data_dir
        self._path = path
        self._pod = pod
        self._clock = clock
        self._next = clock() + AFTER_S
        self._said: tuple[Complaint, ...] = ()
        self._tries_before: int | None = None
        self._is_final = False

    def __call__(self, verdict: Verdict, connection: Connection) -> Verdict:
        """Give an answer that was no yes back, with the kubelet's reason where a container does not run.

        It is looked for if it is time to. Raises PodRefused where the kubelet refuses the pod, and waiting would not help.
        """
        if self._clock() >= self._next:
            self._next = self._clock() + EVERY_S
            try:
                self._look(connection)
            except HostUnreachable:
                return verdict  # the wait itself finds out, and connects again
        if not verdict.down or not self._said:
            return verdict
        return replace(verdict, answer="; ".join((verdict.answer, *map(str, self._said))), stuck=self._is_final)

    def _look(self, connection: Connection) -> None:
        facts = connection.look(self._data_dir)
        journal = said_of(connection, facts, self._path)
        newest = hostpods.look(connection).newest(*self._pod.split("/"))
        self._said = present(connection, facts, journal, f"{self._pod}-{facts.host}", newest)
        tries = sum(complaint.times for complaint in self._said if complaint.lacks_command)
        self._is_final = self._tries_before is not None and tries >= max(TRIES, self._tries_before + 1)
        self._tries_before = tries if self._tries_before is None else self._tries_before
        why = reason(journal, facts.host, self._path, self._pod)
        if why:
            raise PodRefused(
                f"the kubelet on {connection.name} refuses {self._pod}", host=connection.name, evidence=[f"{self._path}: {why}"],
                hint="mend the manifest and apply it again; where it is the host that lacks something, put that right, then on "
                f"{connection.name}: systemctl restart kubelet",
            )

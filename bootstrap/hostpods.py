"""The pods of a host as its processes and log files show them: no API, no client of the container runtime.

A container runs where a process is in its cgroup; how often it was restarted its log file is called after.
Source: Kubernetes pkg/kubelet/kuberuntime (v1.36.3): helpers.go (log directories), legacy.go (links), and kubelet_pods.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from bootstrap.connection import Connection
from bootstrap.errors import RemoteError
from bootstrap.health import PodGone, PodRuns, Verdict
from bootstrap.scripts import script

_TICKS_PER_SECOND = 100     # USER_HZ: fixed in the kernel's ABI on every architecture that Kubernetes has
_UID = r"[0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}"
_CGROUP = re.compile(rf"[/-]pod({_UID})(?:\.slice)?/(?:[a-z-]+-)?([0-9a-f]{{64}})(?:\.scope)?(?:/|$)")
_STAT = re.compile(r"(\d+) \((.*)\) [A-Za-z] (.*)")
_LINK = re.compile(r"(?P<pod>[a-z0-9.-]+)_(?P<namespace>[a-z0-9-]+)_(?P<container>[a-z0-9-]+)-(?P<id>[0-9a-f]{12,64})\.log")
_SANDBOX = "pause"


@dataclass(frozen=True)
class HostContainer:
    """restarts: how often it was started anew in this pod. age_s: of the process that runs; None: none. log: the newest."""

    name: str
    restarts: int
    age_s: float | None
    log: PurePosixPath
    modified: int = 0


@dataclass(frozen=True)
class HostPod:
    """name: as in the API: a static pod's ends in `-<node>`. alive: a process of it runs, if only its sandbox."""

    namespace: str
    name: str
    uid: str
    containers: tuple[HostContainer, ...]
    alive: bool

    @property
    def is_static(self) -> bool:
        """Whether a kubelet made it of a file: it then made its UID, too, of the manifest, without the dashes that a UUID has."""
        return "-" not in self.uid

    @property
    def modified(self) -> int:
        """When one of its containers last wrote to its log, seconds since the epoch."""
        return max((container.modified for container in self.containers), default=0)

    @property
    def restarts(self) -> int:
        return sum(container.restarts for container in self.containers)


@dataclass(frozen=True)
class HostPods:
    """node: the host's name as the kubelet has it. pods: those with a log, the youngest last. alive: UIDs with a process."""

    node: str
    pods: tuple[HostPod, ...] = ()
    alive: frozenset[str] = frozenset()

    def static(self, namespace: str, name: str) -> tuple[HostPod, ...]:
        """The pods of a static pod, each time that its manifest was changed another one."""
        return tuple(pod for pod in self.pods if (pod.namespace, pod.name) == (namespace, f"{name}-{self.node}"))

    def newest(self, namespace: str, name: str) -> HostPod | None:
        """The pod of a static pod that runs; where none does, the youngest with a log."""
        found = self.static(namespace, name)
        return next((pod for pod in reversed(found) if pod.alive), found[-1] if found else None)

    def present(self, namespace: str, name: str) -> tuple[str, ...]:
        """UIDs of those that run; where none does, of the youngest. A manifest that changes replaces them."""
        found = self.static(namespace, name)
        return tuple(pod.uid for pod in found if pod.alive) or tuple(pod.uid for pod in found[-1:])


def look(connection: Connection) -> HostPods:
    """The pods of a host now. Raises RemoteError where the host cannot be read."""
    done = connection.run(("sh", "-s"), stdin=script("pods.sh"))
    if done.status != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RemoteError(f"the pods of {connection.name} could not be read", host=connection.name, evidence=said[-4:])
    return parse(done.stdout.decode(errors="replace"))


def parse(text: str) -> HostPods:
    """What scripts/pods.sh printed. A line that is not understood says nothing."""
    lines = [line.partition(" ")[::2] for line in text.split("\n")]
    node = next((value for kind, value in lines if kind == "node"), "").lower()
    uptime = next((float(value) for kind, value in lines if kind == "uptime" and re.fullmatch(r"\d+(\.\d+)?", value)), 0.0)
    processes = _processes(lines, uptime)
    ids = _ids([value for kind, value in lines if kind == "link"])
    logs: dict[tuple[str, str, str], dict[str, list[tuple[int, int, PurePosixPath]]]] = {}
    for kind, value in lines:
        modified, _, name = value.partition(" ")
        path = PurePosixPath(name)
        if kind != "log" or not modified.isdigit() or len(path.parts) != 7 or not path.stem.isdigit():
            continue
        pod = tuple(path.parts[4].split("_"))
        if len(pod) == 3:
            starts = logs.setdefault((pod[0], pod[1], pod[2]), {}).setdefault(path.parts[5], [])
            starts.append((int(path.stem), int(modified), path))
    alive = frozenset(uid for uid, _, _, _ in processes)
    found = []
    for (namespace, pod_name, uid), by_container in logs.items():
        running = [one for one in processes if one[0] == uid]
        containers = []
        for container, starts in sorted(by_container.items()):
            restarts, modified_at, log = max(starts)
            age = _age(running, ids.get((namespace, pod_name, container), ()))
            containers.append(HostContainer(container, restarts, age, log, modified_at))
        found.append(HostPod(namespace, pod_name, uid, tuple(containers), uid in alive))
    return HostPods(node, tuple(sorted(found, key=lambda pod: (pod.modified, pod.uid))), alive)


Process = tuple[str, str, str, float]
"""UID of the pod, container ID, the kernel's name of the process, age in seconds."""


def _processes(lines: Sequence[tuple[str, str]], uptime: float) -> list[Process]:
    found = []
    for (kind, value), (next_kind, stat) in pairwise(lines):
        cgroup = _CGROUP.search(value) if (kind, next_kind) == ("cgroup", "stat") else None
        fields = _STAT.fullmatch(stat) if cgroup is not None else None
        if cgroup is None or fields is None:
            continue
        rest = fields[3].split()
        started = int(rest[18]) / _TICKS_PER_SECOND if len(rest) > 18 and rest[18].isdigit() else uptime
        found.append((cgroup[1].replace("_", "-"), cgroup[2], fields[2], max(uptime - started, 0.0)))
    return found


def _ids(links: Sequence[str]) -> Mapping[tuple[str, str, str], tuple[str, ...]]:
    """Container IDs by namespace, pod and container. In a name that would be too long the kubelet cuts the ID."""
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for link in links:
        match = _LINK.fullmatch(link)
        if match is not None:
            key = (match["namespace"], match["pod"], match["container"])
            found[key] = (*found.get(key, ()), match["id"])
    return found


def _age(running: Sequence[Process], ids: Sequence[str]) -> float | None:
    """How long a container's oldest process has run. Without a link any process that is no sandbox counts."""
    if ids:
        ages = [age for _, one, _, age in running if any(one.startswith(known) for known in ids)]
    else:
        ages = [age for _, _, name, age in running if name != _SANDBOX]
    return max(ages, default=None)


def runs(probe: PodRuns, seen: HostPods) -> Verdict:
    """Whether a static pod runs, and has done so for long enough: what began anew meanwhile is younger."""
    who = f"{probe.namespace}/{probe.name}"
    pods = seen.static(probe.namespace, probe.name)
    if any(uid in seen.alive for uid in probe.replaces):
        return Verdict(False, f"{who}: the pod that it replaces still ends", who)
    current = [pod for pod in pods if pod.uid not in probe.replaces]
    if sum(pod.alive for pod in current) > 1:
        return Verdict(False, f"{who}: two pods of it run", who)
    newest = next((pod for pod in reversed(current) if pod.alive), current[-1] if current and probe.may_end else None)
    if newest is None:
        return Verdict(False, f"{who}: no container of it was started yet", who, down=True)
    containers = {container.name: container for container in newest.containers}
    for name in probe.containers:
        container = containers.get(name)
        if container is None:
            return Verdict(False, f"{who}: container {name} was not started yet", who, down=True)
        if container.age_s is None and not probe.may_end:
            return Verdict(False, f"{who}: container {name} does not run{_restarted(container)}", who, down=True)
        if container.age_s is not None and container.age_s < probe.stable_s:
            young = f"but not for {probe.stable_s:.0f} s yet"
            return Verdict(False, f"{who}: container {name} runs{_restarted(container)}, {young}", who)
    return Verdict(True)


def gone(probe: PodGone, seen: HostPods) -> Verdict:
    """Whether no process of a static pod is left."""
    who = f"{probe.namespace}/{probe.name}"
    left = {pod.uid for pod in seen.static(probe.namespace, probe.name) if pod.alive} | (seen.alive & set(probe.uids))
    return Verdict(not left, f"{who}: processes of it still run" if left else "", who if left else "")


def _restarted(container: HostContainer) -> str:
    return f", started {container.restarts + 1} times" if container.restarts else ""

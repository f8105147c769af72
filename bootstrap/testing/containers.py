"""The container runtime of a model host: containers of static pods, their processes, crashes, back-off and logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from bootstrap import constants as k
from bootstrap.facts import PodLog, StaticProcess
from bootstrap.testing.filesystem import FakeFiles
from bootstrap.testing.pods import StaticPod

BACK_OFF_S = 10.0
DEFAULT_CAPABILITIES = frozenset({"DAC_OVERRIDE", "NET_BIND_SERVICE"})  # of containerd's, those that decide anything here


@dataclass(frozen=True)
class Rights:
    """Who a container's process is, and what it may beyond that. capabilities: those within its reach, as far as they matter."""

    uid: int = 0
    gid: int = 0
    non_root: bool = False
    capabilities: frozenset[str] = DEFAULT_CAPABILITIES

    @classmethod
    def of(cls, spec: dict[str, Any], container: dict[str, Any]) -> Rights:
        context = {**(spec.get("securityContext") or {}), **(container.get("securityContext") or {})}
        changes = context.get("capabilities") or {}
        dropped = set(DEFAULT_CAPABILITIES) if "ALL" in changes.get("drop", ()) else set(changes.get("drop", ()))
        reach = frozenset(DEFAULT_CAPABILITIES - dropped | set(changes.get("add", ())))
        uid, gid = int(context.get("runAsUser", 0)), int(context.get("runAsGroup", 0))
        return cls(uid, gid, bool(context.get("runAsNonRoot")), reach)

    def may(self, bits: int, files: FakeFiles, path: PurePosixPath) -> bool:
        """Whether it may do that with a path of the host. bits: 4 read, 2 write, 1 enter."""
        overrides = self.uid == 0 and "DAC_OVERRIDE" in self.capabilities
        return overrides or files.may(bits, path, self.uid, self.gid)


@dataclass
class Container:
    """The first container of a static pod. running: its process is alive; else it waits out a back-off."""

    pod: StaticPod
    name: str
    argv: tuple[str, ...]
    image: str
    env: dict[str, str]
    mounts: dict[PurePosixPath, PurePosixPath]      # path in the container -> path on the host
    rights: Rights
    pid: int = 0
    running: bool = False
    has_log: bool = True                            # its image is there, so that it was made
    start_time: float = 0.0
    retry_at: float = 0.0
    restarts: int = 0
    log: list[str] = field(default_factory=list)            # of this start
    previous_log: list[str] = field(default_factory=list)
    member: tuple[int, int] | None = None           # of an etcd: cluster and member ID
    config: bytes = b""                             # of a balancer: the configuration that it runs with
    _flags: dict[str, str] = field(default_factory=dict)
    _places: dict[PurePosixPath, PurePosixPath | None] = field(default_factory=dict)
    _files: dict[str, PurePosixPath | None] = field(default_factory=dict)

    @classmethod
    def of(cls, pod: StaticPod) -> Container:
        spec = pod.pod["spec"]
        first = spec["containers"][0]
        volumes = {v["name"]: v["hostPath"]["path"] for v in spec.get("volumes") or [] if "hostPath" in v}
        mounts = {
            PurePosixPath(m["mountPath"]): PurePosixPath(volumes[m["name"]])
            for m in first.get("volumeMounts") or []
            if m["name"] in volumes
        }
        argv = tuple(str(word) for word in [*(first.get("command") or []), *(first.get("args") or [])])
        env = {e["name"]: str(e.get("value", "")) for e in first.get("env") or []}
        return cls(pod, first["name"], argv, str(first.get("image", "")), env, mounts, Rights.of(spec, first))

    @property
    def is_restarted(self) -> bool:
        """Whether its pod has it started again when it ends."""
        return str(self.pod.pod["spec"].get("restartPolicy", "Always")) == "Always"

    def ways(self, path: PurePosixPath) -> list[PurePosixPath]:
        """Paths of the host that a path of the container leads over, from its mount's to its own; none without a mount."""
        at = self.on_host(path)
        mount = next((self.mounts[one] for one in (path, *path.parents) if one in self.mounts), None)
        return [] if at is None or mount is None else [one for one in (*reversed(at.parents), at) if one.is_relative_to(mount)]

    def flag(self, name: str, default: str = "") -> str:
        """Value of a flag, as the process sees it: the last one wins."""
        if not self._flags:
            self._flags = dict(word[2:].partition("=")[::2] for word in self.argv if word.startswith("--"))
        return self._flags.get(name, default)

    def file_at(self, flag: str) -> PurePosixPath | None:
        """Where the file that a flag names is on the host; None where nothing is mounted there."""
        if flag not in self._files:
            self._files[flag] = self.on_host(PurePosixPath(self.flag(flag)))
        return self._files[flag]

    def on_host(self, path: PurePosixPath) -> PurePosixPath | None:
        """Where a path of the container is on the host; None where nothing is mounted there."""
        if path not in self._places:
            parent = next((one for one in (path, *path.parents) if one in self.mounts), None)
            self._places[path] = self.mounts[parent] / path.relative_to(parent) if parent is not None else None
        return self._places[path]

    def files(self) -> list[PurePosixPath]:
        """Files that the flags name and the process reads when it starts."""
        values = [word.partition("=")[2] for word in self.argv if word.startswith("--")]
        return [PurePosixPath(value) for value in values if value.startswith("/etc/")]

    @property
    def log_path(self) -> PurePosixPath:
        namespace, _, name = self.pod.key.partition("/")
        return k.POD_LOG_DIR / f"{namespace}_{name}_{self.pod.uid}" / self.name / f"{self.restarts}.log"


class Runtime:
    """Containers by pod UID. They outlive the kubelet's restarts and end with the machine.

    check: asked before each start of a container; an answer is the reason why it ends at once. unstartable: errors by name of
    containers that do not come to run at all, as `reason: message`. failed: such that the kubelet has not told of yet.
    """

    def __init__(self, check: Callable[[Container], str], next_pid: Callable[[], int]) -> None:
        self._check = check
        self._next_pid = next_pid
        self.containers: dict[str, Container] = {}
        self.unstartable: dict[str, str] = {}
        self.failed: list[tuple[Container, str]] = []

    def follow(self, pods: dict[str, StaticPod], now: float) -> None:
        """Make what runs be what the pods say: end the pods that went, start those that came."""
        wanted = {pod.uid: pod for pod in pods.values()}
        for uid in [uid for uid in self.containers if uid not in wanted]:
            del self.containers[uid]
        for uid, pod in wanted.items():
            if uid not in self.containers:
                self.containers[uid] = Container.of(pod)
                self._start(self.containers[uid], now)

    def tick(self, now: float, broken: dict[str, list[str]], *, restart: bool) -> None:
        """Let time pass. broken: log lines of components that crash, by name. restart: a kubelet is there to start again."""
        for one in self.containers.values():
            if one.running and one.name in broken:
                self.end(one, broken[one.name], now)
            elif not one.running and restart and now >= one.retry_at and one.is_restarted:
                one.restarts += one.has_log
                one.previous_log, one.log = one.log, []
                if one.name in broken:
                    self.end(one, broken[one.name], now)
                else:
                    self._start(one, now)

    def running(self, name: str) -> Container | None:
        """The container of that name that is alive: the first by UID where there are several."""
        found = [uid for uid, one in self.containers.items() if one.name == name and one.running]
        return self.containers[min(found)] if found else None

    def processes(self) -> tuple[StaticProcess, ...]:
        """Processes of static pods of ours as /proc shows them."""
        return tuple(
            StaticProcess(
                one.name, one.pid, one.argv, one.start_time, one.env.get(k.DIGEST_ENV, ""), one.pod.uid, one.rights.uid
            )
            for one in sorted(self.containers.values(), key=lambda c: (c.name, c.start_time, c.pid))
            if one.running and one.name in k.STATIC_PODS
        )

    def pod_logs(self) -> tuple[PodLog, ...]:
        return tuple(
            PodLog(one.log_path.parts[4], one.name, one.log_path, one.restarts)
            for one in sorted(self.containers.values(), key=lambda c: c.log_path)
            if one.has_log
        )

    def log(self, path: PurePosixPath) -> list[str] | None:
        """Lines of a log file; None where there is no such file. Of each container the last two starts have one."""
        for one in self.containers.values():
            if one.log_path == path:
                return one.log
            if one.log_path.parent == path.parent and path.name == f"{one.restarts - 1}.log":
                return one.previous_log
        return None

    def _start(self, one: Container, now: float) -> None:
        error = self.unstartable.get(one.name, "")
        one.has_log = not error.startswith("ErrImagePull: ")
        if error:
            one.start_time = now
            self.failed.append((one, error))
            self.end(one, [], now)
            return
        one.start_time, one.running = now, True
        one.pid = self._next_pid()
        reason = self._check(one)
        if reason:
            self.end(one, [reason], now)
        else:
            one.log.append(_cri_line(now, f"{one.name} started"))

    def end(self, one: Container, lines: list[str], now: float) -> None:
        one.running, one.retry_at = False, now + BACK_OFF_S
        one.log += [_cri_line(now, line) for line in lines]


def status(one: Container) -> dict[str, Any]:
    """The container's entry in a pod's status."""
    state = {"running": {}} if one.running else {"waiting": {"reason": "CrashLoopBackOff"}}
    return {"name": one.name, "image": one.image, "ready": one.running, "restartCount": one.restarts, "state": state}


def _cri_line(now: float, text: str) -> str:
    return f"{now:.3f} stderr F {text}"

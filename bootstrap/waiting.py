"""Waiting for a probe: ask, pause, ask again until the deadline, and say what was seen last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import PurePosixPath

from bootstrap import complaints, health, hostpods, refusals, rollouts
from bootstrap import constants as k
from bootstrap.access import Access
from bootstrap.apiserver import ApiError
from bootstrap.connection import Connection, NoAnswer
from bootstrap.errors import BootstrapError, HostNotTrusted, HostUnreachable
from bootstrap.etcd import EtcdClient
from bootstrap.facts import Facts
from bootstrap.health import Probe, Verdict

PAUSE_S = 0.3
RUN_PAUSE_S = 0.3
POD_PAUSE_S = 2.0
"""Between two looks at a host's processes, for a pod that takes its time anyway."""
LOG_LINES = 12
STUCK_S = 5.0
"""How long an answer may say that waiting longer will hardly help before the wait ends."""
AGAIN_S = 15.0
"""After how long an answer is told again that stays the same."""
KUBELET_LINES = 4

RECONNECT_S = 150.0
"""How long it is tried to connect again to a host whose connection was lost: the reboot of a virtual machine, and some more."""
RECONNECT_PAUSE_S = 2.0


class NotHealthy(BootstrapError):
    """A component did not become healthy in time."""


class CutShort(BootstrapError):
    """A wait that ended before its time, because it had no point any more."""


def wait(
    probe: Probe,
    host: str,
    access: Access,
    timeout: timedelta,
    *,
    tell: Callable[[str], None],
    failing: Callable[[Verdict], Verdict] = lambda verdict: verdict,
    stopped: Callable[[], bool] = lambda: False,
    hopeless: Callable[[], str] = lambda: "",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait for one probe; raises NotHealthy with the failing component's last log lines.

    A lost connection is made anew, for RECONNECT_S and not beyond the deadline: asking twice does no harm.
    tell: called with each new answer, and after AGAIN_S with the same one. failing: called with each answer that is no yes, which
    it gives back, with what it knows beside; it may raise.
    stopped, hopeless: asked after each try; True, or a reason, ends the wait.
    """
    began = clock()
    deadline = began + timeout.total_seconds()
    seen, told_at, stuck_since = "", began, None
    running: list[float] = []   # when each question was asked of those that were answered with yes since the last no
    link = _Link(host, access, clock)
    settled: set[health.Endpoint] = set()
    while True:
        now = clock()
        late = now > deadline   # before asking: what is reported was seen when the time was over, however long we slept
        verdict = link.ask(lambda: _ask(probe, host, access, settled), last=late)
        verdict = verdict if verdict.ok else failing(verdict)
        running = [*running, now] if verdict.ok else []
        stuck_since = (stuck_since or clock()) if verdict.stuck else None
        late = late or (stuck_since is not None and clock() - stuck_since > STUCK_S)
        if _is_enough(running, probe.times if isinstance(probe, health.Healthy) else 1):
            return
        if not verdict.ok and (verdict.answer != seen or now - told_at > AGAIN_S):
            seen, told_at = verdict.answer, now
            tell(seen)
        if stopped():
            raise NotHealthy(f"stopped while waiting for {probe}", host=host, evidence=[f"last answer: {verdict.answer}"])
        if not verdict.ok and (why := hopeless()):
            raise CutShort(f"not waited for {probe} any longer: {why}; last answer: {verdict.answer}", host=host)
        if late and not verdict.ok:
            blamed = verdict.host if verdict.host in access.connections else host
            known = verdict.component in (*k.STATIC_PODS, "kubelet")
            direct = known and isinstance(probe, health.Healthy)
            whole = f"{min(timeout.total_seconds(), clock() - began):.0f} s"
            if isinstance(probe, health.PodRuns | health.PodGone):
                raise NotHealthy(
                    f"waited {whole} in vain for {probe}", host=host,
                    evidence=[f"last answer: {verdict.answer}", *pod_evidence(access, host, probe, verdict.answer)],
                    hint=f"bootstrap pods list INVENTORY; bootstrap pods logs INVENTORY {host} {probe.namespace}/{probe.name}",
                )
            raise NotHealthy(
                f"{verdict.component} on {blamed} did not become healthy within {whole}" if direct
                else f"waited {whole} in vain for {probe}" + (f": look at {verdict.component} on {blamed}" if known else ""),
                host=blamed,
                component=verdict.component if known else "",
                evidence=[
                    f"last answer: {verdict.answer}",
                    *(evidence(access.connections[blamed], verdict.component, access) if known else ()),
                ],
                hint=f"bootstrap logs INVENTORY {blamed} {verdict.component}" if known else "",
            )
        if verdict.ok or link.is_lost:
            settled.clear()
        pause_s = POD_PAUSE_S if isinstance(probe, health.PodRuns | health.PodGone) else PAUSE_S
        sleep(RECONNECT_PAUSE_S if link.is_lost else RUN_PAUSE_S if verdict.ok else pause_s)


def _is_enough(running: Sequence[float], times: int) -> bool:
    """Whether that many yeses running were asked for within health.WITHIN_S, or twice as many at all."""
    return len(running) >= 2 * times or (len(running) >= times and running[-1] - running[-times] <= health.WITHIN_S)


class _Link:
    """The connection to the host of a wait, made anew when it is lost."""

    def __init__(self, host: str, access: Access, clock: Callable[[], float]) -> None:
        self._host = host
        self._access = access
        self._clock = clock
        self._lost_at: float | None = None
        self._tried: tuple[str, ...] = ()

    @property
    def is_lost(self) -> bool:
        return self._lost_at is not None

    def ask(self, question: Callable[[], Verdict], *, last: bool) -> Verdict:
        """Ask; where the host is away, connect again and say so. last: there will be no other try. Raises HostUnreachable."""
        connection = self._access.connections[self._host]
        try:
            verdict = question()
        except HostUnreachable as error:
            if self._lost_at is None:
                self._lost_at = self._clock()
                self._access.tell(self._host, f"{error.message}; connecting again")
            if last or self._clock() - self._lost_at > RECONNECT_S:
                error.evidence = (*error.evidence, *self._tried)
                raise
            try:
                self._access.connect_again(self._host, connection)
            except HostNotTrusted:
                raise
            except HostUnreachable as still:
                self._tried = (f"connecting again, for {self._clock() - self._lost_at:.0f} s by now: {still.message}",)
                return Verdict(False, still.message)
            self._lost_at = None
            return Verdict(False, "connected again")
        self._lost_at = None
        return verdict


def _ask(probe: Probe, host: str, access: Access, settled: set[health.Endpoint]) -> Verdict:
    """Ask once. settled: endpoints that said yes since the last full yes; they are not asked again before the others follow."""
    connection = access.connections[host]
    match probe:
        case health.Healthy(endpoints):
            for endpoint in endpoints:
                if endpoint not in settled:
                    verdict = health.ask(endpoint, connection)
                    if not verdict.ok:
                        return verdict
                    settled.add(endpoint)
            return Verdict(True)
        case health.EtcdVoters():
            return _with(lambda: health.voters(probe, access.etcd(host)), k.ETCD)
        case health.EtcdStarted():
            return _with(lambda: health.started(probe, voter(access, host), connection), k.ETCD)
        case health.NodesRegistered():
            return _with(lambda: health.nodes(probe, access.any_api()), k.API_SERVER)
        case health.MirrorPods():
            return _with(lambda: health.mirror_pods(probe, access.any_api()), k.API_SERVER)
        case health.Established():
            return _with(lambda: rollouts.established(probe, access.any_api()), k.API_SERVER)
        case health.RolledOut():
            return _with(lambda: rollouts.rolled_out(probe, access.any_api()), k.API_SERVER)
        case health.TokenSigned():
            return _with(lambda: health.token_signed(probe, access.any_api()), k.API_SERVER)
        case health.Gone(components):
            facts = connection.look(data_dir(access))
            running = sorted({p.component for p in facts.processes if p.component in components})
            return Verdict(not running, f"still running: {', '.join(running)}", running[0] if running else "")
        case health.PodRuns():
            return hostpods.runs(probe, hostpods.look(connection))
        case health.PodGone():
            return hostpods.gone(probe, hostpods.look(connection))


def voter(access: Access, but: str) -> EtcdClient:
    """A client of a member that votes and answers, on another host than `but`. Raises NoAnswer where there is none."""
    answers = []
    for host in access.masters:
        if host == but:
            continue
        try:
            client = access.etcd(host)
            if not client.status().get("isLearner") and client.members():
                return client
        except (NoAnswer, HostUnreachable) as error:
            answers.append(f"{host}: {error}")
    raise NoAnswer(f"no voter of etcd answers ({'; '.join(answers)})")


def _with(question: Callable[[], Verdict], component: str) -> Verdict:
    try:
        return question()
    except NoAnswer as error:
        return Verdict(False, str(error), component)
    except ApiError as error:
        if not error.passing:
            raise
        return Verdict(False, error.message, component)


def data_dir(access: Access) -> PurePosixPath:
    """etcd's data directory on every host."""
    return PurePosixPath(access.cluster.etcd.local.data_dir)


def evidence(connection: Connection, component: str, access: Access) -> list[str]:
    """The last log lines of a component's container; where it has none, the kubelet's. Empty when the host says nothing."""
    try:
        facts = connection.look(data_dir(access))
        found = container_log(facts, component)
        if found is not None:
            logs = (*_before(found), found)
            done = connection.run(("tail", "-q", "-n", str(LOG_LINES), *map(str, logs)))
            return [f"last lines of {component} on {connection.name}:", *_lines(done.stdout)[-LOG_LINES:]]
        journal = ("journalctl", "-u", "kubelet", "-n", str(LOG_LINES), "--no-pager", "-o", "cat")
        done = connection.run(journal)
        silent = f"no container of {component} was ever started on {connection.name}; " if component in k.STATIC_PODS else ""
        return [f"{silent}last lines of the kubelet on {connection.name}:", *_lines(done.stdout)]
    except BootstrapError as error:
        return [f"no log could be read from {connection.name}: {error}"]


def pod_evidence(access: Access, host: str, probe: health.PodRuns | health.PodGone, answer: str) -> list[str]:
    """Why the kubelet cannot start a static pod of the user's own, if the answer does not say so; the pod's last log lines.

    Where the kubelet names no reason, its last lines, too.
    """
    connection = access.connections[host]
    try:
        found = hostpods.look(connection)
        pods, shown = found.static(probe.namespace, probe.name), []
        for container in pods[-1].containers if pods else ():
            logs = (*_before(container.log), container.log)
            said = _lines(connection.run(("tail", "-q", "-n", str(LOG_LINES), *map(str, logs))).stdout)[-LOG_LINES:]
            shown += [f"last lines of container {container.name} on {host}:", *said] if said else []
        path = probe.path if isinstance(probe, health.PodRuns) else None
        facts = connection.look(data_dir(access))
        journal = refusals.said_of(connection, facts, path)
        pod, newest = f"{probe.namespace}/{probe.name}-{found.node}", found.newest(probe.namespace, probe.name)
        reasons = () if path is None else refusals.present(connection, facts, journal, pod, newest)
        if reasons:
            return [*(f"the kubelet on {host} says: {reason}" for reason in reasons if str(reason) not in answer), *shown]
        last = _lines("\n".join(complaints.lines(journal, pod)[-KUBELET_LINES:]).encode())
        return [*shown, *([f"last of what the kubelet on {host} said of it:", *last] if last else [])]
    except BootstrapError as error:
        return [f"no log could be read from {host}: {error}"]


def container_log(facts: Facts, component: str) -> PurePosixPath | None:
    """The newest log file of a static pod's container."""
    logs = [log for log in facts.pod_logs if log.container == component and log.pod.startswith("kube-system_")]
    return logs[-1].path if logs else None


def _before(log: PurePosixPath) -> tuple[PurePosixPath, ...]:
    """The log of the start before: one that has only just begun says nothing yet. The kubelet keeps one such file."""
    number = log.name.partition(".")[0]
    return (log.with_name(f"{int(number) - 1}.log"),) if number.isdigit() and int(number) > 0 else ()


def _lines(output: bytes) -> list[str]:
    """Lines of a container log without control characters, cut at a readable width."""
    text = output.decode(errors="replace")
    return ["  " + "".join(c if c.isprintable() else " " for c in line)[:400] for line in text.splitlines() if line.strip()]

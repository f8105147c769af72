"""logs: what a component, or the kubelet, wrote; read from the host's own disk or journal, so that it works without an API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from bootstrap import hostpods, refusals, staticpod, userpods, waiting
from bootstrap.cluster import Cluster
from bootstrap.components import static_pods
from bootstrap.connecting import Connect, connected
from bootstrap.connection import Connection
from bootstrap.console import Console
from bootstrap.console.loglines import unwrapped
from bootstrap.errors import ExitCode, Refused, RemoteError, UsageError, typed
from bootstrap.facts import Facts
from bootstrap.facts.live import manifests

BLOCK = 64 << 10
BLOCKS = 8
"""How much of a file is read at once: what a command may say is capped at 1 MiB."""
_LIST = "bootstrap pods list INVENTORY"
JOURNAL_LINES = 2000
"""Lines of the journal, which has no end to be read from in pieces, that stay below the same cap."""


def show(
    cluster: Cluster, host: str, component: str, tail: int, previous: bool, connect: Connect, console: Console
) -> ExitCode:
    """Print the last `tail` lines of a component's log. previous: of the container before the newest one."""
    chosen = next((one for one in cluster.hosts if one.name == host), None)
    if chosen is None:
        raise UsageError(f"{host!r} is no host of {cluster.name}", hint=f"hosts: {', '.join(one.name for one in cluster.hosts)}")
    known = (*static_pods(cluster, chosen), "kubelet")
    if component not in known:
        raise UsageError(f"{component!r} is no component", hint=f"components: {', '.join(known)}")
    if component == "kubelet" and previous:
        raise UsageError("the kubelet has one journal: --previous is for components", hint="--tail takes you further back")
    with connected(cluster, [chosen], connect, tell=console.working) as access:
        connection = access.connections[host]
        if component == "kubelet":
            text = _journal(connection, tail)
        else:
            facts = connection.look(waiting.data_dir(access))
            again = f"bootstrap logs INVENTORY {host} {component if previous else 'kubelet'}"
            log = _container(connection, _candidates(facts, component, previous), component, tail, previous=previous, hint=again)
            text = unwrapped(log)
    console.lines("\n".join(text.splitlines()[-tail:] if tail else []))
    return ExitCode.DONE


@dataclass(frozen=True)
class PodLogRequest:
    """pod: its name or `namespace/name`. container: None: the only one. previous: of the container before the newest one."""

    host: str
    pod: str
    container: str | None = None
    tail: int = 100
    previous: bool = False


def show_pod(cluster: Cluster, inventory: Path, request: PodLogRequest, connect: Connect, console: Console) -> ExitCode:
    """Print the last lines of a static pod's log, of any host of the inventory."""
    hosts = [host for host in cluster.hosts if host.name == request.host]
    if not hosts:
        known = ", ".join(host.name for host in cluster.hosts)
        raise UsageError(f"{request.host!r} is no host of {cluster.name}", hint=f"hosts: {known}")
    with connected(cluster, hosts, connect, tell=console.working) as access:
        connection = access.connections[request.host]
        seen, facts = hostpods.look(connection), connection.look(waiting.data_dir(access))
        found = _pods(seen, request)
        if not found:
            _refuse_without_log(connection, facts, seen, request)
        pod = found[-1]
        path, declared = _manifest(facts, _names(seen)[pod.uid])
        container = _chosen(pod, declared, request)
        if not request.previous and container not in _with_log(pod):
            _refuse_unstarted(connection, facts, path, f"{pod.namespace}/{pod.name}", request, pod, container)
        candidates = _logs_of(found, container, request.previous)
        newest = f"bootstrap pods logs INVENTORY {request.host} {request.pod}"
        text = unwrapped(_container(
            connection, candidates, f"{request.pod}, container {container},", request.tail, previous=request.previous,
            hint=newest if request.previous else _LIST,
        ))  # fmt: skip
        runs = any(one.age_s is not None for one in pod.containers if one.name == container)
        if not text and not request.previous and not runs:
            _refuse_unstarted(connection, facts, path, f"{pod.namespace}/{pod.name}", request, pod, container)
    if text or not request.tail:
        console.lines("\n".join(text.splitlines()[-request.tail:] if request.tail else []))
    else:
        wrote = "wrote nothing before it was started anew" if request.previous else "has written nothing"
        ended = "" if runs or request.previous else " and does not run"
        console.note(f"container {container} of {request.pod} {wrote}{ended}: {typed(_LIST, inventory)}")
    return ExitCode.DONE


def _manifest(facts: Facts, pod: tuple[str, str]) -> tuple[PurePosixPath | None, tuple[str, ...]]:
    """Where a pod's manifest is, and the names of all its containers; None and none where it has none (any more)."""
    for path, observed in manifests(facts).items():
        if userpods.identity(observed.content) == pod:
            spec = staticpod.decode(observed.content or b"")["spec"]
            lists = [spec.get(kind) for kind in ("initContainers", "containers")]
            found = [one for several in lists if isinstance(several, list) for one in several if isinstance(one, dict)]
            return path, tuple(str(one["name"]) for one in found if "name" in one)
    return None, ()


def _refuse_without_log(connection: Connection, facts: Facts, seen: hostpods.HostPods, request: PodLogRequest) -> NoReturn:
    """Raise Refused where the pod's manifest is there and its kubelet cannot start it, else UsageError."""
    for path, observed in manifests(facts).items():
        pod = userpods.identity(observed.content)
        if pod is not None and request.pod in (pod[1], "/".join(pod), f"{pod[1]}-{seen.node}"):
            _refuse_unstarted(connection, facts, path, f"{'/'.join(pod)}-{seen.node}", request)
    known = ", ".join(sorted({"/".join(name) for name in _names(seen).values()})) or "none"
    raise UsageError(f"{request.pod!r} has no log on {request.host}", hint=f"static pods with a log: {known}")


def _refuse_unstarted(
    connection: Connection, facts: Facts, path: PurePosixPath | None, name: str, request: PodLogRequest,
    pod: hostpods.HostPod | None = None, container: str = "",
) -> None:  # fmt: skip
    """Raise Refused where the kubelet says why it cannot start a pod, or that container of it. path: of its manifest."""
    said = refusals.present(connection, facts, refusals.said_of(connection, facts, path), name, pod)
    why = [str(complaint) for complaint in said if not container or complaint.container in ("", container)]
    if why:
        who = f"container {container} of {request.pod}" if container else request.pod
        raise Refused(f"{who} was not started on {request.host}: it has no log", host=request.host, evidence=why, hint=_LIST)


def _names(seen: hostpods.HostPods) -> dict[str, tuple[str, str]]:
    """Namespace and name, without the node's, of the static pods with a log, by UID."""
    return {pod.uid: (pod.namespace, pod.name.removesuffix(f"-{seen.node}")) for pod in seen.pods if pod.is_static}


def _pods(seen: hostpods.HostPods, request: PodLogRequest) -> tuple[hostpods.HostPod, ...]:
    """What is left of the static pod that is meant, the youngest last. Raises UsageError where that are several."""
    static, names = [pod for pod in seen.pods if pod.is_static], _names(seen)
    found = [pod for pod in static if request.pod in (pod.name, names[pod.uid][1], "/".join(names[pod.uid]))]
    meant = sorted({"/".join(names[pod.uid]) for pod in found})
    if len(meant) > 1:
        raise UsageError(f"{request.pod!r} means several pods on {request.host}", hint=f"one of {', '.join(meant)}")
    return tuple(found)


def _with_log(pod: hostpods.HostPod) -> tuple[str, ...]:
    return tuple(container.name for container in pod.containers)


def _chosen(pod: hostpods.HostPod, declared: Sequence[str], request: PodLogRequest) -> str:
    """declared: the containers of the pod's manifest: not all of them need have a log."""
    names = sorted({*declared, *_with_log(pod)})
    if request.container is None and len(declared or names) == 1:
        return (declared or names)[0]
    if request.container not in names:
        lacks = f"has no container {request.container!r}" if request.container else "has several containers"
        raise UsageError(f"{request.pod} {lacks}", hint=f"-c with one of {', '.join(names)}")
    return request.container


def _logs_of(pods: Sequence[hostpods.HostPod], container: str, previous: bool) -> list[PurePosixPath]:
    """Log files that may be meant, the best first."""
    logs = [one for pod in reversed(pods) for one in pod.containers if one.name == container]
    if not previous:
        return [one.log for one in logs[:1]]
    before = [one.log.with_name(f"{one.restarts - 1}.log") for one in logs[:1] if one.restarts]
    return [*before, *(one.log for one in logs[1:])]


def _journal(connection: Connection, tail: int) -> str:
    if tail > JOURNAL_LINES:
        raise UsageError(f"the kubelet's journal is shown up to {JOURNAL_LINES} lines back",
                         hint=f"on {connection.name}: journalctl -u kubelet")  # fmt: skip
    return _said(connection, ("journalctl", "-u", "kubelet", "-n", str(tail), "--no-pager")).decode(errors="replace")


def _candidates(facts: Facts, component: str, previous: bool) -> list[PurePosixPath]:
    """Log files that may be meant, the best first. A pod that was made anew has a directory of its own: its logs start at 0."""
    logs = [log for log in facts.pod_logs if log.container == component and log.pod.startswith("kube-system_")]
    if not previous:
        return [log.path for log in logs[-1:]]
    found = []
    for log in reversed(logs):
        found += [] if log is logs[-1] else [log.path]
        found += [log.path.with_name(f"{log.restarts - 1}.log")] if log.restarts else []
    return found


def _container(
    connection: Connection, candidates: Iterable[PurePosixPath], component: str, tail: int, *, previous: bool, hint: str
) -> str:
    """The end of the first of the files that is there."""
    for path in candidates:
        done = connection.run(("stat", "-c", "%s", str(path)))
        if done.status == 0 and done.stdout.strip().isdigit():
            return _end(connection, path, int(done.stdout), tail)
    raise Refused(
        f"{component} has no {'earlier ' if previous else ''}log on {connection.name}",
        host=connection.name,
        hint=hint,
    )


def _end(connection: Connection, path: PurePosixPath, size: int, tail: int) -> str:
    """The last lines of a file, read backwards in pieces until there are enough."""
    block, content = -(-size // BLOCK), b""
    while block > 0 and content.count(b"\n") <= tail:
        first = max(block - BLOCKS, 0)
        piece = ("dd", f"if={path}", f"bs={BLOCK}", f"skip={first}", f"count={block - first}", "status=none")
        content = _said(connection, piece) + content
        block = first
    return content.decode(errors="replace")


def _said(connection: Connection, argv: tuple[str, ...]) -> bytes:
    done = connection.run(argv)
    if done.status != 0:
        error = done.stderr.decode(errors="replace").strip().splitlines()
        raise RemoteError(f"{argv[0]} ended with {done.status} on {connection.name}", host=connection.name, evidence=error[-4:])
    return done.stdout

"""verify: what differs between the plan, the files, the processes, the certificates served and what the API says.

Drift of files is a plan of `init` that is not empty; the rest is asked live. Everything here reads only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bootstrap import constants as k
from bootstrap import desired, guards, hardening, health, healthz, hostpods, staticpod, userpods
from bootstrap.access import Access
from bootstrap.apiserver import ApiError
from bootstrap.apply import MAX_HOSTS_AT_ONCE
from bootstrap.changes import AddTaints, ApiApply, ApiPrune, WriteFile, done_text, mutates
from bootstrap.cluster import Host, Role
from bootstrap.connection import NoAnswer, Request, Tls
from bootstrap.differences import same_pod
from bootstrap.errors import BootstrapError
from bootstrap.facts import Facts, is_live
from bootstrap.files import File, Link
from bootstrap.parallel import each
from bootstrap.plan import Plan, Snapshot

# One of each kind: discovery, what says most to a stranger, and what kubeadm's RBAC gives to everybody but us.
NEVER_ANONYMOUS = ("/api", "/apis", "/version", "/metrics", "/openapi/v2", "/livez/etcd", "/api/v1/nodes", k.CLUSTER_INFO)


@dataclass(frozen=True)
class Difference:
    """host: empty for what belongs to the cluster. what: a short name that stays the same between versions."""

    host: str
    what: str
    expected: str
    actual: str


def differences(snapshot: Snapshot, plans: Sequence[Plan], access: Access) -> tuple[Difference, ...]:
    """Every difference found; empty means that the cluster is as the inventory says.

    plans: what init, and add-worker for the workers that have joined, would do.
    """
    workers = [host for host in snapshot.cluster.workers if host.name in snapshot.facts]
    looked_at = [host for host in snapshot.cluster.control_plane_hosts if host.name in snapshot.facts]
    bare = {host.name for host in looked_at if _is_bare(snapshot.facts[host.name])}
    hosts = [host for host in looked_at if host.name not in bare]
    found = [
        Difference(name, "control plane", "set up", "nothing of it is here: no manifest, no certificate, no component")
        for name in sorted(bare)
    ]
    if not hosts:
        return tuple(found)
    found += _drift(plans, bare, api_answers=snapshot.api is not None)
    for host in hosts:
        found += _strangers(snapshot, host)
        found += _processes(snapshot, host)
    for host in workers:
        found += _strangers(snapshot, host)
    for results in each(lambda host: _live(snapshot, host, access), [*hosts, *workers], MAX_HOSTS_AT_ONCE):
        found += results
    found += _cluster(snapshot, hosts, workers, access)
    return tuple(found)


def _is_bare(facts: Facts) -> bool:
    """Whether nothing of a control plane was ever made here, or all of it was taken off: one thing to say, not sixty."""
    kubeconfigs = any(path.parent == k.KUBERNETES_DIR and path.suffix == ".conf" for path in facts.owned)
    return not is_live(facts) and not kubeconfigs and not any(k.PKI_DIR in path.parents for path in facts.owned)


def _drift(plans: Sequence[Plan], bare: Collection[str], *, api_answers: bool) -> Iterable[Difference]:
    """Files, services and API objects that init and add-worker would write. bare: hosts of which there is nothing more to say."""
    if not api_answers:
        yield Difference("", "api objects", "as rendered", "not known: no API server answers")
    for _, host, change in (item for plan in plans for item in plan.all()):
        if isinstance(change, ApiPrune):
            yield Difference("", f"api object {change.leftover.ref}", "not there", "left over: no longer in the inventory")
        elif isinstance(change, ApiApply | AddTaints):
            if api_answers:
                what = f"api object {change.ref}" if isinstance(change, ApiApply) else f"taints of node {change.node}"
                yield Difference("", what, "as rendered", "missing or changed")
        elif host in bare:
            continue
        elif isinstance(change, WriteFile):
            yield _file_drift(host, change)
        elif mutates(change):
            yield Difference(host, "action outstanding", "nothing to do", done_text(change))


def _file_drift(host: str, change: WriteFile) -> Difference:
    entry, before = change.entry, change.previous
    what = f"file {entry.path}"
    if before is None:
        return Difference(host, what, "present", "missing")
    if isinstance(entry, File) and before.kind == "file" and _same_content(entry, before.sha256, before.content):
        wanted = f"{entry.mode:04o} {entry.owner}:{entry.group}"
        return Difference(host, f"mode of {entry.path}", wanted, f"{before.mode:04o} {before.owner}:{before.group}")
    if isinstance(entry, File):
        words = staticpod.words_apart(entry.bytes, before.content) if before.content is not None else ()
        if any(words):
            return Difference(host, what, *(" ".join(side) or "no further flag" for side in words))
        actual = f"sha256 {before.sha256[:12]}" if before.sha256 else before.kind
        return Difference(host, what, f"sha256 {entry.sha256[:12]}", actual)
    if isinstance(entry, Link):
        return Difference(host, what, f"link to {entry.target}", f"{before.kind} {before.target}".strip())
    return Difference(host, f"mode of {entry.path}", f"{entry.mode:04o} {entry.owner}:{entry.group}",
                      f"{before.kind} {before.mode:04o} {before.owner}:{before.group}")  # fmt: skip


def _same_content(entry: File, sha256: str, content: bytes | None) -> bool:
    return entry.sha256 == sha256 or (not entry.secret and content is not None and same_pod(entry.bytes, content))


def _strangers(snapshot: Snapshot, host: Host) -> Iterable[Difference]:
    facts = snapshot.facts[host.name]
    for path in guards.strangers(snapshot.cluster, facts):
        yield Difference(host.name, f"stranger {path}", "nothing but our manifests here", "the kubelet reads it as a manifest")
    wanted = {pod.file_name for pod in snapshot.static_pods.get(host.name, ())}
    for path, origin in desired.users_manifests(facts).items():
        if origin == userpods.FROM_INVENTORY and path.name not in wanted:
            yield Difference(host.name, f"static pod {path}", "not there: not in spec.staticPods", "the kubelet runs it")


def _processes(snapshot: Snapshot, host: Host) -> Iterable[Difference]:
    """Running processes against the manifests on disk and against the plan."""
    facts = snapshot.facts[host.name]
    for name in k.COMPONENTS:
        running = [process for process in facts.processes if process.component == name]
        if len(running) != 1:
            yield Difference(host.name, f"processes of {name}", "1", str(len(running)))
            continue
        seen = facts.owned.get(desired.manifest_path(facts, name))
        if seen is not None and seen.content is not None:
            manifest = staticpod.command(seen.content)
            yield from _flags(host.name, f"flags of {name} against its manifest", manifest, running[0].argv)
        wanted = desired.manifest(snapshot, host, name)
        if (user := _user(wanted.bytes)) not in (None, running[0].user):
            yield Difference(host.name, f"user of {name}", str(user), str(running[0].user))
        yield from _flags(host.name, f"flags of {name} against the plan", staticpod.command(wanted.bytes), running[0].argv)


def _flags(host: str, what: str, wanted: Sequence[str], running: Sequence[str]) -> Iterable[Difference]:
    lacking = [flag for flag in wanted[1:] if flag not in running[1:]]
    extra = [flag for flag in running[1:] if flag not in wanted[1:]]
    if lacking or extra:
        yield Difference(host, what, " ".join(lacking) or "no further flag", " ".join(extra) or "flag is not there")


def _user(manifest: bytes) -> int | None:
    """Id of the user that a manifest's component runs as; None where that is left to the image."""
    pod = staticpod.decode(manifest)
    found = {**(pod["spec"].get("securityContext") or {}), **(staticpod.main_container(pod).get("securityContext") or {})}
    return found.get("runAsUser")


def _live(snapshot: Snapshot, host: Host, access: Access) -> list[Difference]:
    """Health of each component of a host, and the certificate that each TLS port shows."""
    connection = access.connections[host.name]
    found = []
    for endpoint in healthz.of_host(snapshot, host):
        verdict = health.ask(endpoint, connection)
        if not verdict.ok:
            found.append(Difference(host.name, f"health of {endpoint.component}", "healthy", verdict.answer))
    for what, path, question in _served(snapshot, host, access):
        seen = snapshot.facts[host.name].owned.get(path)
        if seen is None or seen.content is None:
            continue
        wanted = _fingerprint(seen.content)
        try:
            answer = connection.request(question)
        except NoAnswer as error:
            found.append(Difference(host.name, f"certificate served by {what}", str(path), str(error)))
            continue
        shown = hashlib.sha256(answer.peer_certificate).hexdigest()
        if shown != wanted:
            found.append(Difference(host.name, f"certificate served by {what}", f"{path} ({wanted[:12]})", shown[:12]))
    anonymous = _anonymous(snapshot, host, access) if host.role is Role.CONTROL_PLANE else ()
    return [*found, *anonymous, *_users_pods(snapshot, host)]


def _users_pods(snapshot: Snapshot, host: Host) -> Iterable[Difference]:
    """Pods of spec.staticPods that do not run."""
    for pod in snapshot.static_pods.get(host.name, ()):
        path = desired.manifest_dir(snapshot.facts[host.name]) / pod.file_name
        probe = health.PodRuns(pod.namespace, pod.name, path, pod.containers, pod.may_end)
        verdict = hostpods.runs(probe, snapshot.host_pods[host.name])
        if not verdict.ok and path in snapshot.facts[host.name].owned:
            yield Difference(host.name, f"static pod {pod.key}", "running", verdict.answer)


def _anonymous(snapshot: Snapshot, host: Host, access: Access) -> Iterable[Difference]:
    """What a request without credentials is told: only the paths of the inventory answer, each as it stands."""
    allowed = hardening.anonymous_paths(snapshot.cluster)
    if allowed is None:
        return
    connection, port = access.connections[host.name], snapshot.cluster.api_server.bind_port
    tls = Tls(snapshot.cluster_ca, host.address)
    for path in (*allowed, *(path for path in NEVER_ANONYMOUS if path not in allowed)):
        wanted = 200 if path in allowed else 401
        try:
            actual = str(connection.request(Request("GET", host.address, port, path, tls)).status)
        except NoAnswer as error:
            actual = str(error)
        if actual != str(wanted):
            yield Difference(host.name, f"anonymous GET {path}", str(wanted), actual)


def _served(snapshot: Snapshot, host: Host, access: Access) -> Iterable[tuple[str, PurePosixPath, Request]]:
    """Who serves TLS, the certificate file that each should show, and how to ask."""

    def version(port: int, tls: Tls) -> Request:
        return Request("GET", host.address, port, "/version", tls)

    cluster = Tls(snapshot.cluster_ca, host.address)
    if snapshot.cluster.hardening.kubelet_serving:
        yield "kubelet", k.KUBELET_PKI_DIR / "kubelet.crt", version(k.KUBELET_PORT, cluster)
    if host.role is Role.WORKER:
        return
    yield k.API_SERVER, k.PKI_DIR / "apiserver.crt", version(snapshot.cluster.api_server.bind_port, cluster)
    for one in (healthz.controller_manager(snapshot.cluster), healthz.scheduler(snapshot.cluster)):
        entry = hardening.serving_certificate(snapshot.cluster, one.component)
        if entry is not None:
            # For anything but health they would ask an API server whether it is allowed.
            tls = Tls(snapshot.cluster_ca, one.address)
            yield one.component, entry.path, Request("GET", one.address, one.port, one.path, tls)
    try:
        etcd = access.etcd(host.name).tls
    except NoAnswer:
        return
    yield "etcd for clients", k.ETCD_PKI_DIR / "server.crt", version(k.ETCD_CLIENT_PORT, etcd)
    yield "etcd for peers", k.ETCD_PKI_DIR / "peer.crt", version(k.ETCD_PEER_PORT, etcd)


def _fingerprint(pem: bytes) -> str:
    """SHA-256 of the first certificate's DER; of the bytes themselves where they are no certificate."""
    try:
        return hashlib.sha256(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).hexdigest()
    except ValueError:
        return hashlib.sha256(pem).hexdigest()


def _cluster(snapshot: Snapshot, hosts: Sequence[Host], workers: Sequence[Host], access: Access) -> list[Difference]:
    """etcd's member list as each master sees it, nodes and mirror pods."""
    names = tuple(host.name for host in snapshot.cluster.control_plane_hosts)
    everybody = (*names, *(host.name for host in workers))
    found = []
    for host in hosts:
        probe = health.EtcdVoters(host.address, names, snapshot.etcd_ca)
        verdict = _asked(lambda host=host, probe=probe: health.voters(probe, access.etcd(host.name)))  # type: ignore[misc]
        if not verdict.ok:
            found.append(Difference(host.name, "etcd members", ", ".join(names), verdict.answer))
    found += _etcds_state(hosts, access)
    asked: tuple[tuple[str, Callable[[], health.Verdict]], ...] = (
        ("nodes", lambda: health.nodes(health.NodesRegistered(everybody), access.any_api())),
        ("mirror pods", lambda: health.mirror_pods(health.MirrorPods(names), access.any_api())),
    )
    for what, question in asked:
        verdict = _asked(question)
        if not verdict.ok:
            found.append(Difference("", what, "all there", verdict.answer))
    return found


def _etcds_state(hosts: Sequence[Host], access: Access) -> Iterable[Difference]:
    """Alarms of etcd, and members that hold something else than the others at the same revision."""
    clients = {}
    for host in hosts:
        try:
            etcd = access.etcd(host.name)
            clients[host.name] = (etcd, etcd.revision())
        except (NoAnswer, BootstrapError):
            continue    # said elsewhere
    if not clients:
        return
    at = min(revision for _, revision in clients.values())
    hashes: dict[str, tuple[int, int]] = {}
    alarms: tuple[tuple[str, str], ...] = ()
    for name, (etcd, _) in clients.items():
        try:
            alarms = etcd.alarms()
            hashes[name] = etcd.hash(at)
        except NoAnswer:
            continue    # compacted meanwhile, or gone: the next look tells
    for member, alarm in alarms:
        yield Difference("", f"etcd alarm {alarm}", "no alarm", f"raised by member {member}")
    for compacted in sorted({compacted for _, compacted in hashes.values()}):
        same = {name: value for name, (value, since) in hashes.items() if since == compacted}
        if len(set(same.values())) > 1:
            shown = ", ".join(f"{name} {value:08x}" for name, value in sorted(same.items()))
            yield Difference("", "data of etcd's members", f"the same at revision {at}", shown)


def _asked(question: Callable[[], health.Verdict]) -> health.Verdict:
    try:
        return question()
    except (NoAnswer, ApiError) as error:
        return health.Verdict(False, str(error))


def as_dict(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """JSON-ready."""
    return [{"host": d.host, "what": d.what, "expected": d.expected, "actual": d.actual} for d in found]

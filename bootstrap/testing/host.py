"""One model machine: files, systemd, a kubelet, containers, and who answers on which port."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bootstrap import constants as k
from bootstrap.balancer import CONFIG as BALANCER_CONFIG
from bootstrap.connection import Answer, NoAnswer, Request, Tls
from bootstrap.files import Directory, File
from bootstrap.testing import api, balancing, systemd, tls
from bootstrap.testing.containers import Container, Runtime
from bootstrap.testing.decoding import decoded
from bootstrap.testing.filesystem import FakeFiles
from bootstrap.testing.holds import FakeHold
from bootstrap.testing.kubelet import FakeKubelet
from bootstrap.testing.store import ObjectStore
from bootstrap.virtual_ip import CONFIG as KEEPALIVED_CONFIG

if TYPE_CHECKING:
    from bootstrap.testing.fleet import FakeFleet

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CA_DIRS = ("/usr/share/ca-certificates", "/usr/local/share/ca-certificates")


class FakeHost:
    """State of one machine; tests change it as they like.

    reachable: over SSH, by the tool. powered: on at all. crashes: log lines of components that end as soon as they start.
    services: active state of units beside the kubelet's. skew_s: how far its clock is off. forwards: its sshd opens connections.
    missing_images: what its runtime would have to pull; None: it cannot be asked. write_s: how long its disk takes for a write.
    sandbox_image: what its runtime makes sandboxes of. knows_itself: its own name is in its /etc/hosts. kernel_lacks: what its
    kernel is built without.
    """

    def __init__(self, name: str, address: str, fleet: FakeFleet) -> None:
        self.name = name
        self.address = address
        self.fleet = fleet
        self._trusted: tuple[tuple[object, ...], bool] | None = None
        self.reachable = True
        self.powered = True
        self.crashes: dict[str, list[str]] = {}
        self.services = {"containerd.service": "active"}
        self.boots = 1
        self.hold: FakeHold | None = None
        self.skew_s = 0.0
        self.hostname = name
        self.machine_id = f"machine-{name}"
        self.forwards = True
        self.missing_images: set[str] | None = set()
        self.write_s = 0.001
        self.sandbox_image = "registry.k8s.io/pause:3.10.2"
        self.knows_itself = True
        self.kernel_lacks: set[str] = set()
        self.files = FakeFiles(name)
        self._pids = 1000
        for path in ("/etc/kubernetes", "/etc/ssl/certs", "/var/lib", "/var/log/pods", "/usr/bin", *CA_DIRS):
            self.files.put(Directory(PurePosixPath(path)), fleet.now)
        self.files.put(File(systemd.UNIT, systemd.PACKAGED_UNIT, 0o644), fleet.now)
        self.files.put(File(systemd.DROP_IN_DIRS[0] / "10-kubeadm.conf", systemd.PACKAGED_DROP_IN, 0o644), fleet.now)
        self.runtime = Runtime(self._reason_to_end, self._next_pid)
        self.kubelet = FakeKubelet(name, self.files, self.runtime, self._next_pid)

    @property
    def reachable_by_others(self) -> bool:
        """Whether the other hosts' etcd and API servers see it."""
        return self.powered

    def now(self) -> float:
        return self.fleet.now

    def put(self, path: str, content: bytes | str, mode: int = 0o600) -> None:
        """Write a file as somebody else would; it is no operation of the tool."""
        data = content.encode() if isinstance(content, str) else content
        self.files.put(File(PurePosixPath(path), data, mode), self.now())

    def text(self, path: str | PurePosixPath) -> str | None:
        """Content of a file; None where there is none."""
        content = self.files.content(PurePosixPath(path))
        return content.decode() if content is not None else None

    def power_off(self) -> None:
        self.powered = self.reachable = False
        self.hold = None    # it lies in /run
        self.runtime.containers.clear()
        self.kubelet.process = None

    def power_on(self) -> None:
        """Boot: services that are enabled start; pids and boot id are new."""
        self.powered = self.reachable = True
        self.boots += 1
        self.kubelet.daemon_reload()
        if self.kubelet.enabled:
            self.kubelet.restart(self.now())

    def end_member(self, cluster_id: int, member_id: int) -> None:
        """An etcd that was removed from the member list ends."""
        container = self.runtime.running(k.ETCD)
        if container is not None and container.member == (cluster_id, member_id):
            self.runtime.end(container, ["the member has been permanently removed from the cluster"], self.now())

    def tick(self) -> None:
        """Let the kubelet and its containers do what is due."""
        if self.hold is not None:
            self.hold.tick()
        if self.powered:
            self.kubelet.tick(self.now())
            self.runtime.tick(self.now(), self.crashes, restart=self.kubelet.process is not None)

    def moment(self) -> tuple[object, ...]:
        """What of it other hosts, its kubelet and controllers go by: changed by whatever could change what they do."""
        process, up = self.kubelet.process, self.fleet.is_up
        containers = tuple(
            (uid, one.running, one.start_time, up(one.start_time), one.restarts, one.config, one.member)
            for uid, one in self.runtime.containers.items()
        )
        kubelet = (process.pid, up(process.start_time), self.kubelet.version) if process is not None else None
        return self.powered, self.address, self.files.generation, kubelet, containers

    def answering(self, component: str) -> Container | None:
        """A component's container once it answers; None while it starts, crashes or is not there."""
        container = self.runtime.running(component) if self.powered else None
        return container if container is not None and self.fleet.is_up(container.start_time) else None

    def kubelet_answers(self) -> bool:
        process = self.kubelet.process
        return self.powered and process is not None and self.fleet.is_up(process.start_time)

    def store(self) -> ObjectStore | None:
        """What this host's API server serves; None while it is not ready."""
        server = self.answering(k.API_SERVER)
        for name in server.flag("etcd-servers").split(",") if server is not None else ():
            url = urlsplit(name)
            host = self.fleet.seen_from(self, url.hostname or "")
            if host is None or server is None or not _listens(host, name):
                continue
            found = self.fleet.etcd.cluster_of(host)
            if found is None or not self.fleet.etcd.has_quorum(found[0]):
                continue
            if self._etcd_lets_in(server, host, url.hostname or ""):
                return found[0].store
        return None

    def holds(self, address: str) -> bool:
        """Whether its keepalived has that virtual IP, or would have it if no other host came first."""
        keepalived = self.answering(k.KEEPALIVED)
        config = self.files.content(KEEPALIVED_CONFIG) or b""
        return keepalived is not None and f" {address}/".encode() in config and self.store() is not None

    def balanced(self) -> FakeHost | None:
        """The master that this worker's balancer gives a new connection; None where it has none that is ready."""
        balancer = self.answering(k.BALANCER)
        servers = balancing.servers(balancer.config) if balancer is not None else ()
        found = (self.fleet.seen_from(self, address) for address in servers)
        return next((host for host in found if host is not None and host.powered and host.store() is not None), None)

    def reload_balancer(self) -> None:
        """SIGUSR2 to HAProxy's master process: it reads its file again, and goes on as it was where that is no good."""
        balancer = self.runtime.running(k.BALANCER)
        content = self.files.content(BALANCER_CONFIG)
        if balancer is not None and content is not None and balancing.servers(content):
            balancer.config = content

    def answer(self, request: Request, source: FakeHost) -> Answer:
        """Answer an HTTP request that came from `source`. Raises NoAnswer where nothing listens."""
        local = request.address in LOOPBACK and source is self
        server, etcd = self.answering(k.API_SERVER), self.answering(k.ETCD)
        process = self.kubelet.process if self.kubelet_answers() else None
        if local and (balancer := self.answering(k.BALANCER)) is not None:
            if request.port == k.BALANCER_HEALTH_PORT:
                return balancing.health(balancer.config, request.path, ready=self.balanced() is not None)
            if request.port == balancing.port(balancer.config) and (master := self.balanced()) is not None:
                return master.answer(request, self)
        match request.port:
            case k.ETCD_METRICS_PORT if etcd is not None and local:
                return self._etcd_health(request)
            case k.ETCD_CLIENT_PORT if etcd is not None:
                return self._etcd_gateway(request, etcd)
            case k.ETCD_PEER_PORT if etcd is not None:
                return self._plain(request, etcd, "peer-cert-file", "peer-trusted-ca-file")
            case k.CONTROLLER_MANAGER_PORT | k.SCHEDULER_PORT if local:
                return self._controller_health(request)
            case port if process is not None and local and port == process.port("healthzPort"):
                return Answer(200 if request.path == "/healthz" else 404, b"ok")
            case port if process is not None and port == process.port("port") and "tlsCertFile" in process.config:
                certificate = self.files.content(PurePosixPath(process.config["tlsCertFile"])) or b""
                return Answer(401, b"Unauthorized", self._greet(request, certificate))
            case port if server is not None and port == int(server.flag("secure-port", "6443")):
                return self._api(request, server)
        raise _refused(request)

    def file_of(self, container: Container, flag: str) -> bytes:
        """Content of the file that a flag of a container names."""
        path = container.file_at(flag)
        return (self.files.content(path) if path is not None else None) or b""

    def _api(self, request: Request, server: Container) -> Answer:
        if request.tls is None:
            return Answer(400, b"Client sent an HTTP request to an HTTPS server.\n")
        der = self._greet(request, self.file_of(server, "tls-cert-file"))
        who = tls.Identity("test", ("system:masters",))
        if self.fleet.check_tls:
            who = tls.identity(request.tls, self.file_of(server, "client-ca-file"))
        headers = {name.lower(): value for name, value in request.headers}
        now = datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        call = api.Call(request.method, request.path, headers, request.body, who, now, self._anonymous_paths(server))
        version = server.image.rpartition(":")[2]
        return Answer(*api.answer(call, self.store(), version), peer_certificate=der)

    def _anonymous_paths(self, server: Container) -> tuple[str, ...] | None:
        """Of the API server's AuthenticationConfiguration; None where it has none."""
        if not server.flag("authentication-config"):
            return None
        anonymous = (decoded(self.file_of(server, "authentication-config")) or {})["anonymous"]
        return tuple(condition["path"] for condition in anonymous["conditions"])

    def _etcd_health(self, request: Request) -> Answer:
        if request.path == "/metrics":
            counts = [(bound, 1000 if self.write_s <= float(bound) else 0) for bound in ("0.001", "0.01", "0.1", "1", "+Inf")]
            lines = [f'etcd_disk_wal_fsync_duration_seconds_bucket{{le="{bound}"}} {count}\n' for bound, count in counts]
            return Answer(200, "".join(lines).encode())
        found = self.fleet.etcd.cluster_of(self)
        good = found is not None and (request.path == "/livez" or self.fleet.etcd.has_quorum(found[0]))
        return Answer(200, b"ok") if good else Answer(503, b"[+]data_corruption ok\n[-]linearizable_read failed: timed out\n")

    def _etcd_gateway(self, request: Request, etcd: Container) -> Answer:
        der = self._plain(request, etcd, "cert-file", "trusted-ca-file").peer_certificate
        if request.path == "/version":
            return Answer(200, b'{"etcdserver":"3.6"}', der)
        try:
            status, body = self.fleet.etcd.answer(self, request.path, json.loads(request.body or b"{}"))
        except ConnectionRefusedError:
            raise _refused(request) from None
        return Answer(status, json.dumps(body).encode(), der)

    def _controller_health(self, request: Request) -> Answer:
        name = k.CONTROLLER_MANAGER if request.port == k.CONTROLLER_MANAGER_PORT else k.SCHEDULER
        container = self.answering(name)
        if container is None or self.fleet.store_for(self, self.file_of(container, "kubeconfig")) is None:
            raise _refused(request)
        der = self._greet(request, self.file_of(container, "tls-cert-file"))
        known = ("/healthz",) if name == k.CONTROLLER_MANAGER else ("/healthz", "/livez", "/readyz")
        return Answer(200, b"ok", der) if request.path in known else Answer(403, b"Forbidden", der)

    def _plain(self, request: Request, etcd: Container, certificate: str, authority: str) -> Answer:
        """The TLS part of one of etcd's ports, which wants a client certificate."""
        if request.tls is None:
            raise NoAnswer("malformed HTTP response")
        der = self._greet(request, self.file_of(etcd, certificate))
        if self.fleet.check_tls and tls.identity(request.tls, self.file_of(etcd, authority)) == tls.ANONYMOUS:
            raise NoAnswer("TLS failed: remote error: tls: certificate required")
        return Answer(404, b"404 page not found\n", der)

    def _greet(self, request: Request, certificate: bytes) -> bytes:
        if not self.fleet.check_tls:
            return b""
        if request.tls is None:
            raise NoAnswer("malformed HTTP response")
        return tls.greet(request.tls, certificate, request.address)

    def _etcd_lets_in(self, server: Container, host: FakeHost, address: str) -> bool:
        """Whether the API server's identity and etcd's agree."""
        etcd = host.answering(k.ETCD)
        if not self.fleet.check_tls or etcd is None:
            return etcd is not None
        state = server.pod.uid, self.files.generation, host.name, etcd.pod.uid, host.files.generation, address
        if self._trusted is None or self._trusted[0] != state:
            self._trusted = state, self._are_trusted(server, host, etcd, address)
        return self._trusted[1]

    def _are_trusted(self, server: Container, host: FakeHost, etcd: Container, address: str) -> bool:
        identity = Tls(
            self.file_of(server, "etcd-cafile"), address,
            self.file_of(server, "etcd-certfile"), self.file_of(server, "etcd-keyfile"),
        )  # fmt: skip
        try:
            tls.greet(identity, host.file_of(etcd, "cert-file"), address)
            return tls.identity(identity, host.file_of(etcd, "trusted-ca-file")) != tls.ANONYMOUS
        except NoAnswer:
            return False

    def _reason_to_end(self, container: Container) -> str:
        """Why a container that starts ends at once; empty where it goes on."""
        if container.name in self.crashes:
            return self.crashes[container.name][-1]
        rights = container.rights
        if rights.non_root and rights.uid == 0:
            return "Error: container has runAsNonRoot and image will run as root"
        if container.name == k.API_SERVER and "NET_BIND_SERVICE" not in rights.capabilities:
            return "exec /usr/local/bin/kube-apiserver: operation not permitted"
        for path in container.files():
            at = container.on_host(path)
            if at is None or not self.files.exists(at):
                return f"open {path}: no such file or directory"
            *directories, last = container.ways(path)
            if not all(rights.may(1, self.files, each) for each in directories) or not rights.may(4, self.files, last):
                return f"open {path}: permission denied"
        if container.name == k.BALANCER:
            container.config = self.files.content(BALANCER_CONFIG) or b""
            return "" if balancing.servers(container.config) else f"[ALERT] cannot open configuration file {BALANCER_CONFIG}"
        return self.fleet.etcd.start(self, container) if container.name == k.ETCD else ""

    def _next_pid(self) -> int:
        self._pids += 1
        return self._pids


def _listens(host: FakeHost, url: str) -> bool:
    """Whether a host's etcd listens at a client URL, as that host knows it."""
    container = host.answering(k.ETCD)
    return container is not None and url in container.flag("listen-client-urls").split(",")


def _refused(request: Request) -> NoAnswer:
    return NoAnswer(f"dial tcp {request.address}:{request.port}: connect: connection refused")



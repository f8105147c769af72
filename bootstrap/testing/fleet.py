"""Model hosts with one clock, one network, one count of what the tool changed, and faults on demand.

Nothing here takes real time: every call of a connection costs a little of the fleet's own, and `sleep` passes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bootstrap import constants as k
from bootstrap.cluster import Cluster, Host
from bootstrap.connection import Answer, NoAnswer, Request
from bootstrap.errors import HostUnreachable
from bootstrap.testing import tls
from bootstrap.testing.commands import COMMANDS, Command
from bootstrap.testing.connection import FakeConnection
from bootstrap.testing.etcd import FakeEtcd, Member
from bootstrap.testing.host import LOOPBACK, FakeHost
from bootstrap.testing.network import FakeNetwork
from bootstrap.testing.registration import register, sign
from bootstrap.testing.store import ObjectStore
from bootstrap.testing.workloads import establish, roll_out

T = TypeVar("T")
BIRTH = 1_780_000_000.0
CALL_S = 0.05
TICK_S = 0.5
VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


class Killed(BaseException):
    """The tool was killed: nothing that it does after this happens."""


@dataclass(frozen=True)
class Operation:
    """One thing that the tool changed, or tried to."""

    host: str
    what: str


@dataclass(frozen=True)
class Call:
    """A call that changed something. last: how many operations its host had seen when it came to its end."""

    host: str
    last: int


@dataclass(frozen=True)
class _Cut:
    """A connection that will break. at: how many operations on that host will have been tried then.

    after: once the whole call that the operation belongs to was done, and before its answer was heard.
    """

    at: int
    after: bool


class FakeFleet:
    """hosts: names and addresses. startup_s: how long anything that starts takes to answer. check_tls: check chains and names.

    operations: every change the tool made or tried. calls: the calls that they belong to, one for all files of a write.
    ran: every command line it ran. commands: what hosts understand. before_each: called before each operation. before_step:
    called before each thing that happens on a host, also within an operation: a host that dies is found as it is then. on_tick:
    called as time passes, after the hosts have done what was due.
    copy.deepcopy gives a fleet that lives on by itself, without the connections.
    troubles: status of a pod, by the name of the workload whose pods do not come up.
    life: number of the tool's run; those before it were killed.
    """

    def __init__(self, hosts: Mapping[str, str], *, startup_s: float = 1.0, check_tls: bool = True) -> None:
        self.now = BIRTH
        self.startup_s = startup_s
        self.check_tls = check_tls
        self.operations: list[Operation] = []
        self.calls: list[Call] = []
        self.ran: list[tuple[str, tuple[str, ...]]] = []
        self.commands: dict[str, Command] = dict(COMMANDS)
        self.connections: list[FakeConnection] = []
        self.hosts = {name: FakeHost(name, address, self) for name, address in hosts.items()}
        self.network = FakeNetwork()
        self.etcd = FakeEtcd(self)
        self.troubles: dict[str, dict[str, Any]] = {}
        self.before_each: Callable[[], None] | None = None
        self.before_step: Callable[[], None] | None = None
        self.on_tick: Callable[[], None] | None = None
        self._lock = threading.RLock()
        self.life = 0
        self._next_tick = self.now + TICK_S
        self._settled: tuple[object, ...] = ()
        self._kill_at: int | None = None
        self._cuts: dict[str, _Cut] = {}

    @classmethod
    def of(cls, cluster: Cluster, **options: Any) -> FakeFleet:
        """A fleet with a fresh machine for each host of an inventory."""
        return cls({host.name: host.address for host in cluster.hosts}, **options)

    def host(self, name: str) -> FakeHost:
        return self.hosts[name]

    # --- connecting ---

    def connect(self, host: Host | str) -> FakeConnection:
        """Log in to a host. Raises HostUnreachable."""
        name = host if isinstance(host, str) else host.name
        with self._lock:
            if not self.hosts[name].reachable:
                raise HostUnreachable(f"{name} cannot be reached: connection timed out", host=name)
            connection = FakeConnection(self.hosts[name], self, self.life)
            self.connections.append(connection)
            return connection

    # --- time ---

    def clock(self) -> float:
        """Seconds; for whatever takes a clock."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass, for whatever takes a sleep: pauses of a test, or of the tool."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass: kubelets, containers and controllers go on."""
        with self._lock:
            self._pass(seconds)
            self.tick()

    def _pass(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now = min(self._next_tick, until)
            if self.now >= self._next_tick:
                self.tick()

    def tick(self) -> None:
        """Let every host do what is due now."""
        self._next_tick = self.now + TICK_S
        for host in self.hosts.values():
            host.tick()
        if self._moment() != self._settled:
            self._control()
            self._settled = self._moment()
        if self.on_tick is not None:
            self.on_tick()

    def _control(self) -> None:
        """Let kubelets and controllers bring the API in step with what is. Done twice it changes nothing."""
        stores = {name: host.store() for name, host in self.hosts.items()}
        for host in self.hosts.values():
            register(host)
        for name, store in stores.items():
            if store is not None:
                sign(self.hosts[name], store)
                establish(self.hosts[name], store)
                roll_out(self.hosts[name], store)

    def _moment(self) -> tuple[object, ...]:
        """Everything that kubelets and controllers go by."""
        clusters = tuple((c.id, c.store.revision, *c.members.values()) for c in self.etcd.clusters.values())
        return (*(host.moment() for host in self.hosts.values()), clusters, repr(self.troubles))

    def is_up(self, started: float) -> bool:
        """Whether something that started then answers by now."""
        return self.now >= started + self.startup_s

    # --- faults ---

    def kill_before(self, n: int) -> None:
        """Let the tool die before its n-th operation from now (1: the next one). New connections work again."""
        self._kill_at = len(self.operations) + n

    def cut(self, host: str, n: int, *, after: bool = False) -> None:
        """Break the connection to a host at its n-th operation from now.

        Right before it, and the host's part of the call ends there; or `after` all of the call was done, unheard.
        """
        self._cuts[host] = _Cut(self.count(host) + n, after)

    def count(self, host: str | None = None) -> int:
        """Operations so far, of all hosts or of one."""
        return sum(host in (None, operation.host) for operation in self.operations)

    # --- what connections ask ---

    def read(self, connection: FakeConnection, question: Callable[[], T]) -> T:
        """A question that changes nothing."""
        with self._lock:
            self._check(connection)
            self._pass(CALL_S)
            return question()

    def question(self, connection: FakeConnection, question: Callable[[], T]) -> T:
        """A question to the network, of which many are asked at once: it takes no time of its own."""
        with self._lock:
            self._check(connection)
            return question()

    def operate(self, connection: FakeConnection, what: str, deed: Callable[[], T]) -> T:
        """A deed that changes something; it is counted, and faults strike here."""
        with self._lock:
            self._check(connection)
            self._pass(CALL_S)
            if self._kill_at is not None and len(self.operations) + 1 >= self._kill_at:
                self._kill_at = None
                self.life += 1
                raise Killed
            cut = self._cuts.get(connection.name)
            strikes = cut is not None and self.count(connection.name) + 1 >= cut.at
            if strikes and cut is not None and not cut.after:
                raise self._cut_now(connection)
            for tell in (self.before_each, self.before_step):
                if tell is not None:
                    tell()
            self.operations.append(Operation(connection.name, what))
            result = deed()
            connection.host.tick()
            connection.unheard = connection.unheard or strikes
            return result

    def steps(self, connection: FakeConnection, steps: Iterator[None]) -> None:
        """Do what makes up an operation, one thing after the other."""
        with self._lock:
            self._check(connection)
            while True:
                if self.before_step is not None:
                    self.before_step()
                if next(steps, steps) is steps:
                    return

    def answer(self, connection: FakeConnection) -> None:
        """Let a call come back, unless its answer was to be lost."""
        with self._lock:
            self.calls.append(Call(connection.name, self.count(connection.name)))
            if connection.unheard:
                raise self._cut_now(connection)

    def route(self, source: FakeHost, request: Request) -> Answer:
        """Carry an HTTP request to whoever has the address. Raises NoAnswer."""
        target = self.seen_from(source, request.address)
        if target is None or not target.powered:
            raise NoAnswer(f"dial tcp {request.address}:{request.port}: i/o timeout")
        return target.answer(request, source)

    # --- who is who ---

    def seen_from(self, source: FakeHost, address: str) -> FakeHost | None:
        """The host that has an address, as `source` sees it."""
        if address in LOOPBACK:
            return source
        found = next((host for host in self.hosts.values() if host.address == address), None)
        return found or next((host for host in self.hosts.values() if host.holds(address)), None)

    def store_for(self, source: FakeHost, kubeconfig: bytes) -> ObjectStore | None:
        """What the API server of a kubeconfig serves, if it lets that client in; None otherwise."""
        if not kubeconfig:
            return None
        client = tls.client(kubeconfig, source.files.content)
        target = self.seen_from(source, client.address)
        if target is source and source.answering(k.BALANCER) is not None:
            target = source.balanced()
        store = target.store() if target is not None else None
        if store is None or target is None:
            return None
        try:
            self.route(source, Request("GET", client.address, client.port, "/livez", client.tls))
        except NoAnswer:
            return None
        return store

    # --- what tests compare ---

    def tree(self, host: str) -> dict[str, tuple[str, int, str]]:
        """Every path of a host with its kind, mode and owner."""
        nodes = self.hosts[host].files.nodes
        return {str(path): (nodes[path].kind, nodes[path].mode, nodes[path].owner) for path in sorted(nodes)}

    def members(self) -> tuple[Member, ...]:
        """Members of the etcd cluster that runs, by name; empty where none has a quorum."""
        found = [self.etcd.cluster_of(host) for host in self.hosts.values()]
        clusters = {pair[0].id: pair[0] for pair in found if pair is not None and self.etcd.has_quorum(pair[0])}
        if len(clusters) > 1:
            raise AssertionError(f"there are {len(clusters)} etcd clusters")
        return tuple(sorted((m for c in clusters.values() for m in c.members.values()), key=lambda member: member.name))

    def objects(self) -> dict[str, dict[str, Any]]:
        """API objects by path, without what differs between any two lives."""
        stores = {id(store): store for host in self.hosts.values() if (store := host.store()) is not None}
        if len(stores) > 1:
            raise AssertionError(f"there are {len(stores)} control planes")
        found = {}
        for store in stores.values():
            for key, thing in store.objects.items():
                metadata = {name: value for name, value in thing["metadata"].items() if name not in VOLATILE}
                found["/".join(key)] = {**thing, "metadata": metadata}
        return found

    def argvs(self) -> Iterable[tuple[str, ...]]:
        """Every command line that anybody on the hosts could have seen: commands that were run, and processes."""
        yield from (argv for _, argv in self.ran)
        for host in self.hosts.values():
            yield from (process.argv for process in host.runtime.processes())

    # --- inside ---

    def __getstate__(self) -> dict[str, Any]:
        alone: dict[str, Any] = {"connections": [], "before_each": None, "before_step": None}
        return {name: value for name, value in vars(self).items() if name != "_lock"} | alone

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    def _check(self, connection: FakeConnection) -> None:
        if connection.life != self.life:
            raise Killed
        if connection.closed:
            raise AssertionError(f"the connection to {connection.name} is closed")
        if connection.broken or not connection.host.reachable or connection.boots != connection.host.boots:
            raise HostUnreachable(f"the connection to {connection.name} is gone", host=connection.name)

    def _cut_now(self, connection: FakeConnection) -> HostUnreachable:
        connection.broken = True
        self._cuts.pop(connection.name, None)   # calls that were under way together are lost together
        return HostUnreachable(f"the connection to {connection.name} is gone", host=connection.name)

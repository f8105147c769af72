"""Where the API and etcd are asked from: clients by host, made when first needed and kept for the command's length."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from bootstrap.apiserver import ApiClient
from bootstrap.cluster import Cluster
from bootstrap.connection import Connection, NoAnswer
from bootstrap.errors import HostUnreachable
from bootstrap.etcd import EtcdClient
from bootstrap.holding import Holds

C = TypeVar("C")


class Access:
    """Clients of the control plane over the connections that are open.

    connect: how to reach a host anew. holds: the operator's locks, where the command may change something.
    tell: called with a host's name and what happened to its connection.
    """

    def __init__(
        self, cluster: Cluster, connections: dict[str, Connection], connect: Callable[[str], Connection] | None = None
    ) -> None:
        self.cluster = cluster
        self.connections = connections
        self.holds: Holds | None = None
        self.tell: Callable[[str, str], None] = lambda host, text: None
        self._connect = connect
        self._connecting = {name: threading.Lock() for name in connections}
        self.forget_clients()

    def forget_clients(self) -> None:
        """Let clients be made anew, with the identities that are on the hosts by then."""
        cluster, port = self.cluster, self.cluster.api_server.bind_port
        self._api = _Clients(lambda host, connection: ApiClient.of(connection, cluster.host(host).address, port))
        self._ready: tuple[float, ApiClient] | None = None      # when the last one said so that was asked
        self._etcd = _Clients(lambda host, connection: EtcdClient.of(connection, cluster.host(host).address))

    @property
    def masters(self) -> tuple[str, ...]:
        """Names of the masters that are connected, sorted: the API and etcd are asked there."""
        return tuple(host.name for host in self.cluster.control_plane_hosts if host.name in self.connections)

    def connect_again(self, host: str, lost: Connection) -> None:
        """Put a new connection in the place of one that was lost, unless somebody has. Raises HostUnreachable."""
        with self._connecting[host]:
            if self.connections[host] is not lost:
                return
            if self._connect is None:
                raise HostUnreachable(f"the connection to {host} is lost", host=host)
            self.connections[host] = self._connect(host)
            self._ready = None
        lost.close()
        self.tell(host, "connected again")

    def api(self, host: str) -> ApiClient:
        """The API server of one master. Raises NoAnswer where the host has no admin identity (yet)."""
        return self._api.of(host, self.connections[host])

    def etcd(self, host: str) -> EtcdClient:
        """The etcd member of one master. Raises NoAnswer where the host has no client certificate (yet)."""
        return self._etcd.of(host, self.connections[host])

    def any_api(self, *, ready_within_s: float = 0.0) -> ApiClient:
        """An API server that is ready: of those that are asked the first, by host name.

        ready_within_s: one that said so that lately is not asked again. Raises NoAnswer when none is ready, HostUnreachable when
        no host is reached.
        """
        lately = self._ready
        if lately is not None and time.monotonic() - lately[0] < ready_within_s:
            return lately[1]
        answers, lost = [], []
        for host in self.masters:
            try:
                client = self.api(host)
                if client.ready():
                    self._ready = time.monotonic(), client
                    return client
                answers.append(f"{host}: not ready")
            except HostUnreachable as error:
                lost.append(error)
            except NoAnswer as error:
                answers.append(str(error))
        if lost and not answers:
            raise lost[0]
        answers += [str(error) for error in lost]
        raise NoAnswer(f"no API server is ready ({'; '.join(answers)})")


class _Clients(Generic[C]):
    """Clients by host, each made once per connection. Whoever needs one that is being made waits for it, and nobody else does."""

    def __init__(self, make: Callable[[str, Connection], C]) -> None:
        self._make = make
        self._made: dict[str, tuple[Connection, C]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def of(self, host: str, connection: Connection) -> C:
        with self._locks.setdefault(host, threading.Lock()):
            kept = self._made.get(host)
            if kept is None or kept[0] is not connection:
                kept = self._made[host] = (connection, self._make(host, connection))
            return kept[1]

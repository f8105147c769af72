"""Where the API and etcd are asked from: clients by host, made when first needed and kept for the command's length."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from bootstrap.apiserver import ApiClient
from bootstrap.cluster import Cluster
from bootstrap.connection import Connection, NoAnswer
from bootstrap.etcd import EtcdClient


class Access:
    """Clients of the control plane over the connections that are open."""

    def __init__(self, cluster: Cluster, connections: Mapping[str, Connection]) -> None:
        self.cluster = cluster
        self.connections = connections
        self._api: dict[str, ApiClient] = {}
        self._etcd: dict[str, EtcdClient] = {}
        self._lock = threading.Lock()

    def api(self, host: str) -> ApiClient:
        """The API server of one master. Raises NoAnswer where the host has no admin identity (yet)."""
        with self._lock:
            if host not in self._api:
                address = self.cluster.host(host).address
                self._api[host] = ApiClient.of(self.connections[host], address, self.cluster.api_server.bind_port)
            return self._api[host]

    def etcd(self, host: str) -> EtcdClient:
        """The etcd member of one master. Raises NoAnswer where the host has no client certificate (yet)."""
        with self._lock:
            if host not in self._etcd:
                self._etcd[host] = EtcdClient.of(self.connections[host], self.cluster.host(host).address)
            return self._etcd[host]

    def any_api(self) -> ApiClient:
        """The first API server, by host name, that is ready. Raises NoAnswer when none is."""
        answers = []
        for host in sorted(self.connections):
            try:
                client = self.api(host)
            except NoAnswer as error:
                answers.append(str(error))
                continue
            if client.ready():
                return client
            answers.append(f"{host}: not ready")
        raise NoAnswer(f"no API server is ready ({'; '.join(answers)})")

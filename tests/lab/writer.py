"""A writer that never gives up: ConfigMaps created through any API server, and a note of each that was acknowledged."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from pathlib import Path

import yaml

NAMESPACE = "writes"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
THREADS = 6
PAUSE_S = 0.05
"""Between two writes of a thread: at most some hundred a second in all."""


class Writer:
    """Writes through API servers at `addresses`, each thread its own series, the next server after every failure.

    acknowledged: names of objects whose creation was answered with success (or, tried again, with "already exists").
    gap_s: the longest time without any acknowledgement.
    """

    def __init__(self, kubeconfig: Path, addresses: list[str]) -> None:
        value = yaml.safe_load(kubeconfig.read_text())
        cluster, user = value["clusters"][0]["cluster"], value["users"][0]["user"]
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        pair = kubeconfig.with_suffix(".pem")
        pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        self._tls.load_cert_chain(pair)
        self._addresses = addresses
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(THREADS)]
        self.acknowledged: set[str] = set()
        self.gap_s = 0.0
        self.seconds = 0.0

    def __enter__(self) -> Writer:
        status = self._ask(self._connect(0), "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})[0]
        assert status in (201, 409), status
        self._began = self._last = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._began

    def stored(self) -> set[str]:
        """Names of what is there, read from etcd by a quorum."""
        status, answer = self._ask(self._any(), "GET", CONFIG_MAPS)
        assert status == 200, answer
        return {item["metadata"]["name"] for item in answer["items"]}

    def _write(self, thread: int) -> None:
        number, server = 0, thread
        connection = self._connect(server)
        while not self._stop.is_set():
            name = f"w{thread}-{number}"
            try:
                status, _ = self._ask(connection, "POST", CONFIG_MAPS, {"metadata": {"name": name}})
            except (OSError, http.client.HTTPException, ValueError):
                status = 0
            if status in (201, 409):
                self._acknowledge(name)
                number += 1
                time.sleep(PAUSE_S)
                continue
            connection.close()
            server += 1
            connection = self._connect(server)
            time.sleep(0.02)

    def _acknowledge(self, name: str) -> None:
        with self._lock:
            now = time.monotonic()
            self.gap_s = max(self.gap_s, now - self._last)
            self._last = now
            self.acknowledged.add(name)

    def _any(self) -> http.client.HTTPSConnection:
        for server in range(len(self._addresses)):
            connection = self._connect(server)
            try:
                if self._ask(connection, "GET", "/readyz")[0] == 200:
                    return connection
            except (OSError, http.client.HTTPException, ValueError):
                continue
        raise AssertionError("no API server answers")

    def _connect(self, server: int) -> http.client.HTTPSConnection:
        address = self._addresses[server % len(self._addresses)]
        return http.client.HTTPSConnection(address, 6443, context=self._tls, timeout=3)

    @staticmethod
    def _ask(connection: http.client.HTTPSConnection, method: str, path: str, body: object = None) -> tuple[int, dict]:  # type: ignore[type-arg]
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content[:1] == b"{" else {}

"""A load balancer for the API servers of the lab: TCP only, each connection to the next master that answers."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Sequence


class Balancer:
    """Listens on `address` (a free port) until it is closed."""

    def __init__(self, address: str, targets: Sequence[tuple[str, int]]) -> None:
        self._targets = itertools.cycle(targets)
        self._count = len(targets)
        self._listener = socket.create_server((address, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        for _ in range(self._count):
            with contextlib.suppress(OSError):
                server = socket.create_connection(next(self._targets), timeout=2)
                server.settimeout(None)
                threading.Thread(target=_pass, args=(server, client), daemon=True).start()
                _pass(client, server)
                return
        client.close()


def _pass(source: socket.socket, target: socket.socket) -> None:
    """Bytes one way until either side ends; then both end."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

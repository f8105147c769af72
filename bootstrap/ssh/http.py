"""HTTP and HTTPS as seen from a host: httpcore over direct-tcpip channels, TLS in memory."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore

from bootstrap.connection import Answer, NoAnswer, Request, Tls
from bootstrap.errors import RemoteError
from bootstrap.ssh.streams import Backend
from bootstrap.ssh.transport import Link

BODY_CAP = 64 << 20
_KEPT_ALIVE = 4
_KEEPALIVE_S = 50.0         # below the idle time-outs of the API server and etcd


class Http:
    """HTTP from the host that a link leads to; connections are kept for the next request with the same TLS settings."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._pools: dict[Tls | None, httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def request(self, request: Request, *, timeout_s: float) -> Answer:
        """One request. Raises NoAnswer, RemoteError (sshd does not forward), HostUnreachable."""
        where = _where(request)
        deadline = time.monotonic() + timeout_s
        try:
            return self._send(request, deadline)
        except (httpcore.ConnectTimeout, httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.PoolTimeout) as error:
            raise self._no_answer(where, f"no answer within {timeout_s:g} s", error) from error
        except httpcore.RemoteProtocolError as error:
            raise self._no_answer(where, str(error) or "the answer is not HTTP", error) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise self._no_answer(where, str(error) or type(error).__name__, error) from error

    def close(self) -> None:
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            with contextlib.suppress(Exception):
                pool.close()

    def _send(self, request: Request, deadline: float) -> Answer:
        address = f"[{request.address}]" if ":" in request.address else request.address
        url = f"{'https' if request.tls else 'http'}://{address}:{request.port}{request.path}"
        left = max(0.01, deadline - time.monotonic())
        extensions: dict[str, Any] = {"timeout": {"connect": left, "read": left, "write": left, "pool": left}}
        if request.tls is not None:
            extensions["sni_hostname"] = request.tls.server_name
        headers = _headers(request)
        with self._pool(request.tls).stream(
            request.method, url, headers=headers, content=request.body or None, extensions=extensions
        ) as response:
            body = bytearray()
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > BODY_CAP:
                    raise RemoteError(f"{_where(request)} sent more than {BODY_CAP >> 20} MiB", host=self._link.target.name)
                if time.monotonic() > deadline:
                    raise httpcore.ReadTimeout
            stream = response.extensions.get("network_stream")
            shown = stream.get_extra_info("ssl_object") if stream is not None else None
            certificate = shown.getpeercert(binary_form=True) if shown is not None else None
            return Answer(response.status, bytes(body), certificate or b"")

    def _pool(self, tls: Tls | None) -> httpcore.ConnectionPool:
        with self._lock:
            pool = self._pools.get(tls)
            if pool is None:
                pool = self._pools[tls] = httpcore.ConnectionPool(
                    ssl_context=self._context(tls) if tls is not None else None,
                    max_keepalive_connections=_KEPT_ALIVE,
                    keepalive_expiry=_KEEPALIVE_S,
                    network_backend=Backend(self._link),
                )
            return pool

    def _context(self, tls: Tls) -> ssl.SSLContext:
        """As `context`; what a host gave as its credentials may be anything."""
        try:
            return context(tls)
        except (ssl.SSLError, UnicodeDecodeError) as error:
            name = self._link.target.name
            raise RemoteError(f"the credentials that {name} has for {tls.server_name} cannot be used", host=name) from error

    def _no_answer(self, where: str, reason: str, error: Exception) -> Exception:
        if not self._link.alive:
            return self._link.lost(f"asking {where}", error)
        return NoAnswer(f"{reason} ({where})")


_LOOPBACK = ("127.0.0.1", "::1")


def context(tls: Tls) -> ssl.SSLContext:
    """A client context that trusts only `tls.ca`; the client's key passes through memory, never through a disk.

    Without a CA nothing is verified: ValueError unless the server is on the host's own loopback and no identity is shown.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.ca:
        if tls.client_certificate or tls.server_name not in _LOOPBACK:
            raise ValueError(f"a server elsewhere than on loopback has to be verified: {tls.server_name}")
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        return made
    made.load_verify_locations(cadata=tls.ca.decode("ascii"))
    if tls.client_certificate:
        with _in_memory(tls.client_certificate + b"\n" + tls.client_key) as path:
            made.load_cert_chain(path)
    return made


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A path that reads as `content`: of an anonymous memory file, elsewhere than on Linux of a 0600 file for a moment."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").exists():
        descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory(prefix="bootstrap-") as directory:
        path = Path(directory) / "tls.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
        yield str(path)


def _headers(request: Request) -> list[tuple[str, str]]:
    given = {name.lower() for name, _ in request.headers}
    address = f"[{request.address}]" if ":" in request.address else request.address
    headers = list(request.headers)
    if "host" not in given:
        headers.insert(0, ("Host", f"{address}:{request.port}"))
    if "content-length" not in given and (request.body or request.method in ("POST", "PUT", "PATCH")):
        headers.append(("Content-Length", str(len(request.body))))
    return headers


def _where(request: Request) -> str:
    address = f"[{request.address}]" if ":" in request.address else request.address
    return f"{'https' if request.tls else 'http'}://{address}:{request.port}{request.path.partition('?')[0]}"

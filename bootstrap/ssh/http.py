"""HTTP and HTTPS as seen from a host: httpcore over direct-tcpip channels, TLS in memory."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpcore
import paramiko

from bootstrap.connection import Answer, NoAnswer, Request, Tls
from bootstrap.errors import RemoteError
from bootstrap.ssh.transport import Link

BODY_CAP = 64 << 20
_KEPT_ALIVE = 4
_KEEPALIVE_S = 50.0         # below the idle time-outs of the API server and etcd
_READ_SIZE = 1 << 16
_PROHIBITED = 1             # RFC 4254, section 5.1
_REFUSED = "connection refused or no way there"     # sshd does not say which

_T = TypeVar("_T")


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
                    ssl_context=context(tls) if tls is not None else None,
                    max_keepalive_connections=_KEPT_ALIVE,
                    keepalive_expiry=_KEEPALIVE_S,
                    network_backend=_Backend(self._link),
                )
            return pool

    def _no_answer(self, where: str, reason: str, error: Exception) -> Exception:
        if not self._link.alive:
            return self._link.lost(f"asking {where}", error)
        return NoAnswer(f"{reason} ({where})")


def context(tls: Tls) -> ssl.SSLContext:
    """A client context that trusts only `tls.ca`; the client's key passes through memory, never through a disk."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
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


class _Backend(httpcore.NetworkBackend):
    """Opens TCP connections on the host."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            channel = self._link.transport.open_channel(
                "direct-tcpip", (host.strip("[]"), port), ("127.0.0.1", 0), timeout=timeout or 5.0
            )
        except paramiko.ChannelException as error:
            if error.code == _PROHIBITED:
                name = self._link.target.name
                raise RemoteError(
                    f"sshd on {name} refuses to forward connections to {host}:{port} ({error.text})",
                    host=name,
                    hint="allow it for this user in sshd_config: AllowTcpForwarding local (and PermitOpen, DisableForwarding)",
                ) from error
            raise httpcore.ConnectError(_REFUSED) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self._link.alive and "imeout" in str(error):
                raise httpcore.ConnectTimeout from error
            # Of two channels refused at the same time paramiko gives the reason to one, and "unable to open" to the other.
            raise httpcore.ConnectError(_REFUSED if "nable to open" in str(error) else str(error)) from error
        return _Stream(channel)


class _Stream(httpcore.NetworkStream):
    """A channel as a stream."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._channel.settimeout(timeout)
            return self._channel.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._channel.settimeout(timeout)
            self._channel.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._channel.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TlsStream(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self.readable()
        return None

    def readable(self) -> bool:
        return bool(self._channel.closed or self._channel.eof_received or self._channel.recv_ready())

    def ended(self) -> bool:
        return bool(self._channel.closed or self._channel.eof_received) and not self._channel.recv_ready()


class _TlsStream(httpcore.NetworkStream):
    """TLS over a stream, with OpenSSL working on memory."""

    def __init__(self, stream: _Stream, ssl_context: ssl.SSLContext, name: str | None, timeout: float | None) -> None:
        self._stream = stream
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = ssl_context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        try:
            self._drive(self._object.do_handshake, timeout)
        except httpcore.ReadError as error:
            self.close()
            raise httpcore.ConnectError(f"TLS failed: {error}") from error
        except BaseException:
            self.close()
            raise

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._drive(lambda: self._object.read(max_bytes), timeout)
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = memoryview(buffer)
        while left:
            left = left[self._drive(lambda: self._object.write(left), timeout) :]    # noqa: B023 - called at once

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        raise NotImplementedError

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._object
        if info == "is_readable":
            return self._readable()
        return None

    def _readable(self) -> bool:
        """Whether a read would give data or the end; session tickets, which come unasked, are neither."""
        if self._stream.ended():
            return True
        if not self._stream.readable():
            return False
        self._incoming.write(self._stream.read(_READ_SIZE, 0.01))
        try:
            self._object.read(1)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            return True
        return True

    def _drive(self, action: Callable[[], _T], timeout: float | None) -> _T:
        """Let OpenSSL do `action`, moving records between its memory and the channel."""
        while True:
            wants_more = False
            result: _T
            try:
                result = action()
            except ssl.SSLWantReadError:
                wants_more = True
            except ssl.SSLZeroReturnError:
                raise
            except ssl.SSLCertVerificationError as error:
                raise httpcore.ConnectError(f"TLS failed: {error.verify_message}") from error
            except ssl.SSLError as error:
                raise httpcore.ReadError(f"{error.reason or error}".lower().replace("_", " ")) from error
            finally:
                if pending := self._outgoing.read():
                    self._stream.write(pending, timeout)
            if not wants_more:
                return result
            if data := self._stream.read(_READ_SIZE, timeout):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

"""Byte streams for httpcore: TCP connections that a host opens for us, and TLS on them, all in memory."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpcore
import paramiko

from bootstrap.errors import RemoteError
from bootstrap.ssh.transport import ChannelRefused, Link

_READ_SIZE = 1 << 16
PROHIBITED = 1              # RFC 4254, section 5.1
_REFUSED = "connection refused or no way there"     # what a server that does not say which is taken to mean

_KNOWN = ("connection ", "no route ", "network ", "host is ")   # how the C library's words for it begin

_T = TypeVar("_T")


class Backend(httpcore.NetworkBackend):
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
            if error.code == PROHIBITED:
                name = self._link.target.name
                raise RemoteError(
                    f"sshd on {name} refuses to forward connections to {host}:{port} ({error.text})",
                    host=name,
                    hint="allow it for this user in sshd_config: AllowTcpForwarding local (and PermitOpen, DisableForwarding)",
                ) from error
            said = error.said.lower() if isinstance(error, ChannelRefused) else ""
            raise httpcore.ConnectError(said if said.startswith(_KNOWN) else _REFUSED) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self._link.alive and "imeout" in str(error):
                raise httpcore.ConnectTimeout from error
            raise httpcore.ConnectError(str(error)) from error
        return Stream(channel)


class Stream(httpcore.NetworkStream):
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
        return TlsStream(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self.readable()
        return None

    def readable(self) -> bool:
        return bool(self._channel.closed or self._channel.eof_received or self._channel.recv_ready())

    def ended(self) -> bool:
        return bool(self._channel.closed or self._channel.eof_received) and not self._channel.recv_ready()


class TlsStream(httpcore.NetworkStream):
    """TLS over a stream, with OpenSSL working on memory."""

    def __init__(self, stream: Stream, ssl_context: ssl.SSLContext, name: str | None, timeout: float | None) -> None:
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

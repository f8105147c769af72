"""A verified, authenticated SSH transport: TCP or a jump host, the host key's check, then a key to log in with."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Sequence

import paramiko
from paramiko.common import CONNECTION_FAILED_CODE
from paramiko.ssh_exception import IncompatiblePeer

from bootstrap.errors import HostNotTrusted, HostUnreachable
from bootstrap.ssh import hostkeys
from bootstrap.ssh.hostkeys import HostKey, Trust
from bootstrap.ssh.login import log_in, verify
from bootstrap.ssh.settings import Target

LOGGER = logging.getLogger(__name__)
_WIRE = "bootstrap.ssh.wire"

KEEPALIVE_S = 10.0
DEAD_AFTER_S = 30.0
_ATTEMPTS = 3
_ENDING_S = 2.0
_IDLE_S = 5.0
"""How often a thread that hears nothing wakes up to see whether it was closed. paramiko's 0.1 s keep a thousand of them busy."""

# Fastest first, as measured with paramiko and OpenSSH 9.2; everything with SHA-1, MD5, CBC or a small group is left out.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr", "aes192-ctr")
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")


class ChannelRefused(paramiko.ChannelException):
    """The server does not open a channel. said: its own words; OpenSSH gives the reason of a connection that failed."""

    def __init__(self, code: int, text: str, said: str) -> None:
        super().__init__(code, text)
        self.said = said


class _Transport(paramiko.Transport):
    """paramiko's transport with our own choice of host key algorithms (no certificates: see hostkeys.py).

    Of channels that are refused at the same time each caller learns the reason of its own, with the server's words: paramiko
    keeps one reason for all, and drops the words.
    """

    host_key_algorithms: tuple[str, ...] = ()

    def __init__(self, sock: socket.socket) -> None:
        self._refused: dict[int, ChannelRefused] = {}
        self._asking = threading.local()
        super().__init__(sock)

    def close(self) -> None:
        """Close; whoever waits for the next byte is woken, and the server hears of it at once."""
        if isinstance(self.sock, socket.socket):
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        super().close()

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        return self.host_key_algorithms

    def get_exception(self) -> Exception | None:
        return self._refused.pop(getattr(self._asking, "channel", -1), None) or super().get_exception()

    def _next_channel(self) -> int:
        number: int = super()._next_channel()  # type: ignore[misc]
        self._asking.channel = number
        return number

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        number, code = message.get_int(), message.get_int()
        said = message.get_text()
        with self.lock:
            event = self.channel_events.pop(number, None)
            if event is not None:
                self._refused[number] = ChannelRefused(code, CONNECTION_FAILED_CODE.get(code, "(unknown code)"), said)
                self._channels.delete(number)  # type: ignore[attr-defined]
                event.set()


class _Socket(socket.socket):
    """A TCP socket that never waits: no Nagle here, and acknowledgements at once.

    sshd's own Nagle is on until a session runs; with delayed acknowledgements that costs 40 ms for every small reply.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int, flags: int = 0) -> bytes:
        received = super().recv(size, flags)
        if hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):
                self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return received


class Link:
    """A logged-in transport and the jump hosts that it runs through; notices when the network dies."""

    def __init__(self, target: Target, transports: Sequence[paramiko.Transport]) -> None:
        self.target = target
        self.transport = transports[-1]
        self._transports = tuple(transports)
        self._closing = threading.Event()
        self._reason: Exception | None = None
        for transport in self._transports:
            if isinstance(transport.sock, socket.socket):
                transport.sock.settimeout(_IDLE_S)
        threading.Thread(target=self._keepalive, name=f"ssh-keepalive {target.name}", daemon=True).start()

    @property
    def our_address(self) -> str:
        """The address that we go out from; empty where it is not known (a ProxyCommand)."""
        sock = self._transports[0].sock
        return str(sock.getsockname()[0]) if isinstance(sock, socket.socket) else ""

    @property
    def alive(self) -> bool:
        return not self._closing.is_set() and self.transport.is_active()

    def survives(self) -> bool:
        """Whether the connection is still there when one of its channels has ended.

        A cut connection ends its channels a moment before the transport itself is known to have ended; that moment is waited for.
        """
        if self.alive:
            self.transport.join(_ENDING_S)
        return self.alive

    def lost(self, doing: str, error: BaseException | None = None) -> HostUnreachable:
        """The error for an operation that the connection did not survive."""
        reason = self._reason or error
        detail = f": {reason}" if reason is not None and str(reason) else ""
        name = self.target.name
        return HostUnreachable(f"lost the connection to {name} ({self.target}) while {doing}{detail}", host=name)

    def close(self) -> None:
        self._closing.set()
        for transport in reversed(self._transports):
            with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
                transport.close()

    def _keepalive(self) -> None:
        """Ask for a sign of life; a server that gives none in time is gone, whatever TCP thinks."""
        while not self._closing.wait(KEEPALIVE_S) and self.transport.is_active():
            watchdog = threading.Timer(DEAD_AFTER_S - KEEPALIVE_S, self._give_up)
            watchdog.daemon = True
            watchdog.start()
            try:
                self.transport.global_request("keepalive@openssh.com", wait=True)
            except (paramiko.SSHException, EOFError, OSError):
                return
            finally:
                watchdog.cancel()

    def _give_up(self) -> None:
        LOGGER.info("%s: no sign of life for %d s, giving up", self.target.name, DEAD_AFTER_S)
        self._reason = TimeoutError(f"no sign of life for {DEAD_AFTER_S:g} s")
        self.transport.close()


def open_link(target: Target) -> Link:
    """Log in to `target`, through its jump hosts. Raises HostUnreachable or HostNotTrusted; a flaky start is tried again."""
    transports: list[paramiko.Transport] = []
    try:
        for hop in (*target.jumps, target):
            transports.append(_open_hop(hop, transports[-1] if transports else None))
    except BaseException:
        for transport in reversed(transports):
            transport.close()
        raise
    return Link(target, transports)


def _open_hop(hop: Target, through: paramiko.Transport | None) -> paramiko.Transport:
    trust = hostkeys.trust_of(hop.known_hosts_name, hop.known_hosts, hop.pins)
    refused: HostNotTrusted | None = None
    for wanted in _rounds(trust):
        transport = handshake(hop, through, hostkeys.algorithms(wanted))
        try:
            verify(hop, trust, offered_key(transport))
            log_in(hop, transport)
        except HostNotTrusted as error:
            transport.close()
            refused = refused or error
        except BaseException:
            transport.close()
            raise
        else:
            return transport
    assert refused is not None      # noqa: S101 - there is at least one round
    raise refused


def _rounds(trust: Trust) -> Sequence[tuple[str, ...]]:
    """Key types to prefer, one handshake each: a fingerprint does not say of which type the key is."""
    if any(pin.startswith("SHA256:") for pin in trust.pins):
        return [("ssh-ed25519",), ("ecdsa-sha2-nistp256",), ("ssh-rsa",)]
    return [trust.key_types]


def handshake(
    hop: Target, through: paramiko.Transport | None, algorithms: Sequence[str] | None = None
) -> paramiko.Transport:
    """Connect and exchange keys; nothing is verified yet and nobody logged in. algorithms: of host keys, best first."""
    deadline = time.monotonic() + hop.connect_timeout_s
    for attempt in range(1, _ATTEMPTS + 1):
        sock = _open_socket(hop, through, deadline)
        try:
            return _start(hop, sock, algorithms or hostkeys.algorithms(()), deadline)
        except IncompatiblePeer as error:
            raise HostUnreachable(f"{hop.name} ({hop}) and we share no algorithm: {error}", host=hop.name) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            # sshd drops connections at random when many start at once (MaxStartups), or while it is being restarted.
            if attempt == _ATTEMPTS or time.monotonic() + 0.3 * attempt >= deadline:
                raise HostUnreachable(
                    f"{hop.name} ({hop}) answers, but not as an SSH server should: {error or 'connection closed'}",
                    host=hop.name,
                    hint=f"ssh -v -p {hop.port} {hop.user}@{hop.address}",
                ) from error
            time.sleep(0.3 * attempt)
    raise AssertionError("unreachable")


def offered_key(transport: paramiko.Transport) -> HostKey:
    """The host key that the server has proven to hold."""
    key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.asbytes())


def _open_socket(hop: Target, through: paramiko.Transport | None, deadline: float) -> socket.socket:
    timeout_s = max(0.5, deadline - time.monotonic())
    try:
        if through is not None:
            # A paramiko channel is as much of a socket as a transport needs.
            return through.open_channel(    # type: ignore[return-value]
                "direct-tcpip", (hop.address, hop.port), ("127.0.0.1", 0), timeout=timeout_s
            )
        if hop.proxy_command:
            return paramiko.ProxyCommand(hop.proxy_command)     # type: ignore[return-value]
        sock = socket.create_connection((hop.address, hop.port), timeout=timeout_s)
    except socket.gaierror as error:
        raise _unreachable(hop, f"{hop.address!r} cannot be resolved ({error.strerror})") from error
    except TimeoutError as error:
        raise _unreachable(hop, f"no answer within {hop.connect_timeout_s:.0f} s") from error
    except paramiko.ChannelException as error:
        reason = f"the jump host cannot reach it, or must not forward (AllowTcpForwarding): {error.text}"
        raise _unreachable(hop, reason) from error
    except (OSError, paramiko.SSHException) as error:
        raise _unreachable(hop, (getattr(error, "strerror", None) or str(error)).lower()) from error
    return _Socket(sock)


def _unreachable(hop: Target, reason: str) -> HostUnreachable:
    return HostUnreachable(
        f"cannot reach {hop.name} at {hop}: {reason}", host=hop.name, hint=f"ssh -p {hop.port} {hop.user}@{hop.address}"
    )


def _start(hop: Target, sock: socket.socket, algorithms: Sequence[str], deadline: float) -> paramiko.Transport:
    transport = _Transport(sock)
    transport.host_key_algorithms = tuple(algorithms)
    wire = logging.getLogger(_WIRE)
    if not wire.handlers:
        wire.addHandler(logging.NullHandler())
        wire.setLevel(logging.CRITICAL)     # its errors reach the user as our own; anybody may lower the level
    transport.set_log_channel(_WIRE)
    options = transport.get_security_options()
    options.ciphers = _CIPHERS
    options.digests = _MACS
    remaining_s = max(1.0, deadline - time.monotonic())
    transport.banner_timeout = remaining_s
    transport.handshake_timeout = remaining_s
    transport.auth_timeout = 30.0
    try:
        transport.start_client(timeout=remaining_s + 1.0)
    except BaseException:
        transport.close()
        sock.close()
        raise
    return transport

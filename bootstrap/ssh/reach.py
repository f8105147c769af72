"""Whether a host reaches a port: a direct-tcpip channel, opened and closed again."""

from __future__ import annotations

import ssl
import time

import httpcore
import paramiko

from bootstrap.connection import Outcome, Reach
from bootstrap.ssh.streams import PROHIBITED, Stream, TlsStream
from bootstrap.ssh.transport import ChannelRefused, Link

_HANDSHAKE_S = 3.0

# What sshd says of a connection that failed (OpenSSH 9.2 channels.c, channel_post_connecting: strerror; serverloop.c,
# server_input_channel_open). Where another server uses words of its own, a closed port is the most likely reason.
_SAID = {
    "connection refused": Outcome.REFUSED,
    "connection timed out": Outcome.FILTERED,
    "no route to host": Outcome.UNREACHABLE,
    "network is unreachable": Outcome.UNREACHABLE,
    "host is down": Outcome.UNREACHABLE,
    "permission denied": Outcome.UNREACHABLE,       # EACCES, EPERM: a rule of the host's own firewall
    "operation not permitted": Outcome.UNREACHABLE,
    "open failed": Outcome.UNREACHABLE,     # no reason: the kernel did not even try (no route), or the name does not resolve
}


def reach(link: Link, address: str, port: int, timeout_s: float, server_name: str) -> Reach:
    """See Connection.reach. A channel that is late is not waited for; sshd forgets it when the kernel has given up."""
    began = time.monotonic()
    try:
        channel = link.transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=timeout_s)
    except paramiko.ChannelException as error:
        took = time.monotonic() - began
        said = error.said if isinstance(error, ChannelRefused) else error.text
        if error.code == PROHIBITED:
            return Reach(Outcome.FORBIDDEN, took, said)
        return Reach(_SAID.get(said.lower(), Outcome.REFUSED), took, said)
    except (paramiko.SSHException, EOFError, OSError) as error:
        if not link.alive:
            raise link.lost(f"reaching {address}:{port}", error) from error
        return Reach(Outcome.FILTERED, time.monotonic() - began, f"no answer within {timeout_s:g} s")
    took = time.monotonic() - began
    try:
        return Reach(Outcome.OPEN, took, certificate=_certificate(channel, server_name) if server_name else b"")
    finally:
        channel.close()


def _certificate(channel: paramiko.Channel, server_name: str) -> bytes:
    """DER of the certificate that a server shows; empty where none is shown. It is looked at, and never relied on here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        stream = TlsStream(Stream(channel), context, server_name, _HANDSHAKE_S)
    except (httpcore.NetworkError, httpcore.TimeoutException):
        return b""
    shown = stream.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return shown or b""

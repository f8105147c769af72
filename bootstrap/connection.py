"""What the rest of the tool may ask of a host: one protocol, two implementations (ssh/ for real, testing/ for tests).

Every call acts as root on the host. Calls raise HostUnreachable (the connection is gone), RemoteError (the host said no) or
return; a call that was cut half-way has either happened whole or not at all, per file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Protocol

from bootstrap.facts import Facts
from bootstrap.files import Directory, File, Link

FREE_AFTER_S = 30.0
"""How long a host waits for a sign of life from the operator who holds its lock."""


@dataclass(frozen=True)
class Completed:
    """A finished command: exit status and output, each capped at 1 MiB."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Tls:
    """How to speak TLS to a component: PEM bytes, all in memory.

    server_name: the name or address that the server's certificate must carry.
    ca empty: the certificate is not checked. Only for loopback addresses of the host and without client_certificate: a
    controller manager or scheduler may have one that it made up, or one of the user's own, and SSH proves the host.
    """

    ca: bytes
    server_name: str
    client_certificate: bytes = b""
    client_key: bytes = b""


@dataclass(frozen=True)
class Request:
    """An HTTP request made from the host: to `address:port` as seen by that host. tls None: plain HTTP."""

    method: str
    address: str
    port: int
    path: str
    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """peer_certificate: DER of the certificate that the server showed (TLS only)."""

    status: int
    body: bytes
    peer_certificate: bytes = b""


class Outcome(StrEnum):
    """What became of a TCP connection that a host was asked to open.

    REFUSED: the other machine answers, and nothing listens there (or a firewall sends what looks just like that).
    FILTERED: nobody answers in time: something drops the packets. UNREACHABLE: a router or firewall says that there is no way.
    FORBIDDEN: the host's own sshd does not open connections for this user.
    """

    OPEN = "open"
    REFUSED = "refused"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Reach:
    """seconds: how long it took, the way to the host included. detail: what the host said, where it said something.

    certificate: DER of the certificate that a TLS server showed, if one was asked for; nobody has verified it.
    """

    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""
    certificate: bytes = b""


class NoAnswer(Exception):
    """Nobody answered an HTTP request: refused, timed out, TLS failed. str() says which."""


class Hold(Protocol):
    """The operator's lock of one host, for as long as the tool and its connection live."""

    @property
    def before(self) -> str:
        """Who held it last, in his own words; empty where nobody did since the host has booted."""
        ...

    def prove(self) -> None:
        """Make sure that it is held: at once where the host has said so a moment ago. Raises HoldLost."""
        ...

    def release(self) -> None:
        """Free it; when this returns, another operator can have it. Idempotent, and no error where the host is gone."""
        ...


class Connection(Protocol):
    """A logged-in host."""

    @property
    def name(self) -> str:
        """The host's name in the inventory."""
        ...

    def look(self, data_dir: PurePosixPath, *, security: bool = False) -> Facts:
        """Everything there is to know of the host, by one script in one round trip.

        data_dir: etcd's. security: also what only a look at the host's hardening needs (Facts.security).
        """
        ...

    def read(self, paths: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, bytes]:
        """Contents of those of `paths` that are regular files, in one round trip; absent ones are left out."""
        ...

    def write(
        self, entries: Sequence[File | Directory | Link], before: Mapping[PurePosixPath, str] | None = None
    ) -> None:
        """Make the entries, in order, in one round trip; each by dot-temporary, fsync, rename in its own directory.

        Missing parent directories are made 0755. Directories that exist get mode and owner.
        before: SHA-256 of files as they were when it was decided to write them, empty: no file was there. Where one is
        different by now, somebody else was at work: RemoteError, and nothing is written.
        """
        ...

    def remove(self, paths: Sequence[PurePosixPath], *, recursive: bool = False) -> None:
        """Remove files and links (recursive: directories too, never across a mount). Absent paths are fine."""
        ...

    def move(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """Rename on one file system; `target` must not exist. An absent source with a present target is fine."""
        ...

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a program (no shell). A status other than 0 is returned, not raised."""
        ...

    def request(self, request: Request, *, timeout_s: float = 5.0) -> Answer:
        """Speak HTTP from the host, over kept-alive connections where it can. Raises NoAnswer."""
        ...

    def reach(self, address: str, port: int, *, timeout_s: float = 2.5, server_name: str = "") -> Reach:
        """Open a TCP connection from the host, and close it again; nothing is sent. Raises only HostUnreachable.

        server_name: where given, TLS is begun as for that name, to see whose certificate is shown, and no more than that.
        """
        ...

    def hold(self, owner: str, *, free_after_s: float = FREE_AFTER_S) -> Hold:
        """Take the operator's lock of this host, or raise HeldByAnother at once. It is one of several: see `holding`.

        owner: a line that says who we are, and nobody else. free_after_s: how long after our last sign of life the host
        frees it, should it not hear of our end. Raises Refused where the host can have no lock.
        """
        ...

    def close(self) -> None:
        """Close; idempotent."""
        ...

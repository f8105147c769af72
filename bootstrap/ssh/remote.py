"""The connection protocol over SSH: every operation is one script, sent to a root shell in one round trip."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from bootstrap.cluster import Cluster, Host
from bootstrap.connection import FREE_AFTER_S, Answer, Completed, Reach, Request
from bootstrap.constants import FURTHER_PATHS
from bootstrap.errors import RemoteError
from bootstrap.facts import Facts
from bootstrap.facts import parse as parse_facts
from bootstrap.facts import script as facts_script
from bootstrap.files import Directory, File, Link
from bootstrap.ssh import scripts, transport
from bootstrap.ssh.helper import Reply, printable
from bootstrap.ssh.hold import SshHold
from bootstrap.ssh.http import Http
from bootstrap.ssh.reach import reach
from bootstrap.ssh.root import Root
from bootstrap.ssh.settings import Target, target
from bootstrap.ssh.transport import LOGGER, open_link

OUTPUT_CAP = 1 << 20
FACTS_CAP = 16 << 20
READ_CAP = 64 << 20
_SLACK_S = 10.0
_TIMED_OUT = (124, 137)     # of timeout(1): ended by the signal, killed
_FULL = re.compile(r"No space left on device| 100% /")     # the second: df's last line, when the shell itself does not say why


class SshConnection:
    """A `Connection` to one host. Safe for several threads."""

    def __init__(self, link: transport.Link, sudo_password: Callable[[], str] | None) -> None:
        self._link = link
        self._root = Root(link, sudo_password)
        self._http = Http(link)

    @property
    def name(self) -> str:
        return self._link.target.name

    @property
    def target(self) -> Target:
        """Where it is connected to, and as whom."""
        return self._link.target

    @property
    def notices(self) -> tuple[str, ...]:
        """What in the client configuration was ignored on purpose."""
        return self._link.target.notices

    def open_root(self) -> None:
        """Become root now: what stands in the way is a matter of connecting, not of the first operation."""
        self._root.open()

    def look(self, data_dir: PurePosixPath, *, security: bool = False) -> Facts:
        text = facts_script(data_dir, FURTHER_PATHS, security=security)
        reply = self._root.call(scripts.look(text), doing="reading facts", cap=FACTS_CAP)
        clock, _, output = reply.stdout.partition(b"\n")
        self._check(reply, "reading facts")
        try:
            theirs = float(clock)
        except ValueError:
            raise RemoteError(f"{self.name}: `date +%s.%N` gave {clock[:40]!r}", host=self.name) from None
        ours = (reply.sent_at + reply.began_at) / 2
        error = (reply.began_at - reply.sent_at) / 2
        return parse_facts(self.name, output.decode(errors="replace"), theirs - ours, error, security=security)

    def read(self, paths: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, bytes]:
        wanted = tuple(dict.fromkeys(paths))
        if not wanted:
            return {}
        reply = self._root.call(scripts.read(wanted), doing="reading files", cap=READ_CAP)
        self._check(reply, "reading files")
        try:
            return scripts.parse_read(wanted, reply.stdout)
        except ValueError as error:
            raise RemoteError(f"{self.name} garbled the files it was asked for: {error}", host=self.name) from error

    def write(
        self, entries: Sequence[File | Directory | Link], before: Mapping[PurePosixPath, str] | None = None
    ) -> None:
        if not entries:
            return
        first = entries[0].path
        what = f"writing {first}" + (f" and {len(entries) - 1} more" if len(entries) > 1 else "")
        reply = self._root.call(scripts.write(entries, before=before), doing=what)
        self._check(reply, what)

    def remove(self, paths: Sequence[PurePosixPath], *, recursive: bool = False) -> None:
        if not paths:
            return
        what = f"removing {paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        self._check(self._root.call(scripts.remove(paths, recursive=recursive), doing=what), what)

    def move(self, source: PurePosixPath, target: PurePosixPath) -> None:
        what = f"moving {source} to {target}"
        self._check(self._root.call(scripts.move(source, target), doing=what), what)

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        what = f"running {argv[0]}"
        started = time.monotonic()
        reply = self._root.call(
            scripts.run(argv, stdin, timeout_s), doing=what, timeout_s=timeout_s + _SLACK_S, cap=OUTPUT_CAP, drain=True
        )
        if reply.status in _TIMED_OUT and time.monotonic() - started >= timeout_s:
            late = f"{shlex.join(argv)} did not end within {timeout_s:g} s on {self.name}"
            raise RemoteError(late, host=self.name, evidence=_last_lines(reply))
        return Completed(reply.status, reply.stdout, reply.stderr)

    def request(self, request: Request, *, timeout_s: float = 5.0) -> Answer:
        return self._http.request(request, timeout_s=timeout_s)

    def reach(self, address: str, port: int, *, timeout_s: float = 2.5, server_name: str = "") -> Reach:
        return reach(self._link, address, port, timeout_s, server_name)

    def hold(self, owner: str, *, free_after_s: float = FREE_AFTER_S) -> SshHold:
        helper = self._root.lend("taking the operator's lock")
        try:
            return SshHold(self._link, helper, owner, free_after_s, done=lambda: self._root.take_back(helper))
        except BaseException:
            self._root.take_back(helper)
            raise

    def close(self) -> None:
        self._http.close()
        self._root.close()
        self._link.close()

    def _check(self, reply: Reply, what: str) -> None:
        if reply.status == 0:
            return
        evidence = _last_lines(reply)
        if any(_FULL.search(line) for line in evidence):
            raise RemoteError(f"{what} failed on {self.name}: no space left on the device", host=self.name, evidence=evidence)
        raise RemoteError(f"{what} failed on {self.name} (status {reply.status})", host=self.name, evidence=evidence)


def _last_lines(reply: Reply) -> list[str]:
    """The end of standard error, without control characters."""
    text = printable(reply.stderr[-8192:])
    return [line for line in text.splitlines() if line.strip()][-8:]


def connect(cluster: Cluster, host: Host, *, sudo_password: Callable[[], str] | None = None) -> SshConnection:
    """Log in to `host` and become root there. sudo_password: asked only when sudo wants one.

    Raises HostUnreachable, HostNotTrusted.
    """
    settings = target(cluster, host)
    for notice in settings.notices:
        LOGGER.warning("%s: %s", host.name, notice)
    connection = SshConnection(open_link(settings), sudo_password)
    try:
        connection.open_root()
    except BaseException:
        connection.close()
        raise
    return connection

"""A root shell on a host that waits for framed scripts: one SSH channel, one round trip per script.

A frame is a line `TAG LENGTH SHA256` and then exactly that many bytes. Nothing runs before all of them have come and match,
so a connection that is cut runs nothing; the command line holds only a constant, so nothing secret is in it, and there is no
temporary file. A reply is what the script prints between `TAG begin` and `TAG end STATUS`, on each of the two streams; what a
login shell says before, or a stray background process later, is dropped.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources

import paramiko

from bootstrap.files import Secret
from bootstrap.ssh.dialogue import Dialogue

_READ_SIZE = 1 << 17
_POLL_S = 0.25
_START_TIMEOUT_S = 30.0
_MARK_SIZE = 96         # longer than any marker line


class Access(Enum):
    """How a user becomes root. ROOT: it is root. SUDO: it is, or sudo asks for no password. SUDO_PASSWORD: sudo asks."""

    ROOT = "root.sh"
    SUDO = "sudo.sh"
    SUDO_PASSWORD = ""


class HelperLost(Exception):
    """The helper ended before its reply did; str() says what is known."""


class TimedOut(Exception):
    """No reply in time."""


class TooMuch(Exception):
    """The reply was larger than the caller allows."""


class NotStarted(Exception):
    """No root shell: the exit status of what was tried, and what it said. wrong_password: sudo asked a second time."""

    def __init__(self, status: int, said: str, *, wrong_password: bool = False) -> None:
        super().__init__(said)
        self.status = status
        self.said = said
        self.wrong_password = wrong_password


@dataclass(frozen=True)
class Reply:
    """What a script gave. began_at: our wall clock when its first byte came; sent_at: when the frame was sent."""

    status: int
    stdout: bytes
    stderr: bytes
    sent_at: float
    began_at: float


@cache
def text(name: str) -> str:
    """One of the scripts beside this module."""
    return resources.files("bootstrap.ssh").joinpath("scripts", name).read_text()


def framed(tag: str, script: bytes, *words: str) -> bytes:
    """A script as the helper takes it. words: `talk` lets it read what follows; others read nothing."""
    line = " ".join((tag, str(len(script)), hashlib.sha256(script).hexdigest(), *words))
    return line.encode() + b"\n" + script


class Helper:
    """One root shell. Not for several threads at once."""

    def __init__(self, transport: paramiko.Transport, access: Access, password: Secret | None = None) -> None:
        """Start it. Raises NotStarted, HelperLost, SSHException."""
        self._channel = transport.open_session(timeout=_START_TIMEOUT_S)
        try:
            self._start(access, password)
        except BaseException:
            self.close()
            raise

    @property
    def usable(self) -> bool:
        return not (self._channel.closed or self._channel.eof_received or self._channel.exit_status_ready())

    def call(self, script: bytes, *, timeout_s: float, cap: int, drain: bool = False) -> Reply:
        """Run `script` as root. cap: bytes kept per stream; more raises TooMuch, or with `drain` is dropped.

        Raises HelperLost, TimedOut, TooMuch; after any of them the helper is closed.
        """
        tag = secrets.token_hex(16)
        frame = framed(tag, script)
        out, err = _Collector(tag, cap, drain), _Collector(tag, cap, drain)
        try:
            deadline = time.monotonic() + timeout_s
            self._channel.settimeout(timeout_s)
            sent_at = time.time()
            self._channel.sendall(frame)
            self._channel.settimeout(_POLL_S)
            self._collect(out, err, deadline)
        except TimeoutError as error:
            self.close()
            raise TimedOut(f"no reply within {timeout_s:.0f} s") from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            said = err.so_far()
            self.close()
            raise HelperLost(str(error) + (f": {said}" if said else "")) from error
        except BaseException:
            self.close()
            raise
        return Reply(out.status, bytes(out.content), bytes(err.content), sent_at, out.began_at)

    def talk(self, script: bytes) -> Dialogue:
        """Run a script that answers line by line; the shell is of no other use until it has ended."""
        tag = secrets.token_hex(16)
        self._channel.settimeout(_START_TIMEOUT_S)
        self._channel.sendall(framed(tag, script, "talk"))
        return Dialogue(self._channel, tag)

    def close(self) -> None:
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._channel.close()

    def _collect(self, out: _Collector, err: _Collector, deadline: float) -> None:
        """Read both streams until each has shown its end; either may fill while we wait for the other."""
        channel = self._channel
        while not (out.done and err.done):
            if time.monotonic() > deadline:
                raise TimeoutError
            if channel.recv_stderr_ready():
                err.feed(channel.recv_stderr(_READ_SIZE))
                continue
            try:
                data = channel.recv_stderr(_READ_SIZE) if out.done else channel.recv(_READ_SIZE)
            except TimeoutError:
                continue
            if not data:
                raise EOFError("the root shell ended before its reply")
            (err if out.done else out).feed(data)

    def _start(self, access: Access, password: Secret | None) -> None:
        nonce = secrets.token_hex(16)
        prompt = f"[{nonce}]"
        stub = _one_line(text("helper.sh"))
        if access is Access.SUDO_PASSWORD:
            argv = ["sudo", "-k", "-S", "-p", prompt, "sh", "-c", stub, "sh", nonce]
        else:
            argv = ["sh", "-c", _one_line(text(access.value)), "sh", stub, nonce]
        self._channel.exec_command("exec " + shlex.join(argv))
        if password is not None:
            self._channel.sendall(password.reveal() + b"\n")
        self._channel.settimeout(_POLL_S)
        self._await_ready(f"\n{nonce} ready\n".encode(), prompt.encode())

    def _await_ready(self, ready: bytes, prompt: bytes) -> None:
        channel = self._channel
        heard, said = b"", b""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while ready not in heard:
            while channel.recv_stderr_ready():
                said = (said + channel.recv_stderr(_READ_SIZE))[-8192:]
            if said.count(prompt) > 1:
                raise NotStarted(1, "sudo did not accept the password", wrong_password=True)
            if time.monotonic() > deadline:
                raise NotStarted(-1, f"nothing happened for {_START_TIMEOUT_S:.0f} s" + printable(heard[-512:] + said))
            try:
                data = channel.recv(_READ_SIZE)
            except TimeoutError:
                continue
            if not data:
                raise self._failure(heard, said.replace(prompt, b""))
            heard = (heard + data)[-65536:]

    def _failure(self, heard: bytes, said: bytes) -> Exception:
        """Why the channel ended before the shell was ready."""
        channel = self._channel
        if not _within(channel.exit_status_ready, 5.0):
            return HelperLost("the connection ended before the root shell was ready")
        while piece := channel.recv_stderr(_READ_SIZE):
            said += piece
            if len(said) > 1 << 20:
                break
        return NotStarted(channel.recv_exit_status(), printable(said[-2048:] or heard[-2048:]))


class _Collector:
    """Picks one reply out of one stream, keeping at most `cap` bytes of it."""

    def __init__(self, tag: str, cap: int, drain: bool) -> None:
        self._begin = f"\n{tag} begin\n".encode()
        self._end = f"\n{tag} end ".encode()
        self._cap = cap
        self._drain = drain
        self._pending = bytearray()
        self._begun = False
        self.content = bytearray()
        self.began_at = 0.0
        self.status = -1
        self.done = False

    def feed(self, data: bytes) -> None:
        self._pending += data
        if not self._begun:
            at = self._pending.find(self._begin)
            if at < 0:
                del self._pending[:-_MARK_SIZE]
                return
            self._begun = True
            self.began_at = time.time()
            del self._pending[: at + len(self._begin)]
            # An empty reply: the newline of its end marker follows at once.
        at = self._pending.find(self._end)
        line_end = self._pending.find(b"\n", at + len(self._end)) if at >= 0 else -1
        if line_end >= 0:
            status = bytes(self._pending[at + len(self._end) : line_end])
            if not status.isdigit():
                raise EOFError(f"the root shell gave {printable(status[:40])!r} as a status")
            self.status = int(status)
            self._keep(self._pending[:at])
            self.done = True
        elif at >= 0 and len(self._pending) - at > _MARK_SIZE:
            raise EOFError("the root shell gave a status that never ends")
        elif len(self._pending) > _MARK_SIZE and at < 0:
            self._keep(self._pending[:-_MARK_SIZE])
            del self._pending[:-_MARK_SIZE]

    def so_far(self) -> str:
        """The end of what has come, for messages."""
        return printable(bytes(self.content[-1024:] + (self._pending if self._begun else b"")))

    def _keep(self, data: bytearray) -> None:
        room = self._cap - len(self.content)
        if len(data) > room and not self._drain:
            raise TooMuch
        self.content += data[: max(0, room)]


def _one_line(script: str) -> str:
    """csh takes no newline in a quoted word."""
    return " ".join(script.split("\n")).strip()


def _within(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def printable(data: bytes) -> str:
    """Text of a host without control characters: it may end up in a terminal."""
    kept = (c if c.isprintable() or c == "\n" else " " for c in data.decode(errors="replace"))
    return "".join(kept).strip()

"""A script on a host that is spoken with: our lines go to its standard input, its lines come back until it ends."""

from __future__ import annotations

import time

import paramiko

_READ_SIZE = 1 << 16
_LATE_S = 1.0
_MOST = 1 << 16         # of what is kept of either stream; a line of ours is far shorter


class Ended(Exception):
    """The script, or the connection, has ended. status: None where that is not known; said: its standard error."""

    def __init__(self, status: int | None, said: bytes) -> None:
        super().__init__(f"ended with {status}")
        self.status = status
        self.said = said


class Dialogue:
    """Not for several threads at once. Both calls raise Ended, and TimeoutError when the time is over."""

    def __init__(self, channel: paramiko.Channel, tag: str) -> None:
        self._channel = channel
        self._begin, self._end = f"{tag} begin".encode(), f"{tag} end ".encode()
        self._begun = False
        self._heard = b""
        self._said = b""

    def say(self, line: bytes, timeout_s: float) -> None:
        self._channel.settimeout(timeout_s)
        try:
            self._channel.sendall(line + b"\n")
        except TimeoutError:
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Ended(None, self._errors()) from error

    def hear(self, timeout_s: float) -> bytes:
        """The next line that is not empty."""
        deadline = time.monotonic() + timeout_s
        while True:
            line, found, rest = self._heard.partition(b"\n")
            if not found:
                self._receive(deadline)
                continue
            self._heard = rest
            if line == self._begin:
                self._begun = True
            elif self._begun and line.startswith(self._end):
                raise Ended(int(line[len(self._end) :]), self._errors(wait=True))
            elif self._begun and line:
                return line

    def _receive(self, deadline: float) -> None:
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data = self._channel.recv(_READ_SIZE)
        except TimeoutError:
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Ended(None, self._errors()) from error
        if not data:
            raise Ended(None, self._errors())
        self._heard = (self._heard + data)[-_MOST:]

    def _errors(self, *, wait: bool = False) -> bytes:
        """What has come on standard error, without our marks. wait: for the mark of its end, which may come a little later."""
        deadline = time.monotonic() + (_LATE_S if wait else 0.0)
        while self._channel.recv_stderr_ready() or (self._end not in self._said and time.monotonic() < deadline):
            if self._channel.recv_stderr_ready():
                self._said = (self._said + self._channel.recv_stderr(_READ_SIZE))[-_MOST:]
            else:
                time.sleep(0.005)
        marks = (self._begin, self._end.strip())
        return b"\n".join(line for line in self._said.splitlines() if line and not line.startswith(marks))

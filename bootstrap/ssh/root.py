"""Root on a host: finds out once how to get it, and keeps a few root shells so that callers do not wait for each other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko

from bootstrap.cluster import Sudo
from bootstrap.errors import HostUnreachable, RemoteError
from bootstrap.files import Secret
from bootstrap.ssh.helper import Access, Helper, HelperLost, NotStarted, Reply, TimedOut, TooMuch
from bootstrap.ssh.transport import Link

# sshd's MaxSessions is 10 unless somebody lowered it; a refused session lowers our limit.
MAX_SHELLS = 8
MAX_IDLE = 4

_passwords: dict[str, Secret] = {}      # by host and target; the one thing remembered beyond a connection: nobody types it twice
_asking = threading.Lock()


class Root:
    """Runs scripts as root over one link; safe for several threads."""

    def __init__(self, link: Link, sudo_password: Callable[[], str] | None) -> None:
        self._link = link
        self._name = link.target.name
        self._sudo_password = sudo_password
        self._password_key = f"{link.target.name} {link.target}"
        self._access: Access | None = None
        self._idle: list[Helper] = []
        self._count = 0
        self._lent = 0
        self._limit = MAX_SHELLS
        self._changed = threading.Condition()
        self._probing = threading.Lock()

    def call(self, script: bytes, *, doing: str, timeout_s: float = 120.0, cap: int = 1 << 20, drain: bool = False) -> Reply:
        """Run a script and give its reply, whatever its status. doing: completes "lost the connection while ..."."""
        with self._helper(doing) as helper:
            try:
                return helper.call(script, timeout_s=timeout_s, cap=cap, drain=drain)
            except HelperLost as error:
                if self._link.survives():
                    raise RemoteError(
                        f"the root shell on {self._name} ended while {doing}; whether it was done is not known",
                        host=self._name, evidence=[str(error)],
                    ) from error
                raise self._link.lost(doing, error) from error
            except TimedOut as error:
                if self._link.alive:
                    raise RemoteError(
                        f"{self._name} gave no reply within {timeout_s:.0f} s while {doing}", host=self._name
                    ) from error
                raise self._link.lost(doing, error) from error
            except TooMuch as error:
                raise RemoteError(
                    f"{self._name} sent too much output while {doing}: more than {cap >> 10} KiB", host=self._name
                ) from error

    def open(self) -> None:
        """Get root once, so that what stands in the way is known at connect time."""
        with self._helper("becoming root"):
            pass

    def lend(self, doing: str) -> Helper:
        """A shell for the borrower alone, who gives it back with `take_back`."""
        helper = self._take(doing)
        with self._changed:
            self._lent += 1
        return helper

    def take_back(self, helper: Helper) -> None:
        """End a shell that was lent."""
        helper.close()
        with self._changed:
            self._lent -= 1
            self._count -= 1
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            helpers, self._idle = self._idle, []
        for helper in helpers:
            helper.close()

    @contextmanager
    def _helper(self, doing: str) -> Iterator[Helper]:
        helper = self._take(doing)
        try:
            yield helper
        finally:
            with self._changed:
                if helper.usable and len(self._idle) < MAX_IDLE:
                    self._idle.append(helper)
                else:
                    helper.close()
                    self._count -= 1
                self._changed.notify()

    def _take(self, doing: str) -> Helper:
        """An idle shell, or a new one, or the next that becomes free."""
        while True:
            with self._changed:
                while self._idle:
                    helper = self._idle.pop()
                    if helper.usable:
                        return helper
                    helper.close()
                    self._count -= 1
                if not self._link.alive:
                    raise self._link.lost(doing)
                if self._count >= self._limit:
                    self._changed.wait(1.0)
                    continue
                self._count += 1
            try:
                return self._new(doing)
            except paramiko.ChannelException as error:
                with self._changed:
                    self._count -= 1
                    if self._count == self._lent:   # nobody could ever give one back
                        further = "further " if self._lent else ""
                        raise RemoteError(
                            f"sshd on {self._name} opens no {further}session: {error.text}",
                            host=self._name, hint="in its sshd_config: MaxSessions 10" if self._lent else "",
                        ) from error
                    self._limit = self._count
            except BaseException:
                with self._changed:
                    self._count -= 1
                raise

    def _new(self, doing: str) -> Helper:
        try:
            if self._access is not None:
                return self._started(self._access)
            with self._probing:
                return self._started(self._access) if self._access is not None else self._probe()
        except paramiko.ChannelException:
            raise
        except (HelperLost, paramiko.SSHException, EOFError, OSError) as error:
            if isinstance(error, paramiko.SSHException) and self._link.survives():
                # Of two channels refused at the same time paramiko gives the reason to one, and this to the other.
                raise paramiko.ChannelException(0, str(error)) from error
            raise self._link.lost(doing, error) from error

    def _probe(self) -> Helper:
        """The first shell: without a password if that works, else with one."""
        target = self._link.target
        access = Access.ROOT if target.sudo is Sudo.NEVER else Access.SUDO
        try:
            helper = Helper(self._link.transport, access)
            self._access = access
            return helper
        except NotStarted as error:
            failure = error
        if target.sudo is Sudo.NEVER or failure.status != 1 or "tty" in failure.said:
            raise self._no_root(failure)
        helper = self._started(Access.SUDO_PASSWORD, failure)
        self._access = Access.SUDO_PASSWORD
        return helper

    def _started(self, access: Access, before: NotStarted | None = None) -> Helper:
        password = self._password(before) if access is Access.SUDO_PASSWORD else None
        try:
            return Helper(self._link.transport, access, password)
        except NotStarted as error:
            if error.wrong_password:
                with _asking:
                    _passwords.pop(self._password_key, None)
            raise self._no_root(error) from error

    def _password(self, before: NotStarted | None) -> Secret:
        """sudo's password for this host: remembered, from the environment, or asked for; one question at a time."""
        target = self._link.target
        with _asking:
            if (known := _passwords.get(self._password_key)) is not None:
                return known
            if target.sudo_password_env and target.sudo_password_env in os.environ:
                text = os.environ[target.sudo_password_env]
            elif self._sudo_password is not None:
                text = self._sudo_password()
            else:
                raise self._no_root(before or NotStarted(1, "sudo: a password is required"))
            if "\n" in text or "\0" in text:
                raise HostUnreachable("a sudo password cannot hold a newline or a NUL", host=target.name)
            _passwords[self._password_key] = Secret(text.encode())
            return _passwords[self._password_key]

    def _no_root(self, failure: NotStarted) -> HostUnreachable:
        target = self._link.target
        hint = f"give {target.user} sudo without a password, or type it with --ask-sudo-password"
        if failure.wrong_password:
            hint = "check the password"
        elif "tty" in failure.said:
            hint = f"allow sudo without a terminal: Defaults:{target.user} !requiretty"
        elif target.sudo is Sudo.NEVER:
            hint = "log in as root, or remove `sudo: never` from the inventory"
        elif failure.status not in (1, 127):
            hint = f"ssh -p {target.port} {target.user}@{target.address} sh: the login shell must run commands"
        return HostUnreachable(
            f"{target.user} does not become root on {target.name}",
            host=target.name, evidence=[line for line in failure.said.splitlines() if line.strip()][-5:], hint=hint,
        )

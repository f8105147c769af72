"""Showing and recording host keys, on purpose: `bootstrap trust`."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paramiko.ssh_exception import IncompatiblePeer

from bootstrap.cluster import Cluster, Host
from bootstrap.errors import HostNotTrusted, HostUnreachable
from bootstrap.ssh import hostkeys
from bootstrap.ssh.hostkeys import HostKey, KnownLine, Verdict
from bootstrap.ssh.settings import target
from bootstrap.ssh.transport import handshake, offered_key, open_link

_FAMILIES = (("ssh-ed25519",), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"), ("ssh-rsa",))


@dataclass(frozen=True)
class ScannedKey:
    """A key that a host offers. name: as known_hosts has it. verdict: on what is recorded or pinned so far."""

    host: str
    name: str
    key: HostKey
    verdict: Verdict

    @property
    def fingerprint(self) -> str:
        return self.key.fingerprint

    @property
    def key_type(self) -> str:
        return self.key.key_type

    @property
    def line(self) -> str:
        """For a known_hosts file."""
        return f"{self.name} {self.key.key_type} {self.key.base64}"


def known_hosts_file(cluster: Cluster, host: Host) -> Path:
    """The file that `record` should write for `host`."""
    return target(cluster, host).known_hosts[0]


def scan(cluster: Cluster, host: Host) -> tuple[ScannedKey, ...]:
    """The host keys that `host` offers, one of each type, each proven by a key exchange. Jump hosts must be trusted already.

    Raises HostUnreachable, HostNotTrusted (a jump host).
    """
    end = target(cluster, host)
    trust = hostkeys.trust_of(end.known_hosts_name, end.known_hosts, end.pins)
    jump = open_link(dataclasses.replace(end.jumps[-1], jumps=end.jumps[:-1])) if end.jumps else None
    found: list[ScannedKey] = []
    failure: HostUnreachable | None = None
    try:
        for family in _FAMILIES:
            try:
                transport = handshake(end, jump.transport if jump else None, _only(family))
            except HostUnreachable as error:
                if not isinstance(error.__cause__, IncompatiblePeer):
                    raise
                failure = error
                continue
            key = offered_key(transport)
            transport.close()
            found.append(ScannedKey(host.name, end.known_hosts_name, key, trust.judge(key).verdict))
    finally:
        if jump:
            jump.close()
    if not found and failure:
        raise failure
    return tuple(found)


def record(file: Path, keys: Iterable[ScannedKey], *, replace: bool = False) -> tuple[ScannedKey, ...]:
    """Append the keys that are not in `file` yet; gives those that were new. Atomic; two at once wait for each other.

    A name that has another key of the same type raises HostNotTrusted; with replace=True that name leaves the old lines.
    """
    file = Path(os.path.realpath(file.expanduser()))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(file.parent):
        old = file.read_text(errors="surrogateescape").splitlines() if file.exists() else []
        lines: list[str | None] = list(old)
        new: list[ScannedKey] = []
        for key in keys:
            parsed = [hostkeys.parse_known_line(file, number, text or "") for number, text in enumerate(lines, start=1)]
            about = [line for line in parsed if line is not None and not line.marker and line.matches(key.name)]
            if any(line.key == key.key for line in about):
                continue
            others = [line for line in about if line.key.key_type == key.key_type]
            if others and not replace:
                raise _changed(key, others)
            for line in others:
                lines[line.number - 1] = _without(lines[line.number - 1] or "", line, key.name)
            lines.append(key.line)
            new.append(key)
        if new:
            _replace(file, "".join(f"{text}\n" for text in lines if text is not None))
    return tuple(new)


def _only(family: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for key_type in family for name in hostkeys.KEY_ALGORITHMS[key_type])


def _changed(key: ScannedKey, others: Sequence[KnownLine]) -> HostNotTrusted:
    lines = ", ".join(str(line) for line in others)
    return HostNotTrusted(
        f"{key.host} offers another {key.key_type} key than {lines} has for {key.name}",
        host=key.host,
        evidence=[f"offered: {key.fingerprint}", *(f"{line}: {line.key.fingerprint}" for line in others)],
        hint="if the machine was reinstalled: bootstrap trust --replace INVENTORY",
    )


def _without(text: str, line: KnownLine, name: str) -> str | None:
    """The line without `name`; None when nothing is left of it. A wildcard stays and gets an exception."""
    left = [pattern for pattern in line.patterns if not hostkeys.KnownLine(line.file, 0, "", (pattern,), line.key).matches(name)
            or any(wild in pattern for wild in "*?")]
    if not any(not pattern.startswith("!") for pattern in left):
        return None
    if any(wild in pattern for pattern in left for wild in "*?"):
        left.append(f"!{name}")
    return text.replace(",".join(line.patterns), ",".join(left), 1)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(file: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)      # 0600
    try:
        with os.fdopen(descriptor, "w", errors="surrogateescape") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

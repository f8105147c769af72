"""Which host keys are trusted: known_hosts files and pinned keys, and the verdict on a key that a server offers.

Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; OpenSSH's sshconnect.c `check_host_key`.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bootstrap.errors import UsageError

# What we negotiate, in the order of preference when nothing is recorded. No certificates: their authorities are not checked.
KEY_ALGORITHMS: dict[str, tuple[str, ...]] = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


@dataclass(frozen=True)
class HostKey:
    """A public key of a server: its type as in known_hosts (`ssh-ed25519`, `ssh-rsa` ...) and its wire form."""

    key_type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """`SHA256:...`, as ssh-keygen -l prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def base64(self) -> str:
        return base64.b64encode(self.blob).decode()


@dataclass(frozen=True)
class KnownLine:
    """A line of a known_hosts file. marker: `@revoked`, `@cert-authority` or empty. patterns: its first field, split."""

    file: Path
    number: int
    marker: str
    patterns: tuple[str, ...]
    key: HostKey

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"

    def matches(self, name: str) -> bool:
        """Whether the line is about `name`, a known_hosts name in lower case."""
        found = False
        for pattern in self.patterns:
            negated = pattern.startswith("!")
            if _matches(pattern.removeprefix("!"), name):
                if negated:
                    return False
                found = True
        return found


class Verdict(StrEnum):
    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"
    NOT_PINNED = "not pinned"


@dataclass(frozen=True)
class Judgement:
    """verdict on an offered key, and the lines that it rests on."""

    verdict: Verdict
    lines: tuple[KnownLine, ...] = ()


@dataclass(frozen=True)
class Trust:
    """What is known about one server: every line about it, and the pins of the inventory (which then alone decide).

    portless: lines about the same name without its port; they can make a key trusted, never changed (as in OpenSSH).
    """

    lines: tuple[KnownLine, ...]
    pins: tuple[str, ...] = ()
    portless: tuple[KnownLine, ...] = ()

    @property
    def key_types(self) -> tuple[str, ...]:
        """Types of which a key is recorded: these are asked for first, or a server could show another one."""
        pinned = tuple(pin.split()[0] for pin in self.pins if not pin.startswith("SHA256:"))
        if self.pins:
            return pinned
        plain = [line for line in self.lines if not line.marker] or [line for line in self.portless if not line.marker]
        return tuple(dict.fromkeys(line.key.key_type for line in plain))

    def judge(self, key: HostKey) -> Judgement:
        """The verdict on `key`."""
        revoked = tuple(
            line for line in (*self.lines, *self.portless) if line.marker == "@revoked" and line.key == key
        )
        if revoked:
            return Judgement(Verdict.REVOKED, revoked)
        if self.pins:
            return Judgement(Verdict.TRUSTED if any(_pinned(pin, key) for pin in self.pins) else Verdict.NOT_PINNED)
        plain = tuple(line for line in self.lines if not line.marker)
        same = tuple(line for line in plain if line.key == key)
        if same:
            return Judgement(Verdict.TRUSTED, same)
        if not plain and (same := tuple(line for line in self.portless if not line.marker and line.key == key)):
            return Judgement(Verdict.TRUSTED, same)
        others = tuple(line for line in plain if line.key.key_type == key.key_type)
        return Judgement(Verdict.CHANGED, others) if others else Judgement(Verdict.UNKNOWN, plain)


def algorithms(key_types: Iterable[str]) -> tuple[str, ...]:
    """Signature algorithms to negotiate for the key types given first, then the others."""
    first = [name for key_type in key_types for name in KEY_ALGORITHMS.get(key_type, ())]
    others = [name for names in KEY_ALGORITHMS.values() for name in names]
    return tuple(dict.fromkeys([*first, *others]))


def trust_of(name: str, files: Sequence[Path], pins: tuple[str, ...] = ()) -> Trust:
    """What `files` and `pins` say about a server. name: as in known_hosts, `[host]:port` where the port is not 22."""
    lines = [line for file in files for line in read_known_hosts(file)]
    portless = name[1 : name.index("]:")] if name.startswith("[") and "]:" in name else None
    return Trust(
        lines=tuple(line for line in lines if line.matches(name)),
        pins=pins,
        portless=tuple(line for line in lines if portless is not None and line.matches(portless)),
    )


def read_known_hosts(file: Path) -> tuple[KnownLine, ...]:
    """Lines that hold a key; comments and lines nobody can read are left out. An absent file has none."""
    try:
        text = file.read_text(errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    parsed = (parse_known_line(file, number, line) for number, line in enumerate(text.splitlines(), start=1))
    return tuple(line for line in parsed if line is not None)


def parse_known_line(file: Path, number: int, text: str) -> KnownLine | None:
    """One line, or None where it holds no key."""
    fields = text.split()
    if not fields or fields[0].startswith("#"):
        return None
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    if len(fields) < 3:
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return KnownLine(file, number, marker, tuple(fields[0].split(",")), HostKey(fields[1], blob))


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _hashed_matches(pattern, name)
    lowered = pattern.lower()
    if lowered == name:
        return True
    # Brackets are literal in known_hosts; only * and ? are wild.
    return any(wild in lowered for wild in "*?") and fnmatch.fnmatchcase(name, lowered.replace("[", "[[]"))


def _hashed_matches(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        expected = base64.b64decode(digest)
        actual = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(expected, actual)


def _pinned(pin: str, key: HostKey) -> bool:
    if pin.startswith("SHA256:"):
        return hmac.compare_digest(pin.rstrip("=").encode(), key.fingerprint.encode())
    return pin.split()[:2] == [key.key_type, key.base64]

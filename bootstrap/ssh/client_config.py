"""OpenSSH client configuration files: what applies to one alias, and what in them is ignored on purpose.

paramiko reads the format; here are `Include` (which it lacks), errors with the file's name, and jump specifications.
Source: ssh_config(5), OpenSSH 9.2.
"""

from __future__ import annotations

import glob
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import paramiko

from bootstrap.errors import UsageError

_INCLUDE = re.compile(r"^\s*include(?:\s*=\s*|\s+)(?P<paths>.+?)\s*$", re.IGNORECASE)
_BLOCK = re.compile(r"^\s*(?:host|match)(?:\s*=\s*|\s+)\S", re.IGNORECASE)
_HOST_PORT = re.compile(
    r"\[(?P<bracketed>[^\]]+)\](?::(?P<bracketed_port>\d+))?"
    r"|(?P<host>[^:\[\]\s]+)(?::(?P<port>\d+))?"
    r"|(?P<bare>[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)"
)
_CRITERIA = {       # of Match; whether an argument follows
    "all": False, "canonical": False, "final": False,
    "host": True, "originalhost": True, "user": True, "localuser": True, "exec": True,
}
_MAX_DEPTH = 16
_NOBODY = "no-such-host.invalid"


@dataclass(frozen=True)
class Jump:
    """One hop of a ProxyJump: an alias or address, with the user and port that the specification itself names."""

    alias: str
    user: str | None = None
    port: int | None = None


class ClientConfig:
    """A parsed client configuration; an absent file is an empty one."""

    def __init__(self, path: Path | None, text: str) -> None:
        self.path = path
        self._text = text

    @classmethod
    def read(cls, path: Path | None, *, home: Path) -> ClientConfig:
        """Read `path` with the files that it includes. None: an empty configuration."""
        if path is None:
            return cls(None, "")
        try:
            return cls(path, "\n".join(_lines(path, home, 0)))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from error

    def options(self, alias: str, *, user: str | None = None, port: int | None = None) -> Mapping[str, object]:
        """Options for `alias`, keys in lower case; `hostname` only where the file gives one. identityfile is a list.

        user, port: settled elsewhere, they count for `Match user` and in ProxyCommand's %r and %p.
        """
        settled = [f"User {user}\n"] if user else []
        settled += [f"Port {port}\n"] if port else []
        try:
            found = dict(paramiko.SSHConfig.from_text("".join(settled) + self._text).lookup(alias))
        except (paramiko.ConfigParseError, ValueError) as error:
            raise UsageError(
                f"{self.path}: not understood: {error}", hint=f"ssh -G -F {self.path} {alias} shows how OpenSSH reads it"
            ) from error
        except ImportError as error:
            raise UsageError(
                f"{self.path}: `Match exec` is not supported", hint="use Host blocks, or another file as ssh.configFile"
            ) from error
        if found.get("hostname") == alias:
            del found["hostname"]
        return found

    def names(self, alias: str) -> bool:
        """Whether a block of the file is meant for this alias in particular, not for every host."""
        return self.options(alias) != self.options(_NOBODY)


def parse_jumps(specification: str) -> tuple[Jump, ...]:
    """Hops of `user@host:port,...` or `ssh://user@host:port`, nearest to us first. Empty and `none`: no hops."""
    if specification.strip().lower() in ("", "none"):
        return ()
    return tuple(_jump(part.strip(), specification) for part in specification.split(","))


def _jump(text: str, specification: str) -> Jump:
    rest = text.removeprefix("ssh://").removesuffix("/")
    user, at, rest = rest.rpartition("@")
    match = _HOST_PORT.fullmatch(rest)
    if match is None or (at and not user):
        raise UsageError(f"ProxyJump {specification!r}: {text!r} is not [user@]host[:port]")
    port = match["bracketed_port"] or match["port"]
    return Jump(match["bracketed"] or match["host"] or match["bare"], user or None, int(port) if port else None)


def _check_match(path: Path, line: str) -> None:
    """Refuse criteria that paramiko does not know: it would take them as fulfilled."""
    words = line.replace("=", " ", 1).split() if "=" in line.split()[0] else line.split()
    if words[0].lower() != "match":
        return
    rest = iter(shlex.split(" ".join(words[1:])))
    for word in rest:
        criterion = word.removeprefix("!").lower()
        if criterion not in _CRITERIA:
            raise UsageError(f"{path}: `{line.strip()}`: the criterion {criterion!r} is not supported",
                             hint="use Host blocks, or another file as ssh.configFile")
        if _CRITERIA[criterion]:
            next(rest, None)


def _lines(path: Path, home: Path, depth: int) -> list[str]:
    """Lines of a file with includes put in their place; the block that an include interrupts is opened again after it."""
    if depth > _MAX_DEPTH:
        raise UsageError(f"{path}: files include each other more than {_MAX_DEPTH} deep")
    block = "Host *"
    result: list[str] = []
    for line in path.read_text().splitlines():
        include = _INCLUDE.match(line)
        if include is None:
            if _BLOCK.match(line):
                _check_match(path, line)
                block = line
            result.append(line)
            continue
        for pattern in include["paths"].split():
            named = pattern.strip('"')
            full = str(home) + named[1:] if named.startswith("~/") else str(home / ".ssh" / named)
            for name in sorted(glob.glob(full)):      # noqa: PTH207 - an absolute pattern, which Path.glob refuses
                result += _lines(Path(name), home, depth + 1)
        result.append(block)
    return result

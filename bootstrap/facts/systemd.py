"""What a stopped service would be started with, from its unit files as they lie on the host.

Source: systemd.service(5) "COMMAND LINES", systemd.exec(5) "Environment=", "EnvironmentFile=" (v252 to v257).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

UNIT_DIRECTORIES = tuple(
    PurePosixPath(directory, "systemd/system") for directory in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}")
_PREFIXES = "-@:+!|"
MOST_TEXT = 256 * 1024
_MOST_VARIABLES = 16


@dataclass
class _Service:
    start: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def start_command(
    unit: Sequence[str], environment_file: Callable[[PurePosixPath], str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Arguments (program first) and environment that a unit starts with; no arguments where it has no ExecStart.

    unit: texts of the unit file and of its drop-ins, in the order in which systemd reads them.
    environment_file: gives the text of one; empty for a missing one.
    Raises ValueError where variables blow the command line up beyond what a kernel takes.
    """
    service = _Service()
    for text in unit:
        _read(text, service)
    environment = dict(service.environment)
    for name in service.files:
        environment.update(_assignments(environment_file(PurePosixPath(name.removeprefix("-")))))
    command = service.start
    prefixes = command[: len(command) - len(command.lstrip(_PREFIXES))]
    words = _words(command.lstrip(_PREFIXES))
    if "@" in prefixes:
        del words[1:2]
    if ":" in prefixes:
        return tuple(words), environment
    expanded: list[str] = []
    room = MOST_TEXT
    for given in words:
        for word in _expanded(given, environment):
            room -= len(word) + 1
            if room < 0:
                raise ValueError("ExecStart is too long")
            expanded.append(word)
    return tuple(expanded), environment


def drop_in_order(paths: Sequence[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    """Drop-ins as systemd applies them: by file name; of equal names only that in the directory that counts most."""
    chosen: dict[str, PurePosixPath] = {}
    for directory in reversed(UNIT_DIRECTORIES):
        chosen.update({path.name: path for path in paths if path.parent.parent == directory})
    return tuple(chosen[name] for name in sorted(chosen))


def _read(text: str, service: _Service) -> None:
    section = ""
    for line in re.sub(r"\\\n", " ", text[:MOST_TEXT]).splitlines():
        line = line.strip()
        if line.startswith(("#", ";")) or not line:
            continue
        if line.startswith("["):
            section = line
            continue
        key, _, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if section != "[Service]":
            continue
        match key:
            case "ExecStart":  # an empty one forgets those before; of several only a oneshot has a use
                service.start = value
            case "Environment" if not value:
                service.environment.clear()
            case "Environment":
                pairs = (word.partition("=") for word in _words(value))
                service.environment.update({name: given for name, _, given in pairs})
            case "EnvironmentFile" if not value:
                service.files.clear()
            case "EnvironmentFile":
                service.files.append(value)
            case _:
                pass


def _assignments(text: str) -> dict[str, str]:
    """Of an environment file: NAME=value lines, values perhaps quoted."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\n", "", text[:MOST_TEXT]).splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith(("#", ";")):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def _expanded(word: str, environment: dict[str, str]) -> list[str]:
    """`$NAME` as a word of its own is split at white space; `${NAME}` within a word is not."""
    if re.fullmatch(r"\$\w+", word):
        return _words(environment.get(word[1:], ""))
    filled = _VARIABLE.sub(lambda found: environment.get(found[1], "") if found[1] else "$", word, count=_MOST_VARIABLES)
    return [filled.replace("%%", "%")]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote: systemd refuses such a line; take what can be read
        return text.split()

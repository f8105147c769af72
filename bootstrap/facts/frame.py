"""The outer form of the script's output: markers, base64, segments. What a host sends is not to be trusted; see collect.sh."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bootstrap.errors import BootstrapError

BEGIN = "-----BEGIN BOOTSTRAP FACTS-----"
END = "-----END BOOTSTRAP FACTS-----"
MOST_TEXT = 16 * 1024 * 1024
MOST_SEGMENTS = 20_000

_HEADER = re.compile(rb"bootstrap facts 1 ([0-9a-f-]{36})\n")
_LONGEST_NOISE = 300


class Garbled(BootstrapError):
    """A host answered with something that is not the script's output, or only with a part of it."""


@dataclass(frozen=True)
class Segments:
    """host: single values by name. named: segments in order of appearance. contents: files that were read whole, by path."""

    host: str
    values: Mapping[str, str] = field(default_factory=dict)
    named: tuple[tuple[str, bytes], ...] = ()
    contents: Mapping[PurePosixPath, bytes] = field(default_factory=dict)

    def one(self, name: str) -> bytes:
        """Payload of the first segment of that name; empty where there is none."""
        return next(self.every(name), b"")

    def every(self, name: str) -> Iterator[bytes]:
        return (payload for found, payload in self.named if found == name)

    def file(self, path: str) -> str:
        """A file's content as text; empty where it was not read."""
        return readable(self.contents.get(PurePosixPath(path), b""))

    def records(self, name: str) -> Iterator[str]:
        """Lines that begin with the separator; a record may hold line feeds of its own, in a file's name."""
        payload = self.one(name)
        start = payload[:37]
        if len(start) == 37 and start.endswith(b" "):
            yield from (readable(record.removesuffix(b"\n")) for record in (b"\n" + payload).split(b"\n" + start) if record)


def decode(host: str, text: str) -> Segments:
    """Take the script's output apart. Raises Garbled, naming the host, for anything that is not whole."""
    if len(text) > MOST_TEXT:
        raise Garbled(f"{host} answered with more than {MOST_TEXT >> 20} MiB", host=host)
    pieces = _pieces(host, _body(host, text))
    named: list[tuple[str, bytes]] = []
    contents: dict[PurePosixPath, bytes] = {}
    position = 0
    while position < len(pieces):
        name, _, payload = pieces[position].partition(b"\n")
        position += 1
        if name == b"contents":
            paths = payload.split(b"\0")[:-1]
            contents.update(zip(map(absolute, map(readable, paths)), pieces[position:], strict=False))
            position += len(paths)
        else:
            named.append((readable(name), payload))
    if not named or named[-1][0] != "end":
        raise Garbled(
            f"what {host} answered is cut short", host=host,
            hint="one of its files may be too big (8 MiB in all are read), or a program was stopped: run the command again",
        )
    segments = Segments(host, {}, tuple(named), contents)
    if any(name == "too many paths" for name, _ in named):
        raise Garbled(
            f"{host} has more than 2000 files in /etc/kubernetes and the kubelet's directories", host=host,
            hint="find out what fills them: ls -lR /etc/kubernetes",
        )
    pairs = (readable(entry).partition("=") for entry in segments.one("host").split(b"\0"))
    return Segments(host, {key: value for key, _, value in pairs if key}, tuple(named), contents)


def readable(raw: bytes) -> str:
    """Text of bytes from a host; bytes that are not UTF-8 become escapes."""
    return raw.decode("utf-8", errors="backslashreplace")


def absolute(name: str) -> PurePosixPath:
    """A path as the script or a configuration names it; a relative one is meant from the root directory."""
    return PurePosixPath("/" + name.lstrip("/"))


def _body(host: str, text: str) -> bytes:
    """The decoded bytes between the markers. Whatever a login prints before or after is no concern."""
    begin = text.find(BEGIN)
    if begin < 0:
        noise = "".join(c if c.isprintable() else "?" for c in text.strip()[:_LONGEST_NOISE])
        raise Garbled(f"{host} did not run the script that reads it", host=host, evidence=[noise] if noise else [])
    end = text.find(END, begin)
    if end < 0:
        raise Garbled(f"what {host} answered is cut short", host=host, hint="run the command again")
    try:
        return binascii.a2b_base64("".join(text[begin + len(BEGIN) : end].split()), strict_mode=True)
    except ValueError as error:  # binascii.Error is one; so is text that is not ASCII
        raise Garbled(f"what {host} answered is damaged: {error}", host=host) from error


def _pieces(host: str, body: bytes) -> list[bytes]:
    header = _HEADER.match(body)
    if header is None:
        raise Garbled(f"what {host} answered is not in the script's form", host=host)
    separator = b"B=" + header.group(1) + b"\0"
    if body.count(separator) > MOST_SEGMENTS:
        raise Garbled(f"{host} answered with more than {MOST_SEGMENTS} segments", host=host)
    return body[header.end() :].split(separator)[1:]

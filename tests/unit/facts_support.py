"""The script's output, made by hand: what a host would answer, segment by segment."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from bootstrap.facts import Facts, parse
from bootstrap.facts.frame import BEGIN, END

MARK = "b7a0c6d2-1f0e-4e5c-9b8a-0123456789ab"

VALUES = {
    "clock": "1795477238.500000000", "uptime": "1000.00 2000.00", "data_dir": "/var/lib/etcd", "uid": "0", "cpus": "2",
    "machine": "x86_64", "sys/kernel/hostname": "cp1", "sys/kernel/osrelease": "6.12.5", "memory": "MemTotal:  8000000 kB",
    "systemd": "yes",
}
FILES = {"/proc/stat": "cpu 1 2\nbtime 1795476238\n", "/proc/swaps": "Filename Type Size Used Priority\n"}


def records(lines: list[str]) -> str:
    return "".join(f"{MARK} {line}\n" for line in lines)


def body(
    values: Mapping[str, str] = VALUES,
    files: Mapping[str, str | bytes] = FILES,
    segments: Sequence[tuple[str, str | bytes]] = (),
    end: bool = True,
) -> bytes:
    separator = f"B={MARK}\0".encode()
    parts = [f"bootstrap facts 1 {MARK}\n".encode()]
    parts += [separator, b"host\n", *(f"{key}={value}\0".encode() for key, value in values.items())]
    for name, payload in segments:
        parts += [separator, name.encode(), b"\n", _bytes(payload)]
    parts += [separator, b"contents\n", *(f"{name}\0".encode() for name in files)]
    for content in files.values():
        parts += [separator, _bytes(content)]
    parts += [separator, b"end\n"] if end else []
    return b"".join(parts)


def text(raw: bytes) -> str:
    return f"{BEGIN}\n{base64.encodebytes(raw).decode()}{END}\n"


def facts_of(
    values: Mapping[str, str] | None = None,
    files: Mapping[str, str | bytes] | None = None,
    segments: Sequence[tuple[str, str | bytes]] = (),
) -> Facts:
    raw = body({**VALUES, **(values or {})}, {**FILES, **(files or {})}, segments)
    return parse("cp1", text(raw), 0.0)


def path_line(path: str, mode: str = "81a4", owner: str = "root", size: int = 0) -> str:
    """As `stat` writes it; 81a4 is a regular file 0644, 41ed a directory 0755, a1ff a link."""
    return f"{mode} {owner} 0 root 0 {size} 1795477000 2026-11-23 23:36:40.250000000 +0000 {path}"


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()

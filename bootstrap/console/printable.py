"""Text that may go to a terminal or into JSON: without control characters, without secrets."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Set
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from bootstrap.files import Secret

MASK = "***"
HASH_DIGITS = 12

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"                     # CSI: colours, cursor
    r"|\x9b[0-?]*[ -/]*[@-~]"                      # the same in one byte
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and friends: titles, links
    r"|\x1b[ -/]*[0-~]?"
)
_USERINFO = re.compile(r"(?<=://)[^\s/@:\"']*:[^\s/@\"']+(?=@)")
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_KEY_DATA = re.compile(r"(client-key-data[\"']?\s*:\s*[\"']?)[A-Za-z0-9+/=_-]+")
_TELLTALES = (b"PRIVATE KEY-----", b"client-key-data", b"EncryptionConfiguration")


def stripped(text: str) -> str:
    """The text without escape sequences and control characters; line feeds and tabs stay."""
    return "".join(c for c in _SEQUENCE.sub("", text) if c.isprintable() or c in "\n\t")


def escaped(text: str) -> str:
    """The text with every control character made visible as `\\x1b`; tabs stay. For diffs, where nothing may be hidden."""
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


def redacted(text: str) -> str:
    """The text without passwords in URLs, private keys in PEM, and keys of kubeconfigs."""
    text = _PRIVATE_KEY.sub(rf"{MASK} (\1)", text)
    text = _KEY_DATA.sub(rf"\1{MASK}", text)
    return _USERINFO.sub(MASK, text)


def shown(text: object) -> str:
    """Text of others (answers, logs, messages) as it may be shown."""
    return redacted(stripped(str(text)))


def shown_lines(texts: object) -> list[str]:
    """A list of texts of others as single lines; a key that spreads over several of them is found."""
    items = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, (list, tuple)) else []
    return [line.rstrip() for line in shown("\n".join(str(item) for item in items)).split("\n") if line.strip()]


def looks_secret(content: bytes) -> bool:
    """Whether content holds a private key, a kubeconfig's key or encryption keys, whatever it was called."""
    return any(telltale in content for telltale in _TELLTALES)


def masked(content: bytes) -> str:
    """What may be said of secret content: enough to tell two apart, of no use to guess them."""
    return f"{MASK} ({len(content)} bytes, sha256 {fingerprint(content)})"


def fingerprint(content: bytes) -> str:
    """The first digits of the content's SHA-256."""
    return hashlib.sha256(content).hexdigest()[:HASH_DIGITS]


def masked_object(value: Any) -> Any:
    """An API object without the values of Secrets, wherever in it they stand."""
    if isinstance(value, Mapping):
        if value.get("kind") == "Secret":
            return {key: _masked_member(str(key), member) for key, member in value.items()}
        return {key: masked_object(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked_object(member) for member in value]
    if isinstance(value, (str, bytes)):
        content = value if isinstance(value, bytes) else value.encode(errors="replace")
        if looks_secret(content):
            return masked(content)
        return redacted(value) if isinstance(value, str) else jsonable(value)
    return value


def _masked_member(key: str, member: Any) -> Any:
    if key in ("data", "stringData"):
        # No size or hash here: a user's own Secret may hold a value short enough to be guessed.
        return dict.fromkeys(member, MASK) if isinstance(member, Mapping) else MASK
    if key == "metadata" and isinstance(member, Mapping) and isinstance(member.get("annotations"), Mapping):
        return {**member, "annotations": dict.fromkeys(member["annotations"], MASK)}
    return masked_object(member)


def jsonable(value: Any, *, clean: bool = True) -> Any:
    """A value as JSON can say it: dataclasses as objects with camelCase keys, bytes as size and hash, secrets as `***`.

    clean: take passwords and keys out of strings; off only for results that are meant to carry them.
    """
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return shown(value) if clean else stripped(value)
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, (bytes, bytearray)):
        return {"size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): jsonable(member, clean=clean) for key, member in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value)]
        return {camel(name): jsonable(getattr(value, name), clean=clean) for name in names}
    if isinstance(value, (list, tuple)):
        if clean and any(isinstance(member, str) and "PRIVATE KEY-----" in member for member in value):
            return shown_lines(value)   # a key over several lines: no line of it can be told for one by itself
        return [jsonable(member, clean=clean) for member in value]
    if isinstance(value, Set):
        return sorted((jsonable(member, clean=clean) for member in value), key=str)
    return shown(value)


def camel(name: str) -> str:
    """`exit_code` as `exitCode`, the way Kubernetes spells keys."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def elapsed(seconds: float) -> str:
    """A duration for people: `0.3 s`, `42 s`, `2 min 05 s`."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60:02d} s"


def cut(text: str, width: int, *, ascii_only: bool = False) -> str:
    """The text in at most `width` characters; what is left out is marked."""
    mark = "..." if ascii_only else "\u2026"
    return text if len(text) <= width else text[: max(width - len(mark), 0)] + mark[:width]

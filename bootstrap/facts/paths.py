"""Files on the host: what they are, and the public parts of those that hold more."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import stat
from pathlib import PurePosixPath

from bootstrap.constants import POD_LOG_DIR
from bootstrap.facts.frame import Segments, absolute, readable
from bootstrap.facts.model import KubeconfigFacts, PodLog
from bootstrap.facts.system import number, seconds
from bootstrap.files import Observed

_SUM = re.compile(r"(\\?)([0-9a-f]{64})[ *]+(.+)")
_ESCAPE = re.compile(r"\\([\\nr])")
_LOG_NAME = re.compile(r"(\d{1,9})\.log")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?")


def owned_paths(segments: Segments) -> dict[PurePosixPath, Observed]:
    """Every path that was found, with its content where the script read it and nothing in it is secret."""
    sums = _sums(segments)
    links = {}
    for payload in segments.every("link"):
        name, _, target = payload.partition(b"\0")
        links[absolute(readable(name))] = readable(target.removesuffix(b"\n"))
    public = {}
    for payload in segments.every("pem"):
        name, _, pem = payload.partition(b"\0")
        public[absolute(readable(name))] = b"".join(_PEM.findall(pem))
    found: dict[PurePosixPath, Observed] = {}
    for record in segments.records("paths"):
        fields = record.split(" ", 10)
        if len(fields) != 11 or not re.fullmatch(r"[0-9a-f]{1,8}", fields[0]):
            continue
        path = absolute(fields[10])
        bits = int(fields[0], 16)
        kind = _kind(bits)
        size = number(fields[5])
        digest = sums.get(path, "") if kind == "file" else ""
        content = public.get(path)
        if path not in public and kind == "file":
            content = _public(segments.contents.get(path), size)
            if content is not None:  # it may have changed since the sums were made: what was read counts
                size, digest = len(content), hashlib.sha256(content).hexdigest()
        found[path] = Observed(
            path=path, kind=kind, mode=stat.S_IMODE(bits),
            owner=fields[2] if fields[1] == "UNKNOWN" else fields[1],
            group=fields[4] if fields[3] == "UNKNOWN" else fields[3],
            size=size, sha256=digest, target=links.get(path, ""), content=content,
            mtime=_modified(fields[6], fields[8]), uid=number(fields[2]), gid=number(fields[4]),
        )
    return found


def kubeconfigs(segments: Segments) -> dict[PurePosixPath, KubeconfigFacts]:
    """The first cluster and the first user of each: kubeadm's have one of each."""
    found = {}
    for payload in segments.every("kubeconfig"):
        name, _, lines = payload.partition(b"\0")
        path = absolute(readable(name))
        fields: dict[str, str] = {}
        for line in readable(lines).splitlines():
            key, _, value = line.strip().lstrip("- ").rstrip(",").partition(":")
            fields.setdefault(key.strip("\"' "), value.strip().strip("\"'"))
        found[path] = KubeconfigFacts(
            path=path,
            server=fields.get("server", ""),
            certificate_authority=_decoded(fields.get("certificate-authority-data", "")),
            client_certificate=_decoded(fields.get("client-certificate-data", "")),
            client_certificate_file=fields.get("client-certificate", ""),
        )
    return found


def pod_logs(segments: Segments) -> tuple[PodLog, ...]:
    """The newest log of each container of each static pod that has left logs; newest pods last."""
    newest: dict[tuple[str, str], PodLog] = {}
    for record in segments.records("logs"):
        modified, _, name = record.partition(" ")
        path = absolute(name)
        number_of_start = _LOG_NAME.fullmatch(path.name)
        if number_of_start is None or path.parent.parent.parent != POD_LOG_DIR:
            continue
        log = PodLog(path.parent.parent.name, path.parent.name, path, int(number_of_start[1]), float(number(modified)))
        before = newest.get((log.pod, log.container))
        if before is None or before.restarts < log.restarts:
            newest[log.pod, log.container] = log
    return tuple(sorted(newest.values(), key=lambda log: (log.modified, str(log.path))))


def _modified(whole: str, time: str) -> float:
    """Seconds since the epoch; time: of the same moment, `23:47:36.123456789`, for its fraction."""
    return seconds(f"{number(whole)}.{time.partition('.')[2][:9]}")


def _kind(bits: int) -> str:
    if stat.S_ISREG(bits):
        return "file"
    if stat.S_ISDIR(bits):
        return "directory"
    return "link" if stat.S_ISLNK(bits) else "other"


def _sums(segments: Segments) -> dict[PurePosixPath, str]:
    """Of sha256sum, which begins a line with a backslash where the name has escapes."""
    found = {}
    for line in readable(segments.one("sums")).splitlines():
        match = _SUM.fullmatch(line)
        if match:
            name = _ESCAPE.sub(lambda one: {"n": "\n", "r": "\r"}.get(one[1], "\\"), match[3]) if match[1] else match[3]
            found[absolute(name)] = match[2]
    return found


def _public(content: bytes | None, size: int) -> bytes | None:
    """The script reads no keys; should one lie under the name of something public, it goes no further.

    Nothing where there is something means that the file could not be read.
    """
    if content is None or b"PRIVATE KEY-----" in content or (size and not content):
        return None
    return content


def _decoded(text: str) -> bytes:
    """Certificates of a field in base64; nothing where it is not that."""
    try:
        return b"".join(_PEM.findall(base64.b64decode(text, validate=True)))
    except (binascii.Error, ValueError):
        return b""

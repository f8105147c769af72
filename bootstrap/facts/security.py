"""What security.sh wrote: policies that the API server runs with, kinds of encryption providers, kube-proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from bootstrap.facts.frame import Segments, absolute, readable
from bootstrap.facts.kubelet import load_configuration
from bootstrap.facts.model import KubeProxy, SecurityFacts
from bootstrap.facts.processes import argv_of, nested
from bootstrap.facts.system import number

PROVIDERS = frozenset({"aescbc", "aesgcm", "identity", "kms", "secretbox"})
_LIST = "providers"
_SEEN = re.compile(r"/proc/(\d{1,9})/root(/.+)", re.DOTALL)
_MOST_BYTES = 1 << 20


def security_facts(segments: Segments) -> SecurityFacts:
    proxies = [number(readable(payload).strip()) for payload in segments.every("proxy")]
    files: dict[PurePosixPath, bytes] = {}
    configs: dict[int, bytes] = {}
    for path, content in segments.contents.items():
        found = _SEEN.fullmatch(str(path))
        if found is None or b"PRIVATE KEY-----" in content or len(content) > _MOST_BYTES:
            continue
        if number(found[1]) in proxies:
            configs[number(found[1])] = content
        elif not nested(segments, number(found[1])):
            files[absolute(found[2])] = content
    return SecurityFacts(
        files=files,
        encryption=dict(_encryption(segments)),
        kube_proxies=tuple(
            KubeProxy(pid, argv_of(segments, pid), _mapping(configs.get(pid, b"")))
            for pid in sorted(set(proxies))
            if argv_of(segments, pid) and not nested(segments, pid)
        ),
    )


def _encryption(segments: Segments) -> Iterator[tuple[PurePosixPath, tuple[tuple[str, ...], ...]]]:
    for payload in segments.every("encryption"):
        pid, name, lines = [*payload.split(b"\0", 2), b"", b""][:3]
        if nested(segments, number(readable(pid))):
            continue
        lists: list[list[str]] = []
        for word in readable(lines).split():
            if word == _LIST:
                lists.append([])
            elif lists and word in PROVIDERS:
                lists[-1].append(word)
        yield absolute(readable(name)), tuple(map(tuple, lists))


def _mapping(content: bytes) -> Mapping[str, Any]:
    try:
        return load_configuration(readable(content)) if content else {}
    except ValueError:
        return {}

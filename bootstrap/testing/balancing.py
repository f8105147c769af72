"""What a model HAProxy makes of the configuration that it runs with. Other directives than those asked here are not modelled."""

from __future__ import annotations

import re

from bootstrap.connection import Answer
from bootstrap.syntax.addresses import split_endpoint

_SERVER = re.compile(rb"^    server \S+ (\S+) ", re.MULTILINE)
_LISTEN = re.compile(rb"^frontend api\n    bind (\S+)$", re.MULTILINE)
_SERVES = re.compile(rb" path (/serves/[0-9a-f]+) ")


def servers(config: bytes) -> tuple[str, ...]:
    """Addresses of the servers, in order; empty for what is no configuration of a balancer."""
    return tuple(split_endpoint(found.decode())[0] for found in _SERVER.findall(config))


def port(config: bytes) -> int:
    """Where it listens for whoever wants an API server; 0 where it does not."""
    found = _LISTEN.search(config)
    return (split_endpoint(found[1].decode())[1] or 0) if found is not None else 0


def health(config: bytes, path: str, *, ready: bool) -> Answer:
    """Its health port. ready: whether an API server is."""
    served = _SERVES.search(config)
    if path == "/readyz" and not ready:
        return Answer(503, b"no API server is ready")
    good = path in ("/livez", "/readyz") or (served is not None and path == served[1].decode())
    return Answer(200, b"ok") if good else Answer(404, b"other path, or other list")

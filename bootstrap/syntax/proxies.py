"""URLs of HTTP proxies, and what is asked without one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bootstrap.syntax import Mistake, one_line, quoted

_URL = "http://proxy.example.com:3128"
_EXCEPTIONS = "an address, a subnet, a name such as example.com, or .example.com for what is below it"


def url(text: str) -> str:
    """The URL of an HTTP proxy, without credentials: they would stand in manifests that anybody on a host may read."""
    if not text:
        return text
    one_line(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Mistake(f"{quoted(text)} is not a URL", _URL) from None
    if "@" in parts.netloc:
        raise Mistake("holds credentials", "no passwords in an inventory: a proxy that lets these hosts in by their addresses")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Mistake(f"{quoted(text)} is not the URL of an HTTP proxy", _URL)
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc):
        raise Mistake(f"{quoted(text)} has a host that cannot be", _URL)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Mistake(f"{quoted(text)} has more than scheme, host and port", _URL)
    return text


def exception(text: str) -> str:
    """An entry of NO_PROXY."""
    if not re.fullmatch(r"\.?[A-Za-z0-9_*][A-Za-z0-9_.-]*(:[0-9]{1,5})?|\.?[0-9A-Fa-f:.]+(/[0-9]{1,3})?", text):
        raise Mistake(f"{quoted(text)} is nothing that can be excepted from a proxy", _EXCEPTIONS)
    return text

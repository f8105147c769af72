"""How to reach a host by SSH. Nothing here may be taken for an option or a command by an OpenSSH program.

Source: ssh_config(5), OpenSSH 9; CVE-2017-1000117 for names that begin with a dash.
"""

from __future__ import annotations

import base64
import binascii
import re
from ipaddress import IPv4Address

from bootstrap.syntax import Mistake, addresses, names, quoted

_TARGET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:%-]*|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?")
_KEY_TYPES = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
)  # fmt: skip


def target(text: str) -> str:
    """What to connect to: a name, an address, or an alias of an ssh_config file."""
    hint = "a name, an address, or a Host of the ssh_config file"
    if text.startswith("-"):
        raise Mistake(f"{quoted(text)} begins with a dash: ssh would take it for an option", hint)
    if "@" in text:
        raise Mistake(f"{quoted(text)} holds a user", f"user: {text.partition('@')[0]} in a line of its own")
    if re.fullmatch(r"\[.*\](:[0-9]+)?|[^:]+:[0-9]+", text):
        raise Mistake(f"{quoted(text)} holds a port or brackets", "the host alone; `port:` has a line of its own")
    if len(text) > 253 or not _TARGET.fullmatch(text):
        raise Mistake(f"{quoted(text)} is not a host", hint)
    if names.is_numeric(text) and not _is_ipv4(text):
        raise Mistake(f"{quoted(text)} is not an address", "four numbers from 0 to 255, without leading zeros: 192.0.2.11")
    return text


def user(text: str) -> str:
    if not _USER.fullmatch(text) or len(text) > 128:
        raise Mistake(f"{quoted(text)} is not a user name", "such as root or vagrant")
    return text


def proxy_jump(text: str) -> str:
    """OpenSSH's ProxyJump: `[user@]host[:port][,...]`, or `none`."""
    hint = "[user@]host[:port], several joined by commas, or none"
    for hop in text.split(","):
        name, at, rest = hop.rpartition("@")
        try:
            if at:
                user(name)
            host, _ = addresses.split_endpoint(rest)
            target(host)
        except Mistake as error:
            raise Mistake(f"{quoted(hop)} is not a jump host: {error.message}", hint) from error
    return text


def host_key(text: str) -> str:
    """A pinned host key: its fingerprint as ssh-keygen prints it, or the public key itself."""
    hint = "SHA256:... as `ssh-keygen -lf` prints it, or a public key: ssh-ed25519 AAAA..."
    if text.startswith("SHA256:"):
        digest = text.removeprefix("SHA256:").removesuffix("=")
        if not re.fullmatch(r"[A-Za-z0-9+/]{43}", digest):
            raise Mistake(f"{quoted(text)} is not a fingerprint: SHA256: is followed by 43 characters of base64", hint)
        return f"SHA256:{digest}"
    if text.startswith("MD5:") or re.fullmatch(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", text):
        raise Mistake(f"{quoted(text)} is an MD5 fingerprint, which proves nothing today", hint)
    kind, _, rest = text.strip().partition(" ")
    blob = rest.split(" ", 1)[0]
    if kind not in _KEY_TYPES or "\n" in text or not _is_key(kind, blob):
        raise Mistake(f"{quoted(text)} is neither a fingerprint nor a public key", hint)
    return f"{kind} {blob}"


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_key(kind: str, blob: str) -> bool:
    """Whether base64 `blob` is a key of type `kind`: its first string names the type (RFC 4253, 6.6)."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return False
    name = kind.encode()
    return len(raw) > 4 + len(name) + 4 and raw[:4] == len(name).to_bytes(4, "big") and raw[4 : 4 + len(name)] == name

"""Bootstrap tokens: what a node proves itself with that has no certificate yet, and the Secret that each one is in the API.

Sources: k8s.io/cluster-bootstrap token/api/types.go, token/util/helpers.go and util/secrets/secrets.go (v0.36.3); kubeadm
app/apis/bootstraptoken/v1/utils.go and app/apis/kubeadm/validation/validation.go (v1.36.3).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bootstrap import durations
from bootstrap.errors import UsageError
from bootstrap.files import Secret
from bootstrap.objects import BOOTSTRAPPERS_GROUP, Object

SECRET_TYPE = "bootstrap.kubernetes.io/token"  # noqa: S105 - the name of a type
FORM = "[a-z0-9]{6}.[a-z0-9]{16}"
MAX_BYTES = 4096
"""More of what is given as a token is not read."""
SIGNING, AUTHENTICATION = "signing", "authentication"
USAGES = (SIGNING, AUTHENTICATION)

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_NAME_PREFIX = "bootstrap-token-"
_USAGE_PREFIX = "usage-bootstrap-"
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_ID = re.compile(r"[a-z0-9]{6}")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


@dataclass(frozen=True)
class Token:
    """The two halves of a token: its ID, which is no secret, and its secret."""

    id: str
    secret: Secret

    def reveal(self) -> str:
        """`ID.SECRET`, as it goes into a command line."""
        return f"{self.id}.{self.secret.reveal().decode()}"


@dataclass(frozen=True)
class BootstrapToken:
    """A token and what it is good for. expires: None: never. groups: those of its bearer, beside system:bootstrappers."""

    token: Token
    expires: datetime | None = None
    usages: tuple[str, ...] = USAGES
    groups: tuple[str, ...] = (BOOTSTRAPPERS_GROUP,)
    description: str = ""


def new(choice: Callable[[str], str]) -> Token:
    """A token that nobody can guess. choice: picks a character, as secrets.choice does."""
    word = "".join(choice(_ALPHABET) for _ in range(22))
    return Token(word[:6], Secret(word[6:].encode()))


def parse(content: bytes) -> Token:
    """The token that a file holds, white space around it aside. Raises UsageError, which never quotes it."""
    found = _TOKEN.fullmatch(content.decode(errors="replace").strip())
    if found is None:
        raise UsageError(f"what was given is no bootstrap token: those look like {FORM}", hint="bootstrap token create INVENTORY")
    return Token(found[1], Secret(found[2].encode()))


def ids_of(words: Iterable[str]) -> tuple[str, ...]:
    """The IDs of tokens that were named by their ID or whole, each once. Raises UsageError, which quotes none of them."""
    found = []
    for number, word in enumerate(words, 1):
        if not _ID.fullmatch(word) and not _TOKEN.fullmatch(word):
            raise UsageError(f"number {number} of the tokens named is neither an ID ([a-z0-9]{{6}}) nor a token ({FORM})",
                             hint="bootstrap token list INVENTORY")  # fmt: skip
        found.append(word[:6])
    return tuple(dict.fromkeys(found))


def expiry(ttl: str, now: datetime) -> datetime | None:
    """When a token ends that lives this long (`24h0m0s`); None for `0`: never. Raises UsageError."""
    try:
        lifetime = durations.parse(ttl)
    except ValueError as error:
        raise UsageError(f"--ttl {ttl!r} {error}", hint="--ttl 24h0m0s, or 0 for a token that does not expire") from None
    if timedelta() < lifetime < timedelta(seconds=1):
        raise UsageError(f"--ttl {ttl} is over before the token is there", hint="0 makes a token that does not expire")
    return now + lifetime if lifetime else None


def chosen_usages(words: Iterable[str]) -> tuple[str, ...]:
    """Usages as they were given, `signing,authentication` or one by one. Raises UsageError."""
    found = _split(words)
    unknown = [word for word in found if word not in USAGES]
    if unknown or not found:
        raise UsageError(f"{unknown[0]!r} is no usage of a token" if unknown else "a token without a usage is of no use",
                         hint=f"--usages {','.join(USAGES)}")  # fmt: skip
    return found


def chosen_groups(words: Iterable[str], usages: Sequence[str]) -> tuple[str, ...]:
    """Groups as they were given; without any, kubeadm's, which its RBAC is bound to. Raises UsageError.

    A token that is not for authentication has no bearer, so no groups either.
    """
    found = _split(words)
    if AUTHENTICATION not in usages:
        if found:
            raise UsageError("a token has groups only with the usage authentication",
                             hint="leave --groups away, or add authentication to --usages")  # fmt: skip
        return ()
    wrong = [word for word in found if not _GROUP.fullmatch(word)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is no group of tokens: those match ^{_GROUP.pattern}$",
                         hint=f"--groups {BOOTSTRAPPERS_GROUP}")  # fmt: skip
    return found or (BOOTSTRAPPERS_GROUP,)


def reference(token_id: str) -> Object:
    """The Secret of the token with that ID, without content."""
    metadata = {"name": f"{_NAME_PREFIX}{token_id}", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def secret_object(bootstrap_token: BootstrapToken) -> Object:
    """The Secret of a token, with kubeadm's keys."""
    token, expires = bootstrap_token.token, bootstrap_token.expires
    values = {
        "token-id": token.id,
        "token-secret": token.secret.reveal().decode(),
        "description": bootstrap_token.description,
        "expiration": rfc3339(expires) if expires is not None else "",
        **{f"{_USAGE_PREFIX}{usage}": "true" for usage in bootstrap_token.usages},
        "auth-extra-groups": ",".join(bootstrap_token.groups),
    }
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items() if value}
    return {**reference(token.id), "type": SECRET_TYPE, "data": data}


def from_secret(thing: Mapping[str, Any]) -> BootstrapToken:
    """The token that a Secret is. Raises ValueError, which quotes nothing secret, where the control plane would not take it."""
    try:
        data = {key: base64.b64decode(value, validate=True).decode() for key, value in (thing.get("data") or {}).items()}
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("its data cannot be decoded") from None
    found = _TOKEN.fullmatch(f"{data.get('token-id', '')}.{data.get('token-secret', '')}")
    if found is None:
        raise ValueError("its token-id and token-secret make no token")
    if thing["metadata"]["name"] != f"{_NAME_PREFIX}{found[1]}":
        raise ValueError(f"its name is not {_NAME_PREFIX}{found[1]}")
    return BootstrapToken(
        Token(found[1], Secret(found[2].encode())),
        _expiration(data.get("expiration", "")),
        tuple(sorted(k.removeprefix(_USAGE_PREFIX) for k, v in data.items() if k.startswith(_USAGE_PREFIX) and v == "true")),
        tuple(group for group in data.get("auth-extra-groups", "").split(",") if group),
        data.get("description", ""),
    )


def problem_to_join(bootstrap_token: BootstrapToken, now: datetime) -> str:
    """Why no node can join with a token; empty where it can."""
    if bootstrap_token.expires is not None and bootstrap_token.expires <= now:
        return f"has expired at {rfc3339(bootstrap_token.expires)}"
    lacking = [usage for usage in USAGES if usage not in bootstrap_token.usages]
    if lacking:
        return f"lacks the usage {' and '.join(lacking)}"
    if BOOTSTRAPPERS_GROUP not in bootstrap_token.groups:
        return f"lacks the group {BOOTSTRAPPERS_GROUP}, which joining nodes get their rights by"
    wrong = [group for group in bootstrap_token.groups if not _GROUP.fullmatch(group)]
    return f"has a group that API servers refuse: {wrong[0]}" if wrong else ""


def rfc3339(moment: datetime) -> str:
    """`2026-11-24T02:28:59Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_left(expires: datetime | None, now: datetime) -> str:
    """`23h`, `<forever>`, `<expired>`. Otherwise as apimachinery util/duration ShortHumanDuration (v0.36.3)."""
    if expires is None:
        return "<forever>"
    seconds = int((expires - now).total_seconds())
    if expires <= now:
        return "<expired>"
    for unit, size in (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _expiration(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("its expiration is no time") from None
    if moment.tzinfo is None:
        raise ValueError("its expiration is a time of no zone")
    return moment


def _split(words: Iterable[str]) -> tuple[str, ...]:
    """The parts of lists with commas, in order, each once."""
    return tuple(dict.fromkeys(part for word in words for part in word.split(",") if part))

"""Secrets encrypted in etcd: one key, the same on every master. What exists wins; a key is made only for a new cluster.

Only Secrets: ConfigMaps are not meant for what must not be seen, other tools read some of them before they have any credentials
(cluster-info), and everything encrypted is decrypted again for each watcher.
Source: k8s.io/apiserver pkg/apis/apiserver/v1, EncryptionConfiguration (v0.36.3).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bootstrap.constants import API_SERVER_CONFIG_DIR
from bootstrap.errors import PersonNeeded, Refused
from bootstrap.files import Observed, Secret
from bootstrap.render import to_yaml

KEY_BYTES = 32
_NAME = re.compile(r"encryption-([0-9a-f]{12})\.yaml")


@dataclass(frozen=True)
class Held:
    """What one master has. files: SHA-256 of encryption configurations by path. named: what its API server's manifest says."""

    files: Mapping[PurePosixPath, str] = field(default_factory=dict)
    named: str = ""


@dataclass(frozen=True)
class Found:
    """The configuration that the cluster has, and the masters that hold it."""

    path: PurePosixPath
    holders: tuple[str, ...]


def held(observed: Mapping[PurePosixPath, Observed], flags: Mapping[str, str]) -> Held:
    """observed: `Facts.owned`. flags: of the API server's manifest that is there."""
    files = {
        path: seen.sha256 for path, seen in observed.items()
        if path.parent == API_SERVER_CONFIG_DIR and _NAME.fullmatch(path.name) and seen.kind == "file"
    }  # fmt: skip
    return Held(files, flags.get("encryption-provider-config", ""))


def configuration(key: bytes) -> Secret:
    """An EncryptionConfiguration with this key. What was stored before stays readable, and is encrypted when next written."""
    secretbox = {"keys": [{"name": "key1", "secret": base64.b64encode(key).decode()}]}
    return Secret(
        to_yaml(
            {
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "EncryptionConfiguration",
                "resources": [{"resources": ["secrets"], "providers": [{"secretbox": secretbox}, {"identity": {}}]}],
            }
        )
    )


def found(hosts: Mapping[str, Held], with_etcd_data: Collection[str]) -> Found | None:
    """The configuration that exists; None where there is none and none is missed, so that one may be made.

    Raises Refused where masters contradict each other, PersonNeeded where a key is missed that only a person can bring back.
    """
    named = sorted({one.named for one in hosts.values() if one.named})
    candidates = [PurePosixPath(path) for path in named] or sorted({path for one in hosts.values() for path in one.files})
    if not candidates:
        _refuse_a_new_key(with_etcd_data)
        return None
    if len(candidates) > 1:
        raise Refused(
            "masters have different encryption configurations, so each would write Secrets that the others cannot read",
            evidence=[f"{name}: {_shown(one, candidates)}" for name, one in sorted(hosts.items())],
            hint="find out which one Secrets are encrypted with, and remove the others",
        )
    path = candidates[0]
    name = _NAME.fullmatch(path.name) if path.parent == API_SERVER_CONFIG_DIR else None
    if name is None:
        raise PersonNeeded(
            f"an API server runs with --encryption-provider-config={path}, which the inventory does not know",
            hint="name it, and the volume it is mounted from, in spec.apiServer.extraArgs and extraVolumes",
        )
    holders = tuple(sorted(host for host, one in hosts.items() if one.files.get(path, "").startswith(name[1])))
    if not holders:
        raise PersonNeeded(
            f"{path} is on no master as it was written, and Secrets in etcd cannot be read without it",
            evidence=[f"{host}: {'changed' if path in one.files else 'missing'}" for host, one in sorted(hosts.items())],
            hint="bring the file back from a backup",
        )
    return Found(path, holders)


def refuse_to_forget(hosts: Mapping[str, Held], with_etcd_data: Collection[str]) -> None:
    """Raise PersonNeeded where the inventory switches off what Secrets in etcd are encrypted with."""
    using = sorted(name for name, one in hosts.items() if one.named or one.files)
    if using and with_etcd_data:
        raise PersonNeeded(
            f"Secrets in etcd are encrypted ({', '.join(using)}), and the inventory says that they are not: no API server could "
            "read them any more",
            hint="spec.hardening.encryptionAtRest: secretbox, or the configuration's path in spec.apiServer.extraArgs",
        )


def _refuse_a_new_key(with_etcd_data: Collection[str]) -> None:
    if with_etcd_data:
        raise PersonNeeded(
            f"etcd data is on {', '.join(sorted(with_etcd_data))}, and no master has the key that its Secrets are encrypted with",
            evidence=[f"looked for: {API_SERVER_CONFIG_DIR}/encryption-*.yaml"],
            hint=f"bring the file back to {API_SERVER_CONFIG_DIR} of one master; if they were never encrypted: "
            "spec.hardening.encryptionAtRest: none",
        )


def _shown(one: Held, candidates: Collection[PurePosixPath]) -> str:
    return one.named or ", ".join(str(path) for path in sorted(one.files) if path in candidates) or "none"


def short_digest(content: bytes | Secret) -> str:
    """What stands in the name of a file: twelve hexadecimal digits of its SHA-256."""
    plain = content.reveal() if isinstance(content, Secret) else content
    return hashlib.sha256(plain).hexdigest()[:12]

"""Files that every control plane host has the same: certificate authorities and the service account keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.cluster import Host, Role
from bootstrap.files import Observed, Secret
from bootstrap.pki.authority import Authorities, Authority
from bootstrap.pki.pem import BadPem, fingerprint, public_pem, read_certificates, read_public_key
from bootstrap.pki.table import SA_KEY, SA_PUBLIC_KEY

MISSING = "is missing"
CERTIFICATE_MODE = 0o644
KEY_MODE = 0o600


@dataclass(frozen=True)
class Shared:
    """A file that is the same on all hosts. identity: None where files are told apart by digest alone."""

    path: PurePosixPath
    content: bytes | Secret | None
    mode: int
    identity: str = ""
    digests: frozenset[str] = frozenset()

    def reason(self, seen: Observed | None) -> str | None:
        if seen is None:
            return MISSING
        if seen.kind != "file":
            return "is not a regular file"
        if self.identity:
            return None if seen.content is not None and _identity(seen.content) == self.identity else "is another one"
        return None if seen.sha256 in self.digests else "is another one"


def shared_files(host: Host, authorities: Authorities) -> list[Shared]:
    """Keys before certificates; an external authority has no key to share. A worker needs the cluster's CA only."""
    if host.role is not Role.CONTROL_PLANE:
        return [_shared_certificate(authorities.ca)]
    shared = []
    for authority in authorities.all:
        if not authority.is_external:
            shared.append(_shared_key(authority.entry.key_path, authority.key, authority.key_digests))
        shared.append(_shared_certificate(authority))
    pair = authorities.service_account
    shared.append(_shared_key(SA_KEY, pair.key, pair.key_digests))
    # 0600, as kubeadm writes it: app/util/pkiutil/pki_helpers.go, WritePublicKey (v1.36.3).
    shared.append(Shared(SA_PUBLIC_KEY, pair.public, KEY_MODE, _identity(pair.public)))
    return shared


def _shared_certificate(authority: Authority) -> Shared:
    return Shared(authority.entry.path, authority.certificate, CERTIFICATE_MODE, authority.fingerprint)


def _shared_key(path: PurePosixPath, key: Secret | None, digests: frozenset[str]) -> Shared:
    own = {hashlib.sha256(key.reveal()).hexdigest()} if key else set()
    return Shared(path, key, KEY_MODE, digests=digests | own)


def _identity(content: bytes) -> str:
    """Of a certificate its fingerprint, of a public key the key, however the file is laid out."""
    try:
        return fingerprint(read_certificates(content)[0])
    except BadPem:
        pass
    try:
        return public_pem(read_public_key(content)).decode()
    except BadPem:
        return ""

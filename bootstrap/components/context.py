"""What a manifest is made of beside the inventory: values that come from the host or from the PKI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bootstrap.etcd_user import EtcdUser
from bootstrap.patches import Patch
from bootstrap.staticpod import Pod, flags

TOKEN_PLACEHOLDER = "placeholder-derived-from-the-etcd-ca"  # noqa: S105  # not a secret: it names a cluster

# Debian and its children, Red Hat and its children; /etc/ssl/certs is always mounted.
# Source: kubeadm app/phases/controlplane/volumes.go, caCertsExtraVolumePaths (v1.36.3).
CA_DIRS = (
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)

_MEMBER = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?=https://(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]):\d{1,5}"
_INITIAL_CLUSTER = re.compile(rf"{_MEMBER}(,{_MEMBER})*")
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True)
class Birth:
    """With what an etcd member first started; kept for its whole life.

    initial_cluster: `name=peer URL`, comma separated. state: new (bootstrapped together) or existing (joined); empty: flag not
    given. token: --initial-cluster-token; empty: flag not given (a member that kubeadm made).
    ValueError where one of them is not what etcd could have been given: they may come from a host's manifest.
    """

    initial_cluster: str
    state: str = "new"
    token: str = ""

    def __post_init__(self) -> None:
        if not _INITIAL_CLUSTER.fullmatch(self.initial_cluster):
            raise ValueError(f"not an initial cluster: {self.initial_cluster!r}")
        if self.state not in ("new", "existing", ""):
            raise ValueError(f"not an initial cluster state: {self.state!r}")
        if self.token and not _TOKEN.fullmatch(self.token):
            raise ValueError(f"not an initial cluster token: {self.token!r}")

    @classmethod
    def of(cls, pod: Pod) -> Birth | None:
        """The birth values that a member's manifest carries; None where it has no --initial-cluster."""
        given = dict(flags(pod))
        initial_cluster = given.get("initial-cluster")
        if initial_cluster is None:
            return None
        return cls(initial_cluster, given.get("initial-cluster-state", ""), given.get("initial-cluster-token", ""))


@dataclass(frozen=True)
class ManifestContext:
    """Everything a manifest needs that is not in the inventory. The defaults are what `render` has: nothing of any host.

    cluster_token: --initial-cluster-token of a new cluster (`etcd.cluster_token`).
    born_with: birth values of this host's etcd member, once it has them; None before its first start.
    ca_dirs: those of CA_DIRS that exist on the host.
    config_files: kube-apiserver's configuration files by the flag that names them (`hardening.config_flags`).
    hashes: SHA-256 by path of (at least) every file in the component's `STARTUP_FILES`; None: not known, the digest is a
    marked placeholder.
    patches: the cluster's, then the host's own.
    etcd_user: who etcd runs as on this host; None: root, as with kubeadm.
    """

    cluster_token: str = TOKEN_PLACEHOLDER
    born_with: Birth | None = None
    ca_dirs: tuple[str, ...] = ()
    hashes: Mapping[PurePosixPath, str] | None = None
    patches: tuple[Patch, ...] = ()
    etcd_user: EtcdUser | None = None
    config_files: Mapping[str, PurePosixPath] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [path for path in self.ca_dirs if path not in CA_DIRS]
        if unknown:
            raise ValueError(f"not a directory of CA certificates: {', '.join(unknown)}")

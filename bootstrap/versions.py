"""The one version table: supported minors, what each of them ships and wants, and the version skew rules.

Nothing else in the package compares versions or names an image tag.
Sources: kubeadm app/constants/constants.go and app/images/images.go (v1.35.4, v1.36.3, v1.37.2); version skew policy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING

from bootstrap.constants import BALANCER, KEEPALIVED

if TYPE_CHECKING:
    from bootstrap.cluster import Cluster

DEFAULT_IMAGE_REPOSITORY = "registry.k8s.io"
KUBELET_MAX_SKEW = 3
HAPROXY_TAG = "3.2"
"""The long-term supported branch of 2025; the tag follows its fixes. Source: docker-library/official-images, library/haproxy."""
ETCD_OLDEST = (3, 6)

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")


@total_ordering
@dataclass(frozen=True)
class Version:
    """A semantic version. A pre-release comes before its release; build metadata is kept and not compared."""

    major: int
    minor: int
    patch: int
    pre_release: str = ""
    build: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """The version that `v1.36.3` or `1.36.3-rc.0` is; ValueError for anything else."""
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not a version: {text!r} (wanted: v1.36.3)")
        major, minor, patch, pre_release, build = match.groups()
        return cls(int(major), int(minor), int(patch), pre_release or "", build or "")

    @property
    def minor_name(self) -> str:
        """`1.36`, the key of the table of minors."""
        return f"{self.major}.{self.minor}"

    @property
    def image_tag(self) -> str:
        """The tag of Kubernetes' own images: `+` is not allowed in a tag."""
        return str(self).replace("+", "_")

    def __str__(self) -> str:
        pre_release = f"-{self.pre_release}" if self.pre_release else ""
        build = f"+{self.build}" if self.build else ""
        return f"v{self.major}.{self.minor}.{self.patch}{pre_release}{build}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._order() == other._order()

    def __lt__(self, other: Version) -> bool:
        return self._order() < other._order()

    def __hash__(self) -> int:
        return hash(self._order())

    def _order(self) -> tuple[object, ...]:
        # Semantic versioning 2.0, section 11: numeric identifiers are lower than others, a shorter list is lower.
        identifiers = tuple(
            (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
            for part in self.pre_release.split(".") if part
        )
        return (self.major, self.minor, self.patch, not self.pre_release, identifiers)


@dataclass(frozen=True)
class Minor:
    """What kubeadm of one minor deploys, and where its manifests differ from its neighbours'.

    etcd, coredns, pause: image tags. flexvolume_mount: kube-controller-manager mounts the flexvolume directory (until 1.35).
    kube_proxy_mode: what KubeProxyConfiguration says about `mode`; empty: nothing (1.37 warns where it is unset).
    """

    etcd: str
    coredns: str
    pause: str
    flexvolume_mount: bool = False
    kube_proxy_mode: str = ""


MINORS = {
    "1.35": Minor(etcd="3.6.6-0", coredns="v1.13.1", pause="3.10.1", flexvolume_mount=True),
    "1.36": Minor(etcd="3.6.8-0", coredns="v1.14.2", pause="3.10.2"),
    "1.37": Minor(etcd="3.7.0-0", coredns="v1.14.6", pause="3.10.2", kube_proxy_mode="iptables"),
}
SUPPORTED_MINORS = tuple(MINORS)


def minor_of(version: Version | str) -> Minor:
    """The table's row for a Kubernetes version; ValueError where the minor is not supported."""
    parsed = Version.parse(version) if isinstance(version, str) else version
    try:
        return MINORS[parsed.minor_name]
    except KeyError:
        raise ValueError(f"Kubernetes {parsed} is not supported (supported: {', '.join(SUPPORTED_MINORS)})") from None


def images(cluster: Cluster) -> dict[str, str]:
    """Image references by name: the static pods (keepalived where there is a virtual IP), kube-proxy, coredns and pause.

    Source: kubeadm app/images/images.go (v1.36.3). CoreDNS lies one level deeper in the official registry only.
    """
    version = Version.parse(cluster.kubernetes_version)
    minor = minor_of(version)
    local_etcd, dns, balancer, vip = cluster.etcd.local, cluster.dns, cluster.balancer, cluster.vip
    dns_repository = dns.image_repository or cluster.image_repository
    if dns_repository == DEFAULT_IMAGE_REPOSITORY:
        dns_repository = f"{DEFAULT_IMAGE_REPOSITORY}/coredns"
    kubernetes = {
        name: f"{cluster.image_repository}/{name}:{version.image_tag}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    }
    return {
        "etcd": f"{local_etcd.image_repository or cluster.image_repository}/etcd:{local_etcd.image_tag or minor.etcd}",
        **kubernetes,
        "coredns": f"{dns_repository}/coredns:{dns.image_tag or minor.coredns}",
        "pause": f"{cluster.image_repository}/pause:{minor.pause}",
        **({KEEPALIVED: f"{vip.image_repository}/keepalived:{vip.image_tag}"} if vip is not None else {}),
        BALANCER: f"{balancer.image_repository}/haproxy:{balancer.image_tag or HAPROXY_TAG}",
    }


def kubelet_skew_problem(kubelet: Version, control_plane: Version) -> str | None:
    """Why this kubelet must not run with this control plane; None where it may.

    Source: version skew policy: never newer than kube-apiserver, at most three minors older.
    """
    if (kubelet.major, kubelet.minor) > (control_plane.major, control_plane.minor):
        return f"kubelet {kubelet} is newer than the control plane, {control_plane}"
    if kubelet.major != control_plane.major or control_plane.minor - kubelet.minor > KUBELET_MAX_SKEW:
        return f"kubelet {kubelet} is more than {KUBELET_MAX_SKEW} minors older than the control plane, {control_plane}"
    return None


def etcd_problem(tag: str) -> str | None:
    """Why an etcd image of this tag cannot be used; None where it can, or the tag does not tell its version.

    Before 3.6 some of the flags that we give had other names.
    """
    version = re.match(r"v?(\d+)\.(\d+)", tag)
    if version and (int(version[1]), int(version[2])) < ETCD_OLDEST:
        return f"etcd {tag} is older than {'.'.join(map(str, ETCD_OLDEST))}"
    return None


def upgrade_problem(current: Version, wanted: Version) -> str | None:
    """Why a control plane cannot go from one version to another in one step; None where it can."""
    if wanted.minor_name not in MINORS:
        return f"{wanted} is not supported (supported: {', '.join(SUPPORTED_MINORS)})"
    if (wanted.major, wanted.minor) < (current.major, current.minor):
        return f"{wanted} is a minor older than {current}: minors never go back"
    if wanted.major != current.major or wanted.minor - current.minor > 1:
        return f"{wanted} is more than one minor ahead of {current}: go through every minor"
    return None

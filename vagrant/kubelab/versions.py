"""What a Kubernetes version is made of: components, their versions, and the tags of their images.

The etcd and CoreDNS tags are kubeadm's defaults for that minor (cmd/kubeadm/app/constants). Where that very version is not
served as a Go module, the nearest one goes under kubeadm's tag.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTAINERD = "2.4.2"
CNI_PLUGINS = "1.9.1"
PAUSE = "3.10.2"


@dataclass(frozen=True)
class Release:
    """One Kubernetes version of the lab, with what kubeadm pairs with it."""

    kubernetes: str
    etcd: str
    etcd_tag: str
    coredns: str
    coredns_tag: str

    @property
    def components(self) -> tuple[str, ...]:
        """Directory names below vagrant/components/."""
        return (
            f"kubernetes-{self.kubernetes}",
            f"etcd-{self.etcd}",
            f"containerd-{CONTAINERD}",
            f"cni-plugins-{CNI_PLUGINS}",
            f"coredns-{self.coredns}",
            f"pause-{PAUSE}",
        )


RELEASES = {
    release.kubernetes: release
    for release in (
        Release("1.36.3", etcd="3.6.8", etcd_tag="3.6.8-0", coredns="1.14.3", coredns_tag="v1.14.2"),
        Release("1.37.2", etcd="3.7.1", etcd_tag="3.7.0-0", coredns="1.14.6", coredns_tag="v1.14.6"),
    )
}
DEFAULT_KUBERNETES = "1.36.3"

"""What the checks of one host look at: the inventory's side and the host's side, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bootstrap.cluster import Cluster, Host, Role
from bootstrap.facts import Facts
from bootstrap.versions import Version

DEFAULT_CGROUP_DRIVER = "systemd"  # what we write where the inventory says nothing; kubeadm's


@dataclass(frozen=True)
class Subject:
    cluster: Cluster
    host: Host
    facts: Facts

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def is_control_plane(self) -> bool:
        return self.host.role is Role.CONTROL_PLANE

    @property
    def kubelet_config(self) -> dict[str, Any]:
        """The inventory's part of the configuration that this kubelet will have."""
        return {**self.cluster.kubelet.config, **self.host.kubelet.config}

    @property
    def kubelet_version(self) -> Version | None:
        return parsed(self.facts.kubelet.version)


def parsed(version: str) -> Version | None:
    try:
        return Version.parse(version)
    except ValueError:
        return None

"""What the checks of one host look at: the inventory's side and the host's side, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bootstrap.cluster import Cluster, Host, Role
from bootstrap.facts import Facts
from bootstrap.pki import Found
from bootstrap.preflight.answers import Answers, HostAnswers
from bootstrap.versions import Version

DEFAULT_CGROUP_DRIVER = "systemd"  # what we write where the inventory says nothing; kubeadm's


@dataclass(frozen=True)
class Subject:
    cluster: Cluster
    host: Host
    facts: Facts
    asked: bool = False
    answers: HostAnswers = field(default_factory=HostAnswers)

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


@dataclass(frozen=True)
class Fleet:
    """What the checks over all hosts look at. subjects: those that could be read. given: the user's own authorities."""

    cluster: Cluster
    subjects: tuple[Subject, ...]
    answers: Answers
    now: datetime
    given: Found | None = None

    @property
    def masters(self) -> tuple[Subject, ...]:
        return tuple(subject for subject in self.subjects if subject.is_control_plane)


def parsed(version: str) -> Version | None:
    try:
        return Version.parse(version)
    except ValueError:
        return None

"""What is on a host, as read by one script in one round trip: values only, no decisions."""

from bootstrap.facts.export import as_dict
from bootstrap.facts.live import has_control_plane, has_joined, is_live
from bootstrap.facts.model import (
    AccountFacts,
    CgroupFacts,
    Disk,
    EtcdDataFacts,
    Facts,
    KubeconfigFacts,
    KubeletFacts,
    KubeProxy,
    Listener,
    ManifestDirectory,
    OsFacts,
    PodLog,
    RuntimeFacts,
    SecurityFacts,
    ServiceFacts,
    StaticProcess,
)
from bootstrap.facts.parse import parse
from bootstrap.facts.script import script

__all__ = [
    "AccountFacts",
    "CgroupFacts",
    "Disk",
    "EtcdDataFacts",
    "Facts",
    "KubeProxy",
    "KubeconfigFacts",
    "KubeletFacts",
    "Listener",
    "ManifestDirectory",
    "OsFacts",
    "PodLog",
    "RuntimeFacts",
    "SecurityFacts",
    "ServiceFacts",
    "StaticProcess",
    "as_dict",
    "has_control_plane",
    "has_joined",
    "is_live",
    "parse",
    "script",
]

"""What is on a host, as read by one script in one round trip: values only, no decisions."""

from bootstrap.facts.model import (
    CgroupFacts,
    Disk,
    EtcdDataFacts,
    Facts,
    KubeconfigFacts,
    KubeletFacts,
    Listener,
    ManifestDirectory,
    OsFacts,
    PodLog,
    RuntimeFacts,
    ServiceFacts,
    StaticProcess,
)

__all__ = [
    "CgroupFacts",
    "Disk",
    "EtcdDataFacts",
    "Facts",
    "KubeconfigFacts",
    "KubeletFacts",
    "Listener",
    "ManifestDirectory",
    "OsFacts",
    "PodLog",
    "RuntimeFacts",
    "ServiceFacts",
    "StaticProcess",
]

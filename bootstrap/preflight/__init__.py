"""What keeps a host from becoming, or staying, part of the control plane: all findings at once, before anything is written.

kubeadm's checks under kubeadm's names, and those that its users ask for. Pure: inventory, facts and answers in, findings out. A
second run on a finished cluster, or after a killed one, finds nothing: what is ours is no obstacle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bootstrap.cluster import Cluster
from bootstrap.facts import Facts
from bootstrap.pki import Found
from bootstrap.preflight import endpoint, fleet, machine, manifests, network, node, ports, storage
from bootstrap.preflight.answers import Answers
from bootstrap.preflight.finding import Finding, Severity, as_dict, is_ignored
from bootstrap.preflight.report import Report, as_result, summary
from bootstrap.preflight.subject import Fleet, Subject

__all__ = [
    "Answers", "Check", "Finding", "Report", "Severity", "as_dict", "as_result", "check", "is_ignored", "report", "summary",
]  # fmt: skip


@dataclass(frozen=True)
class Check:
    """name: of its findings, as --ignore-preflight takes it; `*` at the end: of a family.

    of_host is asked of each host, of_fleet of all together.
    """

    name: str
    of_host: Callable[[Subject], Iterable[Finding]] | None = None
    of_fleet: Callable[[Fleet], Iterable[Finding]] | None = None


CHECKS = (
    Check("KubernetesVersion", of_fleet=machine.kubernetes_version),
    Check("IsPrivilegedUser", machine.privileged),
    Check("NumCPU", machine.cpus),
    Check("Mem", machine.memory),
    Check("Hostname", machine.hostname, fleet.hostnames),
    Check("Address", machine.address),
    Check("MachineID", of_fleet=fleet.machine_ids),
    Check("ProductUUID", of_fleet=fleet.product_uuids),
    Check("ClockSkew", machine.clock, fleet.clocks),
    Check("SystemVerification", machine.system),
    Check("Swap", machine.swap),
    Check("FileContent-*", machine.forwarding),
    Check("FileExisting-*", machine.commands),
    Check("DiskSpace", machine.disk_space),
    Check("DirWritable-*", machine.writable),
    Check("Firewalld, Ufw", machine.firewall),
    Check("Port-*", ports.ports),
    Check("CRI", node.runtime),
    Check("ContainerRuntimeVersion", node.cgroup_driver),
    Check("CgroupDriver", of_fleet=fleet.cgroup_drivers),
    Check("KubeletVersion", node.kubelet),
    Check("Service-Kubelet", node.kubelet_service),
    Check("KubeletDropIns", node.drop_ins),
    Check("EtcdUser", node.etcds_user),
    Check("StaticPodPath", node.static_pod_path),
    Check("ManifestDirectory", manifests.strangers),
    Check("FileAvailable-*", node.foreign_kubelet, fleet.foreign_workers),
    Check("HTTPProxy", node.proxy),
    Check("HTTPProxyCIDR", of_fleet=node.proxy_of_pods),
    Check("EtcdData", of_fleet=fleet.etcd_data),
    Check("CertificateAuthorities", of_fleet=fleet.authorities),
    Check("SSHForwarding", of_fleet=network.forwarding),
    Check("Reach, Reach-*", of_fleet=network.reach),
    Check("RoundTrip", of_fleet=network.round_trips),
    Check("EtcdDisk", storage.disk),
    Check("Images", storage.images),
    Check("ControlPlaneEndpoint", endpoint.endpoint, endpoint.cluster_behind),
)


def report(
    cluster: Cluster, facts: Mapping[str, Facts], answers: Answers, now: datetime, *,
    given: Found | None = None, unread: Mapping[str, str] | None = None, ignored: Sequence[str] = (),
) -> Report:  # fmt: skip
    """What every check says of the hosts that were looked at (those of `facts`), hosts in the order of the inventory.

    given: the user's own authorities. unread: hosts that were to be looked at and could not be: unknown, not empty.
    """
    subjects = tuple(
        Subject(cluster, host, facts[host.name], answers.asked, answers.of(host.name))
        for host in cluster.hosts if host.name in facts
    )
    everything = Fleet(cluster, subjects, answers, now, given)
    found = []
    for one in CHECKS:
        findings = [finding for subject in subjects for finding in (one.of_host(subject) if one.of_host else ())]
        findings += one.of_fleet(everything) if one.of_fleet else ()
        found.append((one.name, tuple(dict.fromkeys(findings))))
    unread = dict(unread or {})
    names = tuple(host.name for host in cluster.hosts if host.name in facts or host.name in unread)
    return Report(names, tuple(found), answers, unread, tuple(ignored))


def check(
    cluster: Cluster, facts: Mapping[str, Facts], now: datetime, answers: Answers | None = None, given: Found | None = None
) -> tuple[Finding, ...]:
    """Everything found, in the order of the checks; no finding twice."""
    return report(cluster, facts, answers or Answers(), now, given=given).findings

"""What keeps a host from becoming, or staying, part of the control plane: all findings at once, before anything is written.

kubeadm's checks under kubeadm's names, and those that its users ask for. Pure: inventory and facts in, findings out. A second run
on a finished cluster, or after a killed one, finds nothing: what is ours is no obstacle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from bootstrap.cluster import Cluster
from bootstrap.facts import Facts
from bootstrap.preflight import fleet, machine, manifests, node, ports
from bootstrap.preflight.finding import Finding, Severity, as_dict, is_ignored
from bootstrap.preflight.subject import Subject
from bootstrap.versions import SUPPORTED_MINORS, Version

__all__ = ["Finding", "Severity", "as_dict", "check", "is_ignored"]

OF_ONE_HOST: tuple[Callable[[Subject], Iterable[Finding]], ...] = (
    machine.privileged,
    machine.cpus,
    machine.memory,
    machine.hostname,
    machine.address,
    machine.system,
    machine.swap,
    machine.forwarding,
    machine.commands,
    machine.firewall,
    machine.disk_space,
    machine.clock,
    ports.ports,
    node.runtime,
    node.cgroup_driver,
    node.kubelet,
    node.kubelet_service,
    node.drop_ins,
    node.etcds_user,
    node.static_pod_path,
    node.foreign_kubelet,
    node.proxy,
    node.proxy_of_pods,
    manifests.strangers,
)
OF_ALL: tuple[Callable[[Sequence[Subject]], Iterable[Finding]], ...] = (
    fleet.identities,
    fleet.clocks,
    fleet.etcd_data,
    fleet.shared_files,
)


def check(cluster: Cluster, facts: Mapping[str, Facts]) -> tuple[Finding, ...]:
    """Everything found on the hosts that were looked at (those of `facts`), in the order of the inventory; no finding twice."""
    subjects = [Subject(cluster, host, facts[host.name]) for host in cluster.hosts if host.name in facts]
    found = [*machine.kubernetes_version(Version.parse(cluster.kubernetes_version), SUPPORTED_MINORS)]
    for of_one in OF_ONE_HOST:
        for subject in subjects:
            found += of_one(subject)
    for of_all in OF_ALL:
        found += of_all(subjects)
    return tuple(dict.fromkeys(found))

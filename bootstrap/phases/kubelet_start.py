"""kubelet-start: the kubelet's configuration, its systemd drop-in, and the kubelet itself.

Inputs: the kubelet's service and process, the manifest directory it reads, systemd-resolved, spec.kubelet and the host's.
Outputs: config.yaml and instance-config.yaml in /var/lib/kubelet, the drop-in 10-kubeadm.conf, a kubelet that is enabled and
runs with them.
A second run writes nothing; a kubelet that is older than its files (a run was cut between the two) is restarted.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change, Run
from bootstrap.cluster import Host
from bootstrap.differences import difference
from bootstrap.facts import Facts, ServiceFacts
from bootstrap.plan import Phase, Snapshot

INACCURACY_S = 1.5
"""How much earlier than it did a process may seem to have begun: a busy host's clock and uptime are read a moment apart, and of
a container with an uptime of its own only whole seconds are known."""


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts[host.name]
    files = difference(facts, desired.kubelet_files(snapshot, host))
    changes: list[Change] = list(files)
    service = facts.services.get("kubelet.service", ServiceFacts("kubelet.service"))
    drop_in = k.KUBELET_DROP_IN in {change.entry.path for change in files}
    reload = drop_in or service.needs_reload or str(k.KUBELET_DROP_IN) not in service.drop_in_paths
    if service.unit_file_state != "enabled":
        without_reload = ("--no-reload",) if reload else ()     # one reload, a moment later, is enough
        changes.append(Run(("systemctl", *without_reload, "enable", "kubelet.service"), "enabled the kubelet"))
    if reload:
        changes.append(Run(("systemctl", "daemon-reload"), "told systemd of the drop-in"))
    read = [change for change in files if change.entry.path != k.KUBELET_INSTANCE_CONFIG]  # that one is for other tools
    if read or service.active_state != "active" or _outdated(facts):
        changes.append(Run(("systemctl", "restart", "kubelet.service"), "started the kubelet"))
    return changes


def _outdated(facts: Facts) -> bool:
    """Whether the running kubelet began before its files were last written. One that a run starts follows them at once."""
    seen = (facts.owned.get(path) for path in (k.KUBELET_CONFIG, k.KUBELET_DROP_IN))
    return any(o is not None and o.mtime > facts.kubelet.start_time + INACCURACY_S for o in seen)


PHASE = Phase("kubelet-start", "Kubelet configured and started", _changes)

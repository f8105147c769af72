"""cleanup-node: the files of ours go; etcd's data is moved aside, or deleted where that was asked for.

Inputs: what is on the host; option `delete_etcd_data`. Outputs: a host as it was before. The user's own files in these
directories stay: only what the tool owns is removed. A second run does nothing.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap.cluster import Host
from bootstrap.plan import Change, MovePath, Phase, RemovePath, Run, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts[host.name]
    changes: list[Change] = []
    data = facts.etcd.data_dir
    if facts.etcd.has_member:
        if snapshot.options.get("delete_etcd_data"):
            changes.append(RemovePath(data / "member", recursive=True))
        elif facts.etcd.mount_point:
            changes.append(MovePath(data / "member", data / f"member.reset-{_stamp(snapshot)}"))
        else:
            changes.append(MovePath(data, data.with_name(f"{data.name}.reset-{_stamp(snapshot)}")))
    elif facts.etcd.exists and not facts.etcd.mount_point:
        changes.append(RemovePath(data, recursive=True))
    kubelet = (k.KUBELET_CONFIG, k.KUBELET_DROP_IN)
    changes += [RemovePath(path) for path in kubelet if path in facts.owned]
    if k.KUBELET_DROP_IN in facts.owned:
        changes.append(Run(("systemctl", "daemon-reload"), "told systemd that the drop-in is gone"))
    if any(path.is_relative_to(k.KUBELET_DIR) for path in facts.owned):
        changes.append(RemovePath(k.KUBELET_DIR, recursive=True))
    # Credentials last, so that an interrupted reset can still be finished with them.
    changes += [RemovePath(path) for path in sorted(facts.owned) if _kubeconfig(path)]
    if any(path.is_relative_to(k.PKI_DIR) for path in facts.owned):
        changes.append(RemovePath(k.PKI_DIR, recursive=True))
    return changes


def _kubeconfig(path: PurePosixPath) -> bool:
    return path.parent == k.KUBERNETES_DIR and path.suffix == ".conf"


def _stamp(snapshot: Snapshot) -> str:
    return snapshot.now.strftime("%Y%m%d-%H%M%S")


PHASE = Phase("cleanup-node", "Files of the control plane removed", _changes)

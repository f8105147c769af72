"""cleanup-node: the files of ours go; etcd's data, and the key that Secrets in it are encrypted with, are moved aside, or deleted
where that was asked for.

Inputs: what is on the host; option `delete_etcd_data`. Outputs: no PKI, no kubeconfig, no kubelet configuration of ours; the
kubelet's directory goes whole, as it does with kubeadm. Files below /etc/kubernetes that are not of a control plane stay, and so
do audit logs.
The system user `etcd` stays: data that was moved aside belongs to it, and an id that is given again would hand it to a stranger.
A second run does nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired, membership
from bootstrap.changes import Change, MovePath, RemovePath, Run
from bootstrap.cluster import Host, Role
from bootstrap.facts import Facts
from bootstrap.files import is_temporary
from bootstrap.joining import JOURNAL
from bootstrap.kubeconfig import KUBECONFIGS
from bootstrap.pki.table import AUTHORITIES, CERTIFICATES, SA_KEY, SA_PUBLIC_KEY
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts.get(host.name)
    if facts is None:
        return []   # a machine that is gone: there is nothing to be done on it
    changes: list[Change] = _etcds(snapshot, host) if host.role is Role.CONTROL_PLANE else []
    changes += desired.leftovers(facts)
    changes += [RemovePath(JOURNAL)] if JOURNAL in facts.owned else []
    kubelet = (k.KUBELET_CONFIG, k.KUBELET_DROP_IN)
    changes += [RemovePath(path) for path in kubelet if path in facts.owned]
    if k.KUBELET_DROP_IN in facts.owned:
        changes.append(Run(("systemctl", "daemon-reload"), "told systemd that the drop-in is gone"))
    if any(path.is_relative_to(k.KUBELET_DIR) for path in facts.owned):
        changes.append(RemovePath(k.KUBELET_DIR, recursive=True))
    directories = (k.BALANCER_DIR, k.KEEPALIVED_DIR, k.ETCD_USER_PKI_DIR)
    changes += [RemovePath(k.SYSUSERS_FILE)] if k.SYSUSERS_FILE in facts.owned else []
    changes += [RemovePath(path, recursive=True) for path in directories if path in facts.owned]
    # Credentials last, so that an interrupted reset can still be finished with them.
    changes += [RemovePath(entry.path) for entry in KUBECONFIGS if entry.path in facts.owned]
    return [*changes, *_pki(facts)]


def _etcds(snapshot: Snapshot, host: Host) -> list[Change]:
    """etcd's data, and the configuration of the API server that reads it."""
    facts = snapshot.facts[host.name]
    changes: list[Change] = []
    data = facts.etcd.data_dir
    keep = facts.etcd.has_member and not snapshot.options.get("delete_etcd_data")
    if k.API_SERVER_CONFIG_DIR in facts.owned:
        # Before the data: without the key, Secrets in data that was moved aside could never be read again. Where other masters
        # go on they have it.
        last = not set(membership.voters(snapshot.members or ())) - snapshot.leaving
        aside = k.API_SERVER_CONFIG_DIR.with_name(f"{k.API_SERVER_CONFIG_DIR.name}.reset-{_stamp(snapshot)}")
        changes.append(
            MovePath(k.API_SERVER_CONFIG_DIR, aside) if keep and last else RemovePath(k.API_SERVER_CONFIG_DIR, recursive=True)
        )
    if facts.etcd.has_member:
        if not keep:
            changes.append(RemovePath(data / "member", recursive=True))
        elif facts.etcd.mount_point:
            changes.append(MovePath(data / "member", data / f"member.reset-{_stamp(snapshot)}"))
        else:
            changes.append(MovePath(data, data.with_name(f"{data.name}.reset-{_stamp(snapshot)}")))
    elif facts.etcd.exists and not facts.etcd.mount_point:
        changes.append(RemovePath(data, recursive=True))
    return changes


def _pki(facts: Facts) -> list[RemovePath]:
    """The whole directory where it holds nothing else; else our files one by one."""
    below = [path for path, seen in facts.owned.items() if path.is_relative_to(k.PKI_DIR) and seen.kind != "directory"]
    there = [path for path in below if not is_temporary(path)]
    ours = {path for entry in (*AUTHORITIES, *CERTIFICATES) for path in (entry.path, entry.key_path)} | {SA_KEY, SA_PUBLIC_KEY}
    if k.PKI_DIR in facts.owned and ours.issuperset(there):
        return [RemovePath(k.PKI_DIR, recursive=True)]
    return [RemovePath(path) for path in sorted(there) if path in ours]


def _stamp(snapshot: Snapshot) -> str:
    return snapshot.now.strftime("%Y%m%d-%H%M%S")


PHASE = Phase("cleanup-node", "Files removed", _changes)

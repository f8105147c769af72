"""etcd: data directory and static pod manifest of the etcd member, with every control plane host as an initial member.

Inputs: control plane hosts, etcd settings, the etcd CA (the cluster token is derived from it), the manifest that is there (an
etcd that was born keeps the initial cluster it was born with).
Outputs: the data directory (of the user that etcd runs as), etcd.yaml in the kubelet's manifest directory.
A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.differences import difference
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts[host.name]
    # A data directory that etcd has started in is left as it is: its mode and owner are etcd's own business by then.
    directory = () if facts.etcd.has_member else (desired.etcd_data_dir(snapshot),)
    return difference(facts, (*directory, desired.manifest(snapshot, host, k.ETCD)))


PHASE = Phase("etcd", "etcd as a static pod", _changes)

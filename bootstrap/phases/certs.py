"""certs: certificate authorities, leaf certificates, service account keys, the kubelet's own certificates.

etcd's user is made here, too: copies of what etcd reads belong to it.
Inputs: certificates on the hosts, the user's own CAs, SANs and validity of the inventory; users and groups of the host.
Outputs: /etc/kubernetes/pki, /var/lib/kubelet/pki, /etc/kubernetes/etcd-pki, the system user `etcd`; what an interrupted write
left of files of ours is removed. A second run keeps every file that is valid; copies follow their originals.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts = snapshot.facts[host.name]
    return (*desired.leftovers(facts), *desired.etcds_user(snapshot, host), *desired.pki(snapshot, host))


PHASE = Phase("certs", "Certificates and keys", _changes)

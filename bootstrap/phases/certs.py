"""certs: certificate authorities, leaf certificates, service account keys, the kubelet's own certificates.

Inputs: certificates on the hosts, the user's own CAs, SANs and validity of the inventory.
Outputs: /etc/kubernetes/pki, /var/lib/kubelet/pki. A second run keeps every file that is valid.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.cluster import Host
from bootstrap.plan import Change, Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return desired.pki(snapshot, host)


PHASE = Phase("certs", "Certificates and keys", _changes)

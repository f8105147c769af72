"""control-plane/config: the files that kube-apiserver's flags name, and the directory of its audit log.

Audit policy, authentication, admission and encryption configuration, each under a name that its content decides.
Inputs: spec.hardening, the audit policy on the operator's machine, the encryption configuration that masters have.
Outputs: /etc/kubernetes/kube-apiserver, /var/log/kubernetes/audit. They are there before the manifest that names them, and the
encryption key is on every master before any etcd has data. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import desired
from bootstrap.changes import Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return desired.config_files(snapshot, host)


PHASE = Phase("control-plane/config", "Configuration files of the API servers", _changes)

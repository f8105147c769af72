"""upload-config: kubeadm-config and kubelet-config, and who may read them: other tools look there.

Inputs: the inventory. Outputs: ConfigMaps and their RBAC in kube-system. kubeadm-config is the last thing of the cluster that
init writes before it is finished. A second run writes nothing.
"""

from collections.abc import Sequence

from bootstrap import desired, rbac
from bootstrap.changes import ApiApply, Change
from bootstrap.cluster import Host
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    objects = rbac.upload_config(snapshot.cluster, desired.config_paths(snapshot), desired.cluster_token(snapshot, host))
    return [ApiApply(thing) for thing in objects]


PHASE = Phase("upload-config", "kubeadm-config and kubelet-config", _changes, Spread.FIRST_ONLY)

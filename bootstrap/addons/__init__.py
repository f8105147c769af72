"""CoreDNS and kube-proxy as API objects, complete for server-side apply: as kubeadm deploys them.

A user's own manifests, which `addons` names by path, are not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bootstrap.addons import coredns, kube_proxy
from bootstrap.cluster import Cluster
from bootstrap.patches import Patch

__all__ = ["BUILT_IN", "objects"]

BUILT_IN = {"coredns": coredns.objects, "kube-proxy": kube_proxy.objects}


def objects(cluster: Cluster, patches: Iterable[Patch] = ()) -> tuple[dict[str, Any], ...]:
    """The objects of every built-in add-on that the inventory names, in its order."""
    given = tuple(patches)
    return tuple(
        thing for name in dict.fromkeys(cluster.addons) if name in BUILT_IN for thing in BUILT_IN[name](cluster, given)
    )

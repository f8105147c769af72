"""balancer: on every worker, the node-local load balancer over the masters, where there is no control plane endpoint.

Inputs: the masters of the cluster as it will be; the cluster's CA; whether a balancer that runs serves that
list. Outputs: /etc/kubernetes/balancer, the static pod manifest balancer.yaml. A list that changes is one file replaced and a
signal to HAProxy: the manifest stays, and no connection is cut. A second run writes nothing and sends nothing.

PHASE is for commands that change the masters: all workers that were looked at and have joined. Those that do not answer then
are left out, and add-worker makes up for it. JOINING is add-worker's own.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bootstrap import balancer, desired, healthz
from bootstrap import constants as k
from bootstrap.changes import Change, Run, WaitFor
from bootstrap.cluster import Host
from bootstrap.differences import difference
from bootstrap.facts import has_joined
from bootstrap.health import Healthy
from bootstrap.plan import Among, Phase, Snapshot
from bootstrap.scripts import script

RELOADED = timedelta(seconds=30)


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    if not snapshot.cluster.has_balancers:
        return []
    facts = snapshot.facts[host.name]
    manifest = desired.manifest(snapshot, host, k.BALANCER)
    files = difference(facts, desired.balancer_files(snapshot))
    changes: list[Change] = list(files)
    runs = _runs(snapshot, host)
    if manifest.path in facts.owned and (files or (runs and host.name not in snapshot.balancing)):
        reload = ("sh", "-s", "--", str(balancer.CONFIG))
        changes.append(Run(reload, "told HAProxy to read its list again", script("reload-balancer.sh")))
        if runs:
            changes.append(WaitFor(Healthy((healthz.balancer_serves(snapshot),)), RELOADED))
    return [*changes, *difference(facts, (manifest,))]


def _runs(snapshot: Snapshot, host: Host) -> bool:
    """Whether somebody in a static pod listens where balancers tell of their health."""
    listeners = snapshot.facts[host.name].listeners
    return any(one.port == k.BALANCER_HEALTH_PORT and one.in_static_pod for one in listeners)


def _of_joined(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    return _changes(snapshot, host) if has_joined(snapshot.facts[host.name]) else []


PHASE = Phase("balancer", "Node-local load balancers of the workers", _of_joined, among=Among.WORKERS)
JOINING = replace(PHASE, changes=_changes, among=Among.CHOSEN)

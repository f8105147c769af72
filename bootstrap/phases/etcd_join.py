"""etcd-join: the host's etcd comes into the member list of a living cluster: added as a learner, started, promoted when
it is in step.

kubeadm's phase of that name. One host after the other, for etcd takes one learner at a time.
Inputs: how it joins (joining.py), the etcd settings. Outputs: an entry of the member list that votes, etcd's data directory,
etcd.yaml with the member list of this moment; a journal, until it votes.
A second run writes nothing; one after a kill goes on with the entry that the journal knows as its own.
"""

from collections.abc import Sequence

from bootstrap import constants as k
from bootstrap import desired, healthz
from bootstrap.changes import Change, EtcdAddLearner, EtcdPromote, RemovePath, WaitFor, WriteFile
from bootstrap.cluster import Host
from bootstrap.components.etcd import peer_url
from bootstrap.differences import difference
from bootstrap.files import File
from bootstrap.health import EtcdStarted
from bootstrap.joining import JOURNAL, Journal
from bootstrap.plan import Phase, Snapshot, Spread


def _changes(snapshot: Snapshot, host: Host) -> Sequence[Change]:
    facts, join, url = snapshot.facts[host.name], snapshot.joins[host.name], peer_url(host)
    changes: list[Change] = []
    if not join.added:
        intent = File(JOURNAL, Journal(url).encoded(), 0o600)
        changes += [WriteFile(intent, facts.owned.get(JOURNAL)), EtcdAddLearner(host.name, url, join.others, JOURNAL)]
    directory = () if facts.etcd.has_member else (desired.etcd_data_dir(snapshot),)
    changes += difference(facts, (*directory, desired.manifest(snapshot, host, k.ETCD)))
    if not join.votes:
        restart = not snapshot.options.get("keep_kubelet")
        lives = healthz.etcd_lives(host)
        changes.append(WaitFor(EtcdStarted(host.name, url, lives), join.wait, restart_kubelet=restart))
        changes.append(EtcdPromote(host.name, url, lives, join.wait))
    if join.journal or not join.added:
        changes.append(RemovePath(JOURNAL))
    return changes


PHASE = Phase("etcd-join", "etcd members that join, one after the other", _changes, Spread.ONE_BY_ONE)

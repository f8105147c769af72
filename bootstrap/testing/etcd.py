"""Model etcd across a fleet: clusters by token and initial list, members by data directory, quorum, and the JSON gateway.

A member's memory is the file member/snap/db in its data directory, so that moving, wiping or keeping that directory means what it
means in life. Source: etcd 3.6 server/etcdserver/api/membership (IDs come from peer URLs and token), api/etcdserverpb/rpc.proto.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bootstrap.connection import NoAnswer, Tls
from bootstrap.files import Directory, File
from bootstrap.testing import tls
from bootstrap.testing.containers import Container
from bootstrap.testing.store import ObjectStore

if TYPE_CHECKING:
    from bootstrap.testing.fleet import FakeFleet
    from bootstrap.testing.host import FakeHost

MEMORY = PurePosixPath("member/snap/db")


@dataclass(frozen=True)
class Member:
    """An entry of the member list. started: it has published itself at least once."""

    id: int
    name: str
    peer_url: str
    client_url: str = ""
    learner: bool = False
    started: bool = False


@dataclass
class EtcdCluster:
    """A cluster with its members by ID and what is stored in it. leader: whom leadership was handed to last.

    alarms: as the gateway gives them. damaged: members that hold something else than the others.
    """

    id: int
    members: dict[int, Member]
    leader: int = 0
    alarms: list[dict[str, str]] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)
    store: ObjectStore = field(default_factory=ObjectStore)
    removed: set[int] = field(default_factory=set)

    @property
    def voters(self) -> list[Member]:
        return [member for member in self.members.values() if not member.learner]


class FakeEtcd:
    """Every etcd cluster of a fleet."""

    def __init__(self, fleet: FakeFleet) -> None:
        self._fleet = fleet
        self.clusters: dict[int, EtcdCluster] = {}

    def start(self, host: FakeHost, container: Container) -> str:
        """Start a member; gives the reason where it panics instead."""
        directory = container.on_host(PurePosixPath(container.flag("data-dir", "/default.etcd")))
        if directory is None:
            return "panic: the data directory is not mounted"
        for path in (directory, directory / MEMORY.parts[0]):
            if host.files.exists(path) and not container.rights.may(7, host.files, path):
                return f"cannot access data directory: open {path}/.touch: permission denied"
        if host.files.exists(directory / MEMORY) and not container.rights.may(6, host.files, directory / MEMORY):
            return f"panic: open {directory / MEMORY}: permission denied"
        memory = host.files.content(directory / MEMORY)
        if memory is not None:
            known = json.loads(memory)
            cluster = self.clusters.get(known["cluster"])
            if cluster is None or known["member"] in cluster.removed or known["member"] not in cluster.members:
                return "the member has been permanently removed from the cluster"
            container.member = (known["cluster"], known["member"])
        else:
            reason = self._join(host, container)
            if reason:
                return reason
            cluster_id, member_id = container.member or (0, 0)
            text = json.dumps({"cluster": cluster_id, "member": member_id}).encode()
            names = {number: name for name, number in host.files.users.items()}
            groups = {number: name for name, number in host.files.groups.items()}
            owner = names[container.rights.uid], groups[container.rights.gid]
            for path in (directory / "member", directory / "member/snap"):
                host.files.put(Directory(path, 0o700, *owner), host.now())
            host.files.put(File(directory / MEMORY, text, 0o600, *owner), host.now())
        return ""

    def cluster_of(self, host: FakeHost) -> tuple[EtcdCluster, Member] | None:
        """The cluster and member that run on a host and answer; None where none does."""
        container = host.runtime.running("etcd") if host.reachable_by_others else None
        if container is None or container.member is None or not self._fleet.is_up(container.start_time):
            return None
        cluster_id, member_id = container.member
        cluster = self.clusters.get(cluster_id)
        if cluster is None or member_id not in cluster.members:
            return None
        client_url = container.flag("advertise-client-urls")
        name = container.flag("name", "default")
        member = replace(cluster.members[member_id], name=name, client_url=client_url, started=True)
        if self._alive(cluster) >= len(cluster.voters) // 2 + 1:
            cluster.members[member_id] = member
        return cluster, cluster.members[member_id]

    def has_quorum(self, cluster: EtcdCluster) -> bool:
        return self._alive(cluster) >= len(cluster.voters) // 2 + 1

    def answer(self, host: FakeHost, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One call of the JSON gateway: status and decoded body. 64-bit numbers are strings, zero fields are left out."""
        for other in self._fleet.hosts.values():
            self.cluster_of(other)  # whoever has started by now has published itself
        found = self.cluster_of(host)
        if found is None:
            raise ConnectionRefusedError
        cluster, member = found
        header = {"cluster_id": str(cluster.id), "member_id": str(member.id), "revision": str(cluster.store.revision)}
        if path == "/v3/maintenance/status":
            leader = self._leader(cluster)
            index = str(cluster.store.revision)
            indexes = {"raftIndex": index, "raftAppliedIndex": index}
            shown: dict[str, Any] = {"header": header, "version": _version(host), "dbSize": "20480", **indexes}
            if leader:
                shown["leader"] = str(leader)
            return 200, shown | ({"isLearner": True} if member.learner else {})
        if not self.has_quorum(cluster):
            return 503, {"error": "etcdserver: request timed out", "code": 14, "message": "etcdserver: request timed out"}
        if member.learner:
            return _refused("etcdserver: rpc not supported for learner")
        match path:
            case "/v3/maintenance/alarm":
                return 200, {"header": header, **({"alarms": cluster.alarms} if cluster.alarms else {})}
            case "/v3/maintenance/hashkv":
                value = 4711 + (member.id % 1000 if member.id in cluster.damaged else 0)
                return 200, {"header": header, "hash": value, "compact_revision": "1", "hash_revision": body["revision"]}
            case "/v3/maintenance/transfer-leadership":
                return self._transfer(cluster, header, member, int(body["targetID"]))
            case "/v3/cluster/member/list":
                return 200, {"header": header, "members": _listed(cluster)}
            case "/v3/cluster/member/add":
                return self._add(cluster, header, body)
            case "/v3/cluster/member/remove":
                return self._remove(cluster, header, int(body["ID"]))
            case "/v3/cluster/member/promote":
                return self._promote(cluster, header, int(body["ID"]))
        raise AssertionError(f"the model etcd does not know {path}")

    def _alive(self, cluster: EtcdCluster) -> int:
        return len(self._running(cluster))

    def _leader(self, cluster: EtcdCluster) -> int:
        """The ID of the member that leads; 0 where none can."""
        running = self._running(cluster)
        if not self.has_quorum(cluster):
            return 0
        return cluster.leader if cluster.leader in running else min(running)

    def _running(self, cluster: EtcdCluster) -> set[int]:
        """IDs of the voters that run."""
        voters = {member.id for member in cluster.voters}
        alive = set()
        for host in self._fleet.hosts.values():
            container = host.runtime.running("etcd") if host.reachable_by_others else None
            if container is not None and container.member is not None and self._fleet.is_up(container.start_time):
                cluster_id, member_id = container.member
                if cluster_id == cluster.id and member_id in voters:
                    alive.add(member_id)
        return alive

    def _join(self, host: FakeHost, container: Container) -> str:
        """Bind a member with an empty data directory to its cluster."""
        name, token = container.flag("name", "default"), container.flag("initial-cluster-token", "etcd-cluster")
        peer_url = container.flag("initial-advertise-peer-urls", container.flag("listen-peer-urls"))
        initial = sorted(entry.partition("=")[::2] for entry in container.flag("initial-cluster").split(",") if entry)
        if (name, peer_url) not in initial:
            return f"couldn't find local name {name!r} with {peer_url!r} in the initial cluster configuration"
        if container.flag("initial-cluster-state", "new") == "existing":
            return self._join_existing(host, container, peer_url, {url for _, url in initial})
        members = [Member(_id(token, url), one, url) for one, url in initial]
        cluster_id = _id(token, *sorted(url for _, url in initial))
        mine = _id(token, peer_url)
        cluster = self.clusters.get(cluster_id)
        if cluster is None or not self._remembered(cluster_id):
            self.clusters[cluster_id] = EtcdCluster(cluster_id, {member.id: member for member in members})
        elif mine not in cluster.members:
            return "the member has been permanently removed from the cluster"
        elif cluster.members[mine].started:
            return "panic: tocommit(12) is out of range [lastIndex(0)]. Was the raft log corrupted, truncated, or lost?"
        container.member = (cluster_id, mine)
        return ""

    def _join_existing(self, host: FakeHost, container: Container, peer_url: str, urls: set[str]) -> str:
        for cluster in self.clusters.values():
            mine = next((member for member in cluster.members.values() if member.peer_url == peer_url), None)
            if mine is not None and not self._peers_trust(cluster, host, container):
                return "error validating peerURLs: could not retrieve cluster information: tls: unknown certificate authority"
            if mine is not None and self.has_quorum(cluster) and urls == {m.peer_url for m in cluster.members.values()}:
                container.member = (cluster.id, mine.id)
                return ""
        return "error validating peerURLs: member count is unequal"

    def _peers_trust(self, cluster: EtcdCluster, host: FakeHost, container: Container) -> bool:
        """Whether a member that runs and the one that joins would let each other in."""
        if not self._fleet.check_tls:
            return True
        files = ("peer-trusted-ca-file", "peer-cert-file", "peer-key-file")
        ca, certificate, key = (host.file_of(container, flag) for flag in files)
        for other in self._fleet.hosts.values():
            peer = other.runtime.running("etcd")
            if peer is None or peer.member is None or peer.member[0] != cluster.id:
                continue
            try:
                identity = Tls(ca, other.address, certificate, key)
                tls.greet(identity, other.file_of(peer, "peer-cert-file"), other.address)
                tls.identity(identity, other.file_of(peer, "peer-trusted-ca-file"))
            except NoAnswer:
                return False
        return True

    def _remembered(self, cluster_id: int) -> bool:
        """Whether any host still has data of that cluster."""
        return any(
            json.loads(node.content)["cluster"] == cluster_id
            for host in self._fleet.hosts.values()
            for path, node in host.files.nodes.items()
            if path.name == "db" and node.kind == "file" and path.parts[-3:] == MEMORY.parts
        )

    def _add(self, cluster: EtcdCluster, header: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        url, learner = body["peerURLs"][0], bool(body.get("isLearner"))
        if self._alive(cluster) < len(cluster.voters):
            return _refused("etcdserver: unhealthy cluster", 503)
        if any(member.peer_url == url for member in cluster.members.values()):
            return _refused("etcdserver: Peer URLs already exists")
        if learner and any(member.learner for member in cluster.members.values()):
            return _refused("etcdserver: too many learner members in cluster")
        member_id = _id(str(cluster.id), url, str(len(cluster.removed)), str(cluster.store.revision))
        member = Member(member_id, "", url, learner=learner)
        cluster.members[member.id] = member
        shown = next(one for one in _listed(cluster) if one["ID"] == str(member.id))
        return 200, {"header": header, "member": shown, "members": _listed(cluster)}

    def _remove(self, cluster: EtcdCluster, header: dict[str, str], member_id: int) -> tuple[int, dict[str, Any]]:
        if member_id not in cluster.members:
            return _refused("etcdserver: member not found", 404)
        rest = [member for member in cluster.voters if member.id != member_id]
        if len(self._running(cluster) - {member_id}) < len(rest) // 2 + 1:
            return _refused("etcdserver: re-configuration failed due to not enough started members")
        del cluster.members[member_id]
        cluster.removed.add(member_id)
        for host in self._fleet.hosts.values():
            host.end_member(cluster.id, member_id)
        return 200, {"header": header, "members": _listed(cluster)}

    def _transfer(self, cluster: EtcdCluster, header: dict[str, str], asked: Member, target: int) -> tuple[int, dict[str, Any]]:
        if asked.id != self._leader(cluster):
            return _refused("etcdserver: not leader")
        if target not in self._running(cluster):
            return _refused("etcdserver: bad leader transferee")
        cluster.leader = target
        return 200, {"header": header}

    def _promote(self, cluster: EtcdCluster, header: dict[str, str], member_id: int) -> tuple[int, dict[str, Any]]:
        member = cluster.members.get(member_id)
        if member is None:
            return _refused("etcdserver: member not found", 404)
        if not member.learner or not member.started:
            return _refused("etcdserver: can only promote a learner member which is in sync with leader")
        cluster.members[member_id] = replace(member, learner=False)
        return 200, {"header": header, "members": _listed(cluster)}


def _listed(cluster: EtcdCluster) -> list[dict[str, Any]]:
    return [
        {"ID": str(m.id), "peerURLs": [m.peer_url]}
        | ({"name": m.name} if m.name else {})
        | ({"clientURLs": [m.client_url]} if m.client_url else {})
        | ({"isLearner": True} if m.learner else {})
        for m in sorted(cluster.members.values(), key=lambda member: member.id)
    ]


def _refused(message: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"error": message, "code": 9, "message": message}


def _version(host: FakeHost) -> str:
    container = host.runtime.running("etcd")
    return container.image.rpartition(":")[2].partition("-")[0].lstrip("v") if container is not None else ""


def _id(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8])

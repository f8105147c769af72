"""A client of etcd's JSON gateway that goes through the SSH session of a master.

64-bit numbers arrive as strings and zero fields may be absent. Source: etcd 3.6 api/etcdserverpb/rpc.proto, "grpc gateway".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bootstrap import constants as k
from bootstrap.connection import Connection, NoAnswer, Request, Tls
from bootstrap.health import decoded, tls_files
from bootstrap.membership import Member

UNHEALTHY = "unhealthy cluster"
NOT_IN_STEP = "can only promote a learner member which is in sync with leader"


class EtcdRefusal(NoAnswer):
    """etcd answered, and said no. Its words: server/api/v3rpc/rpctypes/error.go (3.6, 3.7)."""

    @property
    def passing(self) -> bool:
        """Whether the same call may go through a little later: a member was away within the last five seconds, or lags behind."""
        return any(words in str(self) for words in (UNHEALTHY, NOT_IN_STEP))


class EtcdClient:
    """Speaks to the member on one master, at its advertised address. Raises NoAnswer."""

    def __init__(self, connection: Connection, address: str, tls: Tls) -> None:
        self._connection = connection
        self._address = address
        self.tls = tls

    @classmethod
    def of(cls, connection: Connection, address: str) -> EtcdClient:
        """A client with the health check's identity, which every master has."""
        paths = tls_files()
        found = connection.read(paths)
        missing = [str(path) for path in paths if path not in found]
        if missing:
            raise NoAnswer(f"{connection.name} has no {', '.join(missing)}")
        ca, certificate, key = (found[path] for path in paths)
        return cls(connection, address, Tls(ca, address, certificate, key))

    def members(self) -> tuple[Member, ...]:
        """The member list, by a linearizable read."""
        answer = self._post("/v3/cluster/member/list", {"linearizable": True})
        return tuple(Member.of(entry) for entry in answer.get("members", []))

    def status(self) -> dict[str, Any]:
        """This member's status: version, dbSize, leader, raftIndex, errors."""
        return self._post("/v3/maintenance/status", {})

    def cluster_id(self) -> str:
        """The ID of the cluster that this member belongs to; it answers without a quorum, too."""
        return str(self.status().get("header", {}).get("cluster_id", ""))

    def revision(self) -> int:
        """The revision of the store as this member has it."""
        return int(self.status().get("header", {}).get("revision", 0))

    def alarms(self) -> tuple[tuple[str, str], ...]:
        """ID of the member and kind (`NOSPACE`, `CORRUPT`) of each alarm that is raised."""
        found = self._post("/v3/maintenance/alarm", {"action": "GET"}).get("alarms", [])
        return tuple((str(alarm.get("memberID", "")), str(alarm.get("alarm", ""))) for alarm in found)

    def hash(self, revision: int) -> tuple[int, int]:
        """Hash of the keys up to a revision, and from which compacted revision on: equal on members that hold the same."""
        answer = self._post("/v3/maintenance/hashkv", {"revision": str(revision)})
        return int(answer.get("hash", 0)), int(answer.get("compact_revision", 0))

    def add_learner(self, peer_url: str) -> Member:
        """Add a member that does not vote yet; the server makes its ID. Raises EtcdRefusal."""
        answer = self._post("/v3/cluster/member/add", {"peerURLs": [peer_url], "isLearner": True})
        return Member.of(answer["member"])

    def promote(self, member_id: str) -> None:
        """Let a learner vote. Raises EtcdRefusal, among others while it lags behind."""
        self._post("/v3/cluster/member/promote", {"ID": member_id})

    def remove(self, member_id: str) -> None:
        """Remove a member by its ID as `members` gives it (a decimal string)."""
        self._post("/v3/cluster/member/remove", {"ID": member_id})

    def move_leader(self, member_id: str) -> None:
        """Hand the leadership to another voter; only the leader itself can be asked."""
        self._post("/v3/maintenance/transfer-leadership", {"targetID": member_id})

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        request = Request(
            "POST", self._address, k.ETCD_CLIENT_PORT, path, self.tls,
            (("Content-Type", "application/json"),), json.dumps(body).encode(),
        )  # fmt: skip
        answer = self._connection.request(request, timeout_s=7.0)
        value = decoded(answer)
        if answer.status != 200:
            said = EtcdRefusal if "message" in value else NoAnswer
            raise said(f"etcd on {self._connection.name} answered {answer.status}: {value.get('message', value)}")
        return value

"""Probes: questions to a running component that are answered yes or no, with the last answer as evidence.

Asking goes through `Connection.request` only. Plain local endpoints are preferred; TLS ones are asked over one kept-alive
connection. Sources: kubeadm 1.36 app/util/apiclient/wait.go (which endpoints), etcd 3.6 server/etcdserver/api/etcdhttp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any, Protocol

from bootstrap import constants as k
from bootstrap.connection import Answer, Connection, NoAnswer, Request, Tls
from bootstrap.membership import Member


@dataclass(frozen=True)
class Endpoint:
    """A health endpoint of a component as its own host sees it. ca: PEM to check it by; empty only for loopback.

    not_found: what it means, in words, where there is no such path.
    """

    component: str
    address: str
    port: int
    path: str
    tls: bool = True
    ca: bytes = b""
    not_found: str = ""


WITHIN_S = 2.0


@dataclass(frozen=True)
class Healthy:
    """Every endpoint answers 200. times: how often running, all within WITHIN_S, before it counts.

    Where asking alone takes longer than that, twice as often running will do.
    """

    endpoints: tuple[Endpoint, ...]
    times: int = 1

    def __str__(self) -> str:
        names = ", ".join(dict.fromkeys(endpoint.component for endpoint in self.endpoints))
        return f"{names} healthy" + (f", {self.times} times running" if self.times > 1 else "")


@dataclass(frozen=True)
class EtcdVoters:
    """Every named member is a started voter of one member list that this host's member knows."""

    address: str
    members: tuple[str, ...]
    ca: bytes

    def __str__(self) -> str:
        return f"{len(self.members)} etcd voters"


@dataclass(frozen=True)
class EtcdStarted:
    """The member at that peer URL has published itself, and its process lives: `live` answers.

    It need not serve clients yet. Where the snapshot that it is sent holds its own publishing already, as it mostly does, it does
    not see that and serves once it has tried again, after 7 s. Source: etcd server/etcdserver/server.go, publishV3 (3.6.8).
    """

    member: str
    peer_url: str
    live: Endpoint

    def __str__(self) -> str:
        return f"etcd member {self.member} started"


@dataclass(frozen=True)
class NodesRegistered:
    """Every named node is in the API; ready: and its Ready condition is True."""

    nodes: tuple[str, ...]
    ready: bool = False

    def __str__(self) -> str:
        who = "node" if len(self.nodes) == 1 else f"{len(self.nodes)} nodes"     # the one of the host that waits
        return f"{who} " + ("Ready" if self.ready else "registered")


@dataclass(frozen=True)
class MirrorPods:
    """The API has `<component>-<node>` in kube-system for every node, each owned by its Node."""

    nodes: tuple[str, ...]
    components: tuple[str, ...] = k.COMPONENTS

    def __str__(self) -> str:
        return f"{len(self.nodes) * len(self.components)} mirror pods"


@dataclass(frozen=True)
class Established:
    """The API server serves what these custom resource definitions define."""

    definitions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{len(self.definitions)} custom resource definition{'' if len(self.definitions) == 1 else 's'} established"


@dataclass(frozen=True)
class Workload:
    """A Deployment, DaemonSet or StatefulSet of apps/v1."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{self.kind.lower()}s/{self.name}"


@dataclass(frozen=True)
class RolledOut:
    """Every workload has all the pods it wants, as it wants them now, and they are available."""

    workloads: tuple[Workload, ...]

    def __str__(self) -> str:
        return f"{len(self.workloads)} workload{'' if len(self.workloads) == 1 else 's'} rolled out"


@dataclass(frozen=True)
class Gone:
    """No process of these components runs on the host."""

    components: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.components)} stopped"


@dataclass(frozen=True)
class TokenSigned:
    """cluster-info has a signature made with this bootstrap token, without which no node believes it."""

    token_id: str

    def __str__(self) -> str:
        return f"cluster-info signed for token {self.token_id}"


@dataclass(frozen=True)
class PodRuns:
    """Every container of a static pod runs, and has run for stable_s without a restart. Told by processes, not by the API.

    name: without the node's. containers: those that must run. may_end: one that has ended is fine. replaces: UIDs of its pod
    before the manifest at `path` was changed: they must be gone.
    """

    namespace: str
    name: str
    path: PurePosixPath
    containers: tuple[str, ...]
    may_end: bool = False
    replaces: tuple[str, ...] = ()
    stable_s: float = 0.0

    def __str__(self) -> str:
        return f"static pod {self.namespace}/{self.name} running" + (f" for {self.stable_s:.0f} s" if self.stable_s else "")


@dataclass(frozen=True)
class PodGone:
    """No process of a static pod is left. uids: of its pod while its manifest was there."""

    namespace: str
    name: str
    uids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"static pod {self.namespace}/{self.name} ended"


Probe = (
    Healthy | EtcdVoters | EtcdStarted | NodesRegistered | MirrorPods | Established | RolledOut | TokenSigned | Gone
    | PodRuns | PodGone
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """answer: what was seen last, for people. component: the one to blame when not ok, empty if none in particular.

    host: where to look, where that is another host than the one that was asked.
    stuck: waiting longer will hardly help, as far as can be seen.
    down: a container of the pod that was asked for does not run; its kubelet may know why.
    """

    ok: bool
    answer: str = ""
    component: str = ""
    host: str = ""
    stuck: bool = False
    down: bool = False


class Api(Protocol):
    """What a probe asks of the Kubernetes API: a decoded GET. Raises NoAnswer."""

    def get(self, path: str) -> dict[str, Any] | None: ...


class Etcd(Protocol):
    """What a probe asks of etcd: the member list. Raises NoAnswer."""

    def members(self) -> tuple[Member, ...]: ...


def ask(endpoint: Endpoint, connection: Connection, *, timeout_s: float = 3.0) -> Verdict:
    """Ask one endpoint once."""
    where = f"{endpoint.component} {'https' if endpoint.tls else 'http'}://{endpoint.address}:{endpoint.port}{endpoint.path}"
    if endpoint.tls and not endpoint.ca and not ip_address(endpoint.address).is_loopback:
        return Verdict(False, f"{endpoint.component}: no CA is there to check it by", endpoint.component)
    tls = Tls(endpoint.ca, endpoint.address) if endpoint.tls else None
    request = Request("GET", endpoint.address, endpoint.port, endpoint.path, tls)
    try:
        answer: Answer = connection.request(request, timeout_s=timeout_s)
    except NoAnswer as error:
        return Verdict(False, f"{endpoint.component}: {error}", endpoint.component)
    if answer.status == 200:
        return Verdict(True)
    if answer.status == 404 and endpoint.not_found:
        return Verdict(False, endpoint.not_found, endpoint.component)
    return Verdict(False, f"{answer.status} {_said(answer)[:200]} ({where})", endpoint.component)


def _said(answer: Answer) -> str:
    """What a refusal says: the checks that fail, the message of a Status object, or the text as it is."""
    text = answer.body.decode(errors="replace").strip()
    if failing := [line for line in text.splitlines() if line.startswith("[-]")]:
        return "; ".join(failing)
    try:
        return str(decoded(answer).get("message") or text)
    except NoAnswer:
        return text


def voters(probe: EtcdVoters, etcd: Etcd) -> Verdict:
    """Whether the member list holds exactly the wanted members, all started voters."""
    try:
        members = etcd.members()
    except NoAnswer as error:
        return Verdict(False, str(error), k.ETCD)
    learners = sorted(member.name or member.id for member in members if member.learner)
    unnamed = [member.id for member in members if not member.started]
    names = sorted(member.name for member in members if member.started and not member.learner)
    if names == sorted(probe.members) and not learners and not unnamed:
        return Verdict(True)
    seen = (("voters", names), ("learners", learners), ("not started", unnamed))
    text = "; ".join(f"{what}: {', '.join(members) or 'none'}" for what, members in seen if members or what == "voters")
    return Verdict(False, f"{text} (wanted: {', '.join(sorted(probe.members))})", k.ETCD)


def started(probe: EtcdStarted, voter: Etcd, connection: Connection) -> Verdict:
    """Whether the member is in the list of a voter by its name, which outlives its process, and lives. connection: its host's."""
    entry = next((member for member in voter.members() if member.peer_url == probe.peer_url), None)
    if entry is None:
        return Verdict(False, f"{probe.member} is no member any more", k.ETCD)
    if not entry.started:
        return Verdict(False, f"etcd of {probe.member} has not started yet", k.ETCD)
    return ask(probe.live, connection)


def nodes(probe: NodesRegistered, api: Api) -> Verdict:
    """Whether the nodes are there (and Ready)."""
    try:
        found = {item["metadata"]["name"]: item for item in _some_nodes(probe, api)}
    except NoAnswer as error:
        return Verdict(False, str(error), k.API_SERVER)
    missing = [name for name in probe.nodes if name not in found]
    if missing:
        return Verdict(False, f"not registered: {', '.join(missing)}", "kubelet", missing[0])
    if probe.ready:
        waiting = {name: readiness(found[name]) for name in probe.nodes}
        bad = [f"{name}: {why}" for name, why in waiting.items() if why]
        if bad:
            return Verdict(False, "; ".join(bad), "kubelet", next(name for name, why in waiting.items() if why))
    return Verdict(True)


def _some_nodes(probe: NodesRegistered, api: Api) -> list[dict[str, Any]]:
    """Of the nodes that are there those that are wanted, and perhaps more: one is asked for by its name."""
    if len(probe.nodes) == 1:
        one = api.get(f"/api/v1/nodes/{probe.nodes[0]}")
        return [] if one is None else [one]
    found: list[dict[str, Any]] = (api.get("/api/v1/nodes") or {}).get("items", [])
    return found


def mirror_pods(probe: MirrorPods, api: Api) -> Verdict:
    """Whether every mirror pod is in the API and owned by its Node."""
    try:
        items = (api.get("/api/v1/namespaces/kube-system/pods") or {}).get("items", [])
    except NoAnswer as error:
        return Verdict(False, str(error), k.API_SERVER)
    owned = {item["metadata"]["name"] for item in items if is_mirror(item)}
    missing = {f"{c}-{n}": n for n in probe.nodes for c in probe.components if f"{c}-{n}" not in owned}
    if missing:
        return Verdict(False, f"no mirror pod for {', '.join(missing)}", "kubelet", next(iter(missing.values())))
    return Verdict(True)


def token_signed(probe: TokenSigned, api: Api) -> Verdict:
    """Whether the controller bootstrapsigner has signed. Source: cluster-bootstrap token/api/types.go (v0.36.3)."""
    data = (api.get(k.CLUSTER_INFO) or {}).get("data") or {}
    if f"jws-kubeconfig-{probe.token_id}" in data:
        return Verdict(True)
    return Verdict(False, "not signed; the leading kube-controller-manager does it (bootstrapsigner)")


def is_mirror(pod: Mapping[str, Any]) -> bool:
    """Whether a pod of the API mirrors a static one: it is owned by the Node it runs on."""
    owners = pod["metadata"].get("ownerReferences") or []
    return any(o.get("kind") == "Node" and o.get("name") == pod.get("spec", {}).get("nodeName") for o in owners)


def readiness(node: Mapping[str, Any]) -> str:
    """Empty when the node is Ready, else why not."""
    for condition in node.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            return "" if condition["status"] == "True" else str(condition.get("message") or condition.get("reason"))
    return "no Ready condition yet"


def decoded(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; NoAnswer where it is none. A field that is null is left out, wherever it is.

    To the API the two are the same, and servers send null for many an empty list. Source: Kubernetes API conventions, "Optional
    vs. Required"; such as apiextensions v1 CustomResourceDefinitionStatus.Conditions, which has no omitempty (v0.36.3).
    """
    try:
        value = json.loads(answer.body, object_pairs_hook=_without_nulls)
    except ValueError as error:
        raise NoAnswer(f"not JSON: {answer.body[:120]!r}") from error
    if not isinstance(value, dict):
        raise NoAnswer(f"not a JSON object: {answer.body[:120]!r}")
    return value


def _without_nulls(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None}


def tls_files() -> tuple[PurePosixPath, PurePosixPath, PurePosixPath]:
    """CA, certificate and key with which the tool asks etcd, on every master: the health check client's."""
    return (
        k.ETCD_PKI_DIR / "ca.crt",
        k.ETCD_PKI_DIR / "healthcheck-client.crt",
        k.ETCD_PKI_DIR / "healthcheck-client.key",
    )

"""A model API server: health, version, discovery, reads and writes of objects, with authentication and a little authorisation.

It answers as its own flags say: at its advertised address and port, with its certificate, over the etcd that it is pointed to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bootstrap.testing import allocations
from bootstrap.testing.decoding import decoded
from bootstrap.testing.store import Key, ObjectStore, Refusal
from bootstrap.testing.tls import ANONYMOUS, Identity

NAMESPACED, CLUSTER_WIDE = True, False
RESOURCES: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    "/api/v1": (
        ("configmaps", "ConfigMap", NAMESPACED), ("endpoints", "Endpoints", NAMESPACED), ("events", "Event", NAMESPACED),
        ("namespaces", "Namespace", CLUSTER_WIDE), ("nodes", "Node", CLUSTER_WIDE), ("pods", "Pod", NAMESPACED),
        ("secrets", "Secret", NAMESPACED), ("serviceaccounts", "ServiceAccount", NAMESPACED),
        ("services", "Service", NAMESPACED),
    ),
    "/apis/apps/v1": (
        ("daemonsets", "DaemonSet", NAMESPACED), ("deployments", "Deployment", NAMESPACED),
        ("replicasets", "ReplicaSet", NAMESPACED), ("statefulsets", "StatefulSet", NAMESPACED),
    ),
    "/apis/rbac.authorization.k8s.io/v1": (
        ("clusterrolebindings", "ClusterRoleBinding", CLUSTER_WIDE), ("clusterroles", "ClusterRole", CLUSTER_WIDE),
        ("rolebindings", "RoleBinding", NAMESPACED), ("roles", "Role", NAMESPACED),
    ),
    "/apis/policy/v1": (("poddisruptionbudgets", "PodDisruptionBudget", NAMESPACED),),
    "/apis/networking.k8s.io/v1": (
        ("ipaddresses", "IPAddress", CLUSTER_WIDE), ("networkpolicies", "NetworkPolicy", NAMESPACED),
    ),
    "/apis/scheduling.k8s.io/v1": (("priorityclasses", "PriorityClass", CLUSTER_WIDE),),
    "/apis/storage.k8s.io/v1": (("storageclasses", "StorageClass", CLUSTER_WIDE),),
    "/apis/coordination.k8s.io/v1": (("leases", "Lease", NAMESPACED),),
    "/apis/certificates.k8s.io/v1": (("certificatesigningrequests", "CertificateSigningRequest", CLUSTER_WIDE),),
    "/apis/apiextensions.k8s.io/v1": (("customresourcedefinitions", "CustomResourceDefinition", CLUSTER_WIDE),),
    "/apis/admissionregistration.k8s.io/v1": (
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", CLUSTER_WIDE),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", CLUSTER_WIDE),
        ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", CLUSTER_WIDE),
    ),
}  # fmt: skip
CRDS = "/apis/apiextensions.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PUBLIC = ("/livez", "/readyz", "/healthz", "/version")
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
UNHEALTHY = b"[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n"
WRITES = ("PATCH", "POST", "PUT", "DELETE")


@dataclass(frozen=True)
class Call:
    """A request to the API. now: RFC 3339. anonymous: paths that need no credentials; None: whatever RBAC gives to everybody."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    identity: Identity
    now: str
    anonymous: tuple[str, ...] | None = None

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.url).query).items()}

    @property
    def writes(self) -> bool:
        return self.method in WRITES and self.query.get("dryRun") != "All"


def answer(call: Call, store: ObjectStore | None, version: str) -> tuple[int, bytes]:
    """Status and body. store: None while the API server cannot reach an etcd with a quorum."""
    if call.identity == ANONYMOUS and call.anonymous is not None and call.path not in call.anonymous:
        return _status(Refusal(401, "Unauthorized", "Unauthorized"))
    if call.path in ("/livez", "/readyz", "/healthz"):
        return (200, b"ok") if store is not None else (500, UNHEALTHY)
    if store is None:
        return _status(Refusal(500, "InternalError", "etcdserver: request timed out"))
    allocations.repair(store, call.now)
    try:
        _authorise(call, store)
        if call.path == "/version":
            return 200, json.dumps({"gitVersion": version, "major": "1"}).encode()
        return 200 if call.method != "POST" else 201, json.dumps(_objects(call, store)).encode()
    except Refusal as refusal:
        return _status(refusal)


def _objects(call: Call, store: ObjectStore) -> dict[str, Any]:
    if call.path == "/apis":
        return {"kind": "APIGroupList", "groups": _groups(store)}
    base, rest = _split(call.path)
    resources = _resources(base, store)
    if not resources:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    if not rest:
        return {"kind": "APIResourceList", "groupVersion": base.split("/", 2)[2], "resources": _discovery(resources)}
    plurals = {plural: namespaced for plural, _, namespaced in resources}
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    if rest[0] not in plurals:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    if rest[0] == "pods" and rest[2:] == ["eviction"] and call.method == "POST":
        return _evict(call, store, (base, "pods", namespace, rest[1]))
    if len(rest) > 2:
        raise AssertionError(f"the model API server does not know the subresource {call.path}")
    if len(rest) == 1:
        return _collection(call, store, base, rest[0], namespace)
    if plurals[rest[0]] and not namespace:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return _one(call, store, (base, rest[0], namespace, rest[1]))


def _collection(call: Call, store: ObjectStore, base: str, plural: str, namespace: str) -> dict[str, Any]:
    if call.method == "POST":
        thing = json.loads(call.body)
        unknown = sorted(store.unknown_fields & thing.get("spec", {}).keys())
        if unknown and call.query.get("fieldValidation") == "Strict":
            raise Refusal(400, "BadRequest", f'strict decoding error: unknown field "spec.{unknown[0]}"')
        key = (base, plural, namespace, thing["metadata"]["name"])
        return store.create(key, thing, call.now, dry_run=not call.writes)
    if call.method != "GET" or set(call.query) - {"fieldSelector", "labelSelector", "limit"}:
        raise AssertionError(f"the model API server does not know {call.method} {call.url}")
    labels, fields = (_selector(call.query.get(name, "")) for name in ("labelSelector", "fieldSelector"))
    known = {"secrets": {"type"}, "pods": {"spec.nodeName"}}
    if set(fields) - known.get(plural, set()):
        raise AssertionError(f"the model API server selects no {plural} by {', '.join(fields)}")
    items = [
        thing for thing in store.list(base, plural, namespace)
        if labels.items() <= (thing["metadata"].get("labels") or {}).items()
        and all(_field(thing, name) == value for name, value in fields.items())
    ]  # fmt: skip
    return {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": str(store.revision)}, "items": items}


def _field(thing: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    value: Any = thing
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _selector(text: str) -> dict[str, str]:
    """`a=b,c=d` as a mapping."""
    return dict(part.split("=", 1) for part in text.split(",") if part)


def _one(call: Call, store: ObjectStore, key: Key) -> dict[str, Any]:
    dry_run = not call.writes
    content_type = call.headers.get("content-type", "")
    match call.method, content_type.partition(";")[0]:
        case "GET", _:
            return store.get(key)
        case "DELETE", _:
            uid = (json.loads(call.body or b"{}").get("preconditions") or {}).get("uid")
            if uid is not None and store.get(key)["metadata"]["uid"] != uid:
                raise Refusal(409, "Conflict", "Precondition failed: UID in precondition does not match")
            return store.delete(key, dry_run=dry_run)
        case "PATCH", "application/apply-patch+yaml":
            manager = call.query.get("fieldManager")
            if not manager:
                raise Refusal(400, "BadRequest", "PatchOptions: fieldManager: Required value: is required for apply patch")
            force = call.query.get("force") == "true"
            _ask_webhooks(store, key)
            allocations.allocate(store, key, decoded(call.body), call.now, dry_run=dry_run)
            return store.apply(key, decoded(call.body), manager, call.now, force=force, dry_run=dry_run)
        case "PATCH", "application/merge-patch+json":
            return store.merge(key, json.loads(call.body), call.now, dry_run=dry_run)
    raise AssertionError(f"the model API server does not know {call.method} {call.url} of type {content_type!r}")


def _ask_webhooks(store: ObjectStore, key: Key) -> None:
    """A webhook answers, and has nothing against anything, while the Deployment that is called as its Service is has a pod.

    Source: apiserver pkg/admission/plugin/webhook/validating/dispatcher.go (v0.36.3), failurePolicy Fail.
    """
    group = key[0].split("/")[2] if key[0].startswith("/apis/") else ""
    for configuration in store.list("/apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"):
        for webhook in configuration["webhooks"]:
            service = webhook["clientConfig"]["service"]
            if any(group in rule["apiGroups"] and key[1] in rule["resources"] for rule in webhook["rules"]):
                behind = store.objects.get(("/apis/apps/v1", "deployments", service["namespace"], service["name"]), {})
                if not (behind.get("status") or {}).get("availableReplicas"):
                    why = f'failed calling webhook "{webhook["name"]}": dial tcp: connect: connection refused'
                    raise Refusal(500, "InternalError", f"Internal error occurred: {why}")


def _evict(call: Call, store: ObjectStore, key: Key) -> dict[str, Any]:
    """An Eviction: the pod is gone at once, unless a disruption budget with minAvailable forbids it.

    Source: Kubernetes pkg/registry/core/pod/storage/eviction.go (v1.36.3).
    """
    pod, asked = store.get(key), json.loads(call.body)
    own = pod["metadata"]["uid"]
    uid = asked.get("deleteOptions", {}).get("preconditions", {}).get("uid", own)
    if uid != own:
        raise Refusal(409, "Conflict", f"Precondition failed: UID in precondition: {uid}, UID in object meta: {own}")
    for budget in store.list("/apis/policy/v1", "poddisruptionbudgets", key[2]):
        selector = budget["spec"]["selector"]["matchLabels"].items()
        healthy = [one for one in store.list(*key[:3]) if selector <= (one["metadata"].get("labels") or {}).items()]
        needed = budget["spec"]["minAvailable"]
        if pod in healthy and len(healthy) <= needed:
            name = budget["metadata"]["name"]
            cause = f"The disruption budget {name} needs {needed} healthy pods and has {len(healthy)} currently"
            raise Refusal(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", cause)
    store.delete(key, dry_run=not call.writes)
    return {"kind": "Status", "apiVersion": "v1", "status": "Success"}


def _authorise(call: Call, store: ObjectStore) -> None:
    """Members of system:masters may do anything, others what binding to cluster-admin gives them; the rest may not."""
    if call.path in PUBLIC:
        return
    if call.identity == ANONYMOUS:
        if call.method == "GET" and call.path == CLUSTER_INFO:
            return
        raise Refusal(403, "Forbidden", f'User "system:anonymous" cannot {call.method.lower()} path "{call.path}"')
    if "system:masters" in call.identity.groups:
        return
    for binding in store.list(RBAC, "clusterrolebindings"):
        if binding["roleRef"]["name"] == "cluster-admin" and any(
            subject["name"] in (call.identity.user, *call.identity.groups) for subject in binding.get("subjects") or []
        ):
            return
    message = f'User "{call.identity.user}" cannot {call.method} {call.path} at the cluster scope'
    raise Refusal(403, "Forbidden", message)


def _resources(base: str, store: ObjectStore) -> list[tuple[str, str, bool]]:
    """Resources of a group version, those of CustomResourceDefinitions among them."""
    found = list(RESOURCES.get(base, ()))
    for crd in store.list(CRDS, "customresourcedefinitions"):
        spec = crd["spec"]
        if _is_established(crd) and any(base == f"/apis/{spec['group']}/{version['name']}" for version in spec["versions"]):
            found.append((spec["names"]["plural"], spec["names"]["kind"], spec["scope"] == "Namespaced"))
    return found


def _is_established(crd: Mapping[str, Any]) -> bool:
    return any(one["type"] == "Established" and one["status"] == "True" for one in crd["status"]["conditions"] or ())


def _groups(store: ObjectStore) -> list[dict[str, Any]]:
    """API groups with their one version."""
    bases = [base for base in RESOURCES if base.startswith("/apis/")]
    for crd in filter(_is_established, store.list(CRDS, "customresourcedefinitions")):
        bases += [f"/apis/{crd['spec']['group']}/{version['name']}" for version in crd["spec"]["versions"]]
    versions = [{"groupVersion": base.removeprefix("/apis/")} for base in dict.fromkeys(bases)]
    return [{"name": v["groupVersion"].partition("/")[0], "versions": [v], "preferredVersion": v} for v in versions]


def _discovery(resources: list[tuple[str, str, bool]]) -> list[dict[str, Any]]:
    verbs = ["create", "delete", "get", "list", "patch"]
    offered = [("", verbs), ("/status", ["get"])]
    return [
        {"name": f"{plural}{part}", "kind": kind, "namespaced": namespaced, "verbs": may}
        for part, may in offered
        for plural, kind, namespaced in resources
    ]


def _split(path: str) -> tuple[str, list[str]]:
    """Base path of the group version, and what follows it."""
    parts = path.strip("/").split("/")
    size = 2 if parts[0] == "api" else 3
    return "/" + "/".join(parts[:size]), parts[size:]


def _status(refusal: Refusal) -> tuple[int, bytes]:
    body = {
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": refusal.message, "reason": refusal.reason, "code": refusal.code,
        **({"details": {"causes": [{"message": refusal.cause}]}} if refusal.cause else {}),
    }  # fmt: skip
    return refusal.code, json.dumps(body).encode()

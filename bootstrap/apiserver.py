"""A client of the Kubernetes API that goes through the SSH session of a master: server-side apply, reads, discovery.

Source: Kubernetes API reference, "Server-Side Apply"; discovery as in k8s.io/client-go/discovery v0.36.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bootstrap import constants as k
from bootstrap import documents
from bootstrap.connection import Answer, Connection, NoAnswer, Request, Tls
from bootstrap.errors import BootstrapError, RemoteError
from bootstrap.health import decoded


class ApiError(BootstrapError):
    """The API server refused a request; status is the HTTP status.

    patience_s: how long it may take until what is in the way has passed, where that is known.
    """

    patience_s = 0.0

    def __init__(self, what: str, status: int, message: str, *, host: str) -> None:
        super().__init__(f"the API server refused {what}: {message}", host=host)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same request may go through later: overload, an election, a namespace that is not there yet."""
        return self.status in (404, 409, 429) or self.status >= 500


def credentials(kubeconfig: bytes, server_name: str) -> Tls:
    """The identity in a kubeconfig with embedded certificates, for an API server of that name or address.

    ValueError, which never quotes it, where it is none.
    """
    try:
        ((_, value),) = documents.parse(kubeconfig.decode())
        user, cluster = value["users"][0]["user"], value["clusters"][0]["cluster"]
        return Tls(
            ca=base64.b64decode(cluster["certificate-authority-data"]),
            server_name=server_name,
            client_certificate=base64.b64decode(user["client-certificate-data"]),
            client_key=base64.b64decode(user["client-key-data"]),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise ValueError("not a kubeconfig with embedded certificates") from None


@dataclass(frozen=True)
class Resource:
    """A kind as the server offers it. path: of the collection, over all namespaces. verbs: what may be done with it."""

    path: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]


class ApiClient:
    """Speaks to the API server of one master. Raises NoAnswer when nobody answers, ApiError when it says no."""

    def __init__(self, connection: Connection, address: str, port: int, tls: Tls) -> None:
        self._connection = connection
        self._address = address
        self._port = port
        self._tls = tls
        self._resources: dict[str, dict[str, Resource]] = {}

    @classmethod
    def of(cls, connection: Connection, address: str, port: int) -> ApiClient:
        """A client with the identity that is on the host itself (super-admin.conf, else admin.conf)."""
        paths = [k.KUBERNETES_DIR / "super-admin.conf", k.KUBERNETES_DIR / "admin.conf"]
        found = connection.read(paths)
        for path in paths:
            if path in found:
                try:
                    return cls(connection, address, port, credentials(found[path], address))
                except ValueError as error:
                    raise RemoteError(
                        f"{path} on {connection.name} is {error}", host=connection.name,
                        hint=f"move it away on {connection.name}; init writes it anew: bootstrap init INVENTORY",
                    ) from error
        raise NoAnswer(f"{connection.name} has neither {paths[0]} nor {paths[1]}")

    def ready(self) -> bool:
        """Whether /readyz says ok."""
        try:
            return self._ask("GET", "/readyz").status == 200
        except NoAnswer:
            return False

    def version(self) -> str:
        """gitVersion of the API server, `v1.36.3`."""
        return str(decoded(self._checked("GET", "/version", "its version"))["gitVersion"])

    def get(self, path: str) -> dict[str, Any] | None:
        """GET, decoded; None where there is no such thing."""
        answer = self._ask("GET", path)
        if answer.status == 404:
            return None
        return decoded(self._raise_for(answer, f"GET {path}"))

    def apply(self, thing: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply; gives the object as it is (dry_run: would be) afterwards."""
        name = f"{thing['kind']} {thing['metadata']['name']}"
        query = f"?fieldManager={k.FIELD_MANAGER}&force=true" + ("&dryRun=All" if dry_run else "")
        body = json.dumps(thing).encode()
        path = self.path(thing)
        return decoded(self._checked("PATCH", path + query, name, body, "application/apply-patch+yaml"))

    def settled(self, thing: Mapping[str, Any]) -> bool:
        """Whether applying `thing` would change nothing; asks with a dry run."""
        try:
            live = self.get(self.path(thing))
            return live is not None and _bare(live) == _bare(self.apply(thing, dry_run=True))
        except ApiError:
            return False

    def create_dry_run(self, thing: Mapping[str, Any], what: str) -> None:
        """Have a namespaced object judged, strictly, as if it were to be created. ApiError says what is wrong with it."""
        collection = self.path(thing).rpartition("/")[0]
        query = "?dryRun=All&fieldValidation=Strict"
        self._checked("POST", collection + query, what, json.dumps(thing).encode(), "application/json")

    def merge(self, path: str, patch: Mapping[str, Any], what: str) -> dict[str, Any]:
        """JSON merge patch; with a resourceVersion in it, a conflict is an ApiError of status 409."""
        body = json.dumps(patch).encode()
        return decoded(self._checked("PATCH", path, what, body, "application/merge-patch+json"))

    def pods_on(self, node: str) -> list[dict[str, Any]]:
        """Every pod that is bound to a node."""
        found: list[dict[str, Any]] = (self.get(f"/api/v1/pods?fieldSelector=spec.nodeName={node}") or {}).get("items", [])
        return found

    def create(self, path: str, thing: Mapping[str, Any], what: str) -> None:
        """POST of an object, or of what is asked for, such as an Eviction."""
        self._checked("POST", path, what, json.dumps(thing).encode(), "application/json")

    def delete(self, path: str, *, uid: str = "") -> None:
        """DELETE, and what the object owns goes after it; an absent object is fine. uid: of no other object (ApiError 409)."""
        options = {"propagationPolicy": "Background", **({"preconditions": {"uid": uid}} if uid else {})}
        answer = self._ask("DELETE", path, json.dumps(options).encode(), "application/json")
        if answer.status != 404:
            self._raise_for(answer, f"DELETE {path}")

    def path(self, thing: Mapping[str, Any]) -> str:
        """URL path of an object, by discovery; ApiError 404 for a kind that the server does not know (yet)."""
        version, kind, meta = thing["apiVersion"], thing["kind"], thing["metadata"]
        base = _base(version)
        if kind not in self._resources.get(base, {}):
            self._resources[base] = {resource.kind: resource for resource in self.resources(version)}
        if kind not in self._resources[base]:
            raise ApiError(f"{kind} {meta['name']}", 404, f"it knows no {kind} in {version}", host=self._connection.name)
        resource = self._resources[base][kind]
        namespace = f"/namespaces/{quote(meta.get('namespace') or 'default')}" if resource.namespaced else ""
        return f"{base}{namespace}/{resource.plural}/{quote(meta['name'], safe=':')}"

    def versions(self) -> dict[str, tuple[str, ...]]:
        """The versions of every API group, `apps` -> (`apps/v1`,), the preferred one first; the core group is the empty one."""
        found: dict[str, tuple[str, ...]] = {"": ("v1",)}
        for group in (self.get("/apis") or {}).get("groups", []):
            named = [group["preferredVersion"]["groupVersion"], *(version["groupVersion"] for version in group["versions"])]
            found[group["name"]] = tuple(dict.fromkeys(named))
        return found

    def resources(self, version: str) -> tuple[Resource, ...]:
        """What a version of a group holds; nothing where the server does not know it."""
        base = _base(version)
        return tuple(
            Resource(f"{base}/{item['name']}", item["kind"], item["name"], item["namespaced"], frozenset(item.get("verbs", ())))
            for item in (self.get(base) or {}).get("resources", []) if "/" not in item["name"]
        )  # fmt: skip

    def collection(self, path: str, *, label: str = "", limit: int = 0) -> dict[str, Any]:
        """The collection at a path: `items`, and `metadata.remainingItemCount` where a limit cut it off. label: `NAME=VALUE`."""
        query = "&".join([*([f"labelSelector={quote(label)}"] if label else []), *([f"limit={limit}"] if limit else [])])
        return self.get(f"{path}?{query}" if query else path) or {}

    def _checked(self, method: str, path: str, what: str, body: bytes = b"", content_type: str = "") -> Answer:
        return self._raise_for(self._ask(method, path, body, content_type), what)

    def _ask(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        headers = (("Accept", "application/json"), *((("Content-Type", content_type),) if content_type else ()))
        request = Request(method, self._address, self._port, path, self._tls, headers, body)
        return self._connection.request(request, timeout_s=15.0)

    def _raise_for(self, answer: Answer, what: str) -> Answer:
        if answer.status < 300:
            return answer
        try:
            status = decoded(answer)
            message = str(status.get("message", ""))
            for cause in (status.get("details") or {}).get("causes") or ():
                said = str(cause.get("message", ""))
                message = message if said in message else f"{message} {said}"
        except NoAnswer:
            message = answer.body[:300].decode(errors="replace").strip()
        raise ApiError(what, answer.status, f"{answer.status} {message}", host=self._connection.name)


def _base(version: str) -> str:
    """Path below which a version of a group lies."""
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _bare(thing: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what every write changes: who wrote it when, and its status."""
    metadata = {key: v for key, v in thing["metadata"].items() if key not in ("managedFields", "resourceVersion", "generation")}
    return {**{key: v for key, v in thing.items() if key != "status"}, "metadata": metadata}

"""A Service's cluster IP or node port that is held already: by whom, and how long until that is free.

An API server takes both for a Service before it stores that. A server-side apply that is cut between the two leaves them held for
nobody, and the same Service is refused until an API server has found that out: an address goes once it is 60 s old, a port once
it was found unused three times, three minutes apart.
Source: Kubernetes pkg/registry/core/service/{ipallocator/controller/repairip,portallocator/controller/repair}.go and
pkg/controlplane/instance.go, repairLoopInterval (v1.36.3, v1.37.2);
apiserver pkg/registry/generic/registry/store.go, Update (v0.36.3): what was taken for an object is kept before it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.apiserver import ApiClient, ApiError

IP_ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
_IP_REFUSED = "provided IP is already allocated"
_PORT_REFUSED = "provided port is already allocated"
IP_PATIENCE_S = 120.0     # 60 of them until it goes; the rest is for slow machines
PORT_PATIENCE_S = 660.0    # 360 to 540 of them until it goes


class LeftBehind(ApiError):
    """A cluster IP or node port is held by a creation that was cut off."""

    def __init__(self, what: str, status: int, message: str, *, host: str, patience_s: float) -> None:
        super().__init__(what, status, message, host=host)
        self.patience_s = patience_s

    @property
    def passing(self) -> bool:
        return True


def explained(api: ApiClient, thing: Mapping[str, Any], error: ApiError) -> ApiError:
    """The error of an apply, or what it is where something the object wants is held. Raises NoAnswer, ApiError."""
    if thing["kind"] != "Service" or error.status != 422:
        return error
    spec = thing.get("spec") or {}
    name = f"{thing['metadata'].get('namespace') or 'default'}/{thing['metadata']['name']}"
    for address in dict.fromkeys(spec.get("clusterIPs") or [spec.get("clusterIP")]):
        if f"allocate IP {address}: {_IP_REFUSED}" in error.message:
            return _told(
                error, name, f"address {address}", _ip_holder(api, address), "after a minute", IP_PATIENCE_S,
                f"see it with `kubectl get ipaddress {address} -o yaml`; two Services cannot have one address",
            )
    for port in dict.fromkeys(port.get("nodePort") for port in spec.get("ports") or ()):
        if f"nodePort: Invalid value: {port}: {_PORT_REFUSED}" in error.message:
            return _told(
                error, name, f"node port {port}", _port_holder(api, port), "within nine minutes", PORT_PATIENCE_S,
                "give one of the two another nodePort, or none: then one that is free is chosen",
            )
    return error


def _told(error: ApiError, name: str, what: str, holder: str, free: str, patience_s: float, hint: str) -> ApiError:
    """What is told of something that is held. name: of the Service that wants it. free: when nobody's is free again."""
    host = error.host or ""
    if holder in ("", f"Service {name}"):     # the latter: made since
        message = f"{what} is still held by a creation that was cut off; API servers free it {free}"
        return LeftBehind(f"Service {name}", error.status, message, host=host, patience_s=patience_s)
    told = ApiError(f"Service {name}", error.status, f"its {what} belongs to {holder}", host=host)
    told.hint = hint
    return told


def _ip_holder(api: ApiClient, address: str) -> str:
    """What an address belongs to, as Kind namespace/name; empty where that is not there, or nothing holds it any more."""
    held = api.get(f"{IP_ADDRESSES}/{address}")
    if held is None:
        return ""
    parent = held.get("spec", {}).get("parentRef", {})
    if parent.get("resource") != "services" or parent.get("group"):
        return f"{parent.get('resource')} {parent.get('namespace', '')}/{parent.get('name')}"
    live = api.get(f"/api/v1/namespaces/{parent.get('namespace')}/services/{parent.get('name')}")
    return f"Service {parent.get('namespace')}/{parent.get('name')}" if live is not None else ""


def _port_holder(api: ApiClient, port: int) -> str:
    """The Service that has a node port, as Kind namespace/name; empty where none has."""
    services = api.get("/api/v1/services") or {}
    for service in services.get("items", ()):
        spec, metadata = service.get("spec", {}), service["metadata"]
        if port in (spec.get("healthCheckNodePort"), *(each.get("nodePort") for each in spec.get("ports") or ())):
            return f"Service {metadata['namespace']}/{metadata['name']}"
    return ""

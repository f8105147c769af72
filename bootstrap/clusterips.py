"""A Service's cluster IP that is held already: by whom, and whether waiting frees it.

For each cluster IP an API server makes an IPAddress, and then the Service. A server-side apply that is cut between the two leaves
an IPAddress of no Service, and the same Service is refused until an API server has deleted that, once it is 60 s old.
Source: Kubernetes pkg/registry/core/service/ipallocator/controller/repairip.go, syncIPAddress (v1.36.3, v1.37.2);
apiserver pkg/registry/generic/registry/store.go, Update (v0.36.3): what was taken for an object is kept before it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.apiserver import ApiClient, ApiError

IP_ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
_REFUSED = "provided IP is already allocated"


class LeftBehind(ApiError):
    """A cluster IP is held by a creation that was cut off."""

    patience_s = 120.0      # 60 of them until the API servers delete what holds it; the rest is for slow machines

    @property
    def passing(self) -> bool:
        return True


def explained(api: ApiClient, thing: Mapping[str, Any], error: ApiError) -> ApiError:
    """The error of an apply, or what it is where a cluster IP of the object is held. Raises NoAnswer, ApiError."""
    if thing["kind"] != "Service" or error.status != 422 or _REFUSED not in error.message:
        return error
    spec = thing.get("spec", {})
    name = f"{thing['metadata'].get('namespace') or 'default'}/{thing['metadata']['name']}"
    for address in dict.fromkeys(spec.get("clusterIPs") or [spec.get("clusterIP")]):
        if f"allocate IP {address}:" not in error.message:
            continue
        holder = _holder(api, address)
        if holder in ("", f"Service {name}"):     # the latter: made since
            message = f"{address} is still held by a creation that was cut off; API servers free such an address after a minute"
            return LeftBehind(f"Service {name}", error.status, message, host=error.host or "")
        told = ApiError(f"Service {name}", error.status, f"its address {address} belongs to {holder}", host=error.host or "")
        told.hint = f"see it with `kubectl get ipaddress {address} -o yaml`; two Services cannot have one address"
        return told
    return error


def _holder(api: ApiClient, address: str) -> str:
    """What an address belongs to, as Kind namespace/name; empty where that is not there, or nothing holds it any more."""
    held = api.get(f"{IP_ADDRESSES}/{address}")
    if held is None:
        return ""
    parent = held.get("spec", {}).get("parentRef", {})
    if parent.get("resource") != "services" or parent.get("group"):
        return f"{parent.get('resource')} {parent.get('namespace', '')}/{parent.get('name')}"
    live = api.get(f"/api/v1/namespaces/{parent.get('namespace')}/services/{parent.get('name')}")
    return f"Service {parent.get('namespace')}/{parent.get('name')}" if live is not None else ""

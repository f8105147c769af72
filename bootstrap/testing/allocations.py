"""Cluster IPs and node ports in a model API server.

For each cluster IP an IPAddress, made before its Service; one without goes after a minute.
Source: Kubernetes pkg/registry/core/service/ipallocator/ipallocator.go and controller/repairip.go; storage/alloc.go (v1.36.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bootstrap.testing.store import Key, ObjectStore, Refusal

SERVICES = ("/api/v1", "services")
ADDRESSES = ("/apis/networking.k8s.io/v1", "ipaddresses", "")
GRACE = timedelta(seconds=60)


def allocate(store: ObjectStore, key: Key, thing: Mapping[str, Any], now: str, *, dry_run: bool) -> None:
    """Take the addresses and node ports that a Service which is to be made asks for. Refusal where one is held."""
    if key[:2] != SERVICES or key in store.objects:
        return
    spec = thing.get("spec", {})
    held = {each.get("nodePort") for service in store.list(*SERVICES) for each in service.get("spec", {}).get("ports") or ()}
    for index, wanted_port in enumerate(spec.get("ports") or ()):
        port = wanted_port.get("nodePort")
        if port is not None and (port in held or now < store.left_ports.get(port, "")):
            why = f"Invalid value: {port}: provided port is already allocated"
            message = f'Service "{key[3]}" is invalid: spec.ports[{index}].nodePort: {why}'
            raise Refusal(422, "Invalid", message, why)
    wanted = spec.get("clusterIPs") or [spec.get("clusterIP")]
    for address in dict.fromkeys(address for address in wanted if address not in (None, "", "None")):
        if (*ADDRESSES, address) in store.objects:
            why = f"failed to allocate IP {address}: provided IP is already allocated"
            message = f'Service "{key[3]}" is invalid: spec.clusterIPs: Invalid value: ["{address}"]: {why}'
            raise Refusal(422, "Invalid", message, f'Invalid value: ["{address}"]: {why}')
        store.create((*ADDRESSES, address), ip_address(address, key[2], key[3]), now, dry_run=dry_run)


def ip_address(address: str, namespace: str, name: str) -> dict[str, Any]:
    """What holds an address for a Service."""
    parent = {"group": "", "resource": "services", "namespace": namespace, "name": name}
    metadata = {"name": address, "labels": {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": metadata, "spec": {"parentRef": parent}}


def repair(store: ObjectStore, now: str) -> None:
    """Delete the addresses that no Service has, once they are old enough."""
    for held in store.list(*ADDRESSES):
        parent = held["spec"]["parentRef"]
        there = (*SERVICES, parent["namespace"], parent["name"]) in store.objects
        if not there and datetime.fromisoformat(now) - datetime.fromisoformat(held["metadata"]["creationTimestamp"]) > GRACE:
            store.delete((*ADDRESSES, held["metadata"]["name"]))

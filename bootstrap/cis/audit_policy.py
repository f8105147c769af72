"""What an audit policy would write down: asked by requests, as the API server asks it, the first rule that matches deciding.

Source: apiserver pkg/audit/policy/checker.go (v1.36.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.cis.yaml_files import mappings, strings

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
ORDINARY_GROUPS = frozenset({"system:authenticated"})


@dataclass(frozen=True)
class Request:
    """Of an ordinary person, for a thing of whatever name in a namespace that no rule names."""

    verb: str
    group: str
    resource: str       # with its subresource: pods/exec


SENSITIVE = tuple(
    Request(verb, group, resource)
    for group, resource, verbs in (
        ("", "secrets", ("get", "list", "watch", "create", "update", "patch", "delete")),
        ("", "configmaps", ("create", "update", "patch", "delete")),
        ("authentication.k8s.io", "tokenreviews", ("create",)),
    )
    for verb in verbs
)
"""Requests that must be written down, but whose bodies must not: they hold what the log's readers are not to see."""
CHANGES = tuple(
    Request(verb, group, resource)
    for group, resource in (("", "pods"), ("apps", "deployments"))
    for verb in ("create", "update", "patch", "delete")
)
CONNECTIONS = tuple(
    Request(verb, "", resource)
    for resource in ("pods/exec", "pods/portforward", "pods/proxy", "services/proxy")
    for verb in ("create", "get")
)


def gaps(policy: Mapping[str, Any]) -> list[str]:
    """What of the benchmark's list the policy does not cover, in words; empty where it covers all."""
    bodies = _resources(request for request in SENSITIVE if _level(policy, request) > LEVELS.index("Metadata"))
    silent = _resources(
        request for request in (*SENSITIVE, *CHANGES, *CONNECTIONS) if _level(policy, request) == LEVELS.index("None")
    )
    return [f"{what} {resource}" for what, found in (("nothing of", silent), ("bodies of", bodies)) for resource in found]


def _resources(requests: Iterator[Request]) -> list[str]:
    return sorted({request.resource for request in requests})


def _level(policy: Mapping[str, Any], request: Request) -> int:
    """Index in LEVELS. No rule that matches means None."""
    for rule in mappings(policy.get("rules")):
        if _matches(rule, request):
            level = rule.get("level")
            return LEVELS.index(level) if level in LEVELS else 0
    return 0


def _matches(rule: Mapping[str, Any], request: Request) -> bool:
    groups = strings(rule.get("userGroups"))
    if strings(rule.get("users")) or (groups and not ORDINARY_GROUPS & set(groups)):
        return False
    verbs = strings(rule.get("verbs"))
    if verbs and request.verb not in verbs:
        return False
    if strings(rule.get("namespaces")):
        return False
    resources = rule.get("resources")
    if resources:
        return any(_covers(entry, request) for entry in mappings(resources))
    return not rule.get("nonResourceURLs")


def _covers(entry: Mapping[str, Any], request: Request) -> bool:
    if (entry.get("group") or "") not in ("*", request.group):
        return False
    patterns = strings(entry.get("resources"))
    if not patterns:
        return True
    if strings(entry.get("resourceNames")):
        return False
    resource, _, subresource = request.resource.partition("/")
    wanted = {"*", request.resource, f"{resource}/*", *([f"*/{subresource}"] if subresource else [])}
    return not wanted.isdisjoint(patterns)

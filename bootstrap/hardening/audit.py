"""kube-apiserver's audit log: the policy, and what it takes on disk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from bootstrap.cluster import Cluster
from bootstrap.errors import InventoryError, Problem
from bootstrap.owned import flag_name
from bootstrap.render import load_yaml_all, template_bytes

MAX_AGE_DAYS, MAX_BACKUPS, MAX_SIZE_MB = 30, 10, 100
MAX_BYTES = 1 << 20


class Level(StrEnum):
    NONE = "None"
    METADATA = "Metadata"
    REQUEST = "Request"
    REQUEST_RESPONSE = "RequestResponse"


class Stage(StrEnum):
    REQUEST_RECEIVED = "RequestReceived"
    RESPONSE_STARTED = "ResponseStarted"
    RESPONSE_COMPLETE = "ResponseComplete"
    PANIC = "Panic"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class GroupResources(_Model):
    group: str = ""
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()


class PolicyRule(_Model):
    level: Level
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[GroupResources, ...] = ()
    namespaces: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()
    omit_stages: tuple[Stage, ...] = ()
    omit_managed_fields: bool | None = None

    model_config = ConfigDict(
        frozen=True, extra="forbid",
        alias_generator=lambda name: "nonResourceURLs" if name == "non_resource_urls" else to_camel(name),
    )  # fmt: skip


class Policy(_Model):
    """An audit policy, as strictly as kube-apiserver reads it, and a little more: it warns of an unknown field and goes on.

    Source: k8s.io/apiserver pkg/apis/audit/v1 and pkg/audit/policy/reader.go (v0.36.3).
    """

    api_version: Literal["audit.k8s.io/v1"]
    kind: Literal["Policy"]
    metadata: dict[str, Any] = {}
    rules: tuple[PolicyRule, ...]
    omit_stages: tuple[Stage, ...] = ()
    omit_managed_fields: bool = False


def policy(cluster: Cluster) -> bytes:
    """The policy of a cluster: the user's own file, or ours. Raises InventoryError naming file and field."""
    path = cluster.hardening.audit.policy_file
    if path is not None:
        return _checked(path)
    return template_bytes("policies/audit.yaml")


def budget_bytes(cluster: Cluster) -> int:
    """What the log may grow to: the file that is written and its backups. Flags of the user's count."""
    given = {flag_name(arg.name): arg.value for arg in cluster.api_server.extra_args}
    size, backups = (
        int(given[name]) if given.get(name, "").isdigit() else default
        for name, default in (("audit-log-maxsize", MAX_SIZE_MB), ("audit-log-maxbackup", MAX_BACKUPS))
    )
    return size * (backups + 1) << 20


def _checked(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _mistake(path, f"cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise _mistake(path, f"is larger than {MAX_BYTES >> 20} MiB")
    try:
        documents = [document for document in load_yaml_all(content.decode()) if document is not None]
    except UnicodeDecodeError as error:
        raise _mistake(path, "is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _mistake(path, str(error.problem or error), line=None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise _mistake(path, str(error)) from error
    if len(documents) != 1:
        raise _mistake(path, f"holds {len(documents)} documents; an audit policy is one")
    try:
        found = Policy.model_validate(documents[0])
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InventoryError([_problem(path, _field(one["loc"]), _words(one["type"], one["msg"])) for one in details]) from error
    problems = [_problem(path, field, message) for field, message in _contradictions(found)]
    if problems:
        raise InventoryError(problems)
    return content


def _contradictions(found: Policy) -> list[tuple[str, str]]:
    """What kube-apiserver would refuse although every field by itself is right (pkg/apis/audit/validation)."""
    problems = [] if found.rules else [("rules", "has no rule: kube-apiserver would not start")]
    for at, rule in enumerate(found.rules):
        if rule.non_resource_urls and (rule.resources or rule.namespaces):
            problems.append((f"rules[{at}]", "has nonResourceURLs and resources or namespaces: one rule is for one of them"))
        for url in rule.non_resource_urls:
            if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
                problems.append((f"rules[{at}].nonResourceURLs", f"{url!r} does not begin with / or has a * before its end"))
        for group in rule.resources:
            if group.resource_names and not group.resources:
                problems.append((f"rules[{at}].resources", "has resourceNames without resources"))
    return problems


def _field(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _words(kind: str, message: str) -> str:
    return {"missing": "is missing", "extra_forbidden": "unknown field"}.get(kind, message[:1].lower() + message[1:])


def _problem(path: Path, field: str, message: str, line: int | None = None) -> Problem:
    hint = "an audit policy: apiVersion audit.k8s.io/v1, kind Policy, and rules" if field in ("", "apiVersion", "kind") else ""
    return Problem(str(path), line, field, message, hint)


def _mistake(path: Path, message: str, line: int | None = None) -> InventoryError:
    return InventoryError([_problem(path, "", message, line)])

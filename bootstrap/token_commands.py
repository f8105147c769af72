"""token create, list and delete, and join-command: letting machines in that the tool does not reach itself."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap import constants as k
from bootstrap import guards, hardening, health, kubeadm_join, tokens, workflows
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient
from bootstrap.cluster import Cluster
from bootstrap.connecting import Connect, changing, connected
from bootstrap.connection import NoAnswer
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, ExitCode, Refused, UsageError
from bootstrap.facts import has_control_plane
from bootstrap.plan import Plan, Snapshot, Workflow, think
from bootstrap.runner import look_at_each, run
from bootstrap.tokens import BootstrapToken, Token

SECRETS = "/api/v1/namespaces/kube-system/secrets"
DEFAULT_TTL = "24h0m0s"
COLUMNS = ("token", "ttl", "expires", "usages", "description", "extra groups")


@dataclass(frozen=True)
class Request:
    """What a new token was asked to be, as typed. ttl: None: a day.

    given: the token itself; None: made anew. join: the whole join command is wanted.
    """

    ttl: str | None = None
    usages: tuple[str, ...] = tokens.USAGES
    groups: tuple[str, ...] = ()
    description: str = ""
    given: Token | None = None
    join: bool = False
    dry_run: bool = False


def create(cluster: Cluster, command: str, request: Request, connect: Connect, console: Console) -> ExitCode:
    """Make a token and print it, or the join command with it. Nothing else ever shows its secret."""
    started, now = time.monotonic(), datetime.now(UTC)
    usages = tokens.chosen_usages(request.usages)
    groups = tokens.chosen_groups(request.groups, usages)
    token = request.given or tokens.new(secrets.choice)
    made = BootstrapToken(token, tokens.expiry(request.ttl or DEFAULT_TTL, now), usages, groups, request.description)
    if request.join:
        _refuse_join(cluster)
        if problem := tokens.problem_to_join(made, now):
            raise UsageError(f"nobody could join with this token: it {problem}", hint="leave --usages and --groups away")
    failed: dict[str, BootstrapError] = {}
    with changing(
        cluster, command, connect, dry_run=request.dry_run, tolerate=lambda name: True, console=console, tell=console.event,
        failed=failed,
    ) as access:  # fmt: skip
        with _answering(access, failed) as api:
            if api.get(_path(token.id)) is not None:
                hint = f"bootstrap token delete INVENTORY {token.id}"
                raise Refused(f"there is a token with the ID {token.id} already", hint=hint)
            info = _cluster_info(api) if request.join else None
        plan = _plan(workflows.TOKEN_CREATE, cluster, access, now, token=made)
        if request.dry_run:
            console.plan(plan)
            console.result({"cluster": cluster.name, "changed": False, "dryRun": True})
            return ExitCode.DONE
        run(plan, access, console, started)
    expires = None if made.expires is None else tokens.rfc3339(made.expires)
    result = {"cluster": cluster.name, "changed": True, "token": token.reveal(), "expires": expires}
    if info is None:
        console.result(result, token.reveal())
    else:
        _show_join(cluster, info, token, result, console)
    return ExitCode.DONE


def join_command(cluster: Cluster, token: Token, connect: Connect, console: Console) -> ExitCode:
    """Print the join command with a token that is there already. Raises UsageError where nobody could join with it."""
    _refuse_join(cluster)
    with _reading(cluster, connect, console) as api:
        live = api.get(_path(token.id))
        info = _cluster_info(api)
        signed = health.token_signed(health.TokenSigned(token.id), api)
    if live is None:
        raise UsageError(f"there is no token with the ID {token.id}: it has expired or was deleted",
                         hint="a new one: bootstrap join-command INVENTORY")  # fmt: skip
    try:
        there = tokens.from_secret(live)
        problem = "has another secret" if there.token != token else tokens.problem_to_join(there, datetime.now(UTC))
    except ValueError as error:
        problem = f"is not valid: {error}"
    if problem:
        raise UsageError(f"nobody can join with the token {token.id}: it {problem}",
                         hint="a new one: bootstrap join-command INVENTORY")  # fmt: skip
    if not signed.ok:
        console.note(f"a node that joins will wait for cluster-info signed for token {token.id}: {signed.answer}")
    _show_join(cluster, info, token, {"cluster": cluster.name, "changed": False, "token": token.reveal()}, console)
    return ExitCode.DONE


def show(cluster: Cluster, show_secrets: bool, connect: Connect, console: Console) -> ExitCode:
    """Show the tokens that there are, without their secrets unless asked for."""
    with _reading(cluster, connect, console) as api:
        items = (api.get(f"{SECRETS}?fieldSelector=type%3D{tokens.SECRET_TYPE}") or {}).get("items", [])
    found, now = [], datetime.now(UTC)
    for item in items:
        try:
            found.append(tokens.from_secret(item))
        except ValueError as error:
            console.note(f"Secret {item['metadata']['name']} is no token that works: {error}")
    if found:
        console.table("", COLUMNS, [_row(token, show_secrets, now) for token in found])
    console.result({"cluster": cluster.name, "tokens": [_as_dict(token, show_secrets) for token in found]},
                   "" if found else f"{cluster.name} has no bootstrap tokens")  # fmt: skip
    return ExitCode.DONE


def delete(cluster: Cluster, words: tuple[str, ...], dry_run: bool, connect: Connect, console: Console) -> ExitCode:
    """Delete tokens by ID. Raises UsageError for those that are not there, after the others were deleted."""
    started, now = time.monotonic(), datetime.now(UTC)
    ids = tokens.ids_of(words)
    failed: dict[str, BootstrapError] = {}
    with changing(
        cluster, "token delete", connect, dry_run=dry_run, tolerate=lambda name: True, console=console, tell=console.event,
        failed=failed,
    ) as access:  # fmt: skip
        with _answering(access, failed) as api:
            there = tuple(token_id for token_id in ids if api.get(_path(token_id)) is not None)
        plan = _plan(workflows.TOKEN_DELETE, cluster, access, now, token_ids=there)
        if dry_run:
            console.plan(plan)
        else:
            run(plan, access, console, started)
    deleted = () if dry_run else there
    text = f"deleted: {', '.join(deleted)}" if deleted else ""
    absent = [token_id for token_id in ids if token_id not in there]
    if absent:
        raise UsageError(f"no token with the ID {', '.join(absent)}", evidence=[text] if text else [],
                         hint="bootstrap token list INVENTORY")  # fmt: skip
    console.result({"cluster": cluster.name, "changed": not dry_run, "dryRun": dry_run, "deleted": deleted}, text)
    return ExitCode.DONE


def _refuse_join(cluster: Cluster) -> None:
    """Raise Refused where a joining node could not read cluster-info, which it does before it has any credentials."""
    paths = hardening.anonymous_paths(cluster)
    if paths is not None and k.CLUSTER_INFO not in paths:
        raise Refused(
            f"no node can join with a token: spec.hardening.anonymousRequests is {cluster.hardening.anonymous_requests}, "
            "and a joining node reads cluster-info without credentials",
            hint="spec.hardening.anonymousRequests: health-and-cluster-info",
        )  # fmt: skip


@contextmanager
def _reading(cluster: Cluster, connect: Connect, console: Console) -> Iterator[ApiClient]:
    """The API, for who only looks."""
    hosts, failed = cluster.control_plane_hosts, dict[str, BootstrapError]()
    with (
        connected(
            cluster, hosts, connect, tolerate=lambda name: True, console=console, tell=console.working, failed=failed
        ) as access,
        _answering(access, failed) as api,
    ):
        yield api


@contextmanager
def _answering(access: Access, failed: Mapping[str, BootstrapError]) -> Iterator[ApiClient]:
    """An API server that is ready. Raises Refused where none is, or no longer. failed: masters that were not reached."""
    try:
        yield access.any_api()
    except NoAnswer as error:
        facts, unread = look_at_each(access)
        if not any(has_control_plane(found) for found in facts.values()):
            raise guards.no_api(access.cluster, facts, {**failed, **unread}) from error
        raise Refused("the API does not answer", evidence=[str(error)], hint="bootstrap status INVENTORY") from error


def _cluster_info(api: ApiClient) -> kubeadm_join.ClusterInfo:
    found = api.get(k.CLUSTER_INFO)
    if found is None:
        raise Refused("there is no ConfigMap kube-public/cluster-info", hint="bootstrap init INVENTORY")
    try:
        return kubeadm_join.cluster_info(found)
    except ValueError as error:
        raise Refused(f"the ConfigMap kube-public/cluster-info holds {error}", hint="bootstrap verify INVENTORY") from error


def _plan(workflow: Workflow, cluster: Cluster, access: Access, now: datetime, **options: object) -> Plan:
    """What a workflow does that asks nothing of the hosts."""
    hosts = [host for host in cluster.control_plane_hosts if host.name in access.connections]
    return think(workflow, Snapshot(cluster, {}, now, options=options), hosts)


def _show_join(
    cluster: Cluster, info: kubeadm_join.ClusterInfo, token: Token, result: dict[str, object], console: Console
) -> None:
    if cluster.control_plane_endpoint not in ("", info.endpoint):
        console.note(f"nodes are told to use {info.endpoint} (kube-public/cluster-info), "
                     f"not spec.controlPlaneEndpoint, which is {cluster.control_plane_endpoint}")  # fmt: skip
    elif not cluster.control_plane_endpoint:
        console.note(f"without spec.controlPlaneEndpoint a node that joins this way depends on one API server: {info.endpoint}")
    command = kubeadm_join.command(info, token)
    console.result({**result, "joinCommand": command}, command)


def _row(found: BootstrapToken, show_secrets: bool, now: datetime) -> tuple[str, ...]:
    return (
        found.token.reveal() if show_secrets else f"{found.token.id}.{found.token.secret}",
        tokens.time_left(found.expires, now),
        "<never>" if found.expires is None else tokens.rfc3339(found.expires),
        ",".join(found.usages) or "<none>",
        found.description or "<none>",
        ",".join(found.groups) or "<none>",
    )


def _as_dict(found: BootstrapToken, show_secrets: bool) -> dict[str, object]:
    return {
        "id": found.token.id,
        **({"token": found.token.reveal()} if show_secrets else {}),
        "expires": None if found.expires is None else tokens.rfc3339(found.expires),
        "usages": found.usages,
        "description": found.description,
        "groups": found.groups,
    }


def _path(token_id: str) -> str:
    return f"{SECRETS}/{tokens.reference(token_id)['metadata']['name']}"

"""The commands that only look: facts, preflight, verify, status, kubeconfig."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bootstrap import cis, guards, observing, snapshots, surveying, workflows
from bootstrap import constants as k
from bootstrap import facts as facts_of
from bootstrap import preflight as checks
from bootstrap import status as statuses
from bootstrap import verify as verifying
from bootstrap.access import Access
from bootstrap.cis import report
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.connecting import Connect, connected, raise_all
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, ExitCode, UsageError, typed
from bootstrap.localfiles import refuse_unwritable, write_local
from bootstrap.plan import Snapshot
from bootstrap.runner import default_kubeconfig, look, look_at_each, plan_for


def show_facts(cluster: Cluster, host: str | None, connect: Connect, console: Console) -> ExitCode:
    """Show what is on every host that can be reached, or on one; exit 3 where one cannot be."""
    hosts = tuple(h for h in cluster.hosts if host in (None, h.name))
    if not hosts:
        raise UsageError(f"{host!r} is no host of {cluster.name}", hint=f"hosts: {', '.join(h.name for h in cluster.hosts)}")
    with connected(cluster, hosts, connect, tolerate=lambda name: True, console=console, tell=console.working) as access:
        found = look(access)
    for name in sorted(found):
        console.facts(found[name])
    unreachable = sorted(host.name for host in hosts if host.name not in found)
    console.result({"facts": {name: facts_of.as_dict(found[name]) for name in sorted(found)}, "unreachable": unreachable}, "")
    return ExitCode.UNREACHABLE if unreachable else ExitCode.DONE


def show_preflight(
    cluster: Cluster, inventory: Path, ignored: tuple[str, ...], connect: Connect, console: Console
) -> ExitCode:
    """Show what every check says of every master; exit 4 where one would keep init from working, 3 where a host is unknown."""
    hosts = cluster.control_plane_hosts
    failed: dict[str, BootstrapError] = {}
    with connected(cluster, hosts, connect, tolerate=lambda name: True, failed=failed, tell=console.working) as access:
        facts, unread = look_at_each(access)
        failed |= unread
        if not facts:
            raise_all(list(failed.values()))
        answers, lost = surveying.survey(access, facts, ignored)
    failed |= lost
    facts = {name: found for name, found in facts.items() if name not in lost}
    reasons = {name: error.message for name, error in failed.items()}
    said = checks.report(
        cluster, facts, answers, datetime.now(UTC), given=snapshots.given_authorities(cluster), unread=reasons, ignored=ignored
    )
    console.preflight(said)
    _hint(failed.values(), inventory, console)
    if cluster.workers:
        names = ", ".join(host.name for host in cluster.workers)
        console.note(f"workers are not looked at here ({names}): add-worker checks them before it writes anything")
    console.result(checks.as_result(said), checks.summary(said))
    return ExitCode.REFUSED if said.fatal else ExitCode.UNREACHABLE if failed else ExitCode.DONE


def verify(cluster: Cluster, inventory: Path, connect: Connect, console: Console) -> ExitCode:
    """Compare everything that can be compared; exit 0, or 8 with the differences, or 3 where only a host cannot be reached.

    A worker that has not joined is told, and is no difference: when it joins is up to the operator.
    """
    failed: dict[str, BootstrapError] = {}
    with connected(cluster, cluster.hosts, connect, tolerate=lambda name: True, failed=failed, tell=console.working) as access:
        facts, unread = look_at_each(access)
        raise_all([error for name, error in unread.items() if name in access.masters])
        failed |= unread
        missed = _missed(cluster, inventory, access, failed, console)
        workers = [host for host in cluster.workers if host.name in facts and facts_of.has_joined(facts[host.name])]
        masters = [host for host in cluster.control_plane_hosts if host.name in facts]
        facts = {host.name: facts[host.name] for host in (*masters, *workers)}
        snapshot = snapshots.take(cluster, facts, access, datetime.now(UTC), about=[*masters, *workers])
        options = {"keep_kubelet": True, "prune": True}
        snapshot = replace(snapshot, options=options, balancing=observing.balancing(access, snapshot))
        plan, snapshot = plan_for(workflows.INIT, snapshot, access)
        joined, snapshot = plan_for(workflows.ADD_WORKER, snapshot, access, workers)
        found = verifying.differences(snapshot, (plan, joined), access)
    console.differences(found)
    count = len(found)
    unreachable = [host.name for host in missed]
    hosts = [*cluster.control_plane_hosts, *(host for host in cluster.workers if host in workers or host in missed)]
    differing = {difference.host for difference in found if difference.host}
    noun = "host" if any(host.role is Role.WORKER for host in hosts) else "master"
    where = f", on {len(differing)} of {len(hosts)} {noun}{'' if len(hosts) == 1 else 's'}" if differing else ""
    text = f"{count} difference{'' if count == 1 else 's'}{where}" if found else f"{cluster.name} is as {inventory} says"
    to_join = [host.name for host in cluster.workers if host not in workers and host not in missed]
    if to_join:
        next_step = typed("bootstrap add-worker INVENTORY", inventory)
        text += f"; not joined: {', '.join(to_join)} (next: {next_step} {' '.join(to_join)})"
    if unreachable:
        text += f"; not looked at, because not reached: {', '.join(unreachable)}"
    result = {"differences": verifying.as_dict(found), "notJoined": to_join, "unreachable": unreachable}
    console.result({"cluster": cluster.name, **result}, text)
    return ExitCode.DRIFT if found else ExitCode.UNREACHABLE if unreachable else ExitCode.DONE


def verify_cis(cluster: Cluster, inventory: Path, everything: bool, connect: Connect, console: Console) -> ExitCode:
    """Show how the hosts stand against the CIS benchmark; exit 8 where an automated check fails, 3 where a host is missing.

    Works without an API server. Workers that have not joined yet are left out. everything: also what passes or does not apply.
    """
    failed: dict[str, BootstrapError] = {}
    with connected(cluster, cluster.hosts, connect, tolerate=lambda name: True, failed=failed, tell=console.working) as access:
        facts, unread = look_at_each(access, security=True)
        raise_all([error for name, error in unread.items() if name in access.masters])
        failed |= unread
        unreachable = [host.name for host in _missed(cluster, inventory, access, failed, console)]
    judged = [host for host in cluster.hosts if host.name in facts]
    judged = [host for host in judged if host.role is Role.CONTROL_PLANE or facts_of.has_joined(facts[host.name])]
    found = {host.name: cis.check(facts[host.name], host.role) for host in judged}
    for table in report.tables(found, everything=everything):
        console.table(table.title, table.columns, table.rows)
        console.remedies(table.remedies)
    together = [result for of_host in found.values() for result in of_host]
    text = f"{cluster.name} against the {cis.BENCHMARK}: {report.counted(together)}"
    if unreachable:
        text += f"; not looked at, because not reached: {', '.join(unreachable)}"
    results = {name: report.as_dict(of_host) for name, of_host in found.items()}
    console.result(
        {"cluster": cluster.name, "benchmark": cis.BENCHMARK, "results": results, "unreachable": unreachable}, text
    )
    not_met = any(result.status is cis.Status.FAIL for result in together)
    return ExitCode.DRIFT if not_met else ExitCode.UNREACHABLE if unreachable else ExitCode.DONE


def status(cluster: Cluster, inventory: Path, connect: Connect, console: Console) -> ExitCode:
    """Show what every host that can be reached is doing; exit 8 where something is wrong, 3 where only a host is not reached.

    Workers that have not joined yet are left out, and so are those that are not reached and that the API does not know.
    """
    failed: dict[str, BootstrapError] = {}
    with connected(cluster, cluster.hosts, connect, tolerate=lambda name: True, failed=failed, tell=console.working) as access:
        facts, unread = look_at_each(access)
        raise_all([error for name, error in unread.items() if name in access.masters])
        failed |= unread
        authority = next((o.content for f in facts.values() if (o := f.owned.get(k.PKI_DIR / "ca.crt")) and o.content), b"")
        found = statuses.status(Snapshot(cluster, facts, datetime.now(UTC), cluster_ca=authority), access)
        missed = _missed(cluster, inventory, access, failed, console)
    unreachable = [host.name for host in missed]
    for role, columns in ((Role.CONTROL_PLANE, statuses.MASTER_COLUMNS), (Role.WORKER, statuses.WORKER_COLUMNS)):
        away = [[host.name, "unreachable", *[""] * (len(columns) - 2)] for host in missed if host.role is role]
        rows = [*statuses.as_rows(found, role), *away]
        if rows:
            console.table(cluster.name if role is Role.CONTROL_PLANE else "workers", list(columns), rows)
    troubles, look_at = statuses.troubles(found), statuses.to_look_at(found)
    hint = "" if look_at is None else f"\nnext: bootstrap logs INVENTORY {' '.join(look_at)}"
    if differing := statuses.with_other_list(found):
        masters = [host.name for host in cluster.control_plane_hosts if host.name in facts]
        joining = [name for name in masters if not facts_of.has_control_plane(facts[name])]
        hint += (
            f"\nnext: bootstrap add-master INVENTORY {' '.join(joining)}" if joining
            else "\nnext: take out of INVENTORY who is no master any more, then: "
            f"bootstrap add-worker INVENTORY {' '.join(differing)}"
        )
    console.result(
        {"cluster": cluster.name, "hosts": statuses.as_dict(found), "troubles": list(troubles), "unreachable": unreachable},
        "\n".join(troubles) + typed(hint, inventory),
    )
    return ExitCode.DRIFT if troubles else ExitCode.UNREACHABLE if unreachable else ExitCode.DONE


def _missed(
    cluster: Cluster, inventory: Path, access: Access, failed: Mapping[str, BootstrapError], console: Console
) -> list[Host]:
    """Hosts that could not be looked at; each is told. Of workers only those that may have joined, as far as the API says."""
    known = observing.nodes(access, access.masters) if failed else None
    missed = [
        host for host in cluster.hosts
        if host.name in failed and (host.role is Role.CONTROL_PLANE or known is None or host.name in known.nodes)
    ]  # fmt: skip
    for host in missed:
        console.note(f"going on without {host.name}: {failed[host.name].message}")
    _hint([failed[host.name] for host in missed], inventory, console)
    return missed


def _hint(failed: Iterable[BootstrapError], inventory: Path, console: Console) -> None:
    """Say what would make hosts answer, each thing once."""
    for hint in dict.fromkeys(error.hint for error in failed if error.hint):
        console.note(f"hint: {typed(hint, inventory)}")


def fetch_kubeconfig(cluster: Cluster, target: Path | None, connect: Connect, console: Console) -> ExitCode:
    """Copy admin.conf of the first master that can be reached to where the user asked."""
    path = k.KUBERNETES_DIR / "admin.conf"
    if str(target) != "-":
        target = target or default_kubeconfig(cluster)
        refuse_unwritable(target)
        guards.refuse_to_overwrite(target, snapshots.local_file(target), cluster)
    hosts = cluster.control_plane_hosts
    with connected(cluster, hosts, connect, tolerate=lambda name: True, console=console, tell=console.working) as access:
        contents = [connection.read([path]) for _, connection in sorted(access.connections.items())]
    found = next((content[path] for content in contents if path in content), None)
    if found is None:
        raise BootstrapError(f"no master has {path}", hint="bootstrap init makes it")
    if target is None or str(target) == "-":
        console.lines(found.decode())
        return ExitCode.DONE
    write_local(target, found)
    console.result({"kubeconfig": str(target)}, f"wrote {target}; next: kubectl --kubeconfig {target} get nodes")
    return ExitCode.DONE

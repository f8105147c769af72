"""What a plan may not do, asked before anything is written. Pure.

init creates and repairs; it never rolls what serves. reset never takes the quorum of those that stay without being told to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from bootstrap import components, desired, kubeconfig, staticpod
from bootstrap import constants as k
from bootstrap.cluster import Cluster, Host
from bootstrap.errors import Refused
from bootstrap.facts import Facts
from bootstrap.files import File, Secret
from bootstrap.membership import quorum
from bootstrap.plan import Change, Plan, Snapshot, Workflow, WriteFile


def is_live(facts: Mapping[str, Facts], *, unfinished: bool) -> bool:
    """Whether a control plane serves on these hosts, or did.

    Controllers are placed only once an API server was ready, so a host with data and a controller manager's manifest has been
    part of a control plane. unfinished: the API answers and says that no init was ever finished.
    """
    born = any(
        f.etcd.has_member and desired.manifest_path(f, k.CONTROLLER_MANAGER) in f.owned for f in facts.values()
    )
    return born and not unfinished


def refuse_without_pki(workflow: Workflow, snapshot: Snapshot) -> None:
    """Raise Refused when files are due whose phase was left out, and everything else rests on them.

    Manifests made with authorities, or with an encryption key, that are never written would start a cluster that nobody can use.
    """
    chosen = {phase.name for phase in workflow.phases}
    first = {"certs", "kubeconfig"}
    parts: tuple[tuple[str, Callable[[Snapshot, Host], Sequence[Change]], set[str]], ...] = (
        ("certs", desired.pki, {"certs"}),
        ("kubeconfig", desired.kubeconfigs, first),
        ("control-plane/config", desired.config_files, {*first, "control-plane/config"}),
    )
    missing = [
        f"{host.name}: {change.entry.path} is due"
        for name, part, independent in parts
        if name not in chosen and chosen - independent
        for host in snapshot.cluster.control_plane_hosts
        if host.name in snapshot.facts
        for change in part(snapshot, host)
        if isinstance(change, WriteFile) and isinstance(change.entry, File)
    ]
    if missing:
        raise Refused(
            "files that everything else rests on are due, and their phases were left out",
            evidence=missing,
            hint="run without --only and --skip, or with `--only certs --only kubeconfig --only control-plane/config` first",
        )


def refuse_to_roll(plan: Plan, facts: Mapping[str, Facts], *, unfinished: bool, inventory: str) -> None:
    """Raise Refused when init would change a file that a living control plane runs with. Creating files is fine.

    A controller may be rolled where a file of its own was lost and is made anew: the others lead meanwhile, and nobody is served
    by it. An API server or an etcd may not.
    """
    if not is_live(facts, unfinished=unfinished):
        return
    found = []
    for host, seen in sorted(facts.items()):
        writes = [change for _, where, change in plan.all() if where == host and isinstance(change, WriteFile)]
        for change in writes:
            reasons = _changed_startup_files(change, writes)
            if _rolls(change, seen) and not _is_restored(change, reasons):
                why = f", because {', '.join(str(reason.entry.path) for reason in reasons)} would" if reasons else ""
                found.append(f"{host}: {change.entry.path} would change{why}")
    if found:
        raise Refused(
            "this control plane is alive, and init does not change what a living one runs with",
            evidence=found,
            hint=f"see what differs: bootstrap verify {inventory}; put the inventory back as it was, or, where the cluster "
            f"may be lost: bootstrap reset {inventory}, then init",
        )


def refuse_to_overwrite(path: Path, previous: Secret | None, cluster: Cluster) -> None:
    """Raise Refused where a file of the operator's that is not this cluster's kubeconfig would be lost."""
    if previous is None or kubeconfig.belongs_to(previous, cluster):
        return
    raise Refused(
        f"{path} is there, and holds something else than a kubeconfig of {cluster.name} alone",
        hint=f"name another file with --kubeconfig; both together: KUBECONFIG={path}:{cluster.name}.kubeconfig kubectl ...",
    )


def refuse_to_grow(members: Sequence[str] | None, facts: Mapping[str, Facts], *, finished: bool, inventory: str) -> None:
    """Raise Refused when init would start an etcd that the living cluster has not, or no longer, as a member with its data.

    Started with the birth list of members such an etcd waits for ever, or votes without remembering for whom it voted.
    members: names of the voters; None where etcd does not answer. finished: an init was finished, so every member had its data.
    """
    found = []
    for host, seen in sorted(facts.items()):
        if members is not None and host not in members:
            found.append(f"{host} is no voter: the cluster has {', '.join(members)}")
        elif finished and not seen.etcd.has_member:
            found.append(f"{host} has no data in {seen.etcd.data_dir}, although it was a member once")
    if found:
        raise Refused(
            "etcd is alive without some of the masters, and init does not bring members into a living cluster",
            evidence=found,
            hint=f"leave them out of {inventory}, or, where the cluster may be lost: bootstrap reset {inventory}, then init",
        )


def _rolls(change: WriteFile, facts: Facts) -> bool:
    """Whether a write changes what a component or the kubelet was started with: a manifest, a configuration file.

    Certificates and kubeconfigs that are due are replaced: processes reload them, and where one does not, its manifest's
    digest changes with the file. Mending a mode or owner alone changes nothing that runs.
    """
    before, entry = change.previous, change.entry
    if not isinstance(entry, File) or before is None or before.kind != "file" or before.sha256 == entry.sha256:
        return False
    directories = (desired.manifest_dir(facts), k.API_SERVER_CONFIG_DIR)
    return entry.path.parent in directories or entry.path in (k.KUBELET_CONFIG, k.KUBELET_DROP_IN)


def _changed_startup_files(change: WriteFile, writes: Sequence[WriteFile]) -> list[WriteFile]:
    """Writes to what a component reads once, where its manifest changes in nothing but the digest over those; else empty."""
    name, before = change.entry.path.stem, change.previous
    if name not in k.COMPONENTS or not isinstance(change.entry, File) or before is None or before.content is None:
        return []
    try:
        pods = [staticpod.without_digest(staticpod.decode(content)) for content in (change.entry.bytes, before.content)]
    except ValueError:
        return []
    read = components.startup_files(name)
    return [write for write in writes if write.entry.path in read] if pods[0] == pods[1] else []


def _is_restored(change: WriteFile, reasons: Sequence[WriteFile]) -> bool:
    """Whether a controller's manifest follows files that were lost, and nothing else."""
    controllers = (k.CONTROLLER_MANAGER, k.SCHEDULER)
    return change.entry.path.stem in controllers and bool(reasons) and all(reason.previous is None for reason in reasons)


def refuse_to_lose_quorum(members: Sequence[str] | None, healthy: Sequence[str], leaving: Sequence[str]) -> None:
    """Raise Refused when the members that stay would have no quorum, counted as they are.

    members: names of the voters now; None where etcd does not answer. healthy: those of them that answer.
    """
    if members is None:
        return
    staying = [name for name in members if name not in leaving]
    if not staying:
        return
    alive = [name for name in staying if name in healthy]
    needed = quorum(len(staying))
    if len(alive) < needed:
        raise Refused(
            f"without {', '.join(sorted(leaving))} etcd would have {len(staying)} voters, {len(alive)} of them healthy; "
            f"it needs {needed}",
            hint="bring the other members back first, or reset every master together",
        )


def strangers(cluster: Cluster, facts: Facts) -> tuple[PurePosixPath, ...]:
    """Entries of the manifest directory that the kubelet reads although they are no manifest of ours."""
    directory = desired.manifest_dir(facts)
    ours = {directory / f"{name}.yaml" for name in components.static_pods(cluster, cluster.host(facts.host))}
    return tuple(
        path for path in sorted(facts.owned)
        if path.parent == directory and path not in ours and not path.name.startswith(".")
    )  # fmt: skip

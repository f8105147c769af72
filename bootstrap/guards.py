"""What a plan may not do, asked before anything is written. Pure.

init creates and repairs; it never rolls what serves. reset never takes the quorum of those that stay without being told to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from bootstrap import components, desired, kubeconfig, staticpod
from bootstrap import constants as k
from bootstrap.changes import Change, WriteFile
from bootstrap.cluster import Cluster, Host
from bootstrap.errors import Refused
from bootstrap.facts import Facts, has_control_plane
from bootstrap.facts.live import manifests
from bootstrap.files import File, Secret
from bootstrap.membership import Member, quorum
from bootstrap.plan import Plan, Snapshot, Workflow
from bootstrap.userpods import identity, origin


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


def refuse_to_roll(plan: Plan, facts: Mapping[str, Facts], *, unfinished: bool) -> None:
    """Raise Refused when init would change a file that a living control plane runs with. Creating files is fine.

    A controller may be rolled where a file of its own was lost and is made anew: the others lead meanwhile, and nobody is served
    by it. An API server or an etcd may not.
    """
    if not is_live(facts, unfinished=unfinished):
        return
    found = []
    users = [
        f"{host}: {change.entry.path} would change"
        for _, host, change in plan.all()
        if isinstance(change, WriteFile) and _is_users(change, facts[host]) and _rolls(change, facts[host])
    ]
    for host, seen in sorted(facts.items()):
        writes = [change for _, where, change in plan.all() if where == host and isinstance(change, WriteFile)]
        for change in writes:
            reasons = _changed_startup_files(change, writes)
            if _rolls(change, seen) and not _is_users(change, seen) and not _is_restored(change, reasons):
                why = f", because {', '.join(str(reason.entry.path) for reason in reasons)} would" if reasons else ""
                found.append(f"{host}: {change.entry.path} would change{why}{_in_words(change)}")
    if found:
        raise Refused(
            "this control plane is alive, and init does not change what a living one runs with",
            evidence=found,
            hint="see what differs: bootstrap verify INVENTORY; put the inventory back as it was, or, where the cluster "
            "may be lost: bootstrap reset INVENTORY, then init",
        )
    if users:
        raise Refused(
            "static pods of the user's own would change, and init only makes those that are missing",
            evidence=users, hint="bootstrap pods apply INVENTORY",
        )


def _in_words(change: WriteFile) -> str:
    """`: --v=2 instead of --v=4`, where a manifest would get another command line."""
    if not isinstance(change.entry, File) or change.previous is None or change.previous.content is None:
        return ""
    wanted, seen = staticpod.words_apart(change.entry.bytes, change.previous.content)
    if not wanted and not seen:
        return ""
    return f": {' '.join(wanted) or 'nothing'} instead of {' '.join(seen) or 'nothing'}"


def refuse_to_take_place(snapshot: Snapshot, *, adopt: bool = False) -> None:
    """Raise Refused where a static pod of the user's own is in the way of what somebody else put there: its file, or its name.

    adopt: a file in its place that holds the same pod, by name, may be taken over.
    """
    found = []
    for host, pods in sorted(snapshot.static_pods.items()):
        facts = snapshot.facts[host]
        there, ours = manifests(facts), desired.users_manifests(facts)
        tools = desired.own_manifests(snapshot.cluster, facts)
        for pod in pods:
            path, key = desired.manifest_dir(facts) / pod.file_name, (pod.namespace, pod.name)
            seen = facts.owned.get(path)
            takes = adopt and seen is not None and seen.kind == "file" and identity(seen.content) == key
            if path in tools:
                found.append(f"{host}: {path} is this tool's own")
            elif seen is not None and path not in ours and not takes:
                found.append(f"{host}: {path} is there, and was not written by this tool")
            elif path in ours and seen is not None and identity(seen.content) != key:
                found.append(f"{host}: {path} is there, and holds {'/'.join(identity(seen.content) or ('another pod',))}")
            others = [other for other, content in there.items() if other != path and identity(content.content) == key]
            found += [f"{host}: {other} is a manifest of {pod.key}, too; the kubelet would run one of them" for other in others]
    if found:
        raise Refused(
            "other manifests are in the way", evidence=found,
            hint="one that is worth nothing goes by its path: bootstrap pods delete INVENTORY FILE --host HOST; one in its very "
            "place, of the same pod, is taken over by: bootstrap pods apply --adopt",
        )


def refuse_to_take(taken: Sequence[str]) -> None:
    """Raise Refused where an object of an add-on is in somebody else's ApplySet: the next prune of theirs would delete it."""
    if taken:
        raise Refused(
            "objects of the add-ons are in another ApplySet", evidence=taken,
            hint="leave them to whoever applies them, or take their label applyset.kubernetes.io/part-of away",
        )  # fmt: skip


def refuse_to_overwrite(path: Path, previous: Secret | None, cluster: Cluster) -> None:
    """Raise Refused where a file of the operator's that is not this cluster's kubeconfig would be lost."""
    if previous is None or kubeconfig.belongs_to(previous, cluster):
        return
    raise Refused(
        f"{path} is there, and holds something else than a kubeconfig of {cluster.name} alone",
        hint=f"name another file with --kubeconfig; both together: KUBECONFIG={path}:{cluster.name}.kubeconfig kubectl ...",
    )


def refuse_to_grow(members: Sequence[str] | None, facts: Mapping[str, Facts], *, finished: bool) -> None:
    """Raise Refused when init would start an etcd that the living cluster has not, or no longer, as a member with its data.

    Started with the birth list of members such an etcd waits for ever, or votes without remembering for whom it voted.
    members: names of the voters; None where etcd does not answer. finished: an init was finished, so every member had its data.
    """
    outside = [host for host in sorted(facts) if members is not None and host not in members]
    emptied = [host for host, seen in sorted(facts.items()) if host not in outside and finished and not seen.etcd.has_member]
    if not outside and not emptied:
        return
    cures = [f"bootstrap add-master INVENTORY {' '.join(outside)}"] if outside else []
    cures += [f"bootstrap replace-master INVENTORY {host} {host}" for host in emptied]
    raise Refused(
        "etcd is alive without some of the masters, and init does not bring members into a living cluster",
        evidence=[
            *(f"{host} is no voter: the cluster has {', '.join(members or ())}" for host in outside),
            *(f"{host} has no data in {facts[host].etcd.data_dir}, although it was a member once" for host in emptied),
        ],
        hint=f"{'; '.join(cures)}; or leave them out of INVENTORY; or, where the cluster may be lost: "
        "bootstrap reset INVENTORY, then init",
    )


def refuse_strange_members(members: Collection[Member], named: Collection[str]) -> None:
    """Raise Refused where etcd has members that the inventory does not name. named: who may be one."""
    names = sorted({member.name for member in members if member.started} - set(named))
    if names:
        raise Refused(
            f"etcd has members that the inventory does not name: {', '.join(names)}",
            hint=f"write them into INVENTORY, or let them leave: bootstrap remove-master INVENTORY {' '.join(names)}",
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


def _is_users(change: WriteFile, facts: Facts) -> bool:
    """Whether a write is of a static pod of the user's own."""
    entry = change.entry
    return entry.path.parent == desired.manifest_dir(facts) and isinstance(entry, File) and bool(origin(entry.bytes))


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


def refuse_to_join(voters: Sequence[str], healthy: Sequence[str], leaving: Collection[str]) -> None:
    """Raise Refused when etcd would take no new member, because a voter is away.

    voters: names now. healthy: those of them that answer. leaving: those that leave the list before anybody joins.
    Source: etcd server/etcdserver/server.go, AddMember with StrictReconfigCheck (3.6, 3.7).
    """
    away = [name for name in voters if name not in healthy and name not in leaving]
    if away:
        raise Refused(
            f"etcd takes no new member while a voter is away, and {', '.join(away)} of {len(voters)} voters do not answer",
            hint=f"bring {away[0]} back; where its machine is gone: bootstrap replace-master INVENTORY {away[0]} NEW --dead",
        )


def refuse_to_end(voters: Sequence[str], leaving: Collection[str], cluster: Cluster) -> None:
    """Raise Refused when no voter would stay."""
    if voters and not set(voters) - set(leaving):
        raise Refused(
            f"nobody of etcd's {len(voters)} voters would stay: {', '.join(voters)}",
            hint=f"to give up {cluster.name} as a whole: bootstrap reset INVENTORY",
        )


def no_api(cluster: Cluster, facts: Mapping[str, Facts], unread: Collection[str]) -> Refused:
    """Why no API server answers: it is down, there is none, or that cannot be told. unread: hosts that could not be looked at."""
    masters = [host.name for host in cluster.control_plane_hosts]
    away = [f"not reached: {name}" for name in masters if name in unread]
    bare = [name for name in masters if name in facts and not has_control_plane(facts[name])]
    if not bare or any(name in facts and name not in bare for name in masters):
        return Refused(f"no API server of {cluster.name} answers; nothing was written", evidence=away,
                       hint="what is wrong: bootstrap status INVENTORY")  # fmt: skip
    if away:
        return Refused(
            f"no API server of {cluster.name} answers, and nothing of a control plane is on {', '.join(bare)}", evidence=away,
            hint="where the cluster was never set up: bootstrap init INVENTORY; else bring back who is not reached",
        )  # fmt: skip
    return Refused(f"{cluster.name} has no control plane yet; nothing was written", hint="bootstrap init INVENTORY")


def is_without_control_plane(cluster: Cluster, facts: Mapping[str, Facts]) -> bool:
    """Whether every master was looked at, and none has anything of a control plane."""
    masters = [host.name for host in cluster.control_plane_hosts]
    return all(name in facts and not has_control_plane(facts[name]) for name in masters)


def strangers(cluster: Cluster, facts: Facts) -> tuple[PurePosixPath, ...]:
    """Entries of the manifest directory that the kubelet reads although this tool did not write them."""
    directory = desired.manifest_dir(facts)
    ours = {*desired.own_manifests(cluster, facts), *desired.users_manifests(facts)}
    return tuple(
        path for path in sorted(facts.owned)
        if path.parent == directory and path not in ours and not path.name.startswith(".")
    )  # fmt: skip

"""render: the files that each master would get, written to a directory of this machine; no host is touched.

Without secrets: manifests, configuration files of API servers and kubelets, the drop-in, API objects. What is only known on hosts
(the token of a new etcd cluster, the name of the encryption configuration, the digest over issued files, the directories of CA
certificates) stands as a marked placeholder or is left out.
With secrets: a PKI and an encryption key of its own are made for this run, and everything follows from them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from bootstrap import constants as k
from bootstrap import desired, snapshots, userpods, virtual_ip, workflows
from bootstrap.changes import ApiApply, WriteFile
from bootstrap.cluster import Cluster, Host
from bootstrap.console import Console
from bootstrap.errors import ExitCode, UsageError
from bootstrap.facts import Facts
from bootstrap.files import File, Link
from bootstrap.plan import Snapshot, think


def render(cluster: Cluster, out: Path, secrets: bool, console: Console) -> ExitCode:
    """Write `<out>/<host>/<path on the host>` for every master, and `<out>/api/*.yaml` for the cluster's objects."""
    try:
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} is not empty", hint="name a directory that is empty or does not exist yet")
        count = _write(cluster, out.resolve(), secrets)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    console.result({"out": str(out), "files": count}, f"wrote {count} files to {out}")
    return ExitCode.DONE


def _write(cluster: Cluster, out: Path, secrets: bool) -> int:
    """All files or none; gives how many of hosts."""
    snapshot = _snapshot(cluster, secrets)
    files = [(host.name, entry) for host in cluster.control_plane_hosts for entry in _entries(snapshot, host)]
    unfinished = out.with_name(f".{out.name}.rendering")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    for host, entry in files:
        target = unfinished / host / entry.path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if isinstance(entry, Link):
            target.symlink_to(entry.target)
        else:
            target.touch(mode=0o600)
            target.write_bytes(entry.bytes)
            target.chmod(entry.mode)
    _write_objects(unfinished / "api", snapshot)
    if out.exists():    # it stays the same directory: somebody may stand in it
        for child in unfinished.iterdir():
            child.rename(out / child.name)
        unfinished.rmdir()
    else:
        unfinished.rename(out)
    return len(files)


def _snapshot(cluster: Cluster, secrets: bool) -> Snapshot:
    facts = {host.name: Facts(host.name) for host in cluster.control_plane_hosts}
    now = datetime.now(UTC)
    if secrets:
        return snapshots.take(cluster, facts, None, now)
    return Snapshot(
        cluster,
        facts,
        now,
        shared_patches=snapshots.shared_patches(cluster),
        patches=snapshots.patches_of(cluster),
        user_objects=snapshots.user_objects(cluster),
        static_pods=userpods.of_hosts(cluster),
        config_files=snapshots.config_files(cluster, facts, None, with_secrets=False),
    )


def _entries(snapshot: Snapshot, host: Host) -> Iterator[File | Link]:
    pki = (*desired.pki(snapshot, host), *desired.kubeconfigs(snapshot, host))
    further = (*desired.etcds_user(snapshot, host), *desired.config_files(snapshot, host))
    wanted = [change.entry for change in (*pki, *further) if isinstance(change, WriteFile)]
    wanted += [desired.manifest(snapshot, host, name) for name in k.COMPONENTS]
    wanted += desired.kubelet_files(snapshot, host)
    wanted += desired.static_pods(snapshot, host)
    if snapshot.cluster.vip is not None:
        wanted += (*desired.vip_files(snapshot, host), desired.manifest(snapshot, host, k.KEEPALIVED))
    for entry in wanted:
        if isinstance(entry, Link) or (isinstance(entry, File) and (entry.path != virtual_ip.CA or snapshot.cluster_ca)):
            yield entry


def _write_objects(directory: Path, snapshot: Snapshot) -> None:
    """Every API object, numbered in the order of its being applied."""
    directory.mkdir(mode=0o700)
    plan = think(workflows.INIT, snapshot, snapshot.cluster.control_plane_hosts)
    objects = [change.object for _, _, change in plan.all() if isinstance(change, ApiApply)]
    for number, thing in enumerate(objects):
        name = thing["metadata"]["name"].replace(":", "-")
        text = yaml.safe_dump(dict(thing), sort_keys=False)
        (directory / f"{number:02d}-{thing['kind'].lower()}-{name}.yaml").write_text(text, encoding="utf-8")

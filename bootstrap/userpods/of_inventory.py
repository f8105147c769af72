"""spec.staticPods: which pods of the user's own each host should have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bootstrap.cluster import Cluster, Host, StaticPod
from bootstrap.errors import InventoryError, Problem
from bootstrap.userpods.model import FROM_INVENTORY, UserPod
from bootstrap.userpods.reading import load


def chosen(cluster: Cluster, entry: StaticPod) -> tuple[Host, ...]:
    """The hosts of an entry: those of its roles, and those that it names."""
    return tuple(host for host in cluster.hosts if host.role in entry.roles or host.name in entry.hosts)


def of_hosts(cluster: Cluster) -> Mapping[str, tuple[UserPod, ...]]:
    """By host, its pods, in the order of the inventory. Raises InventoryError for a file that is no static pod."""
    loaded = [(entry, load(entry.file, FROM_INVENTORY)) for entry in cluster.static_pods]
    return {
        host.name: tuple(pod for entry, pod in loaded if host in chosen(cluster, entry)) for host in cluster.hosts
    }


def problems(cluster: Cluster) -> Iterator[Problem]:
    """Every mistake of the files, and pods that cannot both be on a host: one file each, and one pod of a name."""
    loaded: list[tuple[StaticPod, UserPod]] = []
    for entry in cluster.static_pods:
        try:
            loaded.append((entry, load(entry.file, FROM_INVENTORY)))
        except InventoryError as error:
            yield from error.problems
    for number, (entry, pod) in enumerate(loaded):
        for other, before in loaded[:number]:
            hosts = [host.name for host in chosen(cluster, entry) if host in chosen(cluster, other)]
            if pod.name == before.name and hosts:
                said = f"{pod.key} and {before.key} of {other.file} are both for {', '.join(hosts)}, as {pod.file_name}"
                yield Problem(str(entry.file), None, "metadata.name", said, "a name of its own for each")

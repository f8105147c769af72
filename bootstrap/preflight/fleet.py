"""Checks over all hosts at once: what must differ, what must be equal, and whether there is one cluster or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap import pki
from bootstrap.facts import Facts
from bootstrap.facts.live import has_manifest, has_our_drop_in, manifest_directory, process
from bootstrap.preflight.finding import Finding, error, path_name, warning
from bootstrap.preflight.machine import MOST_SKEW_S
from bootstrap.preflight.manifests import NAMESPACE, flag, identity
from bootstrap.preflight.subject import DEFAULT_CGROUP_DRIVER, Fleet, Subject


def hostnames(fleet: Fleet) -> Iterator[Finding]:
    """Beside the comparison with the inventory: two machines of one name answer for each other in DNS, logs and metrics."""
    for names in _equal(fleet.subjects, lambda facts: facts.hostname.strip().lower()):
        yield warning("Hostname", None, f"{names} call themselves the same", "hostnamectl set-hostname, on each but one")


def machine_ids(fleet: Fleet) -> Iterator[Finding]:
    for subject in fleet.subjects:
        if not subject.facts.machine_id:
            yield error("MachineID", subject.name, "has no machine ID", "systemd-machine-id-setup, then boot it again")
    for names in _equal(fleet.subjects, lambda facts: facts.machine_id):
        yield error("MachineID", None, f"{names} have the same machine ID: they are clones, or one machine twice",
                    "on each but one: rm /etc/machine-id && systemd-machine-id-setup, then boot it again")


def product_uuids(fleet: Fleet) -> Iterator[Finding]:
    for names in _equal(fleet.subjects, lambda facts: facts.product_uuid):
        yield warning("ProductUUID", None, f"{names} have the same product UUID")


def clocks(fleet: Fleet) -> Iterator[Finding]:
    """Between hosts. Each is known by its distance to our clock, give or take half a round trip: both are given away."""
    if len(fleet.subjects) < 2:
        return
    last = max(fleet.subjects, key=lambda subject: subject.facts.clock_skew_s - subject.facts.clock_error_s)
    first = min(fleet.subjects, key=lambda subject: subject.facts.clock_skew_s + subject.facts.clock_error_s)
    skew = last.facts.clock_skew_s - first.facts.clock_skew_s
    if skew - last.facts.clock_error_s - first.facts.clock_error_s > MOST_SKEW_S:
        yield error("ClockSkew", None, f"the clock of {last.name} is {skew:.1f} s ahead of that of {first.name}",
                    "set up time synchronisation (chrony, systemd-timesyncd) on every host")


def cgroup_drivers(fleet: Fleet) -> Iterator[Finding]:
    """Each host's runtime is compared with its own kubelet elsewhere; kubelet-config in the API knows but one for all."""
    found: dict[str, list[str]] = {}
    for subject in fleet.subjects:
        driver = str(subject.kubelet_config.get("cgroupDriver", DEFAULT_CGROUP_DRIVER))
        found.setdefault(subject.facts.runtime.cgroup_driver or driver, []).append(subject.name)
    if len(found) > 1:
        sides = ", ".join(f"{driver} on {', '.join(names)}" for driver, names in found.items())
        yield warning("CgroupDriver", None, f"the container runtimes use different cgroup drivers: {sides}",
                      "nodes that join later get one configuration for all: make the runtimes alike")


def etcd_data(fleet: Fleet) -> Iterator[Finding]:
    """Data that no manifest of ours goes with is of another life of that host, or of another cluster."""
    for subject in fleet.masters:
        data = subject.facts.etcd
        if data.has_member and not has_manifest(subject.facts, k.ETCD) and process(subject.facts, k.ETCD) is None:
            yield error(
                path_name("DirAvailable", data.data_dir), subject.name,
                f"{data.data_dir} holds the data of an etcd member, but there is no manifest of etcd",
                f"if it belongs to a living cluster, bring the manifest back (it is what another master's is, but for names and "
                f"addresses); only if nobody needs it: mv {data.data_dir}/member {data.data_dir}/member.old",
            )
    yield from _one_etcd(fleet)


def _one_etcd(fleet: Fleet) -> Iterator[Finding]:
    """Members of one cluster have the same cluster ID, and were born with the same token.

    A manifest that is no whole Pod of etcd's says nothing of a token; that it is not whole is said elsewhere.
    """
    tokens = {}
    for subject in fleet.masters:
        path = manifest_directory(subject.facts) / f"{k.ETCD}.yaml"
        seen = subject.facts.owned.get(path)
        if seen is not None and subject.facts.etcd.has_member and identity(seen.content) == (NAMESPACE, k.ETCD):
            tokens[subject.name] = flag(seen.content, "initial-cluster-token") or "etcd-cluster"
    ids = {one.name: one.answers.cluster_id for one in fleet.masters if one.answers.cluster_id}
    for what, values in (("cluster ID", ids), ("initial-cluster-token", tokens)):
        for (one, its), (other, others) in combinations(values.items(), 2):
            if its != others:
                yield error("EtcdData", None, f"{one} and {other} are members of different etcd clusters ({what})",
                            "keep the one that is in use; reset the other host, and add it again")
                return


def foreign_workers(fleet: Fleet) -> Iterator[Finding]:
    """Of a worker that trusts another authority than the masters have: it is, or was, a node of another cluster."""
    path = k.PKI_DIR / "ca.crt"
    known = {identity for one in fleet.masters if (identity := _content(one, path))}
    for subject in fleet.subjects:
        own = _content(subject, path)
        if known and own and own not in known and not subject.is_control_plane:
            ours = has_our_drop_in(subject.facts)
            cure = f"bootstrap remove-worker INVENTORY {subject.name}" if ours else f"kubeadm reset, or rm {path}"
            yield error(path_name("FileAvailable", path), subject.name, f"{path} is the authority of another cluster",
                        f"if it left that cluster for good: {cure}; else take it out of the inventory")


def _content(subject: Subject, path: PurePosixPath) -> bytes:
    """A file without what differs between equal PEM files; empty where there is none."""
    seen = subject.facts.owned.get(path)
    return b"".join(seen.content.split()) if seen is not None and seen.content else b""


def authorities(fleet: Fleet) -> Iterator[Finding]:
    """What `init` would refuse when it gathers them: authorities that differ, have expired, or are lost beside etcd's data."""
    hosts = {subject.name: pki.found_on(subject.facts.owned) for subject in fleet.masters}
    born = [subject.name for subject in fleet.masters if subject.facts.etcd.has_member]
    problems = pki.conflicts(fleet.cluster, hosts, fleet.given, fleet.now, with_etcd_data=born)
    if problems:
        yield error("CertificateAuthorities", None, "\n".join(("they cannot be used:", *problems)), pki.MEND)


def _equal(subjects: Sequence[Subject], value: Callable[[Facts], str]) -> Iterator[str]:
    """Names of hosts that have the same value, joined; hosts without one are left out."""
    groups: dict[str, list[str]] = {}
    for subject in subjects:
        if value(subject.facts):
            groups.setdefault(value(subject.facts), []).append(subject.name)
    return (", ".join(names) for names in groups.values() if len(names) > 1)

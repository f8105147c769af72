"""Checks over all hosts at once: what must differ, what must be equal, and whether there is one cluster or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from bootstrap import constants as k
from bootstrap.facts import Facts
from bootstrap.facts.live import has_manifest, manifest_directory, process
from bootstrap.preflight.finding import Finding, error, path_name, warning
from bootstrap.preflight.manifests import flag
from bootstrap.preflight.subject import Subject

MOST_SKEW_S = 2.0

_SHARED = (k.PKI_DIR / "ca.crt", k.PKI_DIR / "front-proxy-ca.crt", k.PKI_DIR / "sa.pub", k.ETCD_PKI_DIR / "ca.crt")


def identities(subjects: Sequence[Subject]) -> Iterator[Finding]:
    for subject in subjects:
        if not subject.facts.machine_id:
            yield error("MachineID", subject.name, "has no machine ID", "systemd-machine-id-setup, then boot it again")
    for names in _equal(subjects, lambda facts: facts.machine_id):
        yield error("MachineID", None, f"{names} have the same machine ID: they are clones, or one machine twice",
                    "on each but one: rm /etc/machine-id && systemd-machine-id-setup, then boot it again")
    for names in _equal(subjects, lambda facts: facts.product_uuid):
        yield warning("ProductUUID", None, f"{names} have the same product UUID")


def clocks(subjects: Sequence[Subject]) -> Iterator[Finding]:
    if len(subjects) < 2:
        return
    ordered = sorted(subjects, key=lambda subject: subject.facts.clock_skew_s)
    first, last = ordered[0], ordered[-1]
    skew = last.facts.clock_skew_s - first.facts.clock_skew_s
    if skew > MOST_SKEW_S:
        yield error("ClockSkew", None, f"the clock of {last.name} is {skew:.1f} s ahead of that of {first.name}",
                    "set up time synchronisation (chrony, systemd-timesyncd) on every host")


def etcd_data(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Data that no manifest of ours goes with is of another life of that host, or of another cluster."""
    masters = [subject for subject in subjects if subject.is_control_plane]
    for subject in masters:
        data = subject.facts.etcd
        if data.has_member and not has_manifest(subject.facts, k.ETCD) and process(subject.facts, k.ETCD) is None:
            yield error(
                path_name("DirAvailable", data.data_dir), subject.name,
                f"{data.data_dir} holds the data of an etcd member, but there is no manifest of etcd",
                f"if it belongs to a living cluster, bring the manifest back (it is what another master's is, but for names and "
                f"addresses); only if nobody needs it: mv {data.data_dir}/member {data.data_dir}/member.old",
            )
    with_data = [subject.name for subject in masters if subject.facts.etcd.has_member]
    authorities = [subject for subject in masters if k.ETCD_PKI_DIR / "ca.crt" in subject.facts.owned]
    if with_data and not authorities:
        yield error("EtcdData", None,
                    f"etcd data on {', '.join(with_data)}, but etcd's CA on no host: a new one would lock it out",
                    f"bring {k.ETCD_PKI_DIR} back from a backup")
    yield from _one_etcd(masters)


def _one_etcd(masters: Sequence[Subject]) -> Iterator[Finding]:
    """Members of one cluster were born with the same token, and with themselves in their list of members."""
    tokens = {}
    for subject in masters:
        path = manifest_directory(subject.facts) / f"{k.ETCD}.yaml"
        seen = subject.facts.owned.get(path)
        if seen is not None and subject.facts.etcd.has_member and seen.content is not None:
            tokens[subject.name] = flag(seen.content, "initial-cluster-token") or "etcd-cluster"
    for (one, its), (other, others) in combinations(tokens.items(), 2):
        if its != others:
            yield error("EtcdData", None, f"{one} and {other} are members of different etcd clusters (initial-cluster-token)",
                        "keep the one that is in use; reset the other host, and add it again")
            return


def shared_files(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """What every control plane host must have alike."""
    for path in _SHARED:
        found: dict[bytes, list[str]] = {}  # by content: white space does not matter
        for subject in subjects:
            seen = subject.facts.owned.get(path)
            if subject.is_control_plane and seen is not None and seen.sha256:
                found.setdefault(b"".join((seen.content or seen.sha256.encode()).split()), []).append(subject.name)
        if len(found) > 1:
            sides = " against ".join(", ".join(names) for names in found.values())
            yield error(path_name("FileContent", path), None, f"{path} differs between hosts: {sides}",
                        "find out which one the cluster uses (openssl x509 -noout -fingerprint), and reset the other host")


def _equal(subjects: Sequence[Subject], value: Callable[[Facts], str]) -> Iterator[str]:
    """Names of hosts that have the same value, joined; hosts without one are left out."""
    groups: dict[str, list[str]] = {}
    for subject in subjects:
        if value(subject.facts):
            groups.setdefault(value(subject.facts), []).append(subject.name)
    return (", ".join(names) for names in groups.values() if len(names) > 1)

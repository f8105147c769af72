"""What hosts answered to questions that facts do not hold: values, and how the script's output and etcd's metrics are read.

Asked by surveying.py. What a host sends is not to be trusted: anything that is not in the form is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from bootstrap.connection import Outcome, Reach

FSYNC_METRIC = "etcd_disk_wal_fsync_duration_seconds"
_BUCKET = re.compile(rf'^{FSYNC_METRIC}_bucket{{le="([0-9.e+-]+|\+Inf)"}} ([0-9.e+]+)$', re.MULTILINE | re.ASCII)
_SECONDS = re.compile(r"(\d{1,6}\.(\d{1,12})|\d{1,6}|\d(?:\.\d{1,12})?e-\d{1,2}) s", re.ASCII)
_FEWEST_DECIMALS = 4
_MOST_WRITES = 1000


@dataclass(frozen=True)
class WriteTimes:
    """How long synchronous writes take, in seconds. p99_s: 99 of 100 took no longer (nearest rank).

    where: the directory that was written to; empty: told by the etcd that runs there, of all its writes since it started.
    """

    p99_s: float
    count: int
    where: str = ""
    median_s: float = 0.0
    slowest_s: float = 0.0


@dataclass(frozen=True)
class HostAnswers:
    """Of one host. Empty and None: it was not asked, unless the problem beside it says why it could not be found out.

    images: whether each wanted image is there. direct: its runtime pulls without any mirror or proxy. addresses: by name; none:
    it does not resolve. names_problem: why names could not be resolved at all. endpoint: of the control plane endpoint;
    endpoint_again: the same asked several times more, by a master that it may lead back to itself; bind_port: the same machine's
    port that API servers listen on, where the endpoint has another. registries: by name. cluster_id: of the etcd member there.
    kernel_options: those that its kernel has of the options that were asked for, less CONFIG_; kernel_config: the file that says
    so; empty: none could be read.
    """

    images: Mapping[str, bool] = field(default_factory=dict)
    images_problem: str = ""
    direct: bool = False
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names_problem: str = ""
    writes: WriteTimes | None = None
    writes_problem: str = ""
    endpoint: Reach | None = None
    endpoint_again: tuple[Reach, ...] = ()
    bind_port: Reach | None = None
    registries: Mapping[str, Reach] = field(default_factory=dict)
    cluster_id: str = ""
    kernel_config: str = ""
    kernel_options: frozenset[str] = frozenset()

    @property
    def missing_images(self) -> tuple[str, ...]:
        return tuple(sorted(image for image, there in self.images.items() if not there))


@dataclass(frozen=True)
class Answers:
    """Of all hosts. asked: False where nobody asked: nothing can be said then, neither good nor bad.

    reach: by source host, target host (both by name) and port, at the target's address. round_trips: in seconds, the way to
    the source taken off, by source and target.
    """

    asked: bool = False
    hosts: Mapping[str, HostAnswers] = field(default_factory=dict)
    reach: Mapping[tuple[str, str, int], Reach] = field(default_factory=dict)
    round_trips: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def of(self, host: str) -> HostAnswers:
        return self.hosts.get(host, HostAnswers())

    def outcomes(self, source: str) -> tuple[Outcome, ...]:
        return tuple(found.outcome for (one, _, _), found in self.reach.items() if one == source)


def parse(text: str, images: Sequence[str]) -> HostAnswers:
    """Answers of one host, from what scripts/survey.sh wrote. images: those that were asked for."""
    lines = [(key, value) for key, _, value in (line.partition(" ") for line in text.splitlines())]
    found = dict(lines)
    missing = {value for key, value in lines if key == "missing"}
    addresses: dict[str, tuple[str, ...]] = {value: () for key, value in lines if key == "unresolved"}
    for name, address in _resolved(lines):
        addresses[name] = (*addresses.get(name, ()), address)
    writes = [took for key, value in lines if key == "write" and (took := seconds(value)) is not None][:_MOST_WRITES]
    problem = found.get("disk-failed", "")
    if not writes and not problem and "disk" in found:
        problem = "its dd does not say how long a write took" if "write" in found else "nothing was written"
    return HostAnswers(
        images={image: image not in missing for image in images} if found.get("images") == "listed" else {},
        images_problem=found.get("images-failed", ""),
        direct=found.get("direct") == "yes",
        addresses=addresses,
        names_problem=found.get("names-failed", ""),
        writes=None if problem else write_times(writes, found.get("disk", "")),
        writes_problem=problem,
        kernel_config=found.get("kernel-config", ""),
        kernel_options=frozenset(value for key, value in lines if key == "kernel-option"),
    )


def seconds(text: str) -> float | None:
    """What dd says after `copied, `: `0.0083878 s, 274 kB/s`. None where that is rounded too much to be of use."""
    match = _SECONDS.match(text)
    if match is None or (match[2] is not None and len(match[2]) < _FEWEST_DECIMALS and float(match[1]) < 1):
        return None
    return float(match[1])


def write_times(writes: Sequence[float], where: str) -> WriteTimes | None:
    """None where there are none."""
    if not writes:
        return None
    ordered = sorted(writes)
    rank = math.ceil(0.99 * len(ordered)) - 1
    return WriteTimes(ordered[rank], len(ordered), where, ordered[(len(ordered) - 1) // 2], ordered[-1])


def fsync_times(metrics: str) -> WriteTimes | None:
    """What an etcd's own metrics say of its writes since it started; None where they say nothing.

    Within a bucket as Prometheus' histogram_quantile does, which etcd's advice is given for.
    Source: etcd 3.6 server/storage/wal/metrics.go: 14 buckets from 1 ms, each twice the one before.
    """
    try:
        buckets = sorted((float(bound), float(count)) for bound, count in _BUCKET.findall(metrics))
    except ValueError:
        return None
    total = buckets[-1][1] if buckets else 0.0
    if total < 1 or not math.isinf(buckets[-1][0]):
        return None
    rank, below, lower = 0.99 * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            p99 = lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
            return WriteTimes(p99, int(total))
        below, lower = count, bound
    return None


def _resolved(lines: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for key, value in lines:
        name, _, address = value.partition(" ")
        if key == "address" and _is_address(address):
            yield name, address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

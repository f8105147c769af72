"""From what the script wrote to Facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from bootstrap.facts.frame import Garbled, Segments, decode
from bootstrap.facts.kubelet import kubelet_facts
from bootstrap.facts.model import EtcdDataFacts, Facts, KubeletFacts
from bootstrap.facts.paths import kubeconfigs, owned_paths, pod_logs
from bootstrap.facts.plain import plain
from bootstrap.facts.processes import listeners, start_time, static_processes
from bootstrap.facts.runtime import runtime_facts
from bootstrap.facts.security import security_facts
from bootstrap.facts.system import accounts, addresses, cgroup_facts, disks, modules, number, os_facts, seconds, services, swap
from bootstrap.files import Observed


def parse(host: str, text: str, clock_skew_s: float, clock_error_s: float = 0.0, *, security: bool = False) -> Facts:
    """Facts of one host. text: the script's output; security: whether it was asked for that, too.

    Every text in them is printable, on one line and of bounded length, whatever the host sent.
    Raises BootstrapError, naming the host, where it is not whole.
    """
    segments = decode(host, text)
    values = segments.values
    clock = seconds(values.get("clock", ""))
    if not clock or "data_dir" not in values:
        raise Garbled(f"what {host} answered lacks the first facts (clock, data directory)", host=host)
    return plain(_facts(host, segments, clock, (clock_skew_s, clock_error_s), security=security))


def _facts(host: str, segments: Segments, clock: float, skew_and_error_s: tuple[float, float], *, security: bool) -> Facts:
    values = segments.values
    clock_skew_s, clock_error_s = skew_and_error_s
    owned = owned_paths(segments)
    kubelet = kubelet_facts(segments, owned)
    return Facts(
        host=host,
        hostname=values.get("sys/kernel/hostname", ""),
        os=os_facts(segments),
        cgroup=cgroup_facts(segments),
        privileged=values.get("uid") == "0",
        systemd=values.get("systemd") == "yes",
        cpus=number(values.get("cpus", "")),
        memory_bytes=_memory(values.get("memory", "")),
        swap=swap(segments),
        clock=clock,
        clock_skew_s=clock_skew_s,
        clock_error_s=clock_error_s,
        machine_id=values.get("machine_id", ""),
        product_uuid=values.get("product_uuid", "").lower(),
        boot_id=values.get("sys/kernel/random/boot_id", ""),
        addresses=addresses(segments),
        sysctls={name.removeprefix("sys/").replace("/", "."): value
                 for name, value in values.items() if name.startswith("sys/") and "random" not in name},
        modules=modules(segments),
        commands={name.removeprefix("command/"): value for name, value in values.items() if name.startswith("command/")},
        services=services(segments),
        kubelet=_started(kubelet, segments),
        runtime=runtime_facts(segments, kubelet.runtime_endpoint),
        listeners=listeners(segments),
        disks=disks(segments),
        owned=owned,
        kubeconfigs=kubeconfigs(segments),
        etcd=_etcd(segments, owned),
        accounts=accounts(segments),
        processes=static_processes(segments),
        pod_logs=pod_logs(segments),
        ca_dirs=tuple(name.removeprefix("ca/") for name in values if name.startswith("ca/")),
        security=security_facts(segments) if security else None,
    )


def _memory(line: str) -> int:
    """`MemTotal:  24684084 kB`, in bytes."""
    fields = line.split()
    return number(fields[1]) * 1024 if len(fields) == 3 else 0


def _started(kubelet: KubeletFacts, segments: Segments) -> KubeletFacts:
    pid = number(segments.values.get("kubelet_pid", ""))
    return replace(kubelet, start_time=start_time(segments, pid)) if pid else kubelet


def _etcd(segments: Segments, owned: dict[PurePosixPath, Observed]) -> EtcdDataFacts:
    path = PurePosixPath(segments.values["data_dir"])
    there = owned.get(path)
    if there is None:
        return EtcdDataFacts(path)
    mounted = any(disk.path == path and disk.mount_point == str(path) for disk in disks(segments))
    return EtcdDataFacts(
        data_dir=path, exists=True, has_member=segments.values.get("etcd_member") == "yes", mount_point=mounted,
        mode=there.mode, owner=there.owner, uid=there.uid, gid=there.gid,
    )

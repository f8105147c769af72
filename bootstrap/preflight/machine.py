"""Checks of the machine: privileges, processors, memory, kernel, addresses, disks.

Source: kubeadm app/preflight/checks.go and system-validators v1.12.1 (v1.36.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from shlex import quote

from bootstrap import constants as k
from bootstrap import hardening
from bootstrap.hardening import audit
from bootstrap.preflight import kernel
from bootstrap.preflight.finding import Finding, error, path_name, warning
from bootstrap.preflight.subject import Fleet, Subject
from bootstrap.versions import SUPPORTED_MINORS, Version

MINIMUM_CPUS = 2
MINIMUM_MEMORY_MB = 1700
MOST_SKEW_S, FATAL_SKEW_S = 2.0, 240.0
_MIB, _GIB = 1 << 20, 1 << 30

_KERNELS = re.compile(r"5\.4(\D|$)|5\.10(\D|$)|5\.15(\D|$)|([6-9]|[1-9]\d+)\.\d+")
_CONTROLLERS = {1: ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"), 2: ("cpu", "cpuset", "memory", "pids")}
_OPTIONAL_CONTROLLERS = {1: ("hugetlb", "blkio"), 2: ("hugetlb", "io")}

# The first three: kubeadm's. The others: what work on hosts is done with.
_COMMANDS = (
    "losetup", "mount", "cp",
    "base64", "chmod", "chown", "flock", "ln", "mv", "sha256sum", "sync", "systemctl", "timeout",
)

# Path: least free space without which it cannot work, and below which it will not work for long.
_SPACE = {
    PurePosixPath("/etc/kubernetes"): (16 * _MIB, 64 * _MIB),
    PurePosixPath("/var/lib/kubelet"): (128 * _MIB, _GIB),
    PurePosixPath("/var/lib/containerd"): (256 * _MIB, 2 * _GIB),
    PurePosixPath("/var/log"): (64 * _MIB, 512 * _MIB),
}
_ETCD_SPACE = (256 * _MIB, 2 * _GIB)  # etcd's default quota is 2 GiB
_INODES = (64, 2000)


def privileged(subject: Subject) -> Iterator[Finding]:
    if not subject.facts.privileged:
        yield error("IsPrivilegedUser", subject.name, "not root", "let the SSH user use sudo, or log in as root")


def cpus(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.cpus
    if subject.is_control_plane and found < MINIMUM_CPUS:
        yield error("NumCPU", subject.name, f"{found} CPU; a control plane needs {MINIMUM_CPUS}")


def memory(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.memory_bytes // _MIB
    if subject.is_control_plane and found < MINIMUM_MEMORY_MB:
        yield error("Mem", subject.name, f"{found} MB of memory; a control plane needs {MINIMUM_MEMORY_MB} MB")


def hostname(subject: Subject) -> Iterator[Finding]:
    """The node is called what the host is called, in lower case (nodeutil.GetHostname), unless --hostname-override says so.

    That this name resolves is a warning, as kubeadm's: what runs on the host may look its own address up by it.
    """
    override = [arg.value for arg in (*subject.cluster.kubelet.extra_args, *subject.host.kubelet.extra_args)
                if arg.name == "hostname-override"]
    found = override[-1] if override else subject.facts.hostname.strip().lower()
    if found != subject.name:
        yield error(
            "Hostname", subject.name, f"the host calls itself {found or 'nothing'!r}, the inventory {subject.name!r}",
            f"hostnamectl set-hostname {subject.name}, or give it its own name in the inventory",
        )
    elif subject.answers.addresses.get(subject.name) == ():
        yield warning("Hostname", subject.name, f"its own name, {subject.name}, does not resolve on it",
                      f"getent ahosts {subject.name}; a line in its /etc/hosts: {subject.host.address} {subject.name}")


def address(subject: Subject) -> Iterator[Finding]:
    own = {ip_address(one) for one in subject.facts.addresses}
    for wanted in filter(None, (subject.host.address, subject.host.secondary_address)):
        if ip_address(wanted) not in own:
            shown = ", ".join(one for one in subject.facts.addresses if not ip_address(one).is_link_local)
            yield error("Address", subject.name, f"{wanted} is not an address of this host (it has {shown or 'none'})",
                        "give the node's own address in the inventory, not one that is translated on the way")


def forwarding(subject: Subject) -> Iterator[Finding]:
    networking = subject.cluster.networking
    subnets = [ip_network(one) for one in (*networking.pod_subnet.split(","), *networking.service_subnet.split(",")) if one]
    versions = {network.version for network in subnets} | {ip_address(subject.host.address).version}
    for version, key in ((4, "net/ipv4/ip_forward"), (6, "net/ipv6/conf/default/forwarding")):
        name = key.replace("/", ".")
        if version in versions and subject.facts.sysctls.get(name, "").strip() != "1":
            yield error(
                path_name("FileContent", f"/proc/sys/{key}"), subject.name, f"/proc/sys/{key} is not 1: pods cannot be reached",
                f"echo {name}=1 > /etc/sysctl.d/90-kubernetes.conf && sysctl --system",
            )


def swap(subject: Subject) -> Iterator[Finding]:
    devices = ", ".join(subject.facts.swap)
    if not devices:
        return
    if subject.kubelet_config.get("failSwapOn", True) is not False:
        yield error("Swap", subject.name, f"swap is on ({devices}): the kubelet would not start",
                    "swapoff -a, and take it out of /etc/fstab; or failSwapOn: false in spec.kubelet.config")
    elif subject.facts.cgroup.version == 1:
        yield warning("Swap", subject.name, f"swap is on ({devices}): kubelets can limit it with cgroup v2 only")


def system(subject: Subject) -> Iterator[Finding]:
    release, cgroup = subject.facts.os.kernel, subject.facts.cgroup
    if not _KERNELS.match(release):
        yield warning("SystemVerification", subject.name,
                      f"kernel {release or 'of unknown version'}: Kubernetes is tried with 5.4, 5.10, 5.15, and from 6.0 on")
    yield from kernel.configuration(subject)
    if cgroup.version not in _CONTROLLERS:
        yield error("SystemVerification", subject.name, "no cgroup file system at /sys/fs/cgroup")
        return
    if cgroup.version == 1:
        yield from _cgroup_v1(subject)
    missing = [name for name in _CONTROLLERS[cgroup.version] if name not in cgroup.controllers]
    if missing:
        yield error("SystemVerification", subject.name, f"cgroup controllers are missing: {', '.join(missing)}")
    optional = [name for name in _OPTIONAL_CONTROLLERS[cgroup.version] if name not in cgroup.controllers]
    if optional:
        yield warning("SystemVerification", subject.name, f"optional cgroup controllers are missing: {', '.join(optional)}")


def _cgroup_v1(subject: Subject) -> Iterator[Finding]:
    """Kubelets from 1.35 on refuse it, unless their configuration says failCgroupV1: false."""
    version = subject.kubelet_version
    refused = version is None or (version.major, version.minor) >= (1, 35)
    if refused and subject.kubelet_config.get("failCgroupV1", True) is not False:
        yield error("SystemVerification", subject.name, "cgroup v1: kubelets from 1.35 on do not start with it",
                    "boot with systemd.unified_cgroup_hierarchy=1; or failCgroupV1: false in spec.kubelet.config, for now")
    else:
        yield warning("SystemVerification", subject.name, "cgroup v1 is deprecated and will go")


def commands(subject: Subject) -> Iterator[Finding]:
    for name in _COMMANDS:
        if name not in subject.facts.commands:
            yield error(f"FileExisting-{name}", subject.name, f"{name} was not found in the system's path",
                        "it belongs to coreutils, util-linux or systemd")


def firewall(subject: Subject) -> Iterator[Finding]:
    ports = (subject.cluster.api_server.bind_port, 2379, 2380, 10250) if subject.is_control_plane else (10250,)
    for name in ("firewalld", "ufw"):
        service = subject.facts.services.get(f"{name}.service")
        if service is not None and service.active_state == "active":
            yield warning(name.capitalize(), subject.name,
                          f"{name} is active: the cluster needs the ports {', '.join(map(str, ports))} between hosts")


def disk_space(subject: Subject) -> Iterator[Finding]:
    limits = dict(_SPACE)
    if subject.is_control_plane:
        limits[PurePosixPath(subject.cluster.etcd.local.data_dir)] = _ETCD_SPACE
    if subject.is_control_plane and hardening.writes_audit_log(subject.cluster) and k.AUDIT_LOG_DIR not in subject.facts.owned:
        limits[k.AUDIT_LOG_DIR] = (0, audit.budget_bytes(subject.cluster))  # once it is there, some of it is used already
    for disk in subject.facts.disks:
        least, enough = limits.get(disk.path, (0, 0))
        where = f"{disk.path} (file system {disk.mount_point})" if disk.mount_point else str(disk.path)
        if disk.free_bytes < enough:
            make = error if disk.free_bytes < least else warning
            yield make("DiskSpace", subject.name,
                       f"{disk.free_bytes // _MIB} MiB are free for {where}; {enough // _MIB} MiB are wanted")
        if disk.path in limits and disk.free_inodes < _INODES[1]:
            make = error if disk.free_inodes < _INODES[0] else warning
            yield make("DiskSpace", subject.name, f"{disk.free_inodes} inodes are free for {where}")


def clock(subject: Subject) -> Iterator[Finding]:
    """Certificates are issued by the operator's clock, five minutes back: a host that is behind by more finds them not valid yet.

    One that is ahead by as much may well be right, with the operator's clock years behind.
    """
    skew = subject.facts.clock_skew_s
    sure = abs(skew) - subject.facts.clock_error_s
    if sure > MOST_SKEW_S:
        make = error if sure > FATAL_SKEW_S else warning
        side = "ahead of" if skew > 0 else "behind"
        yield make("ClockSkew", subject.name, f"its clock is {abs(skew):.1f} s {side} this machine's",
                   "set up time synchronisation (chrony, systemd-timesyncd) on both")


def writable(subject: Subject) -> Iterator[Finding]:
    """Where files go: on a file system that is mounted read-only nothing can be written, root or not."""
    paths: dict[str, list[str]] = {}
    for disk in subject.facts.disks:
        if disk.read_only:
            paths.setdefault(disk.mount_point, []).append(str(disk.path))
    for mount_point, inside in paths.items():
        yield error(path_name("DirWritable", inside[0]), subject.name,
                    f"{', '.join(inside)}: the file system {mount_point} is mounted read-only",
                    f"find out why (journalctl -k), then: mount -o remount,rw {quote(mount_point)}")


def kubernetes_version(fleet: Fleet) -> Iterator[Finding]:
    version = Version.parse(fleet.cluster.kubernetes_version)
    if version.minor_name not in SUPPORTED_MINORS:
        supported = ", ".join(SUPPORTED_MINORS)
        yield error("KubernetesVersion", None, f"Kubernetes {version} is not supported (supported: {supported})")

"""Of the machine itself: operating system, memory, addresses, disks, services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from bootstrap.constants import ETCD_USER
from bootstrap.facts.frame import Segments, absolute, readable
from bootstrap.facts.model import AccountFacts, CgroupFacts, Disk, OsFacts, ServiceFacts

MANY_INODES = 1 << 40

_CGROUP2_MAGIC = "63677270"
_LOCAL_ADDRESS = re.compile(r"\|-- ([0-9.]{7,15})\n +/32 host LOCAL")


def number(text: str) -> int:
    """A decimal number of at most 18 digits; 0 for anything else."""
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else 0


def seconds(text: str) -> float:
    """Seconds with or without a fraction; 0 for anything else. (`date` of busybox knows no %N.)"""
    found = re.match(r"\d{1,12}(\.\d{1,9})?", text, re.ASCII)
    return float(found[0]) if found else 0.0


def os_facts(segments: Segments) -> OsFacts:
    text = segments.file("/etc/os-release") or segments.file("/usr/lib/os-release")
    fields = (line.partition("=") for line in text.splitlines())
    release = {name: value.strip().strip("\"'") for name, _, value in fields}
    return OsFacts(
        id=release.get("ID", "linux"),
        version_id=release.get("VERSION_ID", ""),
        pretty_name=release.get("PRETTY_NAME", ""),
        kernel=segments.values.get("sys/kernel/osrelease", ""),
        architecture=segments.values.get("machine", ""),
    )


def cgroup_facts(segments: Segments) -> CgroupFacts:
    """Version 2 only where /sys/fs/cgroup itself is cgroup2: in the hybrid layout the controllers are version 1's."""
    magic = next((fields[4] for fields in _filesystems(segments) if fields[5] == "/sys/fs/cgroup"), "")
    if magic == _CGROUP2_MAGIC:
        return CgroupFacts(2, tuple(segments.values.get("cgroup_controllers", "").split()))
    rows = (line.split() for line in segments.file("/proc/cgroups").splitlines() if not line.startswith("#"))
    enabled = tuple(row[0] for row in rows if len(row) >= 4 and row[3] != "0")
    return CgroupFacts(1 if enabled else 0, enabled)


def accounts(segments: Segments) -> AccountFacts:
    """Of lines `passwd NAME ID` and `group NAME ID`, where names other than etcd are a dash. The first of a name counts."""
    ids: dict[tuple[str, str], int] = {}
    taken = set()
    for row in (line.split() for line in readable(segments.one("accounts")).splitlines()):
        if len(row) == 3 and row[2].isdecimal():
            ids.setdefault((row[0], row[1]), number(row[2]))
            taken.add(number(row[2]))
    return AccountFacts(ids.get(("passwd", ETCD_USER)), ids.get(("group", ETCD_USER)), tuple(sorted(taken)))


def swap(segments: Segments) -> tuple[str, ...]:
    """Names of the swap devices and files in use."""
    return tuple(line.split()[0] for line in segments.file("/proc/swaps").splitlines()[1:] if line.split())


def boot_time(segments: Segments) -> float:
    """When the host started, by the clock it has now, to about 10 ms.

    /proc/stat has whole seconds only. Where /proc/uptime says something else (a container's own), whole seconds must do.
    """
    found = re.search(r"^btime (\d{1,12})$", segments.file("/proc/stat"), re.MULTILINE)
    whole = int(found[1]) if found else 0
    exact = seconds(segments.values.get("clock", "")) - seconds(segments.values.get("uptime", ""))
    return exact if -0.1 < exact - whole < 1.1 else whole


def addresses(segments: Segments) -> tuple[str, ...]:
    """The host's own addresses, loopback left out; IPv4 first."""
    v4 = {found[1] for found in _LOCAL_ADDRESS.finditer(segments.file("/proc/net/fib_trie")) if _is_ipv4(found[1])}
    v6 = set()
    for line in segments.file("/proc/net/if_inet6").splitlines():
        if re.fullmatch(r"[0-9a-f]{32}", line[:32]):
            v6.add(str(IPv6Address(int(line[:32], 16))))
    return (*sorted(a for a in v4 if not a.startswith("127.")), *sorted(v6 - {"::1"}))


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def disks(segments: Segments) -> tuple[Disk, ...]:
    """Free space as a process without privileges has it. A file system that counts no inodes (btrfs) has MANY_INODES."""
    sizes = {absolute(name): (number(free) * number(block), number(inodes) if number(all_inodes) else MANY_INODES)
             for free, block, all_inodes, inodes, _, name in _filesystems(segments)}
    names = [absolute(readable(name)) for name in segments.one("disks").split(b"\0")[:-1]]
    rows = readable(segments.one("mounts")).splitlines()[1:]
    mounts = [row.split(None, 5)[5] if len(row.split(None, 5)) == 6 else "" for row in rows]
    if len(mounts) != len(names) // 2:
        mounts = [""] * (len(names) // 2)
    read_only = _read_only(segments)
    found = (
        Disk(path, *sizes.get(existing, (0, 0)), mount_point=mount, read_only=mount in read_only)
        for path, existing, mount in zip(names[0::2], names[1::2], mounts, strict=False)
    )
    return tuple({disk.path: disk for disk in found}.values())


def _read_only(segments: Segments) -> frozenset[str]:
    """Mount points of which the uppermost mount, or its file system, is read-only. Source: proc_pid_mountinfo(5).

    `test -w` does not tell: busybox's says yes to root without asking the kernel.
    """
    found: dict[str, bool] = {}
    for line in segments.file("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        mount, filesystem = before.split(), after.split()
        if len(mount) >= 6 and len(filesystem) >= 3:
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount[4])
            found[point] = "ro" in mount[5].split(",") or "ro" in filesystem[2].split(",")
    return frozenset(point for point, is_read_only in found.items() if is_read_only)


def modules(segments: Segments) -> tuple[str, ...]:
    return tuple(line.split()[0] for line in segments.file("/proc/modules").splitlines() if line.split())


def services(segments: Segments) -> dict[str, ServiceFacts]:
    """By name: `kubelet.service`."""
    found: dict[str, ServiceFacts] = {}
    for block in readable(segments.one("units")).split("\n\n"):
        pairs = (line.partition("=") for line in block.splitlines())
        fields = {name: value for name, _, value in pairs}
        name = fields.get("Id", "")
        if name:
            found[name] = ServiceFacts(
                name=name,
                load_state=fields.get("LoadState", ""),
                active_state=fields.get("ActiveState", ""),
                unit_file_state=fields.get("UnitFileState", ""),
                main_pid=number(fields.get("MainPID", "")),
                fragment_path=fields.get("FragmentPath", ""),
                drop_in_paths=tuple(fields.get("DropInPaths", "").split()),
                sub_state=fields.get("SubState", ""),
                needs_reload=fields.get("NeedDaemonReload") == "yes",
            )
    return found


def _filesystems(segments: Segments) -> Iterator[list[str]]:
    """Free blocks, size of a block, inodes, free inodes, kind (hexadecimal), path."""
    rows = (record.split(" ", 5) for record in segments.records("filesystems"))
    return (row for row in rows if len(row) == 6)

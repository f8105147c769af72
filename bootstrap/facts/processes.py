"""Processes of static pods of ours, and who listens on which port."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath

from bootstrap.constants import BALANCER, COMPONENTS, KEEPALIVED, STATIC_PODS
from bootstrap.facts.frame import Segments, readable
from bootstrap.facts.model import Listener, StaticProcess
from bootstrap.facts.system import boot_time, number

PROGRAMS = {"haproxy": BALANCER, "keepalived": KEEPALIVED}
"""Programs that others run, too: of ours are those alone that have a digest."""
_TICKS_PER_SECOND = 100  # USER_HZ: fixed in the kernel's ABI on every architecture that Kubernetes has
_UID = r"[0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}"  # of a static pod it is a hash without dashes
_POD = re.compile(rf"(?:^|[/-])pod({_UID})(?:\.slice)?(?:/|$)", re.MULTILINE)


def static_processes(segments: Segments) -> tuple[StaticProcess, ...]:
    pids = sorted(number(name.removeprefix("process/")) for name in segments.values if name.startswith("process/"))
    digests = _digests(segments)
    found = []
    for pid in pids:
        argv = argv_of(segments, pid)
        program = PurePosixPath(argv[0]).name if argv else ""
        digest = digests.get(pid, "")
        ours = program in COMPONENTS or (program in PROGRAMS and digest and _is_first(segments, pid))
        if ours and not nested(segments, pid):
            component, began = PROGRAMS.get(program, program), start_time(segments, pid)
            found.append(StaticProcess(component, pid, argv, began, digest, pod_uid(segments, pid), _user(segments, pid)))
    return tuple(sorted(found, key=lambda process: (STATIC_PODS.index(process.component), process.start_time, process.pid)))


def listeners(segments: Segments) -> tuple[Listener, ...]:
    owners: dict[str, int] = {}
    rows = [line.split() for line in readable(segments.one("listeners")).splitlines()]
    for row in rows:
        if len(row) == 3 and row[0] == "owner":
            owners.setdefault(row[1], number(row[2]))
    big_endian = segments.values.get("machine", "").startswith("s390")
    found = []
    for row in rows:
        if len(row) == 3 and row[0] == "listen" and re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4}", row[1]):
            address, _, port = row[1].partition(":")
            pid = owners.get(row[2], 0)
            name = _name(segments, pid) if pid else ""
            in_pod = bool(pid) and bool(pod_uid(segments, pid))
            found.append(Listener(_address(address, big_endian=big_endian), int(port, 16), pid, name, in_pod))
    return tuple(sorted(found, key=lambda listener: (listener.port, listener.address, listener.pid)))


def _is_first(segments: Segments, pid: int) -> bool:
    """Whether a process is the first of its process namespace: its container's own, not a child of that one."""
    return re.search(r"^NSpid:\s.*\s1$", segments.file(f"/proc/{pid}/status"), re.MULTILINE) is not None


def nested(segments: Segments, pid: int) -> bool:
    """Whether a process belongs to a node that is itself a container here (kind, LXC): two process namespaces further in."""
    found = re.search(r"^NSpid:((?:\s+\d+)+)$", segments.file(f"/proc/{pid}/status"), re.MULTILINE)
    return found is not None and len(found[1].split()) > 2


def _user(segments: Segments, pid: int) -> int:
    """Source: proc_pid_status(5): real, effective, saved and file system user."""
    found = re.search(r"^Uid:\s+\d+\s+(\d+)", segments.file(f"/proc/{pid}/status"), re.MULTILINE)
    return number(found[1]) if found is not None else 0


def argv_of(segments: Segments, pid: int) -> tuple[str, ...]:
    """A process's command line, program first."""
    words = segments.contents.get(PurePosixPath(f"/proc/{pid}/cmdline"), b"").split(b"\0")
    return tuple(readable(word) for word in words[:-1])


def _name(segments: Segments, pid: int) -> str:
    """The kernel's name of a process, of which it keeps 15 characters; the program's own where that begins alike."""
    comm = segments.file(f"/proc/{pid}/comm").removesuffix("\n")
    program = PurePosixPath((argv_of(segments, pid) or ("",))[0]).name
    return program if comm and program.startswith(comm) else comm


def start_time(segments: Segments, pid: int) -> float:
    """Seconds since the epoch, to some 10 ms. Source: proc(5), starttime."""
    _, _, after = segments.file(f"/proc/{pid}/stat").rpartition(") ")
    fields = after.split()
    ticks = number(fields[19]) if len(fields) > 19 else 0
    return boot_time(segments) + ticks / _TICKS_PER_SECOND if ticks else 0.0


def pod_uid(segments: Segments, pid: int) -> str:
    """UID of the pod that a process runs in, of its cgroup path; empty outside of pods.

    cgroupfs: .../kubepods/burstable/pod<uid>/<container>; systemd: ...-pod<uid with _>.slice/cri-....scope.
    """
    found = _POD.search(segments.file(f"/proc/{pid}/cgroup"))
    return found[1].replace("_", "-") if found else ""


def _digests(segments: Segments) -> dict[int, str]:
    """BOOTSTRAP_DIGEST by process; the script wrote `next` before each process's line, in the order of its list."""
    pids = iter([number(name.removeprefix("process/")) for name in segments.values if name.startswith("process/")])
    return dict(_numbered(readable(segments.one("digests")).splitlines(), pids))


def _numbered(lines: list[str], pids: Iterator[int]) -> Iterator[tuple[int, str]]:
    pid = 0
    for line in lines:
        if line == "next":
            pid = next(pids, 0)
        else:
            yield pid, line.removeprefix("BOOTSTRAP_DIGEST=")


def _address(text: str, *, big_endian: bool) -> str:
    """The kernel prints 32-bit words as numbers of its own byte order. A mapped IPv4 address is given as such."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    raw = struct.pack(f"{'>' if big_endian else '<'}{len(words)}I", *words)
    if len(raw) == 4:
        return str(IPv4Address(raw))
    address = IPv6Address(raw)
    return str(address.ipv4_mapped or address)

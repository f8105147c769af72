"""Facts of a host as text: a line per subject; with -v every file, with -vv every command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bootstrap.console.printable import count, shown
from bootstrap.facts import Facts

Line = tuple[str, str]
WIDTH = 14
GIB = 1 << 30


def facts_lines(facts: Facts, verbosity: int) -> Iterator[Line]:
    """The host's name, then `  subject       what was found`."""
    yield facts.host, "bold"
    sections = [*_machine(facts), *_node(facts), *_control_plane(facts, verbosity)]
    if verbosity >= 1:
        sections += _files(facts)
    for subject, text in sections:
        yield f"  {subject:<{WIDTH}}{shown(text)}", ""


def _machine(facts: Facts) -> Iterator[tuple[str, str]]:
    system = (facts.os.pretty_name or facts.os.id, facts.os.kernel, facts.os.architecture)
    size = (count(facts.cpus, "CPU"), f"{facts.memory_bytes / GIB:.1f} GiB of memory")
    yield "system", _joined(*system, *size)
    yield "host name", facts.hostname or "unknown"
    yield "addresses", _joined(*facts.addresses) or "none"
    yield "clock", f"{facts.clock_skew_s:+.2f} s against this machine"
    yield "cgroups", f"v{facts.cgroup.version}" if facts.cgroup.version else "unknown"
    yield "swap", _joined(*facts.swap) or "off"
    for disk in facts.disks:
        free = f"{disk.free_bytes / GIB:.1f} GiB, {count(disk.free_inodes, 'inode')} free"
        yield "disk", f"{disk.path}: {free}" + (f" ({disk.mount_point})" if disk.mount_point else "")
    if not facts.privileged:
        yield "privilege", "not root: some of this may be missing"


def _node(facts: Facts) -> Iterator[tuple[str, str]]:
    kubelet, runtime = facts.kubelet, facts.runtime
    yield "kubelet", _joined(kubelet.version, kubelet.binary or "not installed", kubelet.cgroup_driver)
    path = kubelet.manifests.path
    yield "manifests", f"{path or 'none'} ({kubelet.manifests.source})"
    found = runtime.name or ("unknown" if runtime.socket_exists else "not found")
    socket = "" if not runtime.socket else runtime.socket + ("" if runtime.socket_exists else " (absent)")
    yield "runtime", _joined(f"{found} {runtime.version}".strip(), socket, runtime.cgroup_driver)
    for name, service in sorted(facts.services.items()):
        if service.load_state != "not-found":
            yield "service", f"{name}: {_joined(service.active_state, service.unit_file_state)}"


def _control_plane(facts: Facts, verbosity: int) -> Iterator[tuple[str, str]]:
    etcd = facts.etcd
    state = "has a member's data" if etcd.has_member else "empty" if etcd.exists else "absent"
    yield "etcd data", f"{etcd.data_dir}: {state}"
    for process in facts.processes:
        digest = f", digest {process.digest[:12]}" if process.digest else ""
        yield "process", f"{process.component}, pid {process.pid}{digest}"
        if verbosity >= 2:
            yield "", shlex.join(process.argv)
    if facts.listeners:
        ports = sorted({(listener.port, listener.process) for listener in facts.listeners})
        yield "listening", _joined(*(f"{port} {process}".strip() for port, process in ports))
    for path, kubeconfig in sorted(facts.kubeconfigs.items()):
        yield "kubeconfig", f"{path}: {kubeconfig.server or 'no server'}"
    yield "files", f"{len(facts.owned)} looked after" + ("" if facts.owned else ": nothing is there yet")


def _files(facts: Facts) -> Iterator[tuple[str, str]]:
    for path, seen in sorted(facts.owned.items()):
        target = f" -> {seen.target}" if seen.target else ""
        digest = f", sha256 {seen.sha256[:12]}" if seen.sha256 else ""
        yield "", f"{path}{target}: {seen.kind} {seen.mode:04o} {seen.owner}:{seen.group}{digest}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)

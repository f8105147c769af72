"""What scripts/pods.sh prints on a model host: processes by cgroup, logs, the kubelet's links to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bootstrap.testing.containers import Container
from bootstrap.testing.host import FakeHost

BOOT = 1_779_999_000.0
"""When every model host was started, seconds since the epoch, before anything else in its life."""
SANDBOX_PID = 500_000


def pods(host: FakeHost) -> Iterator[str]:
    """The lines, in the script's order."""
    found = sorted(host.runtime.containers.values(), key=lambda one: one.log_path)
    yield f"node {host.hostname}"
    yield f"uptime {host.now() - BOOT:.2f}"
    for number, one in enumerate(found):
        yield from _process(one, SANDBOX_PID + number, "pause", "sandbox", one.start_time)
        if one.running:
            yield from _process(one, one.pid, one.name[:15], str(one.restarts), one.start_time)
    made = [one for one in found if one.has_log]
    for one in made:
        yield f"log {one.start_time:.0f} {one.log_path}"
    for one in made:
        namespace, _, name = one.pod.key.partition("/")
        yield f"link {name}_{namespace}_{one.name}-{_id(one, str(one.restarts))}.log"


def _process(one: Container, pid: int, name: str, which: str, started: float) -> Iterator[str]:
    scope = f"cri-containerd-{_id(one, which)}.scope"
    yield f"cgroup {pid} 0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{one.pod.uid}.slice/{scope}"
    yield f"stat {pid} ({name}) S 1 {' '.join(['0'] * 17)} {(started - BOOT) * 100:.0f} 0 0"


def _id(one: Container, which: str) -> str:
    return hashlib.sha256(f"{one.pod.uid} {one.name} {which}".encode()).hexdigest()

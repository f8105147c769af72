"""What many hosts cost: a plan of `init` for N masters, from logging in to the last change, against SSH servers on this machine.

`python -m bench.fleet` prints one row per N. Each N is one fresh process; its peak memory is the kernel's own figure. The servers
run in another process on the same cores, so the seconds hold their half of every handshake too. Checks across hosts, whose number
grows with the square of the masters, are not part of it.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

SIZES = (10, 100, 300, 1000)


def inventory(count: int, port: int, directory: Path) -> Path:
    """An inventory of so many masters, each reached at a loopback address of its own."""
    first = ipaddress.ip_address("192.0.2.0") if count < 250 else ipaddress.ip_address("198.18.0.0")
    loopback = ipaddress.ip_address("127.1.0.0")
    pinned = " ".join((directory / "host.pub").read_text().split()[:2])
    spec: dict[str, Any] = {
        "kubernetesVersion": "v1.36.3",
        "networking": {"podSubnet": "10.240.0.0/12"},     # a /24 for each of them
        "ssh": {"user": "root", "sudo": "never", "identityFile": str(directory / "client"), "agent": False},
        "hosts": [
            {"name": f"cp{number}", "role": "control-plane", "address": str(first + number),
             "ssh": {"host": str(loopback + number), "port": port, "hostKey": [pinned]}}
            for number in range(1, count + 1)
        ],
    }  # fmt: skip
    path = directory / "fleet.yaml"
    head = {"apiVersion": "bootstrap/v1alpha1", "kind": "Cluster", "metadata": {"name": "fleet"}}
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


def plan(path: Path) -> dict[str, float]:
    """One plan, in this process: seconds of each pass, and its peak memory."""
    from bootstrap import connecting, runner, snapshots, workflows
    from bootstrap.inventory import load
    from bootstrap.plan import think
    from bootstrap.ssh import connect

    started = time.monotonic()
    cluster = load(path)
    with connecting.connected(cluster, cluster.control_plane_hosts, connect) as access:
        logged_in = time.monotonic()
        facts = runner.look(access)
        looked = time.monotonic()
        snapshot = snapshots.take(cluster, facts, access, datetime.now(UTC))
        found = think(workflows.INIT, snapshot, cluster.control_plane_hosts)
        thought = time.monotonic()
    if not all(step.changes for step in found.steps):
        raise RuntimeError("the plan is empty")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "load and log in": logged_in - started, "look": looked - logged_in, "think": thought - looked,
        "seconds": thought - started, "mib": peak_kib / 1024, "changes": len(found.all()),
    }  # fmt: skip


def measure(count: int) -> dict[str, float]:
    """Start the servers, plan in a fresh process, stop them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for key in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key], check=True)
        argv = [sys.executable, "-m", "bench.servers", str(directory / "host")]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as servers:
            assert servers.stdout is not None
            assert servers.stdin is not None
            path = inventory(count, int(servers.stdout.readline()), directory)
            argv = [sys.executable, "-m", "bench.fleet", "--plan", str(path)]
            done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
            servers.stdin.close()
        found: dict[str, float] = json.loads(done.stdout)
        return found


def table(results: dict[int, dict[str, float]]) -> list[str]:
    """Markdown rows: one per number of hosts."""
    lines = ["| masters | log in | look | think | plan, all of it | per host | peak memory | per host |", "| --- " * 8 + "|"]
    for count, found in results.items():
        lines.append(
            f"| {count} | {found['load and log in']:.1f} s | {found['look']:.1f} s | {found['think']:.1f} s "
            f"| {found['seconds']:.1f} s | {1000 * found['seconds'] / count:.0f} ms "
            f"| {found['mib']:.0f} MiB | {1024 * found['mib'] / count:.0f} KiB |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.fleet", description=__doc__)
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    if options.plan:
        print(json.dumps(plan(options.plan)))
        return
    print("\n".join(table({count: measure(count) for count in options.sizes})))


if __name__ == "__main__":
    main()

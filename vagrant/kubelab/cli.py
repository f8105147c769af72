"""The command line of vagrant/lab."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kubelab import box, components, debian, inventory, kernel, lab, network, nodes, releases
from kubelab.components import Component
from kubelab.lab import Lab
from kubelab.paths import Cache, default_cache
from kubelab.shell import LabError, locked, say
from kubelab.versions import DEFAULT_KUBERNETES, RELEASES, Release

TOOLS = {
    "kubectl": "kubernetes",
    "kube-proxy": "kubernetes",
    "kubeadm": "kubernetes",
    "kubelet": "kubernetes",
    "etcdctl": "etcd",
    "etcdutl": "etcd",
    "etcd": "etcd",
    "kubeadm-e2e": "kubeadm-e2e",
}


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(prog="lab", description="Real nodes to run bootstrap against: LXC under Vagrant.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--name", default=os.environ.get("LAB_NAME", lab.DEFAULT_NAME), help="the lab (LAB_NAME; default %(default)s)"
    )
    version = argparse.ArgumentParser(add_help=False)
    version.add_argument("--kubernetes", choices=list(RELEASES), help="Kubernetes version; etcd and CoreDNS follow")
    command = commands.add_parser("up", parents=[common, version], help="bring the nodes up, prepared")
    command.add_argument("--masters", type=int)
    command.add_argument("--workers", type=int)
    commands.add_parser("down", parents=[common], help="destroy the nodes; the cache stays")
    command = commands.add_parser("reset", parents=[common, version], help="nodes back to runtime, kubelet and images")
    command.add_argument("node", nargs="*", help="only these nodes")
    commands.add_parser("status", parents=[common], help="nodes, addresses, states")
    commands.add_parser("ssh-config", parents=[common], help="print an OpenSSH client configuration")
    command = commands.add_parser("inventory", parents=[common], help="write bootstrap's inventory of the lab, print its path")
    command.add_argument("--out", type=Path, help="where to (default: the lab's state directory)")
    command = commands.add_parser("bin", parents=[common, version], help="print the path of a tool that fits the lab")
    command.add_argument("tool", choices=sorted(TOOLS))
    commands.add_parser("build", parents=[version], help="fill the cache, start nothing")
    commands.add_parser("deps", help="install the packages the lab needs here")
    return top


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    options = parser().parse_args(arguments)
    cache = default_cache()
    try:
        return dispatch(options, cache)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the same command again", file=sys.stderr)
        return 130


def dispatch(options: argparse.Namespace, cache: Cache) -> int:
    """The command's deed."""
    match options.command:
        case "deps":
            debian.install_host_packages()
        case "build":
            debian.install_host_packages()
            versions = [options.kubernetes] if options.kubernetes else list(RELEASES)
            for version in versions:
                print(release_and_box(RELEASES[version], cache))
            if DEFAULT_KUBERNETES in versions:
                for suite in components.SUITES:
                    print(components.provide(Component(suite, DEFAULT_KUBERNETES), cache))
            print(box.provide(cache))
        case "up":
            with locked(cache.locks / f"lab-{options.name}.lock", f"lab {options.name}"):
                up(options, cache)
        case "down":
            with locked(cache.locks / f"lab-{options.name}.lock", f"lab {options.name}"):
                found = existing(options.name, cache)
                nodes.down(found, cache)
                shutil.rmtree(found.directory(cache), ignore_errors=True)
                with lab.list_locked(cache):
                    if not lab.any_left(cache):
                        network.remove_bridge()
        case "reset":
            with locked(cache.locks / f"lab-{options.name}.lock", f"lab {options.name}"):
                reset(options, cache)
        case "status":
            return status(existing(options.name, cache))
        case "ssh-config":
            print(inventory.write_ssh_config(existing(options.name, cache), cache), end="")
        case "inventory":
            print(inventory.write_inventory(existing(options.name, cache), cache, options.out))
        case "bin":
            found_lab = lab.load(options.name, cache)
            version = options.kubernetes or (found_lab.kubernetes if found_lab else next(iter(RELEASES)))
            print(tool_path(options.tool, version, cache))
    return 0


def existing(name: str, cache: Cache) -> Lab:
    found = lab.load(name, cache)
    if found is None:
        raise LabError(f"there is no lab {name}", f"vagrant/lab up --name {name}")
    return found


def require_root() -> None:
    if os.geteuid() != 0:
        raise LabError("LXC nodes want root", "sudo vagrant/lab ..., or Vagrant with virtualbox or libvirt")


def up(options: argparse.Namespace, cache: Cache) -> None:
    """From whatever is there to nodes that run and are prepared."""
    require_root()
    started = time.monotonic()
    debian.install_host_packages()
    wanted = lab.planned(options.name, options.masters, options.workers, options.kubernetes, cache)
    release = release_and_box(wanted.release, cache).name
    lab.make_key(wanted, cache)
    kernel.ensure_limits()
    network.ensure_bridge()
    nodes.clear_remains(wanted, cache)
    nodes.vagrant_up(wanted, cache)
    nodes.on_all(wanted.nodes, nodes.wait_for_boot)
    nodes.identify(wanted, cache)
    unprepared = [node for node in wanted.nodes if not nodes.prepared(node, release)]
    if unprepared:
        say(f"preparing {', '.join(node.name for node in unprepared)} ({release})")
        nodes.reset(release, unprepared, cache)
    inventory.write_ssh_config(wanted, cache)
    path = inventory.write_inventory(wanted, cache, None)
    say(f"{len(wanted.nodes)} nodes up after {time.monotonic() - started:.0f} s; inventory: {path}")


def release_and_box(release: Release, cache: Cache) -> Path:
    """The release's directory, the box made beside it: one waits for the network while the other computes."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        made = beside.submit(box.provide, cache)
        directory = releases.provide(release, cache)
        made.result()
    return directory


def reset(options: argparse.Namespace, cache: Cache) -> None:
    """All nodes at once back to where `up` left them, or to another Kubernetes version."""
    require_root()
    started = time.monotonic()
    found = existing(options.name, cache)
    if options.kubernetes and not options.node:
        found = lab.planned(options.name, None, None, options.kubernetes, cache)
    release = releases.provide(RELEASES[options.kubernetes or found.kubernetes], cache).name
    unknown = set(options.node) - {node.name for node in found.nodes}
    if unknown:
        raise LabError(f"no such node: {', '.join(sorted(unknown))}", "vagrant/lab status")
    chosen = [node for node in found.nodes if not options.node or node.name in options.node]
    nodes.reset(release, chosen, cache)
    inventory.write_inventory(found, cache, None)
    say(f"{len(chosen)} nodes reset after {time.monotonic() - started:.1f} s")


def status(found: Lab) -> int:
    """Print one line per node; 1 when one does not run."""
    states = nodes.containers()
    print(f"{'NODE':<16} {'ROLE':<14} {'ADDRESS':<14} {'STATE':<9} KUBELET")
    for node in found.nodes:
        state = states.get(node.container, "ABSENT")
        kubelet = nodes.attach(node, ["systemctl", "is-active", "kubelet"], check=False).strip() if state == "RUNNING" else "-"
        print(f"{node.name:<16} {node.role:<14} {node.address:<14} {state:<9} {kubelet}")
    return 0 if all(states.get(node.container) == "RUNNING" for node in found.nodes) else 1


def tool_path(tool: str, version: str, cache: Cache) -> Path:
    """The cached binary of `tool` for that Kubernetes version."""
    parts = {component.name: component for component in map(Component.parse, RELEASES[version].components)}
    suites = {name: Component(name, version) for name in components.SUITES}
    return components.provide({**parts, **suites}[TOOLS[tool]], cache) / "bin" / tool

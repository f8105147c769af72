"""Nodes: brought up by Vagrant with its lxc provider, then prepared and reset straight through LXC, which needs no SSH."""

from __future__ import annotations

import re
import shutil
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from kubelab import box, loaded
from kubelab.lab import BRIDGE, SUBNET, SUBNET6, Lab, Node, container_prefix
from kubelab.paths import VAGRANT_FOLDER, Cache
from kubelab.shell import LabError, run, say

T = TypeVar("T")
BOOT_TIMEOUT_S = 60
RESET_SCRIPT = VAGRANT_FOLDER / "node" / "reset.sh"
LXC_PATH = Path("/var/lib/lxc")


def on_all(nodes: Iterable[Node], action: Callable[[Node], T]) -> list[T]:
    """Do it on all nodes at once; every failure is reported, not the first."""
    nodes = tuple(nodes)
    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        jobs = [pool.submit(action, node) for node in nodes]
    failures = [(node.name, error) for node, job in zip(nodes, jobs, strict=True) if (error := job.exception()) is not None]
    for _, error in failures:
        if not isinstance(error, LabError):
            raise error
    if failures:
        raise LabError("\n".join(f"{name}: {error}" for name, error in failures))
    return [job.result() for job in jobs]


def containers() -> dict[str, str]:
    """Every LXC container of this machine -> its state, RUNNING or STOPPED."""
    lines = run(["lxc-ls", "--fancy", "--fancy-format=NAME,STATE"]).stdout.splitlines()[1:]
    return {words[0]: words[1] for words in map(str.split, lines) if len(words) == 2}


def vagrant_environment(lab: Lab, cache: Cache) -> dict[str, str]:
    """What the Vagrantfile reads, and where Vagrant keeps its own state: in the cache, per lab."""
    insecure = box.vagrant_public_key().with_suffix("")
    insecure_copy = lab.directory(cache) / "vagrant-insecure-key"
    insecure_copy.write_bytes(insecure.read_bytes())
    insecure_copy.chmod(0o600)
    return {
        "VAGRANT_CWD": str(VAGRANT_FOLDER),
        "VAGRANT_HOME": str(cache.root / "vagrant-home"),
        "VAGRANT_DOTFILE_PATH": str(lab.directory(cache) / "vagrant"),
        "VAGRANT_DEFAULT_PROVIDER": "lxc",
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "MASTERS": str(lab.masters),
        "WORKERS": str(lab.workers),
        "LAB_PREFIX": lab.prefix,
        "LAB_CONTAINER_PREFIX": container_prefix(lab.name),
        "LAB_SUBNET": SUBNET,
        "LAB_SUBNET6": SUBNET6,
        "LAB_OFFSET": str(lab.offset),
        "LAB_BRIDGE": BRIDGE,
        "LAB_STORE": str(cache.store),
        "LAB_BOX": box.box_name(cache),
        "LAB_BOX_FILE": str(box.provide(cache)),
        "LAB_KEYS": f"{lab.key(cache)}:{insecure_copy}",
    }


def clear_remains(lab: Lab, cache: Cache) -> None:
    """Forget what an interrupted run left: containers Vagrant does not know, machines whose container is gone, surplus nodes."""
    wanted = {node.container: node for node in lab.nodes}
    machines = lab.directory(cache) / "vagrant" / "machines"
    known = {path.read_text().strip() for path in machines.glob("*/lxc/id")}
    existing = containers()
    for container in existing:
        if container.startswith(container_prefix(lab.name)) and (container not in wanted or container not in known):
            say(f"{container}: left from an earlier run, removed")
            destroy_container(container)
    existing = {name: state for name, state in existing.items() if (LXC_PATH / name / "config").is_file()}
    for path in machines.glob("*/lxc/id"):
        if path.read_text().strip() not in existing or path.read_text().strip() not in wanted:
            shutil.rmtree(path.parent)
    # Neither `lxc-ls` nor Vagrant sees a container whose creation was cut off before its configuration was written.
    for directory in LXC_PATH.glob(f"{container_prefix(lab.name)}*"):
        if not (directory / "config").is_file() or not (directory / "rootfs/usr").is_dir():
            shutil.rmtree(directory, ignore_errors=True)
            for path in machines.glob("*/lxc/id"):
                if path.read_text().strip() == directory.name:
                    shutil.rmtree(path.parent)


def without_vagrant_block(config: str) -> str:
    """A container's configuration without what `vagrant up` added.

    vagrant-lxc 1.4.3 prunes its block without truncating the file, so a second start would set every address twice, and fail.
    """
    return re.sub(r"# VAGRANT-BEGIN\n.*?# VAGRANT-END\n", "", config, flags=re.DOTALL)


def destroy_container(container: str) -> None:
    run(["lxc-stop", "-k", "-n", container], check=False)
    run(["lxc-destroy", "-f", "-n", container], check=False)
    shutil.rmtree(LXC_PATH / container, ignore_errors=True)


def vagrant_up(lab: Lab, cache: Cache) -> None:
    """`vagrant up` of the nodes that do not run."""
    log = lab.directory(cache) / "vagrant-up.log"
    log.unlink(missing_ok=True)
    states = containers()
    down = [node for node in lab.nodes if states.get(node.container) != "RUNNING"]
    if not down:
        return
    for node in down:
        config = LXC_PATH / node.container / "config"
        if config.is_file():
            config.write_text(without_vagrant_block(config.read_text()))
    say(f"vagrant up: {', '.join(node.name for node in down)}")
    environment = vagrant_environment(lab, cache)
    command = ["vagrant", "up", "--provider=lxc", "--parallel", *(node.name for node in down)]
    run(command, env=environment, cwd=VAGRANT_FOLDER, log=log)


def attach(node: Node, command: Iterable[str], stdin: str | None = None, check: bool = True) -> str:
    """Run a command as root in a node, through LXC; its output."""
    words = ["lxc-attach", "-n", node.container, "--clear-env", "--", *command]
    return run(words, stdin=stdin if stdin is not None else "", check=check).stdout


def wait_for_boot(node: Node) -> None:
    """Until systemd has booted and sshd answers."""
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    last = ""
    while time.monotonic() < deadline:
        last = attach(node, ["systemctl", "is-system-running"], check=False).strip()
        if last in ("running", "degraded"):
            try:
                with socket.create_connection((node.address, 22), timeout=2) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except OSError as error:
                last = f"sshd at {node.address}: {error}"
        time.sleep(0.3)
    raise LabError(f"{node.name} did not boot within {BOOT_TIMEOUT_S} s (last: {last})", "vagrant/lab down, then up")


def identify(lab: Lab, cache: Cache) -> None:
    """Give every node its name, the names of the others, and the lab's SSH key."""
    hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" + "".join(
        f"{node.address} {node.name}\n" for node in lab.nodes
    )
    public_key = lab.key(cache).with_suffix(".pub").read_text()

    def write(node: Node) -> None:
        for path, content in (
            ("/etc/hostname", f"{node.name}\n"),
            ("/etc/hosts", hosts),
            # Nothing listens there: the lab has no way out. CoreDNS wants a name server to be named all the same.
            ("/etc/resolv.conf", f"nameserver {SUBNET}.1\n"),
            ("/home/vagrant/.ssh/authorized_keys", public_key),
        ):
            attach(node, ["/bin/sh", "-c", 'umask 022; test -L "$1" && rm "$1"; cat >"$1"', "sh", path], stdin=content)
            if (pictured := node.rootfs / "var/lib/kube-lab").is_dir() and path.startswith("/etc/"):
                (pictured / path.lstrip("/")).write_text(content)
        attach(node, ["hostname", node.name])

    on_all(lab.nodes, write)


def reset(release: str, nodes: Iterable[Node], cache: Cache) -> None:
    """Back to "runtime, kubelet and images, nothing else" (node/reset.sh); release: a directory name in the store."""
    script = RESET_SCRIPT.read_text()

    def step(node: Node, name: str) -> str:
        return attach(node, ["/bin/sh", "-s", "--", release, name], stdin=script).strip()

    def finish(node: Node) -> None:
        loaded.provide(release, cache, node, lambda: step(node, "finish"))
        if not prepared(node, release):
            loaded.place(release, cache, node)
            step(node, "finish")

    def clean_and_finish(node: Node) -> None:
        if step(node, "clean") != "ready":
            finish(node)

    on_all(nodes, clean_and_finish)


def prepared(node: Node, release: str) -> bool:
    """Whether the node has that release installed and its picture taken."""
    mark = node.rootfs / "var/lib/kube-lab/release"
    return mark.is_file() and Path(mark.read_text().strip()).name == release


def down(lab: Lab, cache: Cache) -> None:
    """Destroy the lab's nodes. Straight through LXC: it works whatever state Vagrant's own records are in."""
    names = [name for name in containers() if name.startswith(container_prefix(lab.name))]
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        list(pool.map(destroy_container, names))
    shutil.rmtree(lab.directory(cache) / "vagrant", ignore_errors=True)

"""A lab: its name, nodes and addresses, and where its state lies."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from kubelab.paths import Cache
from kubelab.shell import LabError, locked, run
from kubelab.versions import RELEASES, Release

BRIDGE = "kubelab0"
SUBNET = "10.33.0"
SUBNET6 = "fd00:10:33:"
DEFAULT_NAME = "lab"
# Labs stand beside each other on one bridge; each has a block of 30 addresses: masters first, workers from the sixteenth.
BLOCK = 30
LABS = 8
WORKERS_FROM = 15
MOST = 14


@dataclass(frozen=True)
class Node:
    """One node: its host name, address, LXC container and role as the inventory writes it."""

    name: str
    address: str
    container: str
    role: str

    @property
    def rootfs(self) -> Path:
        return Path("/var/lib/lxc") / self.container / "rootfs"


@dataclass(frozen=True)
class Lab:
    """What was asked for. slot: which block of addresses this lab has."""

    name: str
    masters: int
    workers: int
    kubernetes: str
    slot: int

    @property
    def release(self) -> Release:
        return RELEASES[self.kubernetes]

    @property
    def prefix(self) -> str:
        """Node names of any but the default lab begin with the lab's name."""
        return "" if self.name == DEFAULT_NAME else f"{self.name}-"

    @property
    def offset(self) -> int:
        return 10 + self.slot * BLOCK

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Masters, then workers. A node keeps its address when the lab grows."""
        masters = [(f"cp{i}", i, "control-plane") for i in range(1, self.masters + 1)]
        workers = [(f"worker{i}", WORKERS_FROM + i, "worker") for i in range(1, self.workers + 1)]
        return tuple(
            Node(self.prefix + name, f"{SUBNET}.{self.offset + number}", f"{container_prefix(self.name)}{name}", role)
            for name, number, role in masters + workers
        )

    def directory(self, cache: Cache) -> Path:
        return cache.labs / self.name

    def key(self, cache: Cache) -> Path:
        """The private key of the user vagrant on this lab's nodes."""
        return self.directory(cache) / "id_ed25519"


def container_prefix(lab_name: str) -> str:
    """What the names of a lab's containers begin with; no lab's prefix begins with another's."""
    return f"kubelab.{lab_name}."


def load(name: str, cache: Cache) -> Lab | None:
    """The lab as it was last brought up; None when there is none of that name."""
    path = cache.labs / name / "lab.json"
    return Lab(**json.loads(path.read_text())) if path.is_file() else None


def save(lab: Lab, cache: Cache) -> None:
    directory = lab.directory(cache)
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / ".lab.json"
    temporary.write_text(json.dumps(asdict(lab), indent=2) + "\n")
    temporary.rename(directory / "lab.json")


def planned(name: str, masters: int | None, workers: int | None, kubernetes: str | None, cache: Cache) -> Lab:
    """The lab that was asked for: what is not said stays as it is, or is 3 masters, no workers, the default version. Saved."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,14}[a-z0-9])?", name):
        raise LabError(f"{name!r} cannot name a lab", "lower case letters, digits and dashes, at most 16, a letter first")
    with list_locked(cache):
        before = load(name, cache) or Lab(name, 3, 0, next(iter(RELEASES)), slot=_free_slot(cache))
        lab = Lab(
            name,
            before.masters if masters is None else masters,
            before.workers if workers is None else workers,
            kubernetes or before.kubernetes,
            before.slot,
        )
        if not (1 <= lab.masters <= MOST and 0 <= lab.workers <= MOST):
            raise LabError(f"a lab has 1 to {MOST} masters and 0 to {MOST} workers")
        save(lab, cache)
    return lab


def list_locked(cache: Cache) -> AbstractContextManager[None]:
    """While it is held no lab comes and none goes."""
    return locked(cache.locks / "labs.lock", "the list of labs")


def any_left(cache: Cache) -> bool:
    """Whether there is a lab, be it one that is only coming up."""
    return any(cache.labs.glob("*/lab.json"))


def _free_slot(cache: Cache) -> int:
    taken = {json.loads(path.read_text())["slot"] for path in cache.labs.glob("*/lab.json")}
    free = [slot for slot in range(LABS) if slot not in taken]
    if not free:
        raise LabError(f"there are {LABS} labs already", "vagrant/lab down --name NAME")
    return free[0]


def make_key(lab: Lab, cache: Cache) -> None:
    """The lab's own SSH key, made once."""
    key = lab.key(cache)
    if not key.is_file():
        key.parent.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"kubelab-{lab.name}", "-f", key])

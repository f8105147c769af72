"""The nodes that are measured on: the lab's, and when their API servers answer."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
LAB = ROOT / "vagrant" / "lab"
POLL_S = 0.2
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Nodes:
    """name: the lab's. addresses: by node name, sorted."""

    name: str
    directory: Path
    addresses: dict[str, str]
    version: str

    @classmethod
    def up(cls, name: str, directory: Path) -> Nodes:
        """Bring the lab up and read its inventory."""
        subprocess.run([LAB, "up", "--name", name], check=True)
        inventory = directory / "inventory.yaml"
        subprocess.run([LAB, "inventory", "--name", name, "--out", inventory], check=True, stdout=subprocess.DEVNULL)
        config = subprocess.run([LAB, "ssh-config", "--name", name], check=True, capture_output=True, text=True).stdout
        (directory / "ssh-config").write_text(config)
        spec = yaml.safe_load(inventory.read_text())["spec"]
        return cls(name, directory, {h["name"]: h["address"] for h in spec["hosts"]}, spec["kubernetesVersion"])

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.yaml"

    def reset(self) -> None:
        subprocess.run([LAB, "reset", "--name", self.name], check=True, stdout=subprocess.DEVNULL)

    def down(self) -> None:
        subprocess.run([LAB, "down", "--name", self.name], check=True)

    def sh(self, node: str, script: str) -> str:
        """Run a script as root; CalledProcessError with its output where it fails."""
        argv: list[str | Path] = ["ssh", "-F", self.directory / "ssh-config", node, "sudo", "sh", "-es"]
        done = subprocess.run(argv, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{node}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def everywhere(self, script: str) -> None:
        """Run a script on every node at once."""
        with ThreadPoolExecutor(len(self.addresses)) as pool:
            list(pool.map(lambda node: self.sh(node, script), self.addresses))


class Readiness:
    """Watches /readyz of every node from now on; `last` gives the seconds until the last one answered 200."""

    def __init__(self, nodes: Nodes) -> None:
        self.started = time.monotonic()
        self._nodes = nodes
        self._seen: dict[str, float] = {}
        self._threads = [threading.Thread(target=self._watch, args=item, daemon=True) for item in nodes.addresses.items()]
        for thread in self._threads:
            thread.start()

    def last(self) -> float:
        for thread in self._threads:
            thread.join()
        if set(self._seen) != set(self._nodes.addresses):
            raise RuntimeError(f"only {sorted(self._seen)} of {sorted(self._nodes.addresses)} ever answered /readyz")
        return max(self._seen.values())

    def _watch(self, node: str, address: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its CA is being made while we wait
        while time.monotonic() - self.started < PATIENCE_S:
            try:
                with urllib.request.urlopen(f"https://{address}:6443/readyz", context=context, timeout=5) as answer:
                    if answer.status == 200:
                        self._seen[node] = time.monotonic() - self.started
                        return
            except OSError:
                pass
            time.sleep(POLL_S)

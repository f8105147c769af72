"""Real nodes: the lab under `vagrant/`, its kubelets, and the command line as a user types it.

Without real nodes these tests fail; they never skip.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "vagrant" / "lab"
NAME = os.environ.get("LAB_NAME", "test")
PREFIX = "" if NAME == "lab" else f"{NAME}-"
MASTERS = CP1, CP2, CP3 = (f"{PREFIX}cp1", f"{PREFIX}cp2", f"{PREFIX}cp3")
FREE_WITHIN_S = 40.0
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def run(argv: Sequence[str | Path], *, timeout: float = 300, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=timeout, input=stdin, check=False)


@dataclass(frozen=True)
class Lab:
    """Three nodes with a runtime, a kubelet and images. directory: for files of this test session."""

    directory: Path

    def command(self, *words: str, timeout: float = 900) -> str:
        done = run([LAB, words[0], "--name", NAME, *words[1:]], timeout=timeout)
        assert done.returncode == 0, f"lab {' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def reset(self) -> None:
        self.command("reset")

    def inventory(self, name: str = "inventory", change: Callable[[dict[str, Any]], None] = lambda spec: None) -> Path:
        """The lab's inventory, changed by `change`, as a file of its own."""
        path = self.directory / f"{name}.yaml"
        self.command("inventory", "--out", str(path))
        value = yaml.safe_load(path.read_text())
        change(value["spec"])
        path.write_text(yaml.safe_dump(value, sort_keys=False))
        return path

    def sh(self, node: str, script: str, *, check: bool = True, timeout: float = 120) -> str:
        """Run a script as root on a node."""
        done = run(["ssh", "-F", self.directory / "ssh-config", node, "sudo", "sh", "-s"], stdin=script, timeout=timeout)
        assert not check or done.returncode == 0, f"{node}: {script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def bootstrap(self, *words: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return run([sys.executable, "-m", "bootstrap", *words], timeout=timeout)

    def after_a_kill(self, *words: str | Path) -> str:
        """The same command again. A host frees its lock once its sshd has heard of the end of whoever was killed."""
        deadline = time.monotonic() + FREE_WITHIN_S
        while True:
            done = self.bootstrap(*words, timeout=600)
            if "another operator is at work" not in done.stderr or time.monotonic() > deadline:
                break
            time.sleep(1)
        assert done.returncode == 0, f"{words[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "bootstrap", *map(str, words)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def init(self, inventory: Path, *words: str) -> str:
        done = self.bootstrap("init", inventory, "--kubeconfig", self.kubeconfig, *words)
        assert done.returncode == 0, f"init ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "admin.kubeconfig"

    def kubectl(self, *words: str) -> str:
        done = run([self.command("bin", "kubectl"), "--kubeconfig", self.kubeconfig, "--request-timeout", "20s", *words])
        assert done.returncode == 0, f"kubectl {' '.join(words)}:\n{done.stderr}"
        return done.stdout

    def get(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return found

    def mirror_pods(self) -> dict[str, dict[str, Any]]:
        """Pods of kube-system that are owned by a Node, by name."""
        pods = self.get("-n", "kube-system", "pods")["items"]
        return {
            pod["metadata"]["name"]: pod
            for pod in pods
            if any(owner["kind"] == "Node" for owner in pod["metadata"].get("ownerReferences", []))
        }

    def tree(self, node: str) -> str:
        """Paths, modes, owners and contents of what the tool writes; the kubelet's own state left out."""
        return self.sh(
            node,
            "cd /; for f in $(find etc/kubernetes etc/systemd/system/kubelet.service.d var/lib/kubelet/config.yaml "
            "var/lib/kubelet/pki -not -type d | sort); do stat -c '%n %a %U:%G %F %Y' $f; sha256sum $f; done",
        )

    def paths(self, node: str) -> list[str]:
        """Paths, modes and owners, without contents; the date in the kubelet's certificate's name left out."""
        text = self.sh(
            node,
            "cd /; find etc/kubernetes etc/systemd/system/kubelet.service.d var/lib/kubelet/config.yaml var/lib/kubelet/pki "
            r"-printf '%p %m %u:%g %y\n' | sed 's/kubelet-client-[0-9-]*\.pem/kubelet-client-DATE.pem/' | sort",
        )
        return text.splitlines()


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll a condition of the real world; a timeout is a failure that says what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except AssertionError:
            pass
        time.sleep(1)
    raise AssertionError(f"{what} did not come true within {seconds:.0f} s")


@contextlib.contextmanager
def building_the_rest() -> Iterator[None]:
    """Releases that later tests want are built on what the tests before leave of the processors; who wants one waits for it."""
    builder = subprocess.Popen(["nice", "-n", "19", LAB, "build"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)  # fmt: skip
    try:
        yield
    finally:
        if builder.poll() is None:
            os.killpg(builder.pid, signal.SIGTERM)
        builder.wait()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("lab"))
    made.command("up", timeout=3600)
    (made.directory / "ssh-config").write_text(made.command("ssh-config") + "\n")
    made.reset()
    with building_the_rest():
        yield made
    made.command("down")


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Iterator[Path]:
    """A finished cluster of three masters; its inventory."""
    lab.reset()
    inventory = lab.inventory()
    lab.init(inventory)
    yield inventory
    lab.reset()

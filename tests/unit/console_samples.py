"""Plans, events and a console with captured streams, for the tests of the console."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from bootstrap.changes import (
    AddTaints,
    ApiApply,
    ApiDelete,
    Change,
    EtcdAddLearner,
    EtcdMoveLeader,
    EtcdPromote,
    EtcdRemove,
    MovePath,
    NodeRemove,
    RemovePath,
    Run,
    SaveLocal,
    SetMode,
    WaitFor,
    WriteFile,
)
from bootstrap.console import Console
from bootstrap.events import Event, Kind
from bootstrap.files import Directory, File, Observed, Secret
from bootstrap.health import Endpoint, Healthy
from bootstrap.joining import JOURNAL
from bootstrap.plan import Phase, Plan, Spread, Step

HOSTS = ("cp1", "cp2", "cp3")
CANARY = "kanarienvogel"


class Stream(io.StringIO):
    """A captured stream that may say it is a terminal."""

    def __init__(self, text: str = "", *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__(text)
        self._terminal = terminal
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@dataclass
class Captured:
    """A console and what it wrote."""

    console: Console
    stdout: Stream
    stderr: Stream

    @property
    def out(self) -> str:
        return self.stdout.getvalue()

    @property
    def err(self) -> str:
        return self.stderr.getvalue()


@dataclass
class Made:
    """Makes consoles. environ: what they see of the environment."""

    terminal: bool = False
    environ: dict[str, str] = field(default_factory=lambda: {"TERM": "xterm"})

    def __call__(self, output: str = "text", verbosity: int = 0, *, typed: str | None = None, **options: Any) -> Captured:
        stdout, stderr = Stream(terminal=self.terminal), Stream(terminal=self.terminal)
        stdin = Stream(typed or "", terminal=typed is not None)
        read_secret: Callable[[str], str] = lambda prompt: (typed or "").rstrip("\n")  # noqa: E731
        console = Console(
            output, verbosity, stdout=stdout, stderr=stderr, stdin=stdin, environ=self.environ,
            read_secret=read_secret, clock=lambda: 100.0, **options,
        )  # fmt: skip
        return Captured(console, stdout, stderr)


def step(name: str, changes: dict[str, tuple[Change, ...]], spread: Spread = Spread.TOGETHER) -> Step:
    return Step(Phase(name, f"Title of {name}", lambda snapshot, host: [], spread), changes)


def plan(*steps: Step) -> Plan:
    return Plan("init", steps)


def everywhere(*changes: Change) -> dict[str, tuple[Change, ...]]:
    return dict.fromkeys(HOSTS, changes)


def write(path: str, content: bytes | Secret, before: bytes | None = None, mode: int = 0o600) -> WriteFile:
    """A write of a file; before: the public content that is there now."""
    entry = File(PurePosixPath(path), content, mode)
    if before is None:
        return WriteFile(entry)
    return WriteFile(entry, observed(path, before))


def observed(path: str, content: bytes, *, mode: int = 0o600, read: bool = True) -> Observed:
    found = File(PurePosixPath(path), content)
    return Observed(found.path, "file", mode, "root", "root", len(content), found.sha256, content=content if read else None)


def wait() -> WaitFor:
    return WaitFor(Healthy((Endpoint("etcd", "127.0.0.1", 2381, "/readyz", tls=False),)), timedelta(seconds=240))


def api(kind: str, name: str, **members: Any) -> ApiApply:
    return ApiApply({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system"}, **members})


def every_kind() -> Plan:
    """A plan with one change of each kind."""
    taints = ({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},)
    return plan(
        step(
            "files",
            everywhere(
                WriteFile(Directory(PurePosixPath("/etc/kubernetes/manifests"), 0o700)),
                write("/etc/kubernetes/manifests/etcd.yaml", b"a: 1\nb: 2\n", b"a: 1\nb: 3\n"),
                SetMode(PurePosixPath("/etc/kubernetes/pki/ca.crt"), 0o644),
                RemovePath(PurePosixPath("/var/lib/etcd/member"), recursive=True),
                MovePath(PurePosixPath("/var/lib/etcd"), PurePosixPath("/var/lib/etcd.old")),
                Run(("systemctl", "restart", "kubelet.service"), "started the kubelet"),
                wait(),
            ),
        ),
        step(
            "api",
            {
                "cp1": (
                    api("ConfigMap", "kubeadm-config", data={"ClusterConfiguration": "kind: ClusterConfiguration\n"}),
                    ApiDelete({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old", "namespace": "kube-system"}}),
                    AddTaints("cp1", taints),
                    EtcdAddLearner("cp4", "https://192.0.2.14:2380", (("cp1", "https://192.0.2.11:2380"),), JOURNAL),
                    EtcdPromote("cp4", "https://192.0.2.14:2380", Endpoint("etcd", "127.0.0.1", 2381, "/livez", tls=False)),
                    EtcdMoveLeader(("cp9",)),
                    EtcdRemove("cp9"),
                    NodeRemove("cp9"),
                    SaveLocal(Path("demo.kubeconfig"), Secret(b"x")),
                )
            },
            Spread.FIRST_ONLY,
        ),
    )


def event(kind: Kind, at: float, host: str = "", message: str = "", phase: str = "certs", **detail: Any) -> Event:
    return Event(kind, at, phase, host, message, detail)

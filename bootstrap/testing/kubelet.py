"""A model kubelet and its systemd service: what it needs to start, what it does while it runs, what it says.

It reads its configuration when it starts and never again. Its containers go on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from bootstrap.testing import systemd
from bootstrap.testing.containers import Container, Runtime
from bootstrap.testing.decoding import decoded
from bootstrap.testing.filesystem import FakeFiles
from bootstrap.testing.pods import PodSource

RETRY_S = 10.0
DEFAULT_PORTS = {"healthzPort": 10248, "port": 10250}


@dataclass(frozen=True)
class KubeletProcess:
    """A kubelet that runs, with what it read when it started."""

    pid: int
    argv: tuple[str, ...]
    start_time: float
    config: dict[str, Any] = field(hash=False)
    kubeconfig: dict[str, Any] = field(hash=False)

    def __deepcopy__(self, memo: dict[int, object]) -> KubeletProcess:
        return self

    def port(self, name: str) -> int:
        """healthzPort or port, with the kubelet's defaults."""
        return int(self.config.get(name, DEFAULT_PORTS[name]))


class CannotStart(Exception):
    """The kubelet ends at once; str() is what it logs."""


class FakeKubelet:
    """kubelet.service of one host.

    frozen: it ignores what happens in its manifest directory. rejects: reasons by name of pods that it refuses; it does not try
    them again before it is restarted. journal: what it said, said_at: and when. began: how long the journal was when the process
    started that runs.
    """

    def __init__(self, node: str, files: FakeFiles, runtime: Runtime, next_pid: Callable[[], int]) -> None:
        self.node = node
        self.files = files
        self.runtime = runtime
        self.installed = True
        self.version = "v1.36.3"
        self.enabled = False
        self.loaded = systemd.load(files)
        self.process: KubeletProcess | None = None
        self.frozen = False
        self.rejects: dict[str, str] = {}
        self.journal: list[str] = []
        self.said_at: list[float] = []
        self.began = 0
        self._rejected: set[str] = set()
        self._next_pid = next_pid
        self._wanted = False
        self._retry_at = 0.0
        self._source: PodSource | None = None

    @property
    def active_state(self) -> str:
        if self.process is not None:
            return "active"
        return "activating" if self._wanted else "inactive"

    def daemon_reload(self) -> None:
        self.loaded = systemd.load(self.files)

    def start(self, now: float) -> None:
        """`systemctl start`: of a service that fails and is retried for ever, systemd says that all is well."""
        self._wanted = True
        if self.process is None:
            self._try(now)

    def stop(self) -> None:
        self._wanted = False
        self.process = self._source = None

    def restart(self, now: float) -> None:
        self.stop()
        self.start(now)

    def tick(self, now: float) -> None:
        """Let time pass: start again after a failure; make containers be what the manifests say."""
        if self.process is None:
            if self._wanted and now >= self._retry_at:
                self._try(now)
            return
        if self._source is not None and not self.frozen:
            pods = self._source.sync(now)
            self.journal += self._source.complaints
            self.said_at += [now] * len(self._source.complaints)
            self._source.complaints.clear()
            admitted = {}
            for key, pod in pods.items():
                reason = self.rejects.get(pod.pod["metadata"]["name"])
                if reason and pod.uid not in (*self.runtime.containers, *self._rejected):
                    self._rejected.add(pod.uid)
                    said = f'podUID="{pod.uid}" pod="{key}" reason="{reason}" message="it does not \\"fit\\""'
                    self._say(f'"Pod admission denied" {said} operation="add"', now)
                if pod.uid not in self._rejected:
                    admitted[key] = pod
            self.runtime.follow(admitted, now)
        for one, error in self.runtime.failed:
            self._say_not_started(one, error, now)
            if one.has_log:
                self._say_not_started(one, f"CrashLoopBackOff: back-off restarting failed container={one.name}", now)
        self.runtime.failed.clear()

    def manifest_directory(self) -> tuple[PurePosixPath | None, str]:
        """Where static pods are read from, and what says so: of the running kubelet, else as it would start now."""
        argv = self.process.argv if self.process is not None else systemd.command_line(self.loaded, self.files)
        flag = argument(argv, "pod-manifest-path")
        if flag:
            return PurePosixPath(flag), "running process" if self.process is not None else "unit"
        path = argument(argv, "config")
        value = self._config(argv).get("staticPodPath") if path else None
        return (PurePosixPath(value), f"config {path}") if value else (None, "not set")

    def config_now(self) -> dict[str, Any]:
        """The configuration as it is on disk; empty where there is none that can be read."""
        return self._config(systemd.command_line(self.loaded, self.files))

    def _try(self, now: float) -> None:
        argv = systemd.command_line(self.loaded, self.files)
        try:
            config = self._needed_config(argv)
            kubeconfig = self._needed_identity(argv)
        except CannotStart as error:
            self._say(f"run.go:72] command failed err=\"{error}\"", now)
            self._retry_at = now + RETRY_S
            return
        self.process = KubeletProcess(self._next_pid(), argv, now, config, kubeconfig)
        self._rejected = set()
        self.began = len(self.journal)
        path, _ = self.manifest_directory()
        self._source = PodSource(self.files, path, self.node, now, self.version.rpartition(".")[0]) if path is not None else None
        self._say('"Started kubelet"', now)

    def _needed_config(self, argv: tuple[str, ...]) -> dict[str, Any]:
        path = argument(argv, "config")
        if path and self.files.content(PurePosixPath(path)) is None:
            raise CannotStart(f"failed to load kubelet config file, path: {path}, error: no such file or directory")
        config = self._config(argv)
        if path and config.get("kind") != "KubeletConfiguration":
            raise CannotStart(f"failed to load kubelet config file, path: {path}, error: no KubeletConfiguration")
        client_ca = config.get("authentication", {}).get("x509", {}).get("clientCAFile", "")
        for name in (client_ca, config.get("tlsCertFile", ""), config.get("tlsPrivateKeyFile", "")):
            if name and self.files.content(PurePosixPath(name)) is None:
                raise CannotStart(f"failed to construct kubelet dependencies: unable to load {name}: no such file or directory")
        return config

    def _needed_identity(self, argv: tuple[str, ...]) -> dict[str, Any]:
        """The kubeconfig; empty for a kubelet that was given none and so stands alone."""
        path = argument(argv, "kubeconfig")
        if not path:
            return {}
        content = self.files.content(PurePosixPath(path))
        if content is None:
            raise CannotStart(f"failed to run Kubelet: unable to load kubeconfig {path}: no such file or directory")
        kubeconfig: dict[str, Any] = decoded(content)
        user = kubeconfig["users"][0]["user"]
        for name in (user.get("client-certificate"), user.get("client-key")):
            if name and self.files.content(PurePosixPath(name)) is None:
                raise CannotStart(f"failed to run Kubelet: unable to read client-cert {name}: no such file or directory")
        if not user.get("client-certificate") and not user.get("client-certificate-data"):
            raise CannotStart("failed to run Kubelet: no client certificate in the kubeconfig")
        return kubeconfig

    def _config(self, argv: tuple[str, ...]) -> dict[str, Any]:
        path = argument(argv, "config")
        value = decoded(self.files.content(PurePosixPath(path)) or b"") if path else {}
        return value if isinstance(value, dict) else {}

    def _say_not_started(self, one: Container, error: str, now: float) -> None:
        reason, _, message = error.partition(": ")
        said = _quoted(f'failed to "StartContainer" for "{one.name}" with {reason}: {_quoted(message)}')
        self._say(f'"Error syncing pod, skipping" err={said} pod="{one.pod.key}" podUID="{one.pod.uid}"', now)

    def _say(self, line: str, now: float) -> None:
        if not self.journal or self.journal[-1] != line:
            self.journal.append(line)
            self.said_at.append(now)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def argument(argv: tuple[str, ...], name: str) -> str:
    """Value of a flag, `--name=value` or `--name value`, the last one; empty where it is not given."""
    found = ""
    for at, word in enumerate(argv):
        if word.startswith(f"--{name}="):
            found = word.partition("=")[2]
        elif word == f"--{name}" and at + 1 < len(argv):
            found = argv[at + 1]
    return found

"""logs: which file, how far back, without the runtime's prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import logs
from bootstrap.cluster import Cluster
from bootstrap.connection import Completed
from bootstrap.errors import BootstrapError, Refused, UsageError
from bootstrap.facts import Facts, KubeletFacts, ManifestDirectory, PodLog, ServiceFacts
from bootstrap.files import Observed
from bootstrap.logs import PodLogRequest
from tests.unit.console_samples import Made

CRI = "2026-11-24T02:28:59.123456789Z stderr F "
PODS = "/var/log/pods/kube-system_etcd-cp1_"
CLUSTER = Cluster.model_validate(
    {"name": "demo", "kubernetesVersion": "v1.36.3", "hosts": [{"name": "cp1", "role": "control-plane", "address": "192.0.2.11"}]}
)


class Stub:
    """A host with log files. capped: what a command may say at most."""

    name = "cp1"

    def __init__(self, files: dict[str, bytes], pods: Sequence[PodLog], journal: str = "") -> None:
        self.files, self.pods, self.journal = files, tuple(pods), journal
        self.biggest = 0

    def look(self, data_dir: PurePosixPath) -> Facts:
        return Facts("cp1", pod_logs=self.pods)

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        match list(argv):
            case ["stat", "-c", "%s", path]:
                found = self.files.get(path)
                return Completed(1, b"", b"no such file") if found is None else Completed(0, b"%d\n" % len(found), b"")
            case ["dd", source, size, skip, count, "status=none"]:
                content = self.files[source.removeprefix("if=")]
                bs, first, blocks = (int(word.partition("=")[2]) for word in (size, skip, count))
                self.biggest = max(self.biggest, blocks * bs)
                return Completed(0, content[first * bs : (first + blocks) * bs], b"")
            case ["journalctl", "-u", "kubelet", "-n", count, "--no-pager"]:
                return Completed(0, "".join(self.journal.splitlines(keepends=True)[-int(count):]).encode(), b"")
        raise AssertionError(argv)

    def close(self) -> None:
        """Nothing to close."""


def pod(uid: str, restarts: int) -> PodLog:
    return PodLog(f"kube-system_etcd-cp1_{uid}", "etcd", PurePosixPath(f"{PODS}{uid}/etcd/{restarts}.log"), restarts)


def shown(stub: Stub, component: str = "etcd", tail: int = 100, *, previous: bool = False) -> str:
    captured = Made()()
    logs.show(CLUSTER, "cp1", component, tail, previous, lambda *_: stub, captured.console)  # type: ignore[arg-type, return-value]
    return captured.out


def test_the_newest_log_is_shown_as_it_was_written() -> None:
    files = {f"{PODS}b/etcd/1.log": f"{CRI}one\n{CRI}two\n".encode(), f"{PODS}a/etcd/0.log": b"old\n"}
    assert shown(Stub(files, [pod("a", 0), pod("b", 1)])) == "one\ntwo\n"


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["b/etcd/1.log", "b/etcd/0.log", "a/etcd/4.log"], "b/etcd/0.log"),
        (["b/etcd/1.log", "a/etcd/4.log", "a/etcd/3.log"], "a/etcd/4.log"),
        (["b/etcd/1.log", "a/etcd/3.log"], "a/etcd/3.log"),
    ],
    ids=["the start before", "an earlier pod", "an earlier pod's start before"],
)
def test_previous_looks_at_earlier_starts_and_earlier_pods(there: list[str], expected: str) -> None:
    stub = Stub({f"{PODS}{name}": f"{CRI}{name}\n".encode() for name in there}, [pod("a", 4), pod("b", 1)])
    assert shown(stub, previous=True) == f"{expected}\n"


def test_a_pod_that_was_made_anew_has_an_earlier_log_too() -> None:
    """Its own logs start at 0: the number alone would say that there was nothing before."""
    stub = Stub({f"{PODS}a/etcd/0.log": b"why it ended\n"}, [pod("a", 0), pod("b", 0)])
    assert shown(stub, previous=True) == "why it ended\n"


def test_no_earlier_log_names_the_command_for_the_newest() -> None:
    with pytest.raises(BootstrapError, match="no earlier log on cp1") as caught:
        shown(Stub({}, [pod("b", 0)]), previous=True)
    assert caught.value.hint == "bootstrap logs INVENTORY cp1 etcd"


@pytest.mark.parametrize("tail", [0, 1, 2, 999, 60_000, 100_000])
def test_any_number_of_lines_however_big_the_file(tail: int) -> None:
    lines = [f"line {n} {'x' * (n % 90)}" for n in range(60_000)]
    stub = Stub({f"{PODS}b/etcd/0.log": "".join(f"{CRI}{line}\n" for line in lines).encode()}, [pod("b", 0)])
    assert shown(stub, tail=tail).splitlines() == (lines[-tail:] if tail else [""])
    assert stub.biggest < 1 << 20


def test_the_kubelet_has_a_journal() -> None:
    stub = Stub({}, [], "a\nb\nc\n")
    assert shown(stub, "kubelet", 2) == "b\nc\n"
    with pytest.raises(UsageError):
        shown(stub, "kubelet", 2, previous=True)
    with pytest.raises(UsageError, match="2000 lines"):
        shown(stub, "kubelet", 2001)
    with pytest.raises(UsageError, match="no component"):
        shown(stub, "kubectl")


# --- pods logs ---

MANIFEST = PurePosixPath("/etc/kubernetes/manifests/web.yaml")
WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: migrate, image: m}]
  containers: [{name: good, image: g}, {name: bad, image: b}]
"""
ONE = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: good, image: g}]}\n"


def not_pulled(container: str) -> str:
    error = f'failed to \\"StartContainer\\" for \\"{container}\\" with ErrImagePull: \\"no such host\\"'
    return f'"Error syncing pod, skipping" err="{error}" pod="default/web-cp1" podUID="0"\n'


class PodStub(Stub):
    """A host with one static pod. logs: by container and number. said: what its kubelet said, and when."""

    def __init__(self, manifest: str, logs: dict[str, bytes], *said: tuple[float, str], running: str = "") -> None:
        self.log_dir = f"/var/log/pods/default_web-cp1_{'0' * 32}"
        super().__init__({f"{self.log_dir}/{name}": content for name, content in logs.items()}, [])
        self.manifest, self.said, self.running = manifest, said, running

    def look(self, data_dir: PurePosixPath) -> Facts:
        content = self.manifest.encode()
        return Facts(
            "cp1", owned={MANIFEST: Observed(MANIFEST, "file", 0o600, "root", "root", content=content, mtime=50.0)},
            kubelet=KubeletFacts(manifests=ManifestDirectory(MANIFEST.parent, "config")),
            services={"kubelet.service": ServiceFacts("kubelet.service", main_pid=535)},
        )  # fmt: skip

    def run(self, argv: Sequence[str], **given: Any) -> Completed:
        match list(argv):
            case ["sh", "-s"]:
                lines = ["node cp1", "uptime 1000.00", *(f"log 100 {path}" for path in self.files)]
                if self.running:
                    scope = f"/kubepods/pod{'0' * 32}/{'a' * 64}"
                    lines += [f"cgroup 9 0::{scope}", f"stat 9 (web) S 1 {' '.join(['0'] * 17)} 100 0 0"]
                    lines += [f"link web-cp1_default_{self.running}-{'a' * 64}.log"]
                    lines += [f"link web-cp1_default_{name}-{'b' * 64}.log" for name in ("good", "bad") if name != self.running]
                return Completed(0, "\n".join(lines).encode(), b"")
            case ["journalctl", "-b", *_, "--since", since]:
                text = "".join(text for at, text in self.said if at >= float(since.removeprefix("@")))
                return Completed(0, text.encode(), b"")
        return super().run(argv, **given)


def of_pod(stub: PodStub, container: str | None = None, *, previous: bool = False) -> tuple[str, str]:
    """What `pods logs` prints, and what it notes."""
    captured = Made()()
    request = PodLogRequest("cp1", "web", container, previous=previous)
    logs.show_pod(CLUSTER, Path("my demo.yaml"), request, lambda *_: stub, captured.console)  # type: ignore[arg-type, return-value]
    return captured.out, captured.err.strip()


def test_a_container_that_was_never_started_is_refused_with_the_kubelets_reason() -> None:
    stub = PodStub(WEB, {"good/0.log": b"hello\n"}, (110.0, not_pulled("bad")), running="good")
    with pytest.raises(Refused, match="container bad of web was not started on cp1: it has no log") as caught:
        of_pod(stub, "bad")
    assert caught.value.evidence == ("container bad: its image cannot be pulled: no such host",)
    assert of_pod(stub, "good") == ("hello\n", "")
    with pytest.raises(Refused, match="web, container migrate, has no log on cp1"):     # the kubelet says nothing of that one
        of_pod(stub, "migrate")


def test_the_manifest_says_that_there_are_several_containers() -> None:
    stub = PodStub(WEB, {"good/0.log": b"hello\n"})
    with pytest.raises(UsageError, match="web has several containers") as caught:
        of_pod(stub)
    assert caught.value.hint == "-c with one of bad, good, migrate"
    with pytest.raises(UsageError, match="has no container 'ugly'"):
        of_pod(stub, "ugly")
    assert of_pod(PodStub(ONE, {"good/0.log": b"hello\n"})) == ("hello\n", "")
    assert of_pod(PodStub(ONE, {"good/0.log": b"hello\n", "old/0.log": b"before\n"})) == ("hello\n", "")


@pytest.mark.parametrize(
    "manifest", ["", "spec: {}", ONE.replace("[{name: good, image: g}]", "7"), ONE.replace("name: good, ", "")]
)
def test_a_manifest_that_names_no_container_hides_no_log(manifest: str) -> None:
    assert of_pod(PodStub(manifest, {"good/0.log": b"hello\n"})) == ("hello\n", "")


def test_a_pod_that_ended_without_output_was_started_whatever_was_said_before() -> None:
    stub = PodStub(ONE, {"good/0.log": b""}, (90.0, not_pulled("good")))
    assert of_pod(stub) == ("", "container good of web has written nothing and does not run: bootstrap pods list 'my demo.yaml'")
    with pytest.raises(Refused, match="container good of web was not started on cp1"):
        of_pod(PodStub(ONE, {"good/0.log": b""}, (110.0, not_pulled("good"))))


def test_what_was_said_before_the_manifest_was_written_is_about_another_one() -> None:
    with pytest.raises(UsageError, match="has no log on cp1"):
        of_pod(PodStub(ONE, {}, (49.0, not_pulled("good"))))
    with pytest.raises(Refused, match="web was not started on cp1"):
        of_pod(PodStub(ONE, {}, (51.0, not_pulled("good"))))


def test_an_earlier_container_that_wrote_nothing_is_not_said_to_be_the_newest() -> None:
    stub = PodStub(ONE, {"good/1.log": b"hello\n", "good/0.log": b""})
    said = "container good of web wrote nothing before it was started anew: bootstrap pods list 'my demo.yaml'"
    assert of_pod(stub, previous=True) == ("", said)

"""logs: which file, how far back, without the runtime's prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest

from bootstrap import logs
from bootstrap.cluster import Cluster
from bootstrap.connection import Completed
from bootstrap.errors import BootstrapError, UsageError
from bootstrap.facts import Facts, PodLog
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

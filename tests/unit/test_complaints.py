"""What a kubelet's journal says of a pod that it cannot start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest

from bootstrap.complaints import Complaint, parse
from bootstrap.connection import Completed
from bootstrap.facts import Facts, ServiceFacts
from bootstrap.hostpods import HostContainer, HostPod
from bootstrap.refusals import present


def line(error: str, pod: str = "default/web-cp1") -> str:
    quoted = error.replace("\\", "\\\\").replace('"', '\\"')
    return f'E1124 03:19:35.9 535 pod_workers.go:1324] "Error syncing pod, skipping" err="{quoted}" pod="{pod}" podUID="18aa82"\n'


def failed(reason: str, message: str, container: str = "web", what: str = "StartContainer") -> str:
    quoted = message.replace("\\", "\\\\").replace('"', '\\"')
    return f'failed to "{what}" for "{container}" with {reason}: "{quoted}"'


RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: error during container init: exec: "sleep": executable file not found in $PATH: unknown'
)
NOT_FOUND = 'exec: "sleep": executable file not found in $PATH'
RESOLVE = 'failed to resolve reference "registry.example/web:1": dial tcp: lookup registry.example: no such host'
PULL = f'rpc error: code = Unknown desc = failed to pull and unpack image "registry.example/web:1": {RESOLVE}'
CRASHED = line(failed("CrashLoopBackOff", "back-off 10s restarting failed container=web pod=web-cp1_default(18aa82)"))
PUT_OFF = line(failed("ImagePullBackOff", f'Back-off pulling image "registry.example/web:1": ErrImagePull: {PULL}'))


@pytest.mark.parametrize(
    ("journal", "says"),
    [
        (line(failed("RunContainerError", RUNC)) + CRASHED * 3, f"container web: {NOT_FOUND}"),
        (line(failed("ErrImagePull", PULL)) + PUT_OFF * 2, f"container web: its image cannot be pulled: {RESOLVE}"),
        (PUT_OFF, f"container web: its image cannot be pulled: {RESOLVE}"),
        (line(failed("InvalidImageName", "Bad: invalid reference format")),
         "container web: InvalidImageName: Bad: invalid reference format"),
        (line(failed("CreatePodSandboxError", "no such runtime", "web-cp1_default(18aa82)", "CreatePodSandbox")),
         "CreatePodSandboxError: no such runtime"),
        (line("network is not ready: cni plugin not initialized"), "network is not ready: cni plugin not initialized"),
        (line(f"[{failed('RunContainerError', RUNC)}, {failed('ErrImagePull', PULL, 'helper')}]"),
         f"container web: {NOT_FOUND}; container helper: its image cannot be pulled: {RESOLVE}"),
    ],
)  # fmt: skip
def test_the_reason_is_named_without_what_was_put_around_it(journal: str, says: str) -> None:
    assert "; ".join(map(str, parse(journal, "default/web-cp1"))) == says


@pytest.mark.parametrize(
    "journal",
    [
        CRASHED,
        line(failed("ErrImagePull", PULL)) + CRASHED,       # it was pulled in the end
        line("network is not ready") + CRASHED,
        line(failed("RunContainerError", RUNC), pod="default/web-2-cp1"),
        'E1124 "Error syncing pod, skipping" err="cut',
        "",
    ],
)
def test_what_ended_by_itself_or_is_another_pods_is_no_complaint(journal: str) -> None:
    assert parse(journal, "default/web-cp1") == ()


def test_a_command_that_is_not_in_the_image_is_known_and_counted() -> None:
    (found,) = parse((line(failed("RunContainerError", RUNC)) + CRASHED) * 3, "default/web-cp1")
    assert found == Complaint("web", "RunContainerError", NOT_FOUND, 3)
    assert found.lacks_command
    (other,) = parse(line(failed("RunContainerError", "failed to create shim task: no space left")), "default/web-cp1")
    assert (other.message, other.lacks_command) == ("no space left", False)


class Journal:
    """A host on which this was said, each line at its time."""

    name = "cp1"

    def __init__(self, *said: tuple[float, str]) -> None:
        self.said = said

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        since = float(argv[-1].removeprefix("@")) if argv[-2] == "--since" else 0.0
        return Completed(0, "".join(text for at, text in self.said if at >= since).encode(), b"")


FACTS = Facts("cp1", services={"kubelet.service": ServiceFacts("kubelet.service", main_pid=535)})
NOT_PULLED = line(failed("ErrImagePull", PULL))
NOT_RUN = line(failed("RunContainerError", RUNC))
NO_NETWORK = line("network is not ready: cni plugin not initialized")


def container(name: str = "web", log_at: int = 100, *, runs: bool = False) -> HostContainer:
    return HostContainer(name, 0, 1.0 if runs else None, PurePosixPath(f"/var/log/pods/{name}/0.log"), log_at)


def still(journal: Journal, *containers: HostContainer) -> list[str]:
    """Which containers the kubelet's complaints of are not over."""
    newest = HostPod("default", "web-cp1", "18aa82", containers, alive=True) if containers else None
    text = "".join(text for _, text in journal.said)
    return [one.container for one in present(journal, FACTS, text, "default/web-cp1", newest)]  # type: ignore[arg-type]


@pytest.mark.parametrize("said", [NOT_PULLED, NOT_RUN, NO_NETWORK], ids=["image", "command", "network"])
def test_a_complaint_is_over_once_the_container_runs_or_has_a_younger_log(said: str) -> None:
    """Both are all that is seen of a try that went well; a pod with restartPolicy Never may have ended without a word."""
    old = Journal((90.0, said))
    assert still(old) != []
    assert still(old, container(runs=True)) == []
    assert still(old, container()) == []
    assert still(Journal((90.0, said), (115.0, CRASHED)), container()) == []


@pytest.mark.parametrize("said", [NOT_PULLED, NOT_RUN, NO_NETWORK], ids=["image", "command", "network"])
def test_a_complaint_that_is_younger_than_the_log_stands(said: str) -> None:
    """imagePullPolicy Always after a crash, a try that left an empty log behind, a reboot."""
    assert still(Journal((90.0, said), (100.2, said)), container()) != []
    assert still(Journal((100.2, said)), container(log_at=100)) != []


def test_each_container_is_judged_by_itself_and_the_pod_by_any_of_them() -> None:
    both = Journal((90.0, NOT_PULLED), (91.0, line(failed("ErrImagePull", PULL, "helper"))))
    assert still(both, container(runs=True)) == ["helper"]
    assert still(both, container("helper")) == ["web"]
    assert still(Journal((90.0, NO_NETWORK)), container("helper")) == []
    assert still(Journal((110.0, NO_NETWORK)), container("helper", runs=True), container(log_at=80)) == []

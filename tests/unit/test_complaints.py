"""What a kubelet's journal says of a pod that it cannot start."""

from __future__ import annotations

import pytest

from bootstrap.complaints import Complaint, parse


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

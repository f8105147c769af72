"""What a host's processes and log files say of its pods: the script under real shells, its output, and the verdicts."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from bootstrap.health import PodGone, PodRuns
from bootstrap.hostpods import HostContainer, HostPod, HostPods, gone, parse, runs
from bootstrap.scripts import script

SHELLS = [shell for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(shell[0])]
UID = "0123456789abcdef0123456789abcdef"
OLD = "f" * 32
API_UID = "11111111-2222-3333-4444-555555555555"
SANDBOX, WEB, PROXY = "a" * 64, "b" * 64, "c" * 64


def stat(pid: int, name: str, started_s: float) -> str:
    return f"stat {pid} ({name}) S 1 {' '.join(['0'] * 17)} {started_s * 100:.0f} 0 0"


HOST = f"""\
node CP1
uptime 1000.00
cgroup 10 12:memory:/kubepods/besteffort/pod{UID}/{SANDBOX}
{stat(10, "pause", 900)}
cgroup 11 12:memory:/kubepods/besteffort/pod{UID}/{WEB}
{stat(11, "web) S 1 (x", 940)}
cgroup 12 12:memory:/kubepods/besteffort/pod{UID}/{WEB}/worker
{stat(12, "web", 990)}
cgroup 13 0::/kubepods.slice/kubepods-pod{API_UID.replace("-", "_")}.slice/cri-containerd-{PROXY}.scope
{stat(13, "kube-proxy", 100)}
log 1700000000 /var/log/pods/default_web-cp1_{UID}/web/1.log
log 1700000060 /var/log/pods/default_web-cp1_{UID}/web/2.log
log 1700000001 /var/log/pods/default_web-cp1_{UID}/helper/0.log
log 1600000000 /var/log/pods/default_web-cp1_{OLD}/web/0.log
log 1700000002 /var/log/pods/kube-system_kube-proxy-x7z_{API_UID}/kube-proxy/0.log
log 1700000002 /var/log/pods/odd
link web-cp1_default_web-{WEB}.log
link web-cp1_default_helper-{"d" * 64}.log
link kube-proxy-x7z_kube-system_kube-proxy-{PROXY[:20]}.log
"""


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: str(shell[0]))
def test_the_script_runs_under_any_shell_and_says_nothing_else(shell: tuple[str, ...]) -> None:
    done = subprocess.run([*shell, "-s"], input=script("pods.sh"), capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    lines = done.stdout.decode().splitlines()
    assert [line.split(" ")[0] for line in lines[:2]] == ["node", "uptime"]
    assert {line.split(" ")[0] for line in lines} <= {"node", "uptime", "cgroup", "stat", "log", "link"}


def test_what_a_host_says_is_understood_with_either_cgroup_driver() -> None:
    seen = parse(HOST)
    logs = PurePosixPath("/var/log/pods")
    helper = HostContainer("helper", 0, None, logs / f"default_web-cp1_{UID}/helper/0.log", 1700000001)
    web = HostContainer("web", 2, 60.0, logs / f"default_web-cp1_{UID}/web/2.log", 1700000060)
    assert seen.node == "cp1"
    assert [pod.uid for pod in seen.static("default", "web")] == [OLD, UID]
    assert seen.static("default", "web")[-1] == HostPod("default", "web-cp1", UID, (helper, web), alive=True)
    assert seen.static("default", "web")[-1].restarts == 2
    assert seen.present("default", "web") == (UID,)
    (proxy,) = [pod for pod in seen.pods if pod.uid == API_UID]
    assert (proxy.is_static, proxy.alive, proxy.containers[0].age_s) == (False, True, 900.0)     # its link's ID is cut


def test_of_pods_that_all_ended_the_youngest_is_the_present_one() -> None:
    ended = parse("\n".join(line for line in HOST.splitlines() if not line.startswith(("cgroup", "stat"))))
    assert ended.alive == frozenset()
    assert ended.present("default", "web") == (UID,)
    assert ended.present("default", "other") == ()


def test_a_container_without_a_link_is_told_from_its_sandbox() -> None:
    unlinked = parse("\n".join(line for line in HOST.splitlines() if not line.startswith("link web")))
    assert unlinked.static("default", "web")[-1].containers[1].age_s == 60.0
    alone = parse("\n".join(line for line in HOST.splitlines() if "web" not in line or line.startswith("log")))
    assert alone.static("default", "web")[-1].containers[1].age_s is None


WANTED = PodRuns("default", "web", PurePosixPath("/m/web.yaml"), ("web",), stable_s=30.0)


@pytest.mark.parametrize(
    ("probe", "answer"),
    [
        (WANTED, ""),
        (replace(WANTED, stable_s=61.0), "default/web: container web runs, started 3 times, but not for 61 s yet"),
        (replace(WANTED, containers=("web", "helper")), "default/web: container helper does not run"),
        (replace(WANTED, containers=("web", "helper"), may_end=True), ""),
        (replace(WANTED, containers=("web", "third")), "default/web: container third was not started yet"),
        (replace(WANTED, replaces=(UID,)), "default/web: the pod that it replaces still ends"),
        (replace(WANTED, replaces=(OLD,)), ""),
        (replace(WANTED, name="other"), "default/other: no container of it was started yet"),
    ],
)
def test_b18_a_pod_runs_when_every_container_has_run_for_long_enough(probe: PodRuns, answer: str) -> None:
    verdict = runs(probe, parse(HOST))
    assert (verdict.ok, verdict.answer) == (not answer, answer)


def test_b15_two_pods_of_one_manifest_are_not_one_that_runs() -> None:
    twin = HOST + f"cgroup 20 12:memory:/kubepods/besteffort/pod{OLD}/{'e' * 64}\n{stat(20, 'pause', 1)}\n"
    assert runs(WANTED, parse(twin)).answer == "default/web: two pods of it run"


def test_b14_a_pod_is_gone_when_no_process_of_it_is_left_with_or_without_a_log() -> None:
    assert gone(PodGone("default", "web"), parse(HOST)).answer == "default/web: processes of it still run"
    unlogged = parse("\n".join(line for line in HOST.splitlines() if not line.startswith("log")))
    assert gone(PodGone("default", "web"), unlogged).ok
    assert not gone(PodGone("default", "web", (UID,)), unlogged).ok
    assert gone(PodGone("default", "web", (UID,)), HostPods("cp1")).ok

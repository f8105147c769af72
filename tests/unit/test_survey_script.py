"""The script that answers preflight's questions, under real shells: what it prints, and that it leaves nothing behind.

Each test runs a shell and up to a hundred processes: some 100 to 500 ms.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bootstrap.preflight.answers import HostAnswers, parse
from bootstrap.scripts import script

SHELLS = [shell for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(shell[0])]
IMAGES = ("registry.k8s.io/etcd:3.6.8-0", "registry.k8s.io/pause:3.10.2")


def run(shell: Sequence[str], *words: str, programs: Path | None = None) -> str:
    """programs: a directory that is looked into first."""
    path = f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"]
    done = subprocess.run([*shell, "-s", "--", *words], input=script("survey.sh"), capture_output=True, check=True,
                          env={"PATH": path}, timeout=60)  # fmt: skip
    assert done.stderr == b""
    return done.stdout.decode()


def program(directory: Path, name: str, text: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return directory


def images(text: str) -> HostAnswers:
    return parse(text, IMAGES)


ASKED = ("runtime", "containerd", "socket", "/run/x.sock", "image", IMAGES[0], "image", IMAGES[1])


@pytest.fixture(params=SHELLS, ids=lambda shell: str(shell[0]))
def shell(request: pytest.FixtureRequest) -> Sequence[str]:
    found: Sequence[str] = request.param
    return found


def test_at_least_one_shell_is_tried() -> None:
    assert SHELLS


def test_writes_are_timed_and_nothing_is_left(shell: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / ".bootstrap-disk-AbCd12").write_text("of a run that was killed")
    found = parse(run(shell, "disk", str(tmp_path / "not" / "there")), ())
    assert found.writes is not None, found
    assert found.writes.where == str(tmp_path)
    assert 1 <= found.writes.count <= 100
    assert 0 < found.writes.median_s <= found.writes.p99_s <= found.writes.slowest_s
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_to(shell: Sequence[str], tmp_path: Path) -> None:
    programs = program(tmp_path / "bin", "mktemp", "echo 'mktemp: Read-only file system' >&2; exit 1")
    found = parse(run(shell, "disk", str(tmp_path), programs=programs), ())
    assert (found.writes, found.writes_problem) == (None, "mktemp: Read-only file system")


def test_a_disk_that_is_full(shell: Sequence[str], tmp_path: Path) -> None:
    programs = program(tmp_path / "bin", "dd", "echo 'dd: No space' >&2; echo 'left on device' >&2; exit 1")
    found = parse(run(shell, "disk", str(tmp_path), programs=programs), ())
    assert found.writes_problem == "dd: No space left on device"
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_names(shell: Sequence[str], tmp_path: Path) -> None:
    lines = "192.0.2.9 STREAM lb\\n192.0.2.9 DGRAM\\n192.0.2.9 RAW\\n2001:db8::9\\t STREAM\\n"
    programs = program(tmp_path / "bin", "getent", f'[ "$2" = lb.example ] && printf "{lines}" || exit 2')
    found = parse(run(shell, "resolve", "lb.example", "resolve", "nowhere.example", programs=programs), ())
    assert found.addresses == {"lb.example": ("192.0.2.9", "2001:db8::9"), "nowhere.example": ()}


def test_images_by_ctr(shell: Sequence[str], tmp_path: Path) -> None:
    programs = program(tmp_path / "bin", "ctr", f"echo {IMAGES[0]}; echo sha256:00; echo \"$@\" >{tmp_path}/asked")
    found = images(run(shell, *ASKED, programs=programs))
    assert found.images == {IMAGES[0]: True, IMAGES[1]: False}
    assert (tmp_path / "asked").read_text() == "-a /run/x.sock -n k8s.io images ls -q\n"


def test_images_by_crictl(shell: Sequence[str], tmp_path: Path) -> None:
    """Its table. Source: cri-tools cmd/crictl/image.go (v1.34), listImagesCommand."""
    table = "IMAGE TAG IMAGE_ID SIZE\\nregistry.k8s.io/etcd   3.6.8-0   a3246f5a4c0d1   62.5MB\\n"
    programs = program(tmp_path / "bin", "crictl", f'printf "{table}"')
    found = images(run(shell, "runtime", "cri-o", *ASKED[2:], programs=programs))
    assert found.images == {IMAGES[0]: True, IMAGES[1]: False}


def test_a_runtime_that_does_not_answer(shell: Sequence[str], tmp_path: Path) -> None:
    programs = program(tmp_path / "bin", "ctr", "echo 'ctr: cannot access socket' >&2; echo 'connection refused' >&2; exit 1")
    found = images(run(shell, *ASKED, programs=programs))
    assert (found.images, found.images_problem) == ({}, "ctr: ctr: cannot access socket connection refused")


def test_registries_are_resolved_only_where_something_is_missing(shell: Sequence[str], tmp_path: Path) -> None:
    program(tmp_path / "bin", "getent", "echo 192.0.2.7 STREAM")
    programs = program(tmp_path / "bin", "ctr", f"echo {IMAGES[0]}; echo {IMAGES[1]}")
    assert images(run(shell, *ASKED, "registry", "registry.k8s.io", programs=programs)).addresses == {}
    program(tmp_path / "bin", "ctr", f"echo {IMAGES[0]}")
    found = images(run(shell, *ASKED, "registry", "registry.k8s.io", programs=programs))
    assert found.addresses == {"registry.k8s.io": ("192.0.2.7",)}


@pytest.mark.parametrize(("environment", "direct"), [("Environment=", True), ("Environment=HTTPS_PROXY=http://p", False)])
def test_a_proxy_of_the_runtime_is_seen(shell: Sequence[str], tmp_path: Path, environment: str, direct: bool) -> None:
    program(tmp_path / "bin", "ctr", "true")
    program(tmp_path / "bin", "cat", "true")
    programs = program(tmp_path / "bin", "systemctl", f"echo {environment}")
    assert images(run(shell, *ASKED, programs=programs)).direct is direct


OPTIONS = ("option", "INET", "option", "EXT4_FS", "option", "MEMCG", "option", "CPUSETS", "option", "UTS_NS", "option", "NET")
CONFIG = """#
# Linux/x86 6.12.5 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc (Debian 14.2.0-19) 14.2.0 * [x] $HOME"
CONFIG_INET=y
CONFIG_EXT4_FS=m
# CONFIG_MEMCG is not set
CONFIG_CPUSETS=n
CONFIG_UTS_NS="y"
CONFIG_NET_NS=y
"""


def test_what_the_kernel_is_built_with(shell: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text(CONFIG)
    programs = program(tmp_path / "bin", "gzip", f'[ "$*" = "-dc /proc/config.gz" ] && cat {tmp_path}/config')
    found = parse(run(shell, *OPTIONS, programs=programs), ())
    assert (found.kernel_config, found.kernel_options) == ("/proc/config.gz", {"INET", "EXT4_FS"})


def test_a_kernel_whose_configuration_lies_on_disk(shell: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text(CONFIG)
    path = f"/boot/config-{os.uname().release}"
    program(tmp_path / "bin", "gzip", f"head -n 5 {tmp_path}/config; exit 1")
    programs = program(tmp_path / "bin", "cat", f'[ "$*" = {path} ] && exec head -n 99 {tmp_path}/config')
    found = parse(run(shell, *OPTIONS, programs=programs), ())
    assert (found.kernel_config, found.kernel_options) == (path, {"INET", "EXT4_FS"})


@pytest.mark.parametrize("said", ["exit 1", "echo", "echo CONFIG_OTHER=y"])
def test_a_kernel_that_does_not_tell(shell: Sequence[str], tmp_path: Path, said: str) -> None:
    program(tmp_path / "bin", "gzip", said)
    programs = program(tmp_path / "bin", "cat", said)
    assert run(shell, *OPTIONS, programs=programs) == ""


def test_nothing_asked_nothing_done(shell: Sequence[str]) -> None:
    assert run(shell) == ""

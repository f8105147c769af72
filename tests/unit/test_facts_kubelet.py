"""Where a kubelet reads static pods from: flags, then drop-ins, then the configuration file."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap.facts import Facts
from bootstrap.facts.kubelet import flags
from bootstrap.facts.systemd import drop_in_order, start_command
from tests.unit.facts_support import facts_of, path_line, records

CONFIG = "/var/lib/kubelet/config.yaml"
UNIT = "/lib/systemd/system/kubelet.service"
DROP_IN = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
FLAGS_ENV = "/var/lib/kubelet/kubeadm-flags.env"

# The files of Kubernetes' packages, pkgs.k8s.io, kubelet 1.36.
PACKAGED_UNIT = """[Unit]
Description=kubelet: The Kubernetes Node Agent
[Service]
ExecStart=/usr/bin/kubelet
Restart=always
"""
PACKAGED_DROP_IN = """# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""  # noqa: E501 - verbatim


def kubelet_host(files: dict[str, str | bytes], running: tuple[str, ...] = (), *more: str) -> Facts:
    values = {f"manifests/{path}": "yes" for path in ("/etc/kubernetes/manifests", "/etc/kubelet.d", "/srv/static", *more)}
    if running:
        values["kubelet_pid"] = "7"
        files = {**files, "/proc/7/cmdline": "".join(f"{word}\0" for word in running)}
    paths = [path_line(path) for path in files if not path.startswith("/proc")]
    return facts_of(values, files, [("paths", records(paths))])


CASES = {
    "nothing": ({}, (), None, "not set"),
    "configuration without a unit": ({CONFIG: "staticPodPath: /etc/kubelet.d\n"}, (), "/etc/kubelet.d", f"config {CONFIG}"),
    "a unit that reads no configuration": (
        {UNIT: PACKAGED_UNIT, CONFIG: "staticPodPath: /etc/kubelet.d\n"}, (), None, "not set",
    ),
    "stopped, packaged": (
        {UNIT: PACKAGED_UNIT, DROP_IN: PACKAGED_DROP_IN, CONFIG: "staticPodPath: /etc/kubelet.d\n"},
        (), "/etc/kubelet.d", f"config {CONFIG}",
    ),
    "stopped, flag in an environment file": (
        {UNIT: PACKAGED_UNIT, DROP_IN: PACKAGED_DROP_IN, CONFIG: "staticPodPath: /etc/kubelet.d\n",
         "/etc/default/kubelet": 'KUBELET_EXTRA_ARGS="--v=2 --pod-manifest-path=/srv/static"\n'},
        (), "/srv/static", "unit",
    ),
    "the later environment file wins": (
        {UNIT: PACKAGED_UNIT, DROP_IN: PACKAGED_DROP_IN + "EnvironmentFile=/etc/sysconfig/kubelet\n",
         "/etc/default/kubelet": "KUBELET_EXTRA_ARGS=--pod-manifest-path=/srv/one\n",
         "/etc/sysconfig/kubelet": "KUBELET_EXTRA_ARGS=--pod-manifest-path=/srv/static\n"},
        (), "/srv/static", "unit",
    ),
    "a drop-in in /etc hides the packaged one of its name": (
        {UNIT: PACKAGED_UNIT, DROP_IN: PACKAGED_DROP_IN,
         "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf":
             "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --pod-manifest-path /srv/static\n"},
        (), "/srv/static", "unit",
    ),
    "running: its flag, whatever the unit says by now": (
        {UNIT: PACKAGED_UNIT, DROP_IN: PACKAGED_DROP_IN, CONFIG: "staticPodPath: /etc/kubelet.d\n"},
        ("/usr/bin/kubelet", f"--config={CONFIG}", "--pod_manifest_path=/srv/static"), "/srv/static", "running process",
    ),
    "running: its configuration file": (
        {"/etc/kubelet.conf": "staticPodPath: /etc/kubelet.d\n", CONFIG: "staticPodPath: /wrong\n"},
        ("/usr/bin/kubelet", "--config", "/etc/kubelet.conf"), "/etc/kubelet.d", "config /etc/kubelet.conf",
    ),
    "an empty flag takes it away": (
        {CONFIG: "staticPodPath: /etc/kubelet.d\n"},
        ("/usr/bin/kubelet", f"--config={CONFIG}", "--pod-manifest-path="), None, "not set",
    ),
    "drop-ins win over the file, the last in lexical order over the others": (
        {CONFIG: "staticPodPath: /wrong\n", "/etc/kc/10-a.conf": "staticPodPath: /wrong\n",
         "/etc/kc/20-b.conf": "staticPodPath: /etc/kubelet.d\n", "/etc/kc/90-c.yaml": "staticPodPath: /wrong\n"},
        ("/usr/bin/kubelet", f"--config={CONFIG}", "--config-dir=/etc/kc"), "/etc/kubelet.d", "config-dir /etc/kc/20-b.conf",
    ),
    "drop-ins in directories come where the directory's name comes": (
        {"/etc/kc/10/z.conf": "staticPodPath: /wrong\n", "/etc/kc/10-a.conf": "staticPodPath: /etc/kubelet.d\n"},
        ("/usr/bin/kubelet", "--config-dir=/etc/kc"), "/etc/kubelet.d", "config-dir /etc/kc/10-a.conf",
    ),
    "a drop-in's null takes it away": (
        {CONFIG: "staticPodPath: /etc/kubelet.d\n", "/etc/kc/10-a.conf": "staticPodPath: null\n"},
        ("/usr/bin/kubelet", f"--config={CONFIG}", "--config-dir=/etc/kc"), None, "not set",
    ),
    "a relative path is relative to the file": (
        {CONFIG: "staticPodPath: manifests\n"}, (), "/var/lib/kubelet/manifests", f"config {CONFIG}",
    ),
    "JSON, slash at the end": (
        {CONFIG: '{"kind": "KubeletConfiguration", "staticPodPath": "/etc/kubelet.d/"}'},
        (), "/etc/kubelet.d", f"config {CONFIG}",
    ),
    "an empty value": ({CONFIG: 'staticPodPath: ""\n'}, (), None, "not set"),
    "a missing configuration file": ({}, ("/usr/bin/kubelet", f"--config={CONFIG}"), None, "not set"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "running", "path", "source"), CASES.values(), ids=CASES)
def test_static_pod_path(files: dict[str, str | bytes], running: tuple[str, ...], path: str | None, source: str) -> None:
    found = kubelet_host(files, running).kubelet
    assert (found.manifests.path, found.manifests.source) == (PurePosixPath(path) if path else None, source)
    assert not found.problem
    assert found.argv == running


def test_a_path_that_the_script_did_not_look_at_is_said() -> None:
    assert not kubelet_host({CONFIG: 'staticPodPath: "/etc/\\x6bubelet.d2"\n'}).kubelet.manifests.listed


def test_a_single_file_is_said() -> None:
    found = kubelet_host({CONFIG: "staticPodPath: /etc/one.yaml\n", "/etc/one.yaml": "kind: Pod\n"}, (), "/etc/one.yaml")
    assert found.kubelet.manifests.is_file


@pytest.mark.parametrize("content", ["{", "- a\n", "a: [", "", "\x00", "a: &x 1\nb: *x\n", "!!int ''\n", "[" * 5000])
def test_a_configuration_that_no_kubelet_reads_is_a_problem(content: str) -> None:
    found = kubelet_host({CONFIG: content}).kubelet
    assert CONFIG in found.problem
    assert found.manifests.path is None


def test_other_settings_follow_the_same_order() -> None:
    found = kubelet_host(
        {CONFIG: "cgroupDriver: systemd\nfailSwapOn: false\ncontainerRuntimeEndpoint: unix:///run/crio/crio.sock\n",
         "/etc/kc/1.conf": "cgroupDriver: cgroupfs\n"},
        ("/usr/bin/kubelet", f"--config={CONFIG}", "--config-dir=/etc/kc", "--fail-swap-on=true", "--kubeconfig=/etc/k.conf"),
    ).kubelet  # fmt: skip
    assert (found.cgroup_driver, found.fail_swap_on, found.runtime_endpoint) == ("cgroupfs", True, "unix:///run/crio/crio.sock")
    assert (found.config_file, found.kubeconfig) == (CONFIG, "/etc/k.conf")


def test_proxies_of_the_unit_lose_their_credentials() -> None:
    unit = '[Service]\nExecStart=/usr/bin/kubelet\nEnvironment=https_proxy=http://me:secret@proxy:3128 "NO_PROXY=10.0.0.0/8,x"\n'
    found = kubelet_host({UNIT: unit}).kubelet
    assert found.proxies == {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8,x"}
    assert "secret" not in repr(found)


def test_flags() -> None:
    argv = ("kubelet", "--config", "/c", "--pod_manifest_path=/a", "--really", "x", "--pod-manifest-path=/b", "--", "--v=9")
    assert flags(argv) == {"config": "/c", "pod-manifest-path": "/b", "really": "true"}


@pytest.mark.parametrize(
    ("command", "environment", "expected"),
    [
        ("/usr/bin/kubelet $A", "A=--x --y", ("/usr/bin/kubelet", "--x", "--y")),
        ("/usr/bin/kubelet ${A}", "A=--x --y", ("/usr/bin/kubelet", "--x --y")),
        ("/usr/bin/kubelet --a=${A}/b $NONE", "A=1", ("/usr/bin/kubelet", "--a=1/b")),
        ("/usr/bin/kubelet --a=$A $$A 100%%", "A=1", ("/usr/bin/kubelet", "--a=$A", "$A", "100%")),
        ("-/usr/bin/kubelet 'a b' \\\n --c", "", ("/usr/bin/kubelet", "a b", "--c")),
        ("@/usr/bin/kubelet kubelet --c", "", ("/usr/bin/kubelet", "--c")),
        (":/usr/bin/kubelet $A", "A=1", ("/usr/bin/kubelet", "$A")),
    ],
)
def test_command_lines_as_systemd_reads_them(command: str, environment: str, expected: tuple[str, ...]) -> None:
    unit = f"[Unit]\nExecStart=/wrong\n[Service]\nEnvironmentFile=-/e\nExecStart={command}\n"
    argv, _ = start_command([unit], lambda path: environment if str(path) == "/e" else "")
    assert argv == expected


def test_drop_ins_go_by_name_and_the_first_directory_counts() -> None:
    paths = [PurePosixPath(f"{directory}/systemd/system/kubelet.service.d/{name}.conf")
             for directory, name in (("/etc", "20"), ("/usr/lib", "10"), ("/usr/lib", "20"), ("/run", "05"), ("/opt", "99"))]
    assert [str(path) for path in drop_in_order(paths)] == [
        "/run/systemd/system/kubelet.service.d/05.conf",
        "/usr/lib/systemd/system/kubelet.service.d/10.conf",
        "/etc/systemd/system/kubelet.service.d/20.conf",
    ]

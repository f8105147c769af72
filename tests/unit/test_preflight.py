"""Preflight: each check with what it finds, and with the twin that it must let pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from bootstrap import constants as k
from bootstrap.cluster import ApiServer, Arg, Audit, Cluster, Env, Hardening, Host, HostKubelet, KubeletSpec, Networking, Role
from bootstrap.facts import (
    AccountFacts,
    CgroupFacts,
    Disk,
    EtcdDataFacts,
    Facts,
    KubeconfigFacts,
    KubeletFacts,
    Listener,
    ManifestDirectory,
    OsFacts,
    RuntimeFacts,
    ServiceFacts,
    StaticProcess,
)
from bootstrap.files import Observed
from bootstrap.preflight import Finding, Severity, as_dict, check, is_ignored
from tests.unit.pki_samples import NOW, new_authorities

NAMES = ("cp1", "cp2", "cp3")
MANIFESTS = PurePosixPath("/etc/kubernetes/manifests")
COMMANDS = (
    "losetup", "mount", "cp", "base64", "chmod", "chown", "flock", "ln", "mv", "sha256sum", "sync", "systemctl",
    "systemd-sysusers", "timeout",
)  # fmt: skip
AUTHORITIES, OTHERS = new_authorities(), new_authorities()
PEM, OTHER_PEM = AUTHORITIES.ca.certificate, OTHERS.ca.certificate


def cluster(**changes: Any) -> Cluster:
    hosts = tuple(Host(name=name, role=Role.CONTROL_PLANE, address=address(name)) for name in NAMES)
    return Cluster(**{"name": "demo", "kubernetes_version": "v1.36.3", "hosts": hosts, **changes})


def address(name: str) -> str:
    return f"192.0.2.1{name[-1]}"


def fresh(name: str) -> Facts:
    """A host as it should be before the first init."""
    paths = (*map(PurePosixPath, ("/etc/kubernetes", "/var/lib/etcd", "/var/lib/kubelet", "/var/lib/containerd", "/var/log")),)
    return Facts(
        host=name, hostname=name, os=OsFacts("debian", "12", "Debian", "6.1.0-18-amd64", "x86_64"),
        cgroup=CgroupFacts(2, ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")), cpus=2, memory_bytes=4 << 30,
        machine_id=f"id-{name}", product_uuid=f"uuid-{name}", addresses=(address(name), "fe80::1"),
        sysctls={"net.ipv4.ip_forward": "1", "net.ipv6.conf.default.forwarding": "0"},
        commands={command: f"/usr/bin/{command}" for command in COMMANDS},
        services={"kubelet.service": ServiceFacts("kubelet.service", "loaded", "activating", sub_state="auto-restart")},
        kubelet=KubeletFacts("/usr/bin/kubelet", "v1.36.3"),
        runtime=RuntimeFacts("containerd", "2.4.2", "/run/containerd/containerd.sock", True, "systemd"),
        disks=tuple(Disk(path, 50 << 30, 1 << 20, "/") for path in paths),
        listeners=(Listener("0.0.0.0", 22, 1, "sshd"),),
    )  # fmt: skip


def manifest(component: str, *flags: str, namespace: str = "kube-system") -> bytes:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": component, "namespace": namespace},
           "spec": {"containers": [{"name": component, "command": [component, *flags]}]}}  # fmt: skip
    return json.dumps(pod).encode()


def file(path: PurePosixPath, content: bytes, kind: str = "file") -> Observed:
    return Observed(path, kind, 0o600, "root", "root", len(content), f"sha-{content!r}", content=content)


def owning(facts: Facts, *files: Observed) -> Facts:
    return replace(facts, owned={**facts.owned, **{one.path: one for one in files}})


def finished(name: str) -> Facts:
    """A host of a cluster that is up."""
    facts = fresh(name)
    uid = "a" * 32
    ports = ((6443, "kube-apiserver"), (2379, "etcd"), (2380, "etcd"), (2381, "etcd"), (10257, "kube-controller"),
             (10259, "kube-scheduler"))  # fmt: skip
    return owning(
        replace(
            facts,
            kubelet=replace(facts.kubelet, argv=("/usr/bin/kubelet",), manifests=ManifestDirectory(MANIFESTS, "config")),
            services={"kubelet.service": ServiceFacts("kubelet.service", "loaded", "active", "enabled", sub_state="running")},
            listeners=(
                *(Listener("::", port, 9, owner, True) for port, owner in ports),
                *(Listener("::", port, 8, "kubelet") for port in (10248, 10250)),
            ),
            kubeconfigs={k.KUBERNETES_DIR / "kubelet.conf": KubeconfigFacts(
                k.KUBERNETES_DIR / "kubelet.conf", f"https://{address(name)}:6443", PEM)},
            etcd=EtcdDataFacts(
                PurePosixPath("/var/lib/etcd"), exists=True, has_member=True, mode=0o700, owner="etcd", uid=990, gid=990),
            accounts=AccountFacts(990, 990, (0, 990)),
            processes=tuple(StaticProcess(component, 9, (component,), 1.0, "d", uid) for component in k.COMPONENTS),
        ),
        *(file(MANIFESTS / f"{name}.yaml", manifest(name, "--initial-cluster-token=t")) for name in k.COMPONENTS),
        *shared_pki(),
    )  # fmt: skip


def shared_pki() -> list[Observed]:
    """The public part of what every master has alike; of the service account's private key only that it is there."""
    found = [file(authority.entry.path, authority.certificate) for authority in AUTHORITIES.all]
    found.append(file(k.PKI_DIR / "sa.pub", AUTHORITIES.service_account.public))
    return [*found, replace(file(k.PKI_DIR / "sa.key", b"secret"), content=None)]


def findings(
    changed: Facts | None = None, base: Mapping[str, Facts] | None = None, **changes: Any
) -> list[tuple[str, str, str | None]]:
    """(name, severity, host) of what is found when one host's facts, or the inventory, are changed."""
    facts = dict(base or {name: fresh(name) for name in NAMES})
    if changed is not None:
        facts[changed.host] = changed
    return [(found.name, str(found.severity), found.host) for found in check(cluster(**changes), facts, NOW)]


def test_fresh_hosts_are_fine() -> None:
    assert findings() == []


def test_a_finished_cluster_is_fine() -> None:
    assert findings(base={name: finished(name) for name in NAMES}) == []


def test_a_run_that_was_cut_is_fine() -> None:
    """One host is up, another has its files but no pods yet, the third has nothing."""
    begun = replace(finished("cp2"), listeners=(), processes=(), etcd=EtcdDataFacts(PurePosixPath("/var/lib/etcd"), exists=True))
    assert findings(base={"cp1": finished("cp1"), "cp2": begun, "cp3": fresh("cp3")}) == []


def kubelet_(**changes: Any) -> Facts:
    facts = fresh("cp1")
    return replace(facts, kubelet=replace(facts.kubelet, **changes))


def runtime_(**changes: Any) -> Facts:
    facts = fresh("cp1")
    return replace(facts, runtime=replace(facts.runtime, **changes))


def service(name: str = "kubelet.service", **changes: Any) -> Facts:
    facts = fresh("cp1")
    return replace(facts, services={**facts.services, name: replace(ServiceFacts(name, "loaded", "active"), **changes)})


def listening(*listeners: Listener) -> Facts:
    return replace(fresh("cp1"), listeners=listeners)


def space(path: str, free: int, inodes: int = 1 << 20) -> Facts:
    return replace(fresh("cp1"), disks=(Disk(PurePosixPath(path), free, inodes, "/"),))


def kubeconfig(server: str, ca: bytes = b"", *files: Observed) -> Facts:
    path = k.KUBERNETES_DIR / "kubelet.conf"
    return owning(replace(fresh("cp1"), kubeconfigs={path: KubeconfigFacts(path, server, ca)}), *files)


def with_manifest(name: str, content: bytes, kind: str = "file") -> Facts:
    facts = kubelet_(manifests=ManifestDirectory(MANIFESTS, "config"))
    return owning(facts, file(MANIFESTS / name, content, kind))


def with_drop_in(name: str, content: bytes) -> Facts:
    return owning(fresh("cp1"), file(k.KUBELET_DROP_IN.parent / name, content))


def with_data(facts: Facts) -> Facts:
    return replace(facts, etcd=EtcdDataFacts(PurePosixPath("/var/lib/etcd"), exists=True, has_member=True, uid=997, gid=997))


V1 = CgroupFacts(1, ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids", "hugetlb", "blkio"))
CGROUP_OK = KubeletSpec(config={"failCgroupV1": False})
SWAP_OK = KubeletSpec(config={"failSwapOn": False})
CGROUPFS = KubeletSpec(config={"cgroupDriver": "cgroupfs"})
CA = k.PKI_DIR / "ca.crt"
ERROR, WARNING = "error", "warning"

# name: (facts of cp1, changes of the inventory, what is found: names with severity)
CASES: dict[str, tuple[Facts, dict[str, Any], list[tuple[str, str]]]] = {
    "not root": (replace(fresh("cp1"), privileged=False), {}, [("IsPrivilegedUser", ERROR)]),
    "one CPU": (replace(fresh("cp1"), cpus=1), {}, [("NumCPU", ERROR)]),
    "little memory": (replace(fresh("cp1"), memory_bytes=1699 << 20), {}, [("Mem", ERROR)]),
    "just enough memory": (replace(fresh("cp1"), memory_bytes=1700 << 20), {}, []),
    "another name": (replace(fresh("cp1"), hostname="node1"), {}, [("Hostname", ERROR)]),
    "its name in upper case": (replace(fresh("cp1"), hostname="CP1"), {}, []),
    "a full name": (replace(fresh("cp1"), hostname="cp1.example.com"), {}, [("Hostname", ERROR)]),
    "another name, overridden": (
        replace(fresh("cp1"), hostname="node1"),
        {"hosts": (Host(name="cp1", role=Role.CONTROL_PLANE, address="192.0.2.11",
                        kubelet=HostKubelet(extra_args=(Arg(name="hostname-override", value="cp1"),))),)}, [],
    ),
    "not its address": (replace(fresh("cp1"), addresses=("10.0.2.15",)), {}, [("Address", ERROR)]),
    "its IPv6 address, written otherwise": (
        replace(fresh("cp1"), addresses=("fd00::11",), sysctls={"net.ipv6.conf.default.forwarding": "1"}),
        {"hosts": (Host(name="cp1", role=Role.CONTROL_PLANE, address="fd00:0:0::11"),),
         "networking": Networking(pod_subnet="fd01::/48", service_subnet="fd02::/112")}, [],
    ),
    "no forwarding": (
        replace(fresh("cp1"), sysctls={"net.ipv4.ip_forward": "0"}), {}, [("FileContent--proc-sys-net-ipv4-ip_forward", ERROR)],
    ),
    "no IPv6 forwarding, dual-stack": (
        fresh("cp1"), {"networking": Networking(pod_subnet="10.244.0.0/16,fd01::/48", service_subnet="10.96.0.0/16,fd02::/112")},
        [("FileContent--proc-sys-net-ipv6-conf-default-forwarding", ERROR)] * 3,
    ),
    "swap": (replace(fresh("cp1"), swap=("/dev/sda2",)), {}, [("Swap", ERROR)]),
    "swap, allowed": (replace(fresh("cp1"), swap=("/dev/sda2",)), {"kubelet": SWAP_OK}, []),
    "swap, allowed, cgroup v1": (
        replace(fresh("cp1"), swap=("/dev/sda2",), cgroup=V1),
        {"kubelet": KubeletSpec(config={"failSwapOn": False, "failCgroupV1": False})},
        [("SystemVerification", WARNING), ("Swap", WARNING)],
    ),
    "an old kernel": (replace(fresh("cp1"), os=OsFacts(kernel="4.18.0-553.el8")), {}, [("SystemVerification", WARNING)]),
    "a kernel between the long-term ones": (
        replace(fresh("cp1"), os=OsFacts(kernel="5.14.0")), {},
        [("SystemVerification", WARNING)],
    ),
    "an older long-term kernel": (replace(fresh("cp1"), os=OsFacts(kernel="5.15.0-91-generic")), {}, []),
    "a kernel to come": (replace(fresh("cp1"), os=OsFacts(kernel="10.2.1")), {}, []),
    "cgroup v1": (replace(fresh("cp1"), cgroup=V1), {}, [("SystemVerification", ERROR)]),
    "cgroup v1, allowed": (replace(fresh("cp1"), cgroup=V1), {"kubelet": CGROUP_OK}, [("SystemVerification", WARNING)]),
    "cgroup v1, an older kubelet": (
        replace(kubelet_(version="v1.34.2"), cgroup=V1), {}, [("SystemVerification", WARNING)],
    ),
    "no cgroups": (replace(fresh("cp1"), cgroup=CgroupFacts(0, ())), {}, [("SystemVerification", ERROR)]),
    "a controller is missing": (
        replace(fresh("cp1"), cgroup=CgroupFacts(2, ("cpu", "cpuset", "pids", "io", "hugetlb"))), {},
        [("SystemVerification", ERROR)],
    ),
    "an optional controller is missing": (
        replace(fresh("cp1"), cgroup=CgroupFacts(2, ("cpu", "cpuset", "memory", "pids", "io"))), {},
        [("SystemVerification", WARNING)],
    ),
    "a command is missing": (
        replace(fresh("cp1"), commands={name: "/x" for name in COMMANDS if name != "losetup"}), {},
        [("FileExisting-losetup", ERROR)],
    ),
    "firewalld": (service("firewalld.service"), {}, [("Firewalld", WARNING)]),
    "firewalld, stopped": (service("firewalld.service", active_state="inactive"), {}, []),
    "etcd's disk is full": (space("/var/lib/etcd", 1 << 20), {}, [("DiskSpace", ERROR)]),
    "etcd's disk is small": (space("/var/lib/etcd", 1 << 30), {}, [("DiskSpace", WARNING)]),
    "no room for the audit log": (space("/var/log/kubernetes/audit", 1 << 30), {}, [("DiskSpace", WARNING)]),
    "room for the audit log": (space("/var/log/kubernetes/audit", 1100 << 20), {}, []),
    "no audit log": (
        space("/var/log/kubernetes/audit", 1 << 20), {"hardening": Hardening(audit=Audit(enabled=False))}, [],
    ),
    "an audit log that has taken its room already": (
        owning(space("/var/log/kubernetes/audit", 1 << 20), Observed(k.AUDIT_LOG_DIR, "directory", 0o700, "root", "root")),
        {}, [],
    ),
    "no inodes": (space("/etc/kubernetes", 1 << 40, 3), {}, [("DiskSpace", ERROR)]),
    "few inodes": (space("/etc/kubernetes", 1 << 40, 300), {}, [("DiskSpace", WARNING)]),
    "the API server's port": (listening(Listener("0.0.0.0", 6443, 77, "nginx")), {}, [("Port-6443", ERROR)]),
    "the API server's port, moved": (
        listening(Listener("0.0.0.0", 6443, 77, "nginx")), {"api_server": ApiServer(bind_port=8443)}, [],
    ),
    "the API server's port, taken by another pod": (
        listening(Listener("::", 6443, 77, "haproxy", True)), {},
        [("Port-6443", ERROR)],
    ),
    "etcd of a service": (listening(Listener("::", 2379, 77, "etcd")), {}, [("Port-2379", ERROR)]),
    "a port of nobody that is known": (listening(Listener("::", 10259)), {}, [("Port-10259", ERROR)]),
    "the kubelet's port": (listening(Listener("::", 10250, 77, "node")), {}, [("Port-10250", ERROR)]),
    "no runtime": (runtime_(socket="", name="", socket_exists=False), {}, [("CRI", ERROR)]),
    "a runtime that is stopped": (runtime_(socket_exists=False), {}, [("CRI", ERROR)]),
    "drivers differ, an old runtime": (
        runtime_(version="1.7.24", cgroup_driver="cgroupfs"), {}, [("ContainerRuntimeVersion", ERROR), ("CgroupDriver", WARNING)],
    ),
    "drivers agree, an old runtime": (runtime_(version="1.6.20~ds1"), {}, [("ContainerRuntimeVersion", WARNING)]),
    "drivers agree by the inventory, an old runtime": (
        runtime_(version="1.7.24-0ubuntu1", cgroup_driver="cgroupfs"), {"kubelet": CGROUPFS},
        [("ContainerRuntimeVersion", WARNING), ("CgroupDriver", WARNING)],
    ),
    "drivers differ, a runtime that tells its own": (runtime_(cgroup_driver="cgroupfs"), {}, [("CgroupDriver", WARNING)]),
    "CRI-O": (runtime_(name="cri-o", version="1.34.1", socket="/run/crio/crio.sock"), {}, []),
    "no kubelet": (kubelet_(binary=None, version=""), {}, [("FileExisting-kubelet", ERROR)]),
    "a kubelet without a version": (kubelet_(version=""), {}, [("KubeletVersion", ERROR)]),
    "a newer kubelet": (kubelet_(version="v1.37.0"), {}, [("KubeletVersion", ERROR)]),
    "a newer patch": (kubelet_(version="v1.36.9"), {}, []),
    "three minors older": (kubelet_(version="v1.33.0"), {}, []),
    "four minors older": (kubelet_(version="v1.32.0"), {}, [("KubeletVersion", ERROR)]),
    "no service": (service(load_state="not-found"), {}, [("Service-Kubelet", ERROR)]),
    "a masked service": (service(load_state="masked"), {}, [("Service-Kubelet", ERROR)]),
    "no systemd": (replace(fresh("cp1"), systemd=False), {}, [("Service-Kubelet", ERROR)]),
    "a kubelet that starts": (service(active_state="activating", sub_state="start"), {}, [("KubeletActivating", WARNING)]),
    "a later drop-in": (with_drop_in("20-x.conf", b"[Service]\nExecStart=\nExecStart=/x\n"), {}, [("KubeletDropIns", ERROR)]),
    "a later drop-in, harmless": (with_drop_in("20-x.conf", b"[Service]\nCPUAccounting=true\n"), {}, []),
    "an earlier drop-in": (with_drop_in("05-x.conf", b"[Service]\nExecStart=/x\n"), {}, []),
    "an unreadable configuration": (kubelet_(problem="/x is not YAML"), {}, [("KubeletConfiguration", ERROR)]),
    "a single file": (
        kubelet_(manifests=ManifestDirectory(PurePosixPath("/etc/one.yaml"), "config", is_file=True)), {},
        [("StaticPodPath", ERROR)],
    ),
    "a path the script could not read": (
        kubelet_(manifests=ManifestDirectory(PurePosixPath("/etc/x"), "config", listed=False)), {}, [("StaticPodPath", ERROR)],
    ),
    "another directory": (kubelet_(manifests=ManifestDirectory(PurePosixPath("/etc/kubelet.d"), "config")), {}, []),
    "another cluster's server": (
        kubeconfig("https://203.0.113.9:6443", PEM), {}, [("FileAvailable--etc-kubernetes-kubelet.conf", ERROR)],
    ),
    "another cluster's CA": (
        kubeconfig("https://192.0.2.12:6443", OTHER_PEM, file(CA, PEM)), {},
        [("FileAvailable--etc-kubernetes-kubelet.conf", ERROR)],
    ),
    "our own server": (kubeconfig("https://192.0.2.12:6443", PEM, file(CA, PEM)), {}, []),
    "our own endpoint": (kubeconfig("https://lb.example:6443", PEM), {"control_plane_endpoint": "lb.example"}, []),
    "our own endpoint, 443": (kubeconfig("https://lb.example", PEM), {"control_plane_endpoint": "lb.example:443"}, []),
    "a proxy before the kubelet": (
        kubelet_(proxies={"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "x"}), {},
        [("HTTPProxy", WARNING)],
    ),
    "a proxy with an exception": (kubelet_(proxies={"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "x, 192.0.2.0/24"}), {}, []),
    "a proxy before the API server": (
        fresh("cp1"), {"api_server": ApiServer(extra_envs=(Env(name="https_proxy", value="http://p"),))},
        [("HTTPProxyCIDR", WARNING)] * 2,
    ),
    "a manifest that is ours": (with_manifest("etcd.yaml", manifest("etcd")), {}, []),
    "a manifest that is cut": (
        with_manifest("etcd.yaml", b"apiVersion: v1\nki"), {}, [("FileAvailable--etc-kubernetes-manifests-etcd.yaml", ERROR)],
    ),
    "another pod under our name": (
        with_manifest("etcd.yaml", manifest("mine")), {}, [("FileAvailable--etc-kubernetes-manifests-etcd.yaml", ERROR)],
    ),
    "a copy of a manifest": (
        with_manifest("kube-apiserver.yaml.bak", manifest("kube-apiserver")), {},
        [("ManifestDirectory", ERROR)],
    ),
    "a pod of somebody else": (
        with_manifest("web.yaml", manifest("web", namespace="default")), {},
        [("ManifestDirectory", WARNING)],
    ),
    "notes": (with_manifest("README", b"keep out"), {}, [("ManifestDirectory", WARNING)]),
    "a temporary file": (with_manifest(".etcd.yaml.tmp", b"apiV"), {}, []),
    "a directory": (with_manifest("old", b"", "directory"), {}, []),
    "a machine ID is missing": (replace(fresh("cp1"), machine_id=""), {}, [("MachineID", ERROR)]),
    "c8: a clone": (replace(fresh("cp1"), machine_id="id-cp2"), {}, [("MachineID", ERROR)]),
    "equal product UUIDs": (replace(fresh("cp1"), product_uuid="uuid-cp2"), {}, [("ProductUUID", WARNING)]),
    "no product UUID": (replace(fresh("cp1"), product_uuid=""), {}, []),
    "clocks apart": (replace(fresh("cp1"), clock_skew_s=2.1), {}, [("ClockSkew", WARNING), ("ClockSkew", ERROR)]),
    "clocks almost together": (replace(fresh("cp1"), clock_skew_s=1.9), {}, []),
    "clocks apart by less than can be told": (replace(fresh("cp1"), clock_skew_s=2.9, clock_error_s=1.0), {}, []),
    "clocks far apart": (replace(fresh("cp1"), clock_skew_s=600), {}, [("ClockSkew", ERROR), ("ClockSkew", ERROR)]),
    "etcd data of another life": (
        with_data(fresh("cp1")), {}, [("DirAvailable--var-lib-etcd", ERROR), ("CertificateAuthorities", ERROR)],
    ),
    "one host has a CA": (owning(fresh("cp1"), file(CA, PEM)), {}, []),
    "a CA that cannot be read": (owning(fresh("cp1"), file(CA, b"x")), {}, [("CertificateAuthorities", ERROR)]),
    "a read-only file system": (
        replace(fresh("cp1"), disks=(Disk(PurePosixPath("/etc/kubernetes"), 50 << 30, 1 << 20, "/", read_only=True),)), {},
        [("DirWritable--etc-kubernetes", ERROR)],
    ),
    "the same name twice": (
        replace(fresh("cp1"), hostname="cp2"), {}, [("Hostname", ERROR), ("Hostname", WARNING)],
    ),
    "an unknown minor": (
        fresh("cp1"), {"kubernetes_version": "v1.30.0"},
        [("KubernetesVersion", ERROR)] + [("KubeletVersion", ERROR)] * 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "changes", "expected"), CASES.values(), ids=CASES)
def test_one_host(facts: Facts, changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    base = {"cp1": facts} if len(changes.get("hosts", NAMES)) == 1 else None
    assert [(name, severity) for name, severity, _ in findings(facts, base, **changes)] == expected


def test_workers_need_less() -> None:
    hosts = (Host(name="cp1", role=Role.WORKER, address="192.0.2.11"),)
    small = replace(fresh("cp1"), cpus=1, memory_bytes=1 << 30, listeners=(Listener("::", 6443, 5, "haproxy", True),))
    assert findings(base={"cp1": small}, hosts=hosts) == []


@pytest.mark.parametrize(("skew", "severity"), [(-600.0, "error"), (600.0, "error"), (30.0, "warning"), (-3.0, "warning")])
def test_every_clock_away_from_the_operators(skew: float, severity: str) -> None:
    base = {name: replace(fresh(name), clock_skew_s=skew) for name in NAMES}
    assert findings(base=base) == [("ClockSkew", severity, name) for name in NAMES]


def test_hosts_with_different_authorities() -> None:
    base = {**{name: finished(name) for name in NAMES}}
    base["cp2"] = owning(base["cp2"], file(k.ETCD_PKI_DIR / "ca.crt", OTHERS.etcd_ca.certificate))
    assert findings(base=base) == [("CertificateAuthorities", "error", None)]


def test_white_space_makes_no_other_authority() -> None:
    base = {**{name: finished(name) for name in NAMES}}
    base["cp2"] = owning(base["cp2"], file(k.ETCD_PKI_DIR / "ca.crt", AUTHORITIES.etcd_ca.certificate + b"\n"))
    assert findings(base=base) == []


def test_two_etcd_clusters() -> None:
    base = {**{name: finished(name) for name in NAMES}}
    base["cp3"] = owning(base["cp3"], file(MANIFESTS / "etcd.yaml", manifest("etcd", "--initial-cluster-token=other")))
    assert findings(base=base) == [("EtcdData", "error", None)]


def test_a_manifest_that_is_cut_is_no_other_cluster() -> None:
    base = {**{name: finished(name) for name in NAMES}}
    base["cp3"] = owning(base["cp3"], file(MANIFESTS / "etcd.yaml", b"apiVersion: v1\nki"))
    assert findings(base=base) == [("FileAvailable--etc-kubernetes-manifests-etcd.yaml", "error", "cp3")]


def test_data_without_a_manifest_while_the_others_are_up() -> None:
    base: dict[str, Facts] = {"cp1": finished("cp1"), "cp2": finished("cp2"), "cp3": with_data(fresh("cp3"))}
    assert findings(base=base) == [("DirAvailable--var-lib-etcd", "error", "cp3")]


def test_hosts_that_were_not_looked_at_are_left_out() -> None:
    assert findings(base={"cp2": fresh("cp2")}) == []


def test_everything_is_found_at_once() -> None:
    bad = replace(fresh("cp1"), cpus=1, hostname="x", swap=("/dev/a",), addresses=())
    names = [name for name, _, _ in findings(bad)]
    assert names == ["NumCPU", "Hostname", "Address", "Swap"]


@pytest.mark.parametrize(
    ("ignored", "expected"), [((), False), (("swap",), True), (("NumCPU,SWAP",), True), (("ALL",), True), (("Swa",), False)]
)
def test_ignored(ignored: tuple[str, ...], expected: bool) -> None:
    (found,) = check(cluster(), facts={"cp1": replace(fresh("cp1"), swap=("/dev/a",))}, now=NOW)
    assert is_ignored(found, ignored) is expected


# kubeadm's name: a case of CASES that it lets pass. Source: kubeadm app/preflight/checks.go and checks_linux.go (v1.36.3).
KUBEADMS = {
    "CRI": "no runtime", "ContainerRuntimeVersion": "drivers differ, an old runtime", "Service-kubelet": "no service",
    "Firewalld": "firewalld", "Port-10250": "the kubelet's port", "Port-6443": "the API server's port",
    "Port-2379": "etcd of a service", "Port-10259": "a port of nobody that is known", "IsPrivilegedUser": "not root",
    "DirAvailable--var-lib-etcd": "etcd data of another life",
    "FileAvailable--etc-kubernetes-manifests-etcd.yaml": "a manifest that is cut",
    "FileAvailable--etc-kubernetes-kubelet.conf": "another cluster's server", "FileExisting-losetup": "a command is missing",
    "FileContent--proc-sys-net-ipv4-ip_forward": "no forwarding", "Hostname": "another name",
    "HTTPProxy": "a proxy before the kubelet", "HTTPProxyCIDR": "a proxy before the API server",
    "SystemVerification": "no cgroups", "KubernetesVersion": "an unknown minor", "KubeletVersion": "a newer kubelet",
    "Swap": "swap", "NumCPU": "one CPU", "Mem": "little memory",
}  # fmt: skip


@pytest.mark.parametrize(("name", "case"), KUBEADMS.items(), ids=KUBEADMS)
def test_kubeadms_names_are_taken(name: str, case: str) -> None:
    """But for ImagePull, which is Images here, and ExternalEtcd*, which there is not."""
    facts, changes, _ = CASES[case]
    found = check(cluster(**changes), {"cp1": facts}, NOW)
    assert any(is_ignored(one, (name,)) for one in found)
    assert not any(is_ignored(one, ("ImagePull",)) for one in found)


def test_kubeadms_name_of_a_finding_that_has_another_here() -> None:
    found = Finding("Images", "cp1", Severity.ERROR, "it lacks some")
    assert all(is_ignored(found, (name,)) for name in ("ImagePull", "swap,imagepull", "Images"))
    assert not is_ignored(found, ("Image",))


def test_as_dict() -> None:
    (found,) = check(cluster(), facts={"cp1": replace(fresh("cp1"), cpus=1)}, now=NOW)
    assert json.loads(json.dumps(as_dict(found))) == {
        "name": "NumCPU", "host": "cp1", "severity": "error", "message": "1 CPU; a control plane needs 2", "hint": "",
    }  # fmt: skip


def test_commands_in_hints_quote_what_a_host_named() -> None:
    facts = with_drop_in("20-x;reboot.conf", b"[Service]\nExecStart=/x\n")
    (found,) = check(cluster(), facts={"cp1": facts}, now=NOW)
    assert "'" in found.hint.partition("rm ")[2]

"""What the parsers make of a host's files: processes, ports, disks, paths, runtimes."""

from __future__ import annotations

import base64
import json
from pathlib import PurePosixPath

import pytest

from bootstrap.facts import AccountFacts, Facts, Listener, as_dict, is_live
from bootstrap.facts.live import has_manifest, manifest_directory, manifests, pod_log, process
from tests.unit.facts_support import MARK, facts_of, path_line, records

UID = "2cc5a0bcc2e8d6e1e133f1126be865ec"
CGROUPFS = f"9:name=systemd:/kubepods/burstable/pod{UID}/e6113e53\n0::/kubepods/burstable/pod{UID}/e6113e53\n"
SYSTEMD = f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID}.slice/cri-containerd-e6113e53.scope\n"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"
CP_PATH = PurePosixPath("/etc/kubernetes/pki/ca.crt")


def process_files(pid: int, argv: str, cgroup: str, ticks: int = 5000, comm: str | None = None) -> dict[str, str]:
    fields = " ".join(["S", *["0"] * 18, str(ticks), "0"])
    return {
        f"/proc/{pid}/comm": f"{comm or argv.split()[0][:15]}\n", f"/proc/{pid}/stat": f"{pid} (we ird) {fields}\n",
        f"/proc/{pid}/cmdline": "".join(f"{word}\0" for word in argv.split()), f"/proc/{pid}/cgroup": cgroup,
    }  # fmt: skip


def live_host() -> Facts:
    """One with etcd in a pod, and a foreign process on the scheduler's port."""
    files: dict[str, str | bytes] = {
        **process_files(11, "etcd --name=cp1", CGROUPFS), **process_files(12, "python3 -m http", "0::/user.slice\n"),
        "/etc/kubernetes/manifests/etcd.yaml": "kind: Pod\n",
    }
    listeners = (
        "listen 0100007F:094B 501\nlisten 0B00210A:094B 502\nlisten 00000000000000000000000000000000:1813 503\n"
        "listen 0000000000000000FFFF00000100007F:0016 504\nowner 501 11\nowner 502 11\nowner 503 12\n"
    )
    log = f"/var/log/pods/kube-system_etcd-cp1_{UID}/etcd"
    return facts_of(
        {"process/11": "yes", "manifests//etc/kubernetes/manifests": "yes"},
        files,
        [
            ("listeners", listeners), ("digests", "next\nBOOTSTRAP_DIGEST=abc123\n"),
            ("paths", records([path_line("/etc/kubernetes/manifests/etcd.yaml", size=10),
                               path_line("/var/lib/etcd", "41c0", "etcd")])),
            ("logs", records([f"1795477001 {log}/2.log", f"1795477002 {log}/10.log", f"1795477003 {log}/9.log",
                              "1795477009 /var/log/pods/../x/1.log"])),
        ],
    )  # fmt: skip


@pytest.mark.parametrize("cgroup", [CGROUPFS, SYSTEMD, f"3:cpuset:/lxc.payload/kubepods/pod{UID}/x\n"])
def test_a_process_and_its_pod(cgroup: str) -> None:
    found = facts_of({"process/11": "yes"}, process_files(11, "etcd --name=cp1", cgroup), [("digests", "next\n")])
    (etcd,) = found.processes
    assert (etcd.component, etcd.pid, etcd.argv, etcd.pod_uid, etcd.digest) == ("etcd", 11, ("etcd", "--name=cp1"), UID, "")
    assert etcd.start_time == pytest.approx(1795476238.5 + 50)


def test_a_pod_uid_with_dashes() -> None:
    cgroup = "0::/kubepods.slice/kubepods-pod1f2e3d4c_0000_4111_8222_333344445555.slice/cri-containerd-1.scope\n"
    found = facts_of({"process/11": "yes"}, process_files(11, "etcd", cgroup))
    assert found.processes[0].pod_uid == "1f2e3d4c-0000-4111-8222-333344445555"


def test_a_process_that_only_calls_itself_so_is_none() -> None:
    assert facts_of({"process/11": "yes"}, process_files(11, "/usr/bin/python3 x", "0::/\n", comm="etcd")).processes == ()


def test_a_pod_of_a_node_in_a_container_is_not_of_this_host() -> None:
    own = {**process_files(11, "etcd", CGROUPFS), "/proc/11/status": "Name:\tetcd\nNSpid:\t11\t1\nNSsid:\t1\n"}
    nested = {**process_files(12, "etcd", CGROUPFS), "/proc/12/status": "Name:\tetcd\nNSpid:\t12\t90\t1\nNSsid:\t1\n"}
    found = facts_of({"process/11": "yes", "process/12": "yes"}, {**own, **nested})
    assert [one.pid for one in found.processes] == [11]


def test_digests_go_with_their_process() -> None:
    files = {**process_files(11, "etcd", CGROUPFS), **process_files(12, "kube-scheduler", CGROUPFS)}
    found = facts_of({"process/11": "yes", "process/12": "yes"}, files, [("digests", "next\nnext\nBOOTSTRAP_DIGEST=d12\n")])
    assert [(one.component, one.digest) for one in found.processes] == [("etcd", ""), ("kube-scheduler", "d12")]


def test_listeners_and_owners() -> None:
    assert live_host().listeners == (
        Listener("127.0.0.1", 22),
        Listener("10.33.0.11", 2379, 11, "etcd", True),
        Listener("127.0.0.1", 2379, 11, "etcd", True),
        Listener("::", 6163, 12, "python3", False),
    )


def test_a_long_name_is_completed() -> None:
    files = process_files(11, "/usr/local/bin/kube-controller-manager --x", CGROUPFS, comm="kube-controller")
    found = facts_of({}, files, [("listeners", "listen 0100007F:2811 5\nowner 5 11\n")])
    assert found.listeners[0].process == "kube-controller-manager"


def test_big_endian_hosts() -> None:
    found = facts_of({"machine": "s390x"}, {}, [("listeners", "listen 7F000001:2811 5\n")])
    assert found.listeners[0].address == "127.0.0.1"


def test_helpers_for_planners() -> None:
    facts = live_host()
    assert is_live(facts)
    assert not is_live(facts_of())
    assert manifest_directory(facts) == PurePosixPath("/etc/kubernetes/manifests")
    assert has_manifest(facts, "etcd")
    assert manifests(facts) == {}  # nothing is set: this kubelet reads none
    etcd = process(facts, "etcd")
    assert etcd is not None
    assert etcd.digest == "abc123"
    log = pod_log(facts, "etcd", UID)
    assert log is not None
    assert (log.restarts, log.path.name, log.modified) == (10, "10.log", 1795477002.0)
    assert (facts.etcd.exists, facts.etcd.has_member, facts.etcd.owner, facts.etcd.mode) == (True, False, "etcd", 0o700)


def test_exact_boot_time_needs_an_uptime_that_agrees() -> None:
    files = process_files(11, "etcd", CGROUPFS)
    of_container = facts_of({"process/11": "yes", "uptime": "3.00 1.00"}, files)
    assert of_container.processes[0].start_time == 1795476238 + 50


def test_what_a_path_is() -> None:
    paths = [
        path_line("/etc/kubernetes", "41ed"), path_line(str(CP_PATH), size=7),
        path_line("/etc/kubernetes/pki/ca.key", "8180", size=3),
        path_line("/var/lib/kubelet/pki/kubelet-client-current.pem", "a1ff"), path_line("/etc/kubernetes/pipe", "11a4"),
        path_line("/etc/kubernetes/x y\\n", "8180", "UNKNOWN"),
    ]  # fmt: skip
    digest = "ab" * 32
    found = facts_of(
        {}, {str(CP_PATH): PEM},
        [
            ("paths", records(paths)),
            ("sums", f"{digest}  /etc/kubernetes/pki/ca.key\n\\{digest}  /etc/kubernetes/x y\\\\n\ngarbage\n"),
            ("link", b"/var/lib/kubelet/pki/kubelet-client-current.pem\0kubelet-client-2026.pem\n"),
            ("pem", f"/var/lib/kubelet/pki/kubelet-client-current.pem\0{PEM}{KEY}"),
        ],
    ).owned  # fmt: skip
    certificate, key = found[CP_PATH], found[PurePosixPath("/etc/kubernetes/pki/ca.key")]
    assert (certificate.content, certificate.size) == (PEM.encode(), len(PEM))
    assert (certificate.mode, certificate.mtime) == (0o644, 1795477000.25)
    assert certificate.sha256 != digest  # of what was read, not of what it was a moment before
    assert (key.kind, key.mode, key.sha256, key.content) == ("file", 0o600, digest, None)
    link = found[PurePosixPath("/var/lib/kubelet/pki/kubelet-client-current.pem")]
    assert (link.kind, link.target, link.content) == ("link", "kubelet-client-2026.pem", PEM.encode())
    assert found[PurePosixPath("/etc/kubernetes")].kind == "directory"
    assert found[PurePosixPath("/etc/kubernetes/pipe")].kind == "other"
    odd = found[PurePosixPath("/etc/kubernetes/x y\\n")]
    assert (odd.owner, odd.sha256) == ("0", digest)


def test_a_key_under_a_public_name_goes_no_further() -> None:
    found = facts_of({}, {str(CP_PATH): PEM + KEY}, [("paths", records([path_line(str(CP_PATH), size=9)]))])
    assert found.owned[CP_PATH].content is None


def test_a_file_that_could_not_be_read_has_no_content() -> None:
    found = facts_of({}, {str(CP_PATH): ""}, [("paths", records([path_line(str(CP_PATH), size=9)]))])
    assert found.owned[CP_PATH].content is None


def test_public_parts_of_a_kubeconfig() -> None:
    data = base64.b64encode(PEM.encode()).decode()
    lines = (
        f"    certificate-authority-data: {data}\n    server: https://192.0.2.11:6443\n"
        f'    client-certificate-data: "{data}"\n    server: https://second:6443\n    client-certificate: /x.pem\n'
    )
    found = facts_of(segments=[("kubeconfig", f"/etc/kubernetes/kubelet.conf\0{lines}"), ("kubeconfig", b"/etc/empty.conf\0")])
    one = found.kubeconfigs[PurePosixPath("/etc/kubernetes/kubelet.conf")]
    assert one.server == "https://192.0.2.11:6443"
    assert one.certificate_authority == one.client_certificate == PEM.encode()
    assert one.client_certificate_file == "/x.pem"
    assert found.kubeconfigs[PurePosixPath("/etc/empty.conf")].server == ""


def test_file_systems_that_are_mounted_read_only() -> None:
    mountinfo = (
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
        "30 21 8:2 / /var/lib rw,relatime - ext4 /dev/sdb1 ro\n"
        "31 21 8:1 /etc /etc\\040x ro,relatime - ext4 /dev/sda1 rw\n"
        "32 21 8:3 / /var/log ro - ext4 /dev/sdc1 ro\n33 32 8:3 / /var/log rw - ext4 /dev/sdd1 rw\nshort\n"
    )
    names = {"/a": "/", "/var/lib/etcd": "/var/lib", "/etc/x": "/etc x", "/var/log": "/var/log"}
    segments = [
        ("disks", "".join(f"{name}\0/\0" for name in names)),
        ("mounts", "head\n" + "".join(f"/dev/x 1 1 1 1% {mount}\n" for mount in names.values())),
    ]
    found = facts_of(files={"/proc/self/mountinfo": mountinfo}, segments=segments)
    assert {str(disk.path): disk.read_only for disk in found.disks} == {
        "/a": False, "/var/lib/etcd": True, "/etc/x": True, "/var/log": False,
    }  # fmt: skip


def test_disks() -> None:
    filesystems = [
        "1000 4096 100 50 ef53 /etc/kubernetes", "7 4096 0 0 9123683e /var/lib", "5 4096 5 5 63677270 /sys/fs/cgroup"
    ]  # fmt: skip
    mounts = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a 1 1 1 1% /\n/dev/b 1 1 1 1% /var/lib/etcd\n"
    found = facts_of({}, {}, [
        ("disks", "/etc/kubernetes\0/etc/kubernetes\0/var/lib/etcd\0/var/lib\0"), ("filesystems", records(filesystems)),
        ("mounts", mounts), ("paths", records([path_line("/var/lib/etcd", "41ed")])),
    ])  # fmt: skip
    assert [(str(d.path), d.free_bytes, d.mount_point) for d in found.disks] == [
        ("/etc/kubernetes", 4096000, "/"), ("/var/lib/etcd", 7 * 4096, "/var/lib/etcd"),
    ]  # fmt: skip
    assert found.disks[0].free_inodes == 50
    assert found.disks[1].free_inodes > 1_000_000  # a file system that counts none has enough
    assert found.etcd.mount_point
    assert found.cgroup.version == 2


def test_cgroup_v1_hybrid() -> None:
    rows = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t37\t1\nmemory\t4\t61\t0\npids\t8\t37\t1\n"
    filesystems = records(["1 4096 5 5 1021994 /sys/fs/cgroup"])
    found = facts_of({}, {"/proc/cgroups": rows}, [("filesystems", filesystems)]).cgroup
    assert (found.version, found.controllers) == (1, ("cpu", "pids"))


def test_addresses() -> None:
    trie = "".join(f"  |-- {address}\n     /32 {kind}\n" for address, kind in (
        ("192.0.2.11", "host LOCAL"), ("127.0.0.1", "host LOCAL"), ("192.0.2.255", "link BROADCAST"), ("999.0.0.1", "host LOCAL"),
    ))  # fmt: skip
    inet6 = "00000000000000000000000000000001 01 80 10 80 lo\nfd000000000000000000000000000002 04 40 00 82 eth0\n"
    found = facts_of({}, {"/proc/net/fib_trie": trie, "/proc/net/if_inet6": inet6})
    assert found.addresses == ("192.0.2.11", "fd00::2")


def test_services() -> None:
    units = (
        "MainPID=7\nId=kubelet.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
        "FragmentPath=/lib/systemd/system/kubelet.service\nDropInPaths=/a.conf /b.conf\nNeedDaemonReload=yes\n\n"
        "Id=crio.service\nLoadState=not-found\nActiveState=inactive\n"
    )
    found = facts_of(segments=[("units", units)]).services
    kubelet = found["kubelet.service"]
    assert (kubelet.main_pid, kubelet.drop_in_paths, kubelet.needs_reload) == (7, ("/a.conf", "/b.conf"), True)
    assert found["crio.service"].load_state == "not-found"


CONTAINERD_2 = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\n  SystemdCgroup = true\n"
CONTAINERD_1 = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\n  SystemdCgroup = true\n'
OTHER_RUNTIME = (
    "[plugins.'io.containerd.cri.v1.runtime'.containerd]\ndefault_runtime_name = 'crun'\n"
    "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.crun.options]\nSystemdCgroup = true\n"
)
IMPORTS = "imports = ['/etc/containerd/conf.d/*.toml']\nversion = 3\n"


@pytest.mark.parametrize(
    ("files", "driver"),
    [
        ({}, "cgroupfs"),
        ({"/etc/containerd/config.toml": CONTAINERD_2}, "systemd"),
        ({"/etc/containerd/config.toml": CONTAINERD_1}, "systemd"),
        ({"/etc/containerd/config.toml": CONTAINERD_1.replace("true", "false")}, "cgroupfs"),
        ({"/etc/containerd/config.toml": OTHER_RUNTIME}, "systemd"),
        ({"/etc/containerd/config.toml": IMPORTS, "/etc/containerd/conf.d/a.toml": CONTAINERD_2}, "systemd"),
        ({"/etc/containerd/config.toml": "version = 3\n", "/etc/containerd/conf.d/a.toml": CONTAINERD_2}, "cgroupfs"),
        ({"/etc/containerd/config.toml": "version = \n"}, ""),
    ],
)
def test_cgroup_driver_of_containerd(files: dict[str, str | bytes], driver: str) -> None:
    found = facts_of({"socket//run/containerd/containerd.sock": "yes"}, files).runtime
    assert (found.name, found.socket_exists, found.cgroup_driver) == ("containerd", True, driver)


def test_sandbox_image_and_version_of_containerd() -> None:
    config = "[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'registry.k8s.io/pause:3.10.2'\n"
    versions = "Kubernetes v1.36.3\ncontainerd github.com/containerd/containerd/v2 v2.4.2 abcdef\n"
    found = facts_of({}, {"/etc/containerd/config.toml": config}, [("versions", versions)])
    assert (found.runtime.version, found.runtime.sandbox_image) == ("2.4.2", "registry.k8s.io/pause:3.10.2")
    assert found.kubelet.version == "v1.36.3"
    assert not found.runtime.socket_exists


def test_cri_o() -> None:
    files = {"/etc/crio/crio.conf.d/10.conf": '[crio.runtime]\ncgroup_manager = "cgroupfs"\n'}
    found = facts_of({"socket//run/crio/crio.sock": "yes"}, files, [("versions", "crio version 1.34.1\n")]).runtime
    assert (found.name, found.version, found.cgroup_driver) == ("cri-o", "1.34.1", "cgroupfs")
    assert facts_of({"socket//run/crio/crio.sock": "yes"}).runtime.cgroup_driver == "systemd"


def test_the_kubelets_endpoint_decides_which_runtime() -> None:
    config = "containerRuntimeEndpoint: unix:///run/crio/crio.sock\n"
    values = {"socket//run/containerd/containerd.sock": "yes", "socket//run/crio/crio.sock": "yes"}
    assert facts_of(values, {"/var/lib/kubelet/config.yaml": config}).runtime.name == "cri-o"


def test_as_dict_is_json_without_contents() -> None:
    facts = facts_of({}, {str(CP_PATH): PEM}, [("paths", records([path_line(str(CP_PATH), size=9)]))])
    shown = json.dumps(as_dict(facts))
    assert "MIIB" not in shown
    assert '"content": "sha256:' in shown
    assert json.loads(shown)["os"]["kernel"] == "6.12.5"


def test_no_separator_is_left_in_what_was_read() -> None:
    assert MARK not in json.dumps(as_dict(live_host()))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", AccountFacts()),
        ("passwd - 0\npasswd - 33\ngroup - 0\ngroup - 4\n", AccountFacts(taken=(0, 4, 33))),
        ("passwd etcd 990\npasswd etcd 991\ngroup etcd 995\n", AccountFacts(990, 995, (990, 991, 995))),
        ("passwd etcd 64055\ngroup - 12x\ngroup etcd -5\npasswd\n", AccountFacts(64055, None, (64055,))),
    ],
    ids=["unread", "no etcd", "the first counts", "odd lines"],
)
def test_accounts(lines: str, expected: AccountFacts) -> None:
    assert facts_of(segments=[("accounts", lines)]).accounts == expected


def test_who_owns_the_data_and_who_a_process_is() -> None:
    files = process_files(11, "etcd --name=cp1", CGROUPFS) | {"/proc/11/status": "Name:\tetcd\nUid:\t990\t991\t990\t990\n"}
    line = path_line("/var/lib/etcd", "41c0", "etcd").replace("etcd 0 root 0", "etcd 990 etcd 995")
    facts = facts_of({"process/11": "yes"}, files, [("paths", records([line]))])
    assert (facts.etcd.uid, facts.etcd.gid) == (990, 995)
    assert facts.processes[0].user == 991

"""The lab's components: pins, cache keys, downloads, addresses, inventory."""

import hashlib
import io
import re
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vagrant"))

from kubelab import components, debian, download, inventory, lab, nodes
from kubelab.components import Component
from kubelab.lab import Lab
from kubelab.paths import Cache
from kubelab.shell import LabError, made_once
from kubelab.versions import RELEASES

FOLDERS = sorted({folder for release in RELEASES.values() for folder in release.components})
PINNED = {
    "kubernetes": "k8s.io/kubernetes",
    "etcd": "go.etcd.io/etcd/server/v3",
    "containerd": "github.com/containerd/containerd/v2",
    "cni-plugins": "github.com/containernetworking/plugins",
    "coredns": "github.com/coredns/coredns",
}
LAB = Lab("lab", masters=3, workers=1, kubernetes="1.36.3", slot=0)


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if not folder.startswith("pause")])
def test_go_mod_pins_the_version_its_folder_says(folder: str) -> None:
    component = Component.parse(folder)
    go_mod = (component.folder / "go.mod").read_text()
    assert re.search(rf"\b{re.escape(PINNED[component.name])} v{re.escape(component.version)}\b", go_mod)
    assert re.search(r"^tool\b", go_mod, re.MULTILINE)
    assert (component.folder / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("version", list(RELEASES))
def test_every_staging_module_is_of_the_same_release(version: str) -> None:
    go_mod = (Component("kubernetes", version).folder / "go.mod").read_text()
    replaced = re.findall(r"^\s+(k8s\.io/\S+) => (\S+) (\S+)$", go_mod, re.MULTILINE)
    assert len(replaced) > 25
    assert {(old == new, pinned) for old, new, pinned in replaced} == {(True, f"v0.{version.removeprefix('1.')}")}


def test_a_suite_is_built_from_the_module_that_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(components, "run", lambda command, **_: commands.append(command))
    monkeypatch.setattr(components.shutil, "which", lambda _: "/usr/bin/go")
    monkeypatch.setenv("LAB_SOURCE", "build")
    suite, kubernetes = Component("kubeadm-e2e", "1.36.3"), Component("kubernetes", "1.36.3")
    assert suite.folder == kubernetes.folder
    made = components.provide(suite, Cache(tmp_path))
    assert made.name.startswith("kubeadm-e2e-1.36.3-")
    assert commands[0][:3] == ["go", "test", "-c"]
    assert commands[0][-1] == "k8s.io/kubernetes/test/e2e_kubeadm"


def test_key_changes_with_source_and_version() -> None:
    keys = {Component("kubernetes", version).key(source) for version in RELEASES for source in ("build", "download")}
    assert len(keys) == 4


def test_key_changes_with_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Component("etcd", "3.6.8").key("build")
    monkeypatch.setattr(components, "GO_ENVIRONMENT", {"CGO_ENABLED": "1"})
    assert Component("etcd", "3.6.8").key("build") != before


def test_kubernetes_is_told_its_version() -> None:
    flags = Component("kubernetes", "1.37.2").ldflags()
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=37" in flags


def test_half_made_directories_are_made_again(tmp_path: Path) -> None:
    def interrupted(half: Path) -> None:
        (half / "bin").mkdir()
        raise KeyboardInterrupt

    target = tmp_path / "store" / "etcd-1"
    with pytest.raises(KeyboardInterrupt):
        made_once(target, tmp_path / "locks", "etcd", interrupted)
    assert not target.exists()
    made_once(target, tmp_path / "locks", "etcd", lambda half: (half / "whole").touch())
    assert [path.name for path in target.iterdir()] == ["whole"]


@pytest.mark.parametrize(
    "published", ["ABCD\n", "abcd  etcd.tar.gz\n", "0000  other\nabcd  etcd.tar.gz\n", "abcd *./dist/etcd.tar.gz\n"]
)
def test_checksum_files_are_understood(published: str) -> None:
    assert download.checksum(published, "etcd.tar.gz") == "abcd"


def test_missing_checksum_is_an_error() -> None:
    with pytest.raises(LabError):
        download.checksum("abcd  other\n1234  more\n", "etcd.tar.gz")


def archive_of(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"etcd-v3/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_downloads_are_checked_and_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archive_of(etcd=b"1", etcdctl=b"2", etcdutl=b"3", README=b"4")
    answers = {
        ".tar.gz": archive,
        "SHA256SUMS": f"{hashlib.sha256(archive).hexdigest()}  etcd-v3.6.8-linux-amd64.tar.gz\n".encode(),
    }
    monkeypatch.setattr(download, "architecture", lambda: "amd64")
    monkeypatch.setattr(download, "_get", lambda url: next(body for end, body in answers.items() if url.endswith(end)))
    download.fetch("etcd", "3.6.8", tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"etcd": b"1", "etcdctl": b"2", "etcdutl": b"3"}
    answers["SHA256SUMS"] = b"00  etcd-v3.6.8-linux-amd64.tar.gz\n"
    with pytest.raises(LabError, match="SHA-256"):
        download.fetch("etcd", "3.6.8", tmp_path)


def test_own_apt_sources_of_the_suite_are_used() -> None:
    stanzas = "Types: deb\nURIs: https://a.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n" \
        "Types: deb\nURIs: https://b.example\nSuites: nodistro\nComponents: main\n"  # fmt: skip
    assert debian.one_line_sources(stanzas) == [
        "deb https://a.example/debian bookworm main",
        "deb https://a.example/debian bookworm-updates main",
    ]


def test_nodes_keep_their_addresses_when_the_lab_grows() -> None:
    before = {node.name: node.address for node in LAB.nodes}
    after = {node.name: node.address for node in replace(LAB, masters=5, workers=3).nodes}
    assert before == {name: after[name] for name in before}
    assert len(set(after.values())) == 8


def test_labs_beside_each_other_share_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    one = lab.planned("lab", lab.MOST, lab.MOST, None, cache)
    two = lab.planned("lab-two", lab.MOST, lab.MOST, None, cache)
    for names in ("name", "address", "container"):
        assert not {getattr(node, names) for node in one.nodes} & {getattr(node, names) for node in two.nodes}
    assert not any(node.container.startswith(lab.container_prefix("lab")) for node in two.nodes)


def test_what_is_not_said_stays_as_it_was(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    lab.planned("lab", 1, 2, "1.37.2", cache)
    assert lab.planned("lab", None, None, None, cache) == Lab("lab", 1, 2, "1.37.2", slot=0)


def test_fingerprint_is_openssh_s() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github.com"
    assert inventory.fingerprint(key) == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_inventory_is_a_cluster_of_the_lab_s_nodes() -> None:
    text = inventory.inventory(LAB, {node.name: "SHA256:x" for node in LAB.nodes}, Path("/k"), Path("/p.yaml"))
    document = yaml.safe_load(text)
    assert document["spec"]["kubernetesVersion"] == "v1.36.3"
    assert [(host["name"], host["role"]) for host in document["spec"]["hosts"]] == [
        ("cp1", "control-plane"),
        ("cp2", "control-plane"),
        ("cp3", "control-plane"),
        ("worker1", "worker"),
    ]
    config = document["spec"]["kubelet"]["config"]
    assert {"cgroupDriver": "cgroupfs", "failCgroupV1": False, "failSwapOn": False}.items() <= config.items()
    assert config["imageGCHighThresholdPercent"] == 100
    assert document["spec"]["addons"] == ["coredns", "kube-proxy", "/p.yaml"]


def test_a_container_s_configuration_is_freed_of_vagrant_s_block() -> None:
    block = "# VAGRANT-BEGIN\nlxc.net.0.ipv4.address=10.33.0.11/24\n# VAGRANT-END\n"
    assert nodes.without_vagrant_block(f"lxc.autodev = 1\n{block}{block}") == "lxc.autodev = 1\n"

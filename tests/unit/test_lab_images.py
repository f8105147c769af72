"""The lab's image packer: what a container runtime will read."""

import hashlib
import json
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vagrant"))

from kubelab import images, releases
from kubelab.images import Image

BINARY = PurePosixPath("/usr/local/bin/kube-apiserver")


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "binary"
    path.write_bytes(b"\x7fELF")
    return path


def packed(image: Image, target: Path) -> tarfile.TarFile:
    images.pack(image, "amd64", target)
    return tarfile.open(target)


def layer_of(archive: tarfile.TarFile) -> tarfile.TarFile:
    manifest = json.load(archive.extractfile("manifest.json"))
    return tarfile.open(fileobj=archive.extractfile(manifest[0]["Layers"][0]))


def test_manifest_names_config_and_layer_by_their_digests(binary: Path, tmp_path: Path) -> None:
    image = Image("registry.k8s.io/kube-apiserver:v1.36.3", files={BINARY: binary}, entrypoint=("/x",), user="65532:65532")
    with packed(image, tmp_path / "image.tar") as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))
        config_bytes = archive.extractfile(entry["Config"]).read()
        layer_digest = hashlib.sha256(archive.extractfile(entry["Layers"][0]).read()).hexdigest()
    config = json.loads(config_bytes)
    assert entry["RepoTags"] == ["registry.k8s.io/kube-apiserver:v1.36.3"]
    assert entry["Config"] == f"{hashlib.sha256(config_bytes).hexdigest()}.json"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{layer_digest}"]
    assert config["config"]["Entrypoint"] == ["/x"]
    assert config["config"]["User"] == "65532:65532"


def test_file_capability_is_carried_as_a_pax_header(binary: Path, tmp_path: Path) -> None:
    image = Image("x:y", files={BINARY: binary}, capable=frozenset({BINARY}))
    with packed(image, tmp_path / "image.tar") as archive, layer_of(archive) as layer:
        entry = layer.getmember("usr/local/bin/kube-apiserver")
        value = entry.pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape")
    assert len(value) == 20
    assert value[:4] == (0x02000001).to_bytes(4, "little")
    assert value[4:8] == (1 << 10).to_bytes(4, "little")
    assert value[8:] == bytes(12)


def test_only_capable_files_carry_a_capability(binary: Path, tmp_path: Path) -> None:
    with packed(Image("x:y", files={BINARY: binary}), tmp_path / "image.tar") as archive, layer_of(archive) as layer:
        assert layer.getmember("usr/local/bin/kube-apiserver").pax_headers == {}


def test_parents_come_before_files_once(binary: Path, tmp_path: Path) -> None:
    image = Image("x:y", files={BINARY: binary, BINARY.with_name("etcd"): binary})
    with packed(image, tmp_path / "image.tar") as archive, layer_of(archive) as layer:
        names = layer.getnames()
    assert names == ["usr", "usr/local", "usr/local/bin", "usr/local/bin/etcd", "usr/local/bin/kube-apiserver"]


def test_packing_twice_gives_the_same_bytes(binary: Path, tmp_path: Path) -> None:
    image = Image("x:y", files={BINARY: binary}, links={PurePosixPath("/usr/bin/sh"): "/bin/busybox"})
    images.pack(image, "amd64", tmp_path / "one.tar")
    images.pack(image, "amd64", tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_base_comes_first_without_devices(binary: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.tar"
    with tarfile.open(base, "w") as tar:
        for name, kind, target in (
            (".", tarfile.DIRTYPE, ""),
            ("./usr", tarfile.DIRTYPE, ""),
            ("./bin", tarfile.SYMTYPE, "usr/bin"),
            ("./dev/null", tarfile.CHRTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    with packed(Image("x:y", files={BINARY: binary}, base=base), tmp_path / "image.tar") as archive, layer_of(archive) as layer:
        assert layer.getnames() == ["usr", "bin", "usr/local", "usr/local/bin", "usr/local/bin/kube-apiserver"]


def test_archive_names_are_flat() -> None:
    assert releases.archive_name("registry.k8s.io/etcd:3.6.8-0") == "registry.k8s.io_etcd_3.6.8-0.tar"

"""The LXC box: a Debian with what a Kubernetes node needs, for `vagrant box add`."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from pathlib import Path

from kubelab import debian
from kubelab.paths import VAGRANT_FOLDER, Cache
from kubelab.shell import LabError, made_once, run

BOX_FILES = VAGRANT_FOLDER / "node" / "box"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "runc", "iptables", "nftables", "conntrack", "iproute2",
    "iputils-ping", "kmod", "curl", "ca-certificates", "ethtool", "socat", "util-linux", "mount", "procps", "rsync", "less",
    "tar", "gzip", "xz-utils", "jq", "openssl",
)  # fmt: skip
METADATA = {"provider": "lxc", "version": "1.0.0", "template-opts": {"--strip-components": "2"}}


def box_name(cache: Cache) -> str:
    """The box's name in Vagrant, with the key of its recipe."""
    return f"kube-bootstrap-lxc-{_key()}"


def provide(cache: Cache) -> Path:
    """The box file, made if it is not in the cache."""
    target = cache.boxes / box_name(cache)
    made_once(target, cache.locks, f"box {target.name}", lambda half: _make(half, cache))
    return target / "lab.box"


def vagrant_public_key() -> Path:
    """Vagrant's well-known public key, as its package brings it."""
    for path in sorted(Path("/usr/share").glob("**/keys/vagrant.pub")):
        return path
    raise LabError("Vagrant's public key is not below /usr/share", "install Debian's package vagrant")


def _key() -> str:
    digest = hashlib.sha256(repr((PACKAGES, METADATA, debian.SUITE, debian.DPKG_OPTIONS, platform.machine())).encode())
    for path in sorted(BOX_FILES.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _make(half: Path, cache: Cache) -> None:
    rootfs = half / "rootfs"
    hook = f'BOX_FILES={BOX_FILES} VAGRANT_KEY={vagrant_public_key()} {BOX_FILES}/customize.sh "$1"'
    debian.bootstrap(rootfs, PACKAGES, cache.logs / "box.log", variant="minbase", hooks=(hook,))
    (half / "metadata.json").write_text(json.dumps(METADATA))
    shutil.copy(BOX_FILES / "lxc-config", half / "lxc-config")
    tarball = ["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--exclude=./rootfs/dev/*", "-I", "pigz -1"]
    run([*tarball, "-C", half, "-cf", half / "rootfs.tar.gz", "./rootfs"])
    shutil.rmtree(rootfs)
    run(["tar", "-I", "pigz -1", "-C", half, "-cf", half / "lab.box", "metadata.json", "lxc-config", "rootfs.tar.gz"])
    (half / "rootfs.tar.gz").unlink()

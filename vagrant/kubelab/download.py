"""The official release downloads, taken instead of building where they can be reached; every file's SHA-256 is checked."""

from __future__ import annotations

import functools
import hashlib
import io
import platform
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kubelab.shell import LabError, say

PROBES = ("https://dl.k8s.io/release/stable.txt", "https://github.com/etcd-io/etcd/releases/latest")
PROBE_TIMEOUT_S = 3
DOWNLOAD_TIMEOUT_S = 60
KUBERNETES_BINARIES = (
    "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubeadm", "kubectl", "kubelet",
)  # fmt: skip


@dataclass(frozen=True)
class Artifact:
    """One downloadable file: a binary, or a tar.gz from which `members` (by their last path component) are taken."""

    url: str
    checksum_url: str
    members: tuple[str, ...] = ()


def architecture() -> str:
    """The machine's architecture in Go's words."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def artifacts(name: str, version: str, arch: str) -> tuple[Artifact, ...]:
    """Where a component's official binaries are; empty for what nobody publishes as a binary (pause)."""
    tag = f"v{version}"
    match name:
        case "kubernetes":
            base = f"https://dl.k8s.io/release/{tag}/bin/linux/{arch}"
            return tuple(Artifact(f"{base}/{binary}", f"{base}/{binary}.sha256") for binary in KUBERNETES_BINARIES)
        case "etcd":
            base = f"https://github.com/etcd-io/etcd/releases/download/{tag}"
            tools = ("etcd", "etcdctl", "etcdutl")
            return (Artifact(f"{base}/etcd-{tag}-linux-{arch}.tar.gz", f"{base}/SHA256SUMS", tools),)
        case "containerd":
            url = f"https://github.com/containerd/containerd/releases/download/{tag}/containerd-{version}-linux-{arch}.tar.gz"
            return (Artifact(url, f"{url}.sha256sum", ("containerd", "containerd-shim-runc-v2", "ctr")),)
        case "cni-plugins":
            url = f"https://github.com/containernetworking/plugins/releases/download/{tag}/cni-plugins-linux-{arch}-{tag}.tgz"
            return (Artifact(url, f"{url}.sha256", ("bridge", "host-local", "loopback", "portmap")),)
        case "coredns":
            url = f"https://github.com/coredns/coredns/releases/download/{tag}/coredns_{version}_linux_{arch}.tgz"
            return (Artifact(url, f"{url}.sha256", ("coredns",)),)
        case _:
            return ()


def offered(name: str, version: str) -> bool:
    """Whether there is an official download of it at all."""
    return bool(artifacts(name, version, architecture()))


def chosen(wanted: str) -> bool:
    """Whether to download: as LAB_SOURCE says, or, for auto, whether the download sites answer."""
    return wanted == "download" or (wanted == "auto" and reachable())


@functools.cache
def reachable() -> bool:
    """Whether the download sites answer, within a few seconds. The choice is printed, once per run."""
    for url in PROBES:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_TIMEOUT_S):
                pass
        except (OSError, ValueError) as error:
            say(f"source: components are built here ({url.split('/')[2]} cannot be reached: {getattr(error, 'reason', error)})")
            return False
    say("source: official release downloads")
    return True


def fetch(name: str, version: str, binaries: Path) -> None:
    """Download a component's binaries into the directory `binaries`, checked and executable."""
    for artifact in artifacts(name, version, architecture()):
        content = _get(artifact.url)
        expected = checksum(_get(artifact.checksum_url).decode(), PurePosixPath(artifact.url).name)
        if hashlib.sha256(content).hexdigest() != expected:
            raise LabError(f"{artifact.url}: its SHA-256 is not the published one ({expected})", "try again; do not use the file")
        if not artifact.members:
            _install(binaries / PurePosixPath(artifact.url).name, content)
            continue
        for member, member_content in unpacked(content, artifact.members).items():
            _install(binaries / member, member_content)


def checksum(published: str, file_name: str) -> str:
    """The digest of `file_name` in a checksum file: either a lone digest, or lines `digest  name`."""
    lines = [line.split() for line in published.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1:
        return lines[0][0].lower()
    for words in lines:
        if len(words) == 2 and PurePosixPath(words[1].lstrip("*")).name == file_name:
            return words[0].lower()
    raise LabError(f"no checksum of {file_name} is published")


def unpacked(archive: bytes, members: tuple[str, ...]) -> dict[str, bytes]:
    """The named files of a tar.gz, by their last path component. Raises LabError when one is missing."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for entry in tar:
            base = PurePosixPath(entry.name).name
            stream = tar.extractfile(entry) if entry.isfile() and base in members else None
            if stream is not None:
                found[base] = stream.read()
    missing = sorted(set(members) - set(found))
    if missing:
        raise LabError(f"the archive lacks {', '.join(missing)}")
    return found


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer:
            content: bytes = answer.read()
            return content
    except (urllib.error.URLError, OSError) as error:
        raise LabError(f"cannot download {url}: {error}", "LAB_SOURCE=build builds it from source") from error


def _install(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)

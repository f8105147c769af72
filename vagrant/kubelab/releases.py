"""A release in the store: one directory with everything a node of that Kubernetes version needs, made of hard links."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from kubelab import components, debian, images
from kubelab.components import Component
from kubelab.download import architecture
from kubelab.images import Image
from kubelab.paths import VAGRANT_FOLDER, Cache
from kubelab.shell import made_once
from kubelab.versions import Release

REGISTRY = "registry.k8s.io"
USR_LOCAL_BIN = PurePosixPath("/usr/local/bin")
POD_NETWORK_IMAGE = "localhost/kube-bootstrap/pod-network:v1"
# Debian's own, under names of the lab: its inventory names them, the product's defaults are others.
HAPROXY_IMAGE = "localhost/kube-bootstrap/haproxy:debian"
KEEPALIVED_IMAGE = "localhost/kube-bootstrap/keepalived:debian"
# curl and a shell for keepalived's check of its own API server.
PACKAGED_IMAGES = {HAPROXY_IMAGE: ("haproxy",), KEEPALIVED_IMAGE: ("keepalived", "curl", "dash")}
# nft and iptables for kube-proxy, conntrack to drop stale entries, kmod because it asks for modules.
KUBE_PROXY_PACKAGES = ("nftables", "iptables", "conntrack", "kmod", "libc-bin")
# With its C library: a static glibc binary crashes when it looks a name up.
BUSYBOX_PACKAGES = ("busybox",)
BUSYBOX_LINKS = (
    "awk", "cat", "chmod", "cmp", "cp", "cut", "date", "dd", "df", "echo", "env", "false", "grep", "head", "hostname",
    "httpd", "id", "ip", "kill", "ls", "mkdir", "mount", "mv", "nc", "nslookup", "ping", "printf", "ps", "rm", "sed",
    "seq", "sh", "sleep", "sort", "stat", "tail", "test", "timeout", "touch", "tr", "true", "uniq", "wc", "wget",
)  # fmt: skip
SINGLE_BINARIES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def provide(release: Release, cache: Cache) -> Path:
    """The release's directory: bin/ (kubelet, kubeadm, kubectl, containerd ...), cni/, images/, packaged/ (unit files)."""
    # Debian's packages come while Go's modules do: either waits for the network at times.
    with ThreadPoolExecutor(max_workers=1) as beside:
        kube_proxy_root = beside.submit(debian.root_tar, "kube-proxy-base", KUBE_PROXY_PACKAGES, cache)
        busybox_root = beside.submit(debian.root_tar, "busybox-base", BUSYBOX_PACKAGES, cache)
        packaged_roots = {
            name: beside.submit(debian.root_tar, f"{packages[0]}-base", packages, cache)
            for name, packages in PACKAGED_IMAGES.items()
        }
        parts = {}
        for component in map(Component.parse, release.components):
            parts[component.name] = components.provide(component, cache)
        kube_proxy_base, busybox_base = kube_proxy_root.result(), busybox_root.result()
        packaged = {name: root.result() for name, root in packaged_roots.items()}
    contents = image_set(release, parts, kube_proxy_base, busybox_base, packaged)
    bases = [path.parent for path in (kube_proxy_base, busybox_base, *packaged.values())]
    key = _key([*parts.values(), *bases], contents)
    target = cache.store / f"release-{release.kubernetes}-{key}"
    return made_once(target, cache.locks, target.name, lambda half: _assemble(half, parts, contents))


def image_set(
    release: Release, parts: Mapping[str, Path], kube_proxy_base: Path, busybox_base: Path, packaged: Mapping[str, Path]
) -> tuple[Image, ...]:
    """Every image that nodes of this release have loaded.

    parts: component name -> its directory with bin/. packaged: root tars of the images that are Debian's packages, by name.
    """
    kubernetes = parts["kubernetes"] / "bin"
    tag = f"v{release.kubernetes}"
    singles = tuple(
        Image(
            f"{REGISTRY}/{binary}:{tag}",
            files={USR_LOCAL_BIN / binary: kubernetes / binary},
            capable=frozenset({USR_LOCAL_BIN / binary} if binary == "kube-apiserver" else ()),
        )
        for binary in SINGLE_BINARIES
    )
    kube_proxy = Image(
        f"{REGISTRY}/kube-proxy:{tag}", files={USR_LOCAL_BIN / "kube-proxy": kubernetes / "kube-proxy"}, base=kube_proxy_base
    )
    etcd_tools = {USR_LOCAL_BIN / tool: parts["etcd"] / "bin" / tool for tool in ("etcd", "etcdctl", "etcdutl")}
    etcd = Image(f"{REGISTRY}/etcd:{release.etcd_tag}", files=etcd_tools)
    coredns = Image(
        f"{REGISTRY}/coredns/coredns:{release.coredns_tag}",
        files={PurePosixPath("/coredns"): parts["coredns"] / "bin" / "coredns"},
        entrypoint=("/coredns",),
        user="65532:65532",
        capable=frozenset({PurePosixPath("/coredns")}),
    )
    pause_path = parts["pause"] / "bin" / "pause"
    pause_version = Component.parse(next(folder for folder in release.components if folder.startswith("pause-"))).version
    pause = Image(
        f"{REGISTRY}/pause:{pause_version}",
        files={PurePosixPath("/pause"): pause_path},
        entrypoint=("/pause",),
        user="65535:65535",
        links={USR_LOCAL_BIN / "pause": "/pause"},
    )
    pod_network = Image(
        POD_NETWORK_IMAGE,
        files={USR_LOCAL_BIN / "kubectl": kubernetes / "kubectl"},
        base=busybox_base,
        links={PurePosixPath("/usr/bin") / applet: "/bin/busybox" for applet in BUSYBOX_LINKS},
    )
    debians = (Image(name, files={}, base=base) for name, base in packaged.items())
    return (*singles, kube_proxy, etcd, coredns, pause, pod_network, *debians)


def _key(parts: list[Path], contents: tuple[Image, ...]) -> str:
    """Over the parts' own keys, what the images are to be, the packer, and the packaged unit files."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.name.encode() + b"\0")
    for image in contents:
        shape = (image.name, sorted(map(str, image.files)), image.entrypoint, image.user, sorted(image.links.items()))
        digest.update(repr((*shape, sorted(map(str, image.capable)))).encode())
    sources = [Path(images.__file__), *sorted((VAGRANT_FOLDER / "node" / "packaged").iterdir())]
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _assemble(half: Path, parts: Mapping[str, Path], contents: tuple[Image, ...]) -> None:
    for folder in ("bin", "cni", "images", "packaged"):
        (half / folder).mkdir()
    links = [("bin", parts["kubernetes"] / "bin" / name) for name in ("kubelet", "kubeadm", "kubectl")]
    links += [("bin", path) for path in (parts["containerd"] / "bin").iterdir()]
    links += [("bin", parts["etcd"] / "bin" / name) for name in ("etcdctl", "etcdutl")]
    links += [("cni", path) for path in (parts["cni-plugins"] / "bin").iterdir()]
    for folder, path in links:
        os.link(path, half / folder / path.name)
    for path in (VAGRANT_FOLDER / "node" / "packaged").iterdir():
        (half / "packaged" / path.name).write_bytes(path.read_bytes())
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = [pool.submit(images.pack, image, architecture(), half / "images" / archive_name(image.name)) for image in contents]
        for job in jobs:
            job.result()


def archive_name(image_name: str) -> str:
    """`registry.k8s.io/etcd:3.6.8-0` -> `registry.k8s.io_etcd_3.6.8-0.tar`"""
    return image_name.replace("/", "_").replace(":", "_") + ".tar"

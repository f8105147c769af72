"""Components: binaries built from pinned Go modules (or, for pause, from ten lines of C), once, into the cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from kubelab import download
from kubelab.paths import VAGRANT_FOLDER, Cache
from kubelab.shell import LabError, made_once, run

COMPONENTS_FOLDER = VAGRANT_FOLDER / "components"
# Debug information, which the linker would throw away (-s -w), is not made in the first place: a fifth less to compile.
GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false -mod=readonly -gcflags=all=-dwarf=false"}
# The server's binary is named after its package.
RENAMED = {"etcd": {"server": "etcd"}}
# A project's own suite of tests, as one program: name -> the component whose module it is a package of, and the package.
SUITES = {"kubeadm-e2e": ("kubernetes", "k8s.io/kubernetes/test/e2e_kubeadm")}


@dataclass(frozen=True)
class Component:
    """A directory of vagrant/components/: name-version; or a suite out of one."""

    name: str
    version: str

    @classmethod
    def parse(cls, folder: str) -> Component:
        """`etcd-3.6.8` -> Component("etcd", "3.6.8")"""
        name, _, version = folder.rpartition("-")
        return cls(name, version)

    @property
    def folder(self) -> Path:
        module, _ = SUITES.get(self.name, (self.name, ""))
        return COMPONENTS_FOLDER / f"{module}-{self.version}"

    def ldflags(self) -> str:
        """What the linker is told: no symbols, and the version where the program does not know it by itself."""
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in version_variables(self).items())])

    def key(self, source: str) -> str:
        """Twelve hexadecimal digits over everything that decides what comes out."""
        digest = hashlib.sha256()
        recipe = [source, platform.machine(), self.name, self.version, self.ldflags(), repr(sorted(GO_ENVIRONMENT.items()))]
        for part in recipe:
            digest.update(part.encode() + b"\0")
        for path in sorted(self.folder.iterdir()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def directory(self, cache: Cache, source: str) -> Path:
        return cache.store / f"{self.name}-{self.version}-{self.key(source)}"


def version_variables(component: Component) -> dict[str, str]:
    """Go variables set at link time, as the projects' own release builds set them."""
    tag = f"v{component.version}"
    match component.name:
        case "kubernetes":
            major, minor, _ = component.version.split(".")
            values = {
                "gitVersion": tag,
                "gitMajor": major,
                "gitMinor": minor,
                "gitTreeState": "clean",
                "buildDate": "1970-01-01T00:00:00Z",
            }
            packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
            return {f"{package}.{name}": value for package in packages for name, value in values.items()}
        case "containerd":
            return {"github.com/containerd/containerd/v2/version.Version": tag}
        case "cni-plugins":
            return {"github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion": tag}
        case _:
            return {}


def provide(component: Component, cache: Cache) -> Path:
    """The component's directory in the cache; its binaries are in bin/. Taken from the cache, downloaded, or built."""
    wanted = os.environ.get("LAB_SOURCE", "auto")
    if wanted not in ("auto", "build", "download"):
        raise LabError(f"LAB_SOURCE is {wanted!r}", "it may be auto, build or download")
    candidates = ("download", "build") if wanted == "auto" else (wanted,)
    for source in candidates:
        if component.directory(cache, source).is_dir():
            return component.directory(cache, source)
    if download.offered(component.name, component.version) and download.chosen(wanted):
        target = component.directory(cache, "download")
        return made_once(target, cache.locks, f"{target.name} (downloaded)", lambda half: _download(component, half))
    target = component.directory(cache, "build")
    return made_once(target, cache.locks, f"{target.name} (built here)", lambda half: _build(component, half, cache))


def _download(component: Component, half: Path) -> None:
    (half / "bin").mkdir()
    download.fetch(component.name, component.version, half / "bin")


def _build(component: Component, half: Path, cache: Cache) -> None:
    binaries = half / "bin"
    binaries.mkdir()
    log = cache.logs / f"build-{component.name}-{component.version}.log"
    if (component.folder / "go.mod").exists():
        if shutil.which("go") is None:
            raise LabError("Go is missing: components are built from source here", "install Go 1.26 or newer")
        command = ["go", "install", "-ldflags", component.ldflags(), "tool"]
        if component.name in SUITES:
            _, package = SUITES[component.name]
            command = ["go", "test", "-c", "-o", str(binaries / component.name), "-ldflags", component.ldflags(), package]
        run(command, env={**GO_ENVIRONMENT, "GOBIN": str(binaries)}, cwd=component.folder, log=log)
    else:
        source = component.folder / f"{component.name}.c"
        version = f'-DVERSION="{component.version}"'
        run(["gcc", "-Os", "-Wall", "-static", "-s", version, "-o", binaries / component.name, source], log=log)
    for built, official in RENAMED.get(component.name, {}).items():
        (binaries / built).rename(binaries / official)

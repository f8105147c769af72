"""Debian on the build machine: packages the lab needs, and root file systems made from Debian's packages (mmdebstrap)."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from kubelab.paths import Cache
from kubelab.shell import LabError, made_once, run, say

SUITE = "bookworm"
# program -> Debian package that brings it
HOST_PROGRAMS = {
    "vagrant": "vagrant",
    "lxc-start": "lxc",
    "brctl": "bridge-utils",
    "mmdebstrap": "mmdebstrap",
    "pigz": "pigz",
    "rsync": "rsync",
    "gcc": "gcc",
    "ip": "iproute2",
    "ssh-keygen": "openssh-client",
    "sudo": "sudo",
}
HOST_FILES = {
    Path("/usr/share/rubygems-integration/all/specifications/vagrant-lxc-1.4.3.gemspec"): "vagrant-lxc",
    Path("/usr/include/stdlib.h"): "libc6-dev",
}


def install_host_packages() -> None:
    """Install what is missing here with apt; says what is missing where that is not possible."""
    missing = sorted(
        {package for program, package in HOST_PROGRAMS.items() if shutil.which(program) is None}
        | {package for path, package in HOST_FILES.items() if not _present(path)}
    )
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabError(f"these packages are missing: {' '.join(missing)}", f"sudo apt-get install {' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=quiet)
    run(["apt-get", "install", "-y", "--no-install-recommends", *missing], env=quiet)


def _present(path: Path) -> bool:
    """Whether `path` exists, whatever version its name carries."""
    pattern = re.sub(r"\d[\d.]*\d", "*", path.name)
    return any(path.parent.glob(pattern)) if path.parent.is_dir() else False


def root_tar(name: str, packages: tuple[str, ...], cache: Cache) -> Path:
    """A tar of the files of `packages` and what they depend on, unpacked but not configured: the base of an image."""
    recipe = repr((SUITE, packages, platform.machine(), DPKG_OPTIONS))
    target = cache.store / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    def make(half: Path) -> None:
        tree = half / "tree"
        bootstrap(tree, packages, cache.logs / f"{name}.log", variant="extract")
        # Alternatives are made by maintainer scripts, which do not run here.
        for tool in ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"):
            if (tree / "usr/sbin/xtables-nft-multi").exists() and not (tree / "usr/sbin" / tool).exists():
                (tree / "usr/sbin" / tool).symlink_to("xtables-nft-multi")
        tarball = ["tar", "--numeric-owner", "--sort=name", "--mtime=@0", "--exclude=./dev/*"]
        run([*tarball, "-C", tree, "-cf", half / "root.tar", "."])
        shutil.rmtree(tree)

    return made_once(target, cache.locks, name, make) / "root.tar"


DPKG_OPTIONS = tuple(
    f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info", "lintian", "i18n/charmaps")
)


def bootstrap(tree: Path, packages: Iterable[str], log: Path, *, variant: str, hooks: Iterable[str] = ()) -> None:
    """A Debian root file system in the directory `tree`, from the archives that this machine's apt uses."""
    command: list[str | Path] = ["mmdebstrap", "--mode=root", f"--variant={variant}", f"--include={','.join(packages)}"]
    command += [*DPKG_OPTIONS, '--aptopt=Acquire::Languages "none";', *(f"--customize-hook={hook}" for hook in hooks)]
    sources = debian_sources()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    if sources:
        run([*command, SUITE, tree, "-"], stdin=sources, log=log)
    else:
        run([*command, SUITE, tree], log=log)


def debian_sources() -> str:
    """This machine's own apt sources for SUITE in one-line form; empty (mmdebstrap's default then) when it has none."""
    lines: list[str] = []
    directory = Path("/etc/apt/sources.list.d")
    for path in [Path("/etc/apt/sources.list"), *sorted(directory.glob("*.list"))]:
        if path.is_file():
            lines += [line for line in path.read_text().splitlines() if line.startswith("deb ") and _of_suite(line.split())]
    for path in sorted(directory.glob("*.sources")):
        lines += one_line_sources(path.read_text())
    return "".join(line + "\n" for line in lines)


def one_line_sources(deb822: str) -> list[str]:
    """The stanzas of a .sources file that name SUITE, as one-line entries."""
    lines = []
    for stanza in re.split(r"\n\s*\n", deb822):
        fields = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in stanza.splitlines() if not line.startswith("#"))
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        options = f"[signed-by={fields['signed-by']}] " if fields.get("signed-by", "").startswith("/") else ""
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                line = f"deb {options}{uri} {suite} {fields.get('components', '')}"
                if _of_suite(line.split()):
                    lines.append(line)
    return lines


def _of_suite(words: list[str]) -> bool:
    """Whether a one-line entry is of SUITE (or its updates or security) with the component main."""
    return any(word in (SUITE, f"{SUITE}-updates", f"{SUITE}-security") for word in words) and "main" in words

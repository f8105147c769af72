"""The container runtime: which one, and the cgroup driver that its configuration gives it.

Source: containerd docs/cri/config.md and internal/cri/server/runtime_config_linux.go (v2.4.2); crio.conf(5).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from bootstrap.facts.frame import Segments, readable
from bootstrap.facts.model import RuntimeFacts

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CRIO_SOCKET = "/run/crio/crio.sock"
_CONTAINERD = PurePosixPath("/etc/containerd/config.toml")
_CRIO = PurePosixPath("/etc/crio/crio.conf")
_MOST_TOML = 256 * 1024
_VERSIONS = {
    "containerd": r"^containerd \S+ v?(\d+\.\d+\.\d+\S*)",
    "cri-o": r"^crio version v?(\d+\.\d+\.\d+\S*)",
}


def runtime_facts(segments: Segments, endpoint: str) -> RuntimeFacts:
    """endpoint: containerRuntimeEndpoint as the kubelet has it; empty: found by the usual sockets, else by what is installed."""
    sockets = {name.removeprefix("socket/") for name in segments.values if name.startswith("socket/")}
    output = readable(segments.one("versions"))
    versions = {name: _first(pattern, output) for name, pattern in _VERSIONS.items()}
    socket = endpoint.removeprefix("unix://")
    if not socket:
        installed = {"containerd": CONTAINERD_SOCKET, "cri-o": CRIO_SOCKET}
        there = [path for path in installed.values() if path in sockets]
        there += [path for name, path in installed.items() if versions[name]]
        socket = there[0] if there else ""
    name = "cri-o" if "crio" in socket else "containerd" if "containerd" in socket else ""
    driver, sandbox_image = "", ""
    if name == "containerd":
        driver, sandbox_image = _containerd(segments)
    elif name == "cri-o":
        driver, sandbox_image = _crio(segments)
    return RuntimeFacts(name, versions.get(name, ""), socket, socket in sockets, driver, sandbox_image)


def _containerd(segments: Segments) -> tuple[str, str]:
    """Cgroup driver and sandbox image. Without any setting runc's is SystemdCgroup = false, in every version so far."""
    main = _toml(segments, _CONTAINERD)
    if main is None:
        return "", ""
    tables = [main]
    wanted = [pattern for pattern in _strings(main.get("imports")) if len(pattern) < 300]
    for path in sorted(segments.contents):
        absolute = (str(PurePosixPath(_CONTAINERD.parent, pattern)) for pattern in wanted)
        if path.parent.parent == _CONTAINERD.parent and any(fnmatchcase(str(path), pattern) for pattern in absolute):
            tables.append(_toml(segments, path) or {})
    plugins = [_table(table, "plugins") for table in tables]
    driver, sandbox = "cgroupfs", ""
    for table in plugins:
        for plugin in (_table(table, name) for name in ("cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime")):
            containerd = _table(plugin, "containerd")
            name = containerd.get("default_runtime_name", "runc")
            options = _table(containerd, "runtimes", str(name), "options")
            systemd = options.get("SystemdCgroup", plugin.get("systemd_cgroup"))
            if isinstance(systemd, bool):
                driver = "systemd" if systemd else "cgroupfs"
            sandbox = _string(plugin.get("sandbox_image")) or sandbox
        images = _table(table, "io.containerd.cri.v1.images", "pinned_images")
        sandbox = _string(images.get("sandbox")) or sandbox
    return driver, sandbox


def _crio(segments: Segments) -> tuple[str, str]:
    driver, sandbox = "systemd", ""
    drop_ins = sorted(path for path in segments.contents if path.parent == _CRIO.parent / "crio.conf.d")
    for path in (_CRIO, *drop_ins):
        table = _table(_toml(segments, path) or {}, "crio")
        driver = _string(_table(table, "runtime").get("cgroup_manager")) or driver
        sandbox = _string(_table(table, "image").get("pause_image")) or sandbox
    return driver, sandbox


def _toml(segments: Segments, path: PurePosixPath) -> dict[str, Any] | None:
    """Empty where there is no such file; None where it is not TOML."""
    text = segments.file(str(path))
    try:
        return tomllib.loads(text) if len(text) <= _MOST_TOML else None
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return None


def _table(table: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        inner = table.get(name)
        table = inner if isinstance(inner, dict) else {}
    return table


def _strings(value: object) -> Iterable[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1][:64] if found else ""

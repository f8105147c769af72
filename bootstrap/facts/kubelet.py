"""How this kubelet is started and configured, and so where it reads static pods from.

Source: cmd/kubelet/app/server.go (v1.36.3), NewKubeletCommand: the --config file, then the --config-dir drop-ins merged over it
(JSON merge patch, only *.conf, recursive, lexical order), then the command line once more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from bootstrap.constants import KUBELET_CONFIG
from bootstrap.facts.frame import Segments, absolute, readable
from bootstrap.facts.model import KubeletFacts, ManifestDirectory
from bootstrap.facts.systemd import UNIT_DIRECTORIES, drop_in_order, start_command
from bootstrap.files import Observed

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)     # libyaml's, where PyYAML has it
_MOST_DEPTH = 50
MOST_YAML = 256 * 1024
ROOT = PurePosixPath("/")
_STRING_FLAGS = frozenset({
    "bootstrap-kubeconfig", "cgroup-driver", "config", "config-dir", "container-runtime-endpoint", "kubeconfig",
    "hostname-override", "node-ip", "node-labels", "pod-manifest-path", "root-dir", "v",
})
_BINARY = re.compile(r"/[A-Za-z0-9._/+-]{1,4000}")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class _Source:
    """One layer of configuration; the later one wins."""

    name: str
    values: Mapping[str, Any]
    directory: PurePosixPath = ROOT


def kubelet_facts(segments: Segments, owned: Mapping[PurePosixPath, Observed]) -> KubeletFacts:
    """What is known of the kubelet. owned: everything that was found on the host, by path."""
    pid = segments.values.get("kubelet_pid", "")
    argv = _argv(segments.contents.get(PurePosixPath("/proc", pid, "cmdline"), b"")) if pid.isdecimal() else ()
    problem = ""
    try:
        unit_argv, environment = _unit(segments, owned)
    except ValueError as error:
        unit_argv, environment, problem = (), {}, f"kubelet.service: {error}"
    given = flags(argv or unit_argv)
    layers: list[_Source] = []
    try:
        layers = _layers(segments, owned, given, started=bool(argv or unit_argv))
    except ValueError as error:
        problem = str(error)
    binary = segments.values.get("kubelet_binary") or None
    if binary is not None and not _BINARY.fullmatch(binary):
        binary, problem = None, problem or "its program has a path that no unit file should hold"
    looked_at = {absolute(name.removeprefix("manifests/")) for name in segments.values if name.startswith("manifests/")}
    layers.append(_Source("running process" if argv else "unit", _as_configuration(given)))
    return KubeletFacts(
        binary=binary,
        version=_version(segments),
        argv=argv,
        start_time=0.0,
        config_file=given.get("config", ""),
        cgroup_driver=_text(layers, "cgroupDriver"),
        fail_swap_on=_flag(layers, "failSwapOn"),
        runtime_endpoint=_text(layers, "containerRuntimeEndpoint"),
        manifests=_manifests(layers, owned, looked_at),
        kubeconfig=given.get("kubeconfig", ""),
        bootstrap_kubeconfig=given.get("bootstrap-kubeconfig", ""),
        proxies=_proxies(environment),
        config=_configuration(layers[:-1]),
        problem=problem,
    )


def _configuration(layers: Sequence[_Source]) -> dict[str, Any]:
    """The layers merged, less the one field that may hold a credential."""
    found: dict[str, Any] = {}
    for layer in layers:
        found = _merged(found, layer.values)
    found.pop("staticPodURLHeader", None)
    return found


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """As a JSON merge patch (RFC 7386)."""
    found = dict(below)
    for name, value in above.items():
        if isinstance(value, dict):
            beneath = found.get(name)
            found[name] = _merged(beneath if isinstance(beneath, dict) else {}, value)
        elif value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found


def flags(argv: Sequence[str]) -> dict[str, str]:
    """Flags of a kubelet's command line (program first), without dashes; `_` is `-` to it, the last of equal ones counts."""
    found: dict[str, str] = {}
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            break
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("_", "-")
        if not equals:
            value = next(words, "") if name in _STRING_FLAGS else "true"
        found[name] = value
    return found


def load_configuration(text: str) -> dict[str, Any]:
    """A KubeletConfiguration in YAML or JSON. Raises ValueError for what is not a mapping, too big or full of aliases."""
    if len(text) > MOST_YAML:
        raise ValueError(f"is longer than {MOST_YAML >> 10} KiB")
    try:
        _measure(text)
        found = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError) as error:
        # PyYAML's constructors raise all of these for `!!int ""` and the like
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"is not YAML{f' (line {mark.line + 1})' if mark else ''}") from error
    if not isinstance(found, dict):
        raise ValueError("is not a KubeletConfiguration")
    return found


def _measure(text: str) -> None:
    """Refuse, before anything recursive touches it, what nobody needs there and may be as big as memory: aliases, deep nests."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MOST_DEPTH:
                raise yaml.YAMLError(f"nested deeper than {_MOST_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _argv(raw: bytes) -> tuple[str, ...]:
    return tuple(readable(word) for word in raw.split(b"\0")[:-1])


def _unit(
    segments: Segments, owned: Mapping[PurePosixPath, Observed]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Command line and environment by the files on disk: that is what the next start reads, after a daemon-reload.

    A file that is a link to /dev/null has no content and so hides those of its name in the directories that count less.
    """
    fragments = (directory / "kubelet.service" for directory in UNIT_DIRECTORIES)
    unit = [path for path in fragments if path in owned][:1]
    unit += drop_in_order([path for path in owned if path.parent.name == "kubelet.service.d" and path.suffix == ".conf"])
    return start_command(
        [segments.file(str(path)) for path in unit], lambda path: segments.file(str(path))
    )


def _layers(
    segments: Segments, owned: Mapping[PurePosixPath, Observed], given: Mapping[str, str], *, started: bool
) -> list[_Source]:
    """The --config file and the drop-ins; where nothing says how the kubelet starts, the file where kubeadm puts it."""
    layers: list[_Source] = []
    name = given.get("config") or ("" if started else str(KUBELET_CONFIG))
    if name:
        path = absolute(name)
        layers += _layer(segments, path, "config", path.parent)
    if given.get("config-dir"):
        directory = absolute(given["config-dir"])
        for path in sorted(path for path in owned if directory in path.parents):
            if path.suffix == ".conf" and owned[path].kind in ("file", "link"):
                layers += _layer(segments, path, "config-dir", ROOT)
    return layers


def _layer(segments: Segments, path: PurePosixPath, kind: str, directory: PurePosixPath) -> list[_Source]:
    if path not in segments.contents:
        return []
    try:
        return [_Source(f"{kind} {path}", load_configuration(segments.file(str(path))), directory)]
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error


def _as_configuration(given: Mapping[str, str]) -> dict[str, Any]:
    """Those flags that have a field of KubeletConfiguration, under its name."""
    names = {
        "pod-manifest-path": "staticPodPath", "cgroup-driver": "cgroupDriver",
        "container-runtime-endpoint": "containerRuntimeEndpoint",
    }
    found: dict[str, Any] = {field: given[name] for name, field in names.items() if name in given}
    if "fail-swap-on" in given:
        found["failSwapOn"] = given["fail-swap-on"].lower() in ("true", "t", "1")
    return found


def _manifests(
    layers: Sequence[_Source], owned: Mapping[PurePosixPath, Observed], looked_at: Set[PurePosixPath]
) -> ManifestDirectory:
    for layer in reversed(layers):
        if "staticPodPath" not in layer.values:
            continue
        value = layer.values["staticPodPath"]
        if not isinstance(value, str) or not value:  # an empty one, or a merge patch's null, takes the field away
            return ManifestDirectory(None, "not set")
        path = absolute(str(layer.directory / value))
        is_file = path in owned and owned[path].kind == "file"
        return ManifestDirectory(path, layer.name, is_file=is_file, listed=path in looked_at)
    return ManifestDirectory(None, "not set")


def _text(layers: Sequence[_Source], field: str) -> str:
    for layer in reversed(layers):
        if isinstance(layer.values.get(field), str):
            return str(layer.values[field])
    return ""


def _flag(layers: Sequence[_Source], field: str) -> bool | None:
    for layer in reversed(layers):
        if isinstance(layer.values.get(field), bool):
            return bool(layer.values[field])
    return None


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    upper = {name.upper(): value for name, value in environment.items() if value}
    return {name: re.sub(r"//[^/@]*@", "//", upper[name]) for name in _PROXIES if name in upper}


def _version(segments: Segments) -> str:
    found = re.search(r"^Kubernetes (v\d+\.\d+\.\d+[!-~]*)$", readable(segments.one("versions")), re.MULTILINE | re.ASCII)
    return found[1][:64] if found else ""

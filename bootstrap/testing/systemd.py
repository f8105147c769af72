"""The kubelet's systemd unit of a model host: unit file, drop-ins as of the last daemon-reload, environment, states.

Source: systemd.unit(5), systemd.service(5): a drop-in in /etc hides one of the same name in /usr/lib; names sort over both.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.testing.filesystem import FakeFiles

UNIT = PurePosixPath("/usr/lib/systemd/system/kubelet.service")
DROP_IN_DIRS = (
    PurePosixPath("/usr/lib/systemd/system/kubelet.service.d"),
    PurePosixPath("/etc/systemd/system/kubelet.service.d"),
)
PACKAGED_UNIT = b"[Unit]\nDescription=kubelet\n\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\nRestartSec=10\n"
PACKAGED_DROP_IN = b"""[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/boot.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""


@dataclass(frozen=True)
class LoadedUnit:
    """What systemd knows since the last daemon-reload."""

    exec_start: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    environment_files: tuple[str, ...] = ()
    drop_ins: tuple[PurePosixPath, ...] = ()


def load(files: FakeFiles) -> LoadedUnit:
    """Read the unit and its drop-ins, as daemon-reload does."""
    by_name = {name: directory / name for directory in DROP_IN_DIRS for name in files.names(directory) if name.endswith(".conf")}
    drop_ins = tuple(by_name[name] for name in sorted(by_name))
    exec_start, environment, environment_files = "", [], []
    for path in (UNIT, *drop_ins):
        for key, value in _settings(files.content(path) or b""):
            if key == "ExecStart":
                exec_start = value
            elif key == "Environment":
                environment += [] if not value else [(n, v) for n, _, v in (w.partition("=") for w in shlex.split(value))]
            elif key == "EnvironmentFile":
                environment_files += [value] if value else []
    return LoadedUnit(exec_start, tuple(environment), tuple(environment_files), drop_ins)


def command_line(unit: LoadedUnit, files: FakeFiles) -> tuple[str, ...]:
    """The argument vector that a start gives: $NAME and ${NAME} filled from the environment and its files."""
    environment = dict(unit.environment)
    for name in unit.environment_files:
        for line in (files.content(PurePosixPath(name.lstrip("-"))) or b"").decode().splitlines():
            if "=" in line and not line.lstrip().startswith("#"):
                key, _, value = line.partition("=")
                environment[key.strip()] = value.strip().strip('"').strip("'")
    words: list[str] = []
    for word in shlex.split(unit.exec_start):
        if word.startswith("$") and not word.startswith("${"):
            words += shlex.split(environment.get(word[1:], ""))
        elif word.startswith("${") and word.endswith("}"):
            words.append(environment.get(word[2:-1], ""))
        else:
            words.append(word)
    return tuple(words)


def _settings(content: bytes) -> list[tuple[str, str]]:
    """Settings of [Service], continuation lines joined."""
    found, section = [], ""
    for raw in content.decode().replace("\\\n", " ").splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            found.append((key.strip(), value.strip()))
    return found

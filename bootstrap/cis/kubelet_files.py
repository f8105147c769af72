"""4.1: files of the kubelet, their permission bits and owners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap.cis.flags import given, value_of
from bootstrap.cis.model import Check, automated, manual
from bootstrap.cis.paths import Judge, at, mode, owner
from bootstrap.cis.yaml_files import mapping
from bootstrap.facts import Facts

ROOT = "root:root"
UNITS = (
    k.KUBELET_DROP_IN,
    PurePosixPath("/etc/systemd/system/kubelet.service"),
    PurePosixPath("/lib/systemd/system/kubelet.service"),
    PurePosixPath("/usr/lib/systemd/system/kubelet.service"),
)
PROXY_KUBECONFIG = k.KUBERNETES_DIR / "proxy.conf"


def _unit(facts: Facts) -> list[PurePosixPath]:
    """The file that the benchmark means: kubeadm's drop-in, the unit itself where there is none."""
    return [path for path in UNITS if path in facts.owned][:1]


def _named(facts: Facts, flag: str, otherwise: PurePosixPath) -> list[PurePosixPath]:
    """The file that a flag of the kubelet names."""
    path = PurePosixPath(value_of(given(facts.kubelet.argv), flag) or otherwise)
    return [path] if path in facts.owned else []


def _kubeconfig(facts: Facts) -> list[PurePosixPath]:
    return _named(facts, "kubeconfig", k.KUBERNETES_DIR / "kubelet.conf")


def _configuration(facts: Facts) -> list[PurePosixPath]:
    """The configuration file, and the drop-ins that are merged into it."""
    directory = value_of(given(facts.kubelet.argv), "config-dir")
    drop_ins = [path for path in facts.owned if directory and PurePosixPath(directory) in path.parents and path.suffix == ".conf"]
    return [*_named(facts, "config", k.KUBELET_CONFIG), *sorted(drop_ins)]


def _client_ca(facts: Facts) -> list[PurePosixPath]:
    said = mapping(facts.kubelet.config, "authentication", "x509").get("clientCAFile")
    return _named(facts, "client-ca-file", PurePosixPath(said) if isinstance(said, str) and said else k.PKI_DIR / "ca.crt")


def _pair(number: int, what: tuple[str, str], judges: tuple[Judge, Judge], *, by_hand: bool = False) -> Iterator[Check]:
    make = manual if by_hand else automated
    for place, (title, judge) in enumerate(zip(what, judges, strict=True)):
        yield make(f"4.1.{number + place}", title, judge)


CHECKS: tuple[Check, ...] = (
    *_pair(1, ("the kubelet's unit is readable by root alone", "the kubelet's unit belongs to root"),
           (mode(_unit, 0o600, "kubelet.service"), owner(_unit, ROOT, "kubelet.service"))),
    *_pair(3, ("kube-proxy's kubeconfig is readable by root alone", "kube-proxy's kubeconfig belongs to root"),
           (mode(at(PROXY_KUBECONFIG), 0o600, str(PROXY_KUBECONFIG), absent=None),
            owner(at(PROXY_KUBECONFIG), ROOT, str(PROXY_KUBECONFIG), absent=None)), by_hand=True),
    *_pair(5, ("the kubelet's kubeconfig is readable by root alone", "the kubelet's kubeconfig belongs to root"),
           (mode(_kubeconfig, 0o600, "/etc/kubernetes/kubelet.conf"), owner(_kubeconfig, ROOT, "/etc/kubernetes/kubelet.conf"))),
    *_pair(7, ("nobody but root can write the clients' CA", "the clients' CA belongs to root"),
           (mode(_client_ca, 0o644, "clientCAFile"), owner(_client_ca, ROOT, "clientCAFile")), by_hand=True),
    *_pair(9, ("the kubelet's configuration is readable by root alone", "the kubelet's configuration belongs to root"),
           (mode(_configuration, 0o600, str(k.KUBELET_CONFIG)), owner(_configuration, ROOT, str(k.KUBELET_CONFIG)))),
)  # fmt: skip

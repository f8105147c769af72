"""Versions, certificates, flags, variables, volumes, taints: what needs more than one field to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from bootstrap import durations
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc, field_path

_OURS = "leave it out: the tool sets it"
_ETCD_OWN = (
    "name", "initial-cluster", "initial-cluster-state", "initial-cluster-token", "initial-advertise-peer-urls",
    "advertise-client-urls", "listen-client-urls", "listen-peer-urls", "force-new-cluster", "discovery", "discovery-srv",
    "cert-file", "key-file", "trusted-ca-file", "client-cert-auth", "peer-cert-file", "peer-key-file", "peer-trusted-ca-file",
    "peer-client-cert-auth",
)  # fmt: skip
_KUBELET_OWN = {
    "node-ip": "a host's `address`", "hostname-override": "a host's `name`", "config": "kubelet.config", "kubeconfig": _OURS,
    "bootstrap-kubeconfig": _OURS, "pod-manifest-path": _OURS, "cert-dir": _OURS, "tls-cert-file": _OURS,
    "tls-private-key-file": _OURS, "register-with-taints": "a host's `taints`",
}  # fmt: skip

# Flags that a field of the inventory, or the tool alone, decides: a second value would contradict certificates and addresses.
OWN_FLAGS: dict[str, dict[str, str]] = {
    "apiServer": {
        "advertise-address": "a host's `address`", "secure-port": "apiServer.bindPort",
        "anonymous-auth": "leave it out: the kubelet's probes of /livez and /readyz have no credentials",
        "service-cluster-ip-range": "networking.serviceSubnet", "etcd-servers": _OURS, "etcd-cafile": _OURS,
        "etcd-certfile": _OURS, "etcd-keyfile": _OURS, "client-ca-file": _OURS, "tls-cert-file": _OURS,
        "tls-private-key-file": _OURS,
    },
    "controllerManager": {
        "cluster-cidr": "networking.podSubnet", "service-cluster-ip-range": "networking.serviceSubnet",
        "cluster-name": "clusterName", "kubeconfig": _OURS,
    },
    "scheduler": {"kubeconfig": _OURS},
    "etcd": {"data-dir": "etcd.local.dataDir"} | dict.fromkeys(_ETCD_OWN, _OURS),
}  # fmt: skip


def findings(draft: Draft) -> Iterator[Finding]:
    yield from _version(draft)
    yield from _validity(draft)
    for component in ("apiServer", "controllerManager", "scheduler"):
        place: Loc = ("spec", component)
        yield from _args(draft, (*place, "extraArgs"), OWN_FLAGS[component])
        yield from _unique(draft, (*place, "extraEnvs"), lambda item: draft.text(*item, "name"), "name")
        yield from _unique(draft, (*place, "extraVolumes"), lambda item: draft.text(*item, "name"), "name")
        yield from _unique(draft, (*place, "extraVolumes"), lambda item: draft.text(*item, "mountPath"), "mountPath")
    etcd: Loc = ("spec", "etcd", "local")
    yield from _args(draft, (*etcd, "extraArgs"), OWN_FLAGS["etcd"])
    yield from _unique(draft, (*etcd, "extraEnvs"), lambda item: draft.text(*item, "name"), "name")
    yield from _args(draft, ("spec", "kubelet", "extraArgs"), _KUBELET_OWN)
    for host in draft.hosts():
        yield from _args(draft, (*host, "kubelet", "extraArgs"), _KUBELET_OWN)
        yield from _unique(draft, (*host, "taints"), lambda item: _taint(draft, item), "key")
    yield from _unique(draft, ("spec", "addons"), lambda item: draft.text(*item), None)


def _version(draft: Draft) -> Iterator[Finding]:
    place: Loc = ("spec", "kubernetesVersion")
    text = draft.text(*place)
    minor = "" if text is None else text.removeprefix("v").rpartition(".")[0]
    if text is not None and draft.minors and minor not in draft.minors:
        supported = ", ".join(draft.minors)
        yield Finding(place, f"Kubernetes {minor} is not supported by this version of bootstrap", f"a release of {supported}")


def _validity(draft: Draft) -> Iterator[Finding]:
    leaf = _duration(draft, "certificateValidityPeriod", timedelta(days=365))
    authority = _duration(draft, "caCertificateValidityPeriod", timedelta(days=3650))
    if leaf is None or authority is None or leaf <= authority:
        return
    field = "certificateValidityPeriod"
    if draft.raw("spec", field) is None:
        field = "caCertificateValidityPeriod"
    message = f"certificates would be valid for {durations.format(leaf)}, longer than their CA ({durations.format(authority)})"
    yield Finding(("spec", field), message, "certificateValidityPeriod at most caCertificateValidityPeriod")


def _duration(draft: Draft, field: str, default: timedelta) -> timedelta | None:
    text = draft.text("spec", field, default=durations.format(default))
    return None if text is None else durations.parse(text)


def _args(draft: Draft, place: Loc, own: dict[str, str]) -> Iterator[Finding]:
    first: dict[tuple[str, str], Loc] = {}
    for item, name, value in draft.args(*place):
        hint = own.get(name.replace("_", "-"))  # component-base takes both
        if hint is not None:
            yield Finding((*item, "name"), f"--{name} may not stand in extraArgs", hint)
        other = first.setdefault((name, value), item)
        if other != item:
            yield Finding((*item, "name"), f"--{name} with the same value is already {field_path(other)}", "keep one of the two")


def _unique(draft: Draft, place: Loc, key: Callable[[Loc], object], field: str | None) -> Iterator[Finding]:
    first: dict[object, Loc] = {}
    for item in draft.items(*place):
        value = key(item)
        if value is None:
            continue
        other = first.setdefault(value, item)
        if other != item:
            where = item if field is None else (*item, field)
            yield Finding(where, f"is already {field_path(other)}", "keep one, or give it another name")


def _taint(draft: Draft, item: Loc) -> object:
    key, effect = draft.text(*item, "key"), draft.text(*item, "effect", default="NoSchedule")
    return None if key is None or effect is None else (key, effect)

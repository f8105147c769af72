"""Versions, flags, variables, volumes, taints: what needs more than one field to judge."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from bootstrap import owned, versions
from bootstrap.constants import DEFAULT_ETCD_DATA_DIR, ETCD_METRICS_PORT
from bootstrap.fields import BUILT_IN_ADDONS
from bootstrap.inventory import component_fields
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc, field_path
from bootstrap.syntax import paths, quoted

# Health is asked on loopback. Source: `bootstrap.healthz`, and the probes in the manifests.
_ON_LOOPBACK = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
# etcd's on the loopback address of its host's family; who listens on :: takes IPv4 too (Go's net.Listen, "tcp").
_METRICS_HOSTS = {4: ("127.0.0.1", "0.0.0.0", "::"), 6: ("::1", "::")}  # noqa: S104
_KUBELET_HEALTHZ = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104


def findings(draft: Draft) -> Iterator[Finding]:
    yield from _version(draft)
    for component, flags in (
        ("apiServer", owned.API_SERVER_FLAGS),
        ("controllerManager", owned.CONTROLLER_MANAGER_FLAGS),
        ("scheduler", owned.SCHEDULER_FLAGS),
    ):
        place: Loc = ("spec", component)
        yield from _args(draft, (*place, "extraArgs"), flags)
        yield from _unique(draft, (*place, "extraEnvs"), lambda item: draft.text(*item, "name"), "name")
        yield from _unique(draft, (*place, "extraVolumes"), lambda item: draft.text(*item, "name"), "name")
        yield from _unique(draft, (*place, "extraVolumes"), lambda item: draft.text(*item, "mountPath"), "mountPath")
        yield from _volumes(draft, (*place, "extraVolumes"), owned.MOUNTS[component])
    for component in ("controllerManager", "scheduler"):
        yield from _bind_addresses(draft, ("spec", component, "extraArgs"))
        yield from _serving_pair(draft, ("spec", component, "extraArgs"))
    yield from _oidc(draft, ("spec", "apiServer", "extraArgs"))
    yield from _etcd(draft, ("spec", "etcd", "local"))
    yield from _kubelet(draft, ("spec", "kubelet"))
    yield from _config(draft, ("spec", "kubeProxy", "config"), owned.KUBE_PROXY_FIELDS, component_fields.KUBE_PROXY)
    for host in draft.hosts():
        yield from _kubelet(draft, (*host, "kubelet"))
        yield from _unique(draft, (*host, "taints"), lambda item: _taint(draft, item), "key")
    yield from _unique(draft, ("spec", "addons"), lambda item: _addon(draft, item), None)


def _version(draft: Draft) -> Iterator[Finding]:
    place: Loc = ("spec", "kubernetesVersion")
    minor = _minor(draft)
    if minor and draft.minors and minor not in draft.minors:
        supported = ", ".join(draft.minors)
        yield Finding(place, f"Kubernetes {minor} is not supported by this version of bootstrap", f"a release of {supported}")


def _volumes(draft: Draft, place: Loc, own: Mapping[str, str]) -> Iterator[Finding]:
    """A volume of the user's may replace one of the tool's by taking its name, at the same place in the container."""
    data_dir = draft.text("spec", "etcd", "local", "dataDir", default=str(DEFAULT_ETCD_DATA_DIR))
    for item in draft.items(*place):
        name, mount, path = (draft.text(*item, field) for field in ("name", "mountPath", "hostPath"))
        if mount is not None and mount in owned.NEVER_MOUNTED:
            yield Finding((*item, "mountPath"), f"{mount} is the container's own", "a directory or file of the volume's own")
        for theirs, where in own.items():
            if mount == where and name not in (theirs, None):
                message = f"{where} has the volume {theirs} already"
                yield Finding((*item, "mountPath"), message, f"another path, or name: {theirs}")
            elif name == theirs and mount not in (where, None):
                message = f"the volume {theirs} belongs at {where}"
                yield Finding((*item, "mountPath"), message, f"mountPath: {where}, or another name")
        if path is not None and data_dir is not None and PurePosixPath(path).is_relative_to(data_dir):
            message = f"{path} is in etcd's data directory"
            yield Finding((*item, "hostPath"), message, "a directory that etcd has nothing to do with")


def _oidc(draft: Draft, place: Loc) -> Iterator[Finding]:
    """--oidc-* and the file that limits anonymous requests exclude each other (pkg/kubeapiserver/options, v1.36.3)."""
    given = [(item, owned.flag_name(name)) for item, name, _ in draft.args(*place)]
    anonymous = draft.text("spec", "hardening", "anonymousRequests", default="health-and-cluster-info")
    if anonymous in (None, "all") or any(name == "authentication-config" for _, name in given):
        return
    for item, name in given:
        if name.startswith("oidc-"):
            message = f"--{name} excludes the authentication configuration that limits anonymous requests"
            hint = "--authentication-config with jwt and anonymous in a file of yours; or spec.hardening.anonymousRequests: all"
            yield Finding((*item, "name"), message, hint)


def _etcd(draft: Draft, place: Loc) -> Iterator[Finding]:
    problem = versions.etcd_problem(draft.text(*place, "imageTag") or "")
    if problem is not None:
        yield Finding((*place, "imageTag"), problem, "leave it out, or name a later one")
    yield from _args(draft, (*place, "extraArgs"), owned.ETCD_FLAGS)
    for item, name, value in draft.args(*place, "extraArgs"):
        if owned.flag_name(name) == "listen-metrics-urls":
            yield from _metrics_urls(draft, (*item, "value"), value)
    yield from _unique(draft, (*place, "extraEnvs"), lambda item: draft.text(*item, "name"), "name")
    yield from _etcd_variables(draft, place)


def _etcd_variables(draft: Draft, place: Loc) -> Iterator[Finding]:
    """A variable sets a flag as an argument does; given both ways etcd ends at once.

    Source: etcd pkg/flags/flag.go, verifyEnv (3.6, 3.7).
    """
    given = {*owned.ETCD_DEFAULTS, *(owned.flag_name(name) for _, name, _ in draft.args(*place, "extraArgs"))}
    variables = {owned.etcd_variable(flag): flag for flag in (*sorted(given), *owned.ETCD_FLAGS)}
    for item in draft.items(*place, "extraEnvs"):
        name = draft.text(*item, "name") or ""
        flag = variables.get(name, "")
        if flag in owned.ETCD_FLAGS:
            yield Finding((*item, "name"), f"{name} sets --{flag}, which may not be set", owned.ETCD_FLAGS[flag])
        elif flag:
            message = f"{name} sets --{flag}, which etcd is given as an argument"
            yield Finding((*item, "name"), message, "set it in extraArgs alone")


def _metrics_urls(draft: Draft, place: Loc, value: str) -> Iterator[Finding]:
    """Further URLs are welcome, as long as the plain one on loopback stays: every member's family must be among them."""
    members = [host for host in draft.hosts() if draft.text(*host, "role") == "control-plane"]
    families = {address.version for host in members if (address := draft.address(*host, "address")) is not None}
    for family in sorted(families):
        if not any(_is_local_metrics_url(url, family) for url in value.split(",")):
            local = f"http://{'[::1]' if family == 6 else '127.0.0.1'}:{ETCD_METRICS_PORT}"
            message = f"no URL of {quoted(value)} is plain HTTP on loopback (IPv{family}), port {ETCD_METRICS_PORT}"
            yield Finding(place, message, f"add {local}: probes and the tool ask there")


def _is_local_metrics_url(text: str, family: int) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme == "http" and url.port == ETCD_METRICS_PORT and url.hostname in _METRICS_HOSTS[family]
    except ValueError:
        return False


def _kubelet(draft: Draft, place: Loc) -> Iterator[Finding]:
    yield from _args(draft, (*place, "extraArgs"), owned.KUBELET_FLAGS)
    yield from _config(draft, (*place, "config"), owned.KUBELET_FIELDS, component_fields.KUBELET)
    port = draft.raw(*place, "config", "healthzPort")
    if port is not None and (not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535):
        hint = "a port, 1 to 65535: the tool asks there whether the kubelet is well"
        yield Finding((*place, "config", "healthzPort"), f"{quoted(port)} is not a port", hint)
    address = draft.raw(*place, "config", "healthzBindAddress")
    if address is not None and address not in _KUBELET_HEALTHZ:
        hint = f"one of {', '.join(_KUBELET_HEALTHZ)}: the tool asks on 127.0.0.1 whether the kubelet is well"
        yield Finding((*place, "config", "healthzBindAddress"), f"{quoted(address)} does not answer on 127.0.0.1", hint)


def _config(draft: Draft, place: Loc, own: Mapping[str, str], known: component_fields.Fields) -> Iterator[Finding]:
    config = draft.raw(*place)
    if not isinstance(config, Mapping):
        return
    yield from (Finding((*place, field), "is set by the tool", own[field]) for field in config if field in own)
    given = {field: value for field, value in config.items() if field not in own}
    minor = _minor(draft)
    supported = minor if minor in draft.minors else ""
    yield from islice(component_fields.unknown(given, known, place, supported), component_fields.MOST)


def _minor(draft: Draft) -> str:
    """The Kubernetes minor, supported or not; empty where the version is wrong."""
    return (draft.text("spec", "kubernetesVersion") or "").removeprefix("v").rpartition(".")[0]


def _args(draft: Draft, place: Loc, own: Mapping[str, str]) -> Iterator[Finding]:
    first: dict[tuple[str, str], Loc] = {}
    for item, given, value in draft.args(*place):
        name = owned.flag_name(given)
        if name in own:
            yield Finding((*item, "name"), f"--{name} may not stand in extraArgs", own[name])
        other = first.setdefault((name, value), item)
        if other != item:
            yield Finding((*item, "name"), f"--{name} with the same value is already {field_path(other)}", "keep one of the two")


def _bind_addresses(draft: Draft, place: Loc) -> Iterator[Finding]:
    for item, name, value in draft.args(*place):
        if owned.flag_name(name) == "bind-address" and value not in _ON_LOOPBACK:
            message = f"{quoted(value)} is not one of {', '.join(_ON_LOOPBACK)}"
            yield Finding((*item, "value"), message, "health is asked on loopback")


def _serving_pair(draft: Draft, place: Loc) -> Iterator[Finding]:
    names = ((item, draft.text(*item, "name")) for item in draft.items(*place))
    given = {owned.flag_name(name): item for item, name in names if name is not None}
    for one, other in (owned.SERVING_PAIR, owned.SERVING_PAIR[::-1]):
        if one in given and other not in given:
            yield Finding((*given[one], "name"), f"--{one} does not serve without --{other}", f"give --{other}, too, or neither")


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


def _addon(draft: Draft, item: Loc) -> object:
    """What two entries must not have in common: the built-in's name, or the file in whatever spelling."""
    text = draft.text(*item)
    return text if text is None or text in BUILT_IN_ADDONS else Path(os.path.normpath(paths.local(text, draft.directory)))


def _taint(draft: Draft, item: Loc) -> object:
    key, effect = draft.text(*item, "key"), draft.text(*item, "effect", default="NoSchedule")
    return None if key is None or effect is None else (key, effect)

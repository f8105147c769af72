"""Versions, certificates, flags, variables, volumes, taints: what needs more than one field to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from bootstrap import durations, owned, versions
from bootstrap.constants import ETCD_METRICS_PORT
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc, field_path
from bootstrap.syntax import quoted

# Health is asked on loopback. Source: `bootstrap.healthz`, and the probes in the manifests.
_ON_LOOPBACK = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
_METRICS_URL = f"http://127.0.0.1:{ETCD_METRICS_PORT}"


def findings(draft: Draft) -> Iterator[Finding]:
    yield from _version(draft)
    yield from _validity(draft)
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
    for component in ("controllerManager", "scheduler"):
        yield from _bind_addresses(draft, ("spec", component, "extraArgs"))
    yield from _oidc(draft, ("spec", "apiServer", "extraArgs"))
    yield from _etcd(draft, ("spec", "etcd", "local"))
    yield from _kubelet(draft, ("spec", "kubelet"))
    for host in draft.hosts():
        yield from _kubelet(draft, (*host, "kubelet"))
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
        # further URLs are welcome, as long as the plain one on loopback stays
        if owned.flag_name(name) == "listen-metrics-urls" and not any(map(_is_local_metrics_url, value.split(","))):
            message = f"no URL of {quoted(value)} is plain HTTP on loopback, port {ETCD_METRICS_PORT}"
            yield Finding((*item, "value"), message, f"add {_METRICS_URL}: probes and the tool ask there")
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


def _is_local_metrics_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme == "http" and url.port == ETCD_METRICS_PORT and url.hostname in _ON_LOOPBACK
    except ValueError:
        return False


def _kubelet(draft: Draft, place: Loc) -> Iterator[Finding]:
    yield from _args(draft, (*place, "extraArgs"), owned.KUBELET_FLAGS)
    config = draft.raw(*place, "config")
    for field in config if isinstance(config, Mapping) else ():
        if field in owned.KUBELET_FIELDS:
            yield Finding((*place, "config", field), "is set by the tool", owned.KUBELET_FIELDS[field])


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

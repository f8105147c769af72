"""1.2: how the API server was started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from bootstrap.cis.flags import (
    NOT_SET,
    Flags,
    Judge,
    asked,
    ciphers,
    excludes,
    flags_of,
    holds,
    includes,
    is_at_least,
    is_false,
    is_not_set,
    is_set,
    is_true,
    items_of,
    value_of,
)
from bootstrap.cis.model import Check, Verdict, automated, for_a_person, manual
from bootstrap.cis.yaml_files import mapping, mappings, read
from bootstrap.constants import API_SERVER
from bootstrap.facts import Facts

STRONG_PROVIDERS = frozenset({"aescbc", "kms", "secretbox"})
EXTRA_ARGS = "spec.apiServer.extraArgs"
ENCRYPTION = "spec.hardening.encryptionAtRest: secretbox"
AUDIT = "spec.hardening.audit.enabled: true"


def _set(*names: str) -> Judge:
    return is_set(API_SERVER, *names)


def _plugin(name: str) -> Judge:
    return includes(API_SERVER, "enable-admission-plugins", name)


def _default_plugin(name: str) -> Judge:
    return excludes(API_SERVER, "disable-admission-plugins", name)


def _anonymous(facts: Facts) -> Verdict:
    """--anonymous-auth=false, or an AuthenticationConfiguration that says so. The flag excludes one that speaks of it."""
    where, wanted = f"{API_SERVER} --anonymous-auth", "false"
    flags = flags_of(facts, API_SERVER)
    if flags is None:
        return Verdict(False, where, f"{API_SERVER} does not run", wanted)
    path = value_of(flags, "authentication-config")
    anonymous = mapping(read(facts, path), "anonymous") if path is not None else {}
    said = value_of(flags, "anonymous-auth")
    if said is not None or "enabled" not in anonymous:
        return Verdict(said is not None and is_false(said), where, NOT_SET if said is None else said, wanted)
    if anonymous["enabled"] is False:
        return Verdict(True, str(path), "anonymous requests are refused", wanted)
    paths = ", ".join(str(condition.get("path", "?")) for condition in mappings(anonymous.get("conditions")))
    reason = "the kubelet's probes and `kubeadm join` ask without credentials" if paths else ""
    return Verdict(False, str(path), f"let in for {paths}" if paths else "let in everywhere", wanted, reason)


def _authorizers(facts: Facts, flags: Flags) -> tuple[list[str] | None, str]:
    """Authorizers in use, and what says so; None where it cannot be told."""
    path = value_of(flags, "authorization-config")
    if path is None:
        return items_of(flags, "authorization-mode"), "authorization-mode"
    configuration = read(facts, path)
    if configuration is None:
        return None, "authorization-config"
    return [str(one.get("type", "?")) for one in mappings(configuration.get("authorizers"))], "authorization-config"


def _authorization(wanted: str, *, present: bool) -> Judge:
    def judge(facts: Facts) -> Verdict:
        text = f"with {wanted}" if present else f"without {wanted}"
        flags = flags_of(facts, API_SERVER)
        if flags is None:
            return Verdict(False, f"{API_SERVER} --authorization-mode", f"{API_SERVER} does not run", text)
        modes, flag = _authorizers(facts, flags)
        found = "not set, so AlwaysAllow" if modes is None and flag == "authorization-mode" else "cannot be read"
        met = modes is not None and (wanted in modes) is present
        return Verdict(met, f"{API_SERVER} --{flag}", found if modes is None else ", ".join(modes), text)

    return judge


def _providers(facts: Facts) -> Verdict:
    """The first provider of each list is the one that new Secrets are written with."""
    wanted = "first aescbc, kms or secretbox"
    path = value_of(flags_of(facts, API_SERVER) or {}, "encryption-provider-config")
    if path is None:
        return Verdict(False, f"{API_SERVER} --encryption-provider-config", NOT_SET, wanted)
    lists = facts.security.encryption.get(PurePosixPath(path)) if facts.security is not None else None
    if not lists or not all(lists):
        return Verdict(False, path, "no provider can be made out", wanted)
    first = [kinds[0] for kinds in lists]
    return Verdict(all(kind in STRONG_PROVIDERS for kind in first), path, f"first {', '.join(first)}", wanted)


def _ciphers(flags: Flags) -> tuple[bool, str]:
    return ciphers(items_of(flags, "tls-cipher-suites"), value_of(flags, "tls-min-version") or "")


def _request_timeout(facts: Facts) -> str:
    flags: Mapping[str, Any] = flags_of(facts, API_SERVER) or {}
    return value_of(flags, "request-timeout") or "not set, so 1m0s"


CHECKS: tuple[Check, ...] = (
    manual("1.2.1", "nobody is let in without credentials", _anonymous, "spec.hardening.anonymousRequests: health"),
    automated("1.2.2", "no list of static tokens", is_not_set(API_SERVER, "token-auth-file"),
              f"take token-auth-file out of {EXTRA_ARGS}"),
    manual("1.2.3", "nobody may give a Service external IPs", _plugin("DenyServiceExternalIPs"),
           "spec.hardening.denyServiceExternalIPs: true"),
    automated("1.2.4", "proves itself to kubelets", _set("kubelet-client-certificate", "kubelet-client-key")),
    automated("1.2.5", "verifies kubelets", _set("kubelet-certificate-authority"), "spec.hardening.kubeletServing: true"),
    automated("1.2.6", "does not allow everything", _authorization("AlwaysAllow", present=False)),
    automated("1.2.7", "kubelets may only do what their node needs", _authorization("Node", present=True)),
    automated("1.2.8", "authorizes by roles", _authorization("RBAC", present=True)),
    manual("1.2.9", "the rate of events is limited", _plugin("EventRateLimit"), "spec.hardening.eventRateLimit: true"),
    automated("1.2.10", "does not admit everything", excludes(API_SERVER, "enable-admission-plugins", "AlwaysAdmit"),
              f"take AlwaysAdmit out of enable-admission-plugins in {EXTRA_ARGS}"),
    manual("1.2.11", "images are pulled with each pod's own credentials", _plugin("AlwaysPullImages"),
           "spec.hardening.alwaysPullImages: true (no pod then starts while the registry is away)"),
    automated("1.2.12", "pods get a service account", _default_plugin("ServiceAccount"),
              f"take ServiceAccount out of disable-admission-plugins in {EXTRA_ARGS}"),
    automated("1.2.13", "nothing is made in a namespace that is not there", _default_plugin("NamespaceLifecycle"),
              f"take NamespaceLifecycle out of disable-admission-plugins in {EXTRA_ARGS}"),
    automated("1.2.14", "kubelets may only change their own node and pods", _plugin("NodeRestriction")),
    automated("1.2.15", "no profiling", holds(API_SERVER, "profiling", "false", is_false), "spec.hardening.profiling: false"),
    automated("1.2.16", "keeps an audit log", _set("audit-log-path"), AUDIT),
    automated("1.2.17", "keeps the audit log for 30 days", is_at_least(API_SERVER, "audit-log-maxage", 30), AUDIT),
    automated("1.2.18", "keeps 10 old audit logs", is_at_least(API_SERVER, "audit-log-maxbackup", 10), AUDIT),
    automated("1.2.19", "audit logs hold 100 MB", is_at_least(API_SERVER, "audit-log-maxsize", 100), AUDIT),
    manual("1.2.20", "requests end after a fitting time",
           for_a_person(f"{API_SERVER} --request-timeout", _request_timeout),
           f"request-timeout in {EXTRA_ARGS}"),
    automated("1.2.21", "tokens of deleted service accounts are void",
              holds(API_SERVER, "service-account-lookup", "true", is_true, unset=True),
              f"take service-account-lookup out of {EXTRA_ARGS}"),
    automated("1.2.22", "verifies service account tokens by a key of their own", _set("service-account-key-file")),
    automated("1.2.23", "proves itself to etcd", _set("etcd-certfile", "etcd-keyfile")),
    automated("1.2.24", "proves itself to clients", _set("tls-cert-file", "tls-private-key-file")),
    automated("1.2.25", "verifies clients", _set("client-ca-file")),
    automated("1.2.26", "verifies etcd", _set("etcd-cafile")),
    manual("1.2.27", "encrypts what is in etcd", _set("encryption-provider-config"), ENCRYPTION),
    manual("1.2.28", "encrypts it well", _providers, ENCRYPTION),
    manual("1.2.29", "only strong ciphers", asked(API_SERVER, "tls-cipher-suites", "only strong ones", _ciphers),
           "spec.hardening.strongCiphers: true"),
    automated("1.2.30", "service account tokens are not extended",
              holds(API_SERVER, "service-account-extend-token-expiration", "false", is_false),
              "spec.hardening.extendedTokens: false"),
)  # fmt: skip

"""4.2 and 4.3: how kubelet and kube-proxy are configured. A flag counts more than the configuration file and its drop-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bootstrap.cis.controller_manager_scheduler import GATE, is_loopback
from bootstrap.cis.flags import NOT_SET, Flags, Judge, ciphers, feature_gate, given, is_false, is_number, is_true, value_of
from bootstrap.cis.model import Check, Verdict, automated, manual
from bootstrap.cis.yaml_files import mapping, strings
from bootstrap.facts import Facts, KubeProxy

CONFIG = "spec.kubelet.config"
ARGS = "spec.kubelet.extraArgs"
METRICS_PORT = 10249
NOT_RUNNING = "the kubelet does not run"
_ZERO = frozenset({"0", "0s", "0m", "0h"})


def _said(facts: Facts, flag: str, *fields: str) -> str | None:
    """A setting as text, booleans as true and false: the flag's value, else the field's; None where neither is there."""
    by_flag = value_of(given(facts.kubelet.argv), flag)
    if by_flag is not None:
        return by_flag
    found: Any = mapping(facts.kubelet.config, *fields[:-1]).get(fields[-1])
    if found is None or isinstance(found, bool):
        return None if found is None else str(found).lower()
    return str(found)


def _setting(flag: str, fields: str, wanted: str, test: Callable[[str], bool], *, unset: bool = False) -> Judge:
    """The setting passes the test. fields: its path in KubeletConfiguration, dotted. unset: so does one that is not made."""
    where = f"kubelet {fields}"

    def judge(facts: Facts) -> Verdict:
        if not facts.kubelet.argv or facts.kubelet.problem:
            return Verdict(False, where, facts.kubelet.problem or NOT_RUNNING, wanted)
        said = _said(facts, flag, *fields.split("."))
        text = f"{wanted} or {NOT_SET}" if unset else wanted
        return Verdict(unset if said is None else test(said), where, NOT_SET if said is None else said or "empty", text)

    return judge


def _flags(where: str, wanted: str, test: Callable[[Flags, Facts], tuple[bool, str]]) -> Judge:
    def judge(facts: Facts) -> Verdict:
        if not facts.kubelet.argv or facts.kubelet.problem:
            return Verdict(False, where, facts.kubelet.problem or NOT_RUNNING, wanted)
        met, found = test(given(facts.kubelet.argv), facts)
        return Verdict(met, where, found, wanted)

    return judge


def _streaming(flags: Flags, facts: Facts) -> tuple[bool, str]:
    """Only the flag can take the limit away: a zero in the file stands for the default, 4h (v1beta1/defaults.go)."""
    by_flag = value_of(flags, "streaming-connection-idle-timeout")
    if by_flag is not None:
        return by_flag not in _ZERO, by_flag
    said = facts.kubelet.config.get("streamingConnectionIdleTimeout")
    return True, f"{said}, which is 4h" if str(said) in _ZERO else NOT_SET if said is None else str(said)


def _hostname(flags: Flags, facts: Facts) -> tuple[bool, str]:
    return "hostname-override" not in flags, value_of(flags, "hostname-override") or NOT_SET


def _serving(flags: Flags, facts: Facts) -> tuple[bool, str]:
    pairs = (("tls-cert-file", "tlsCertFile"), ("tls-private-key-file", "tlsPrivateKeyFile"))
    said = [_said(facts, flag, field) for flag, field in pairs]
    return all(said), ", ".join(value or NOT_SET for value in said)


def _gate(flags: Flags, facts: Facts) -> tuple[bool, str]:
    by_flag = feature_gate(flags.get("feature-gates", ()), GATE)
    said = by_flag if by_flag is not None else _said(facts, "", "featureGates", GATE)
    return said is None or not is_false(said), f"{GATE}={said}" if said else NOT_SET


def _ciphers(flags: Flags, facts: Facts) -> tuple[bool, str]:
    by_flag = value_of(flags, "tls-cipher-suites")
    suites = by_flag.split(",") if by_flag is not None else strings(facts.kubelet.config.get("tlsCipherSuites"))
    return ciphers(suites, _said(facts, "tls-min-version", "tlsMinVersion") or "")


def _metrics(facts: Facts) -> Verdict:
    """Where kube-proxy serves its metrics: what it was told, else where it listens. An empty address means 127.0.0.1."""
    where, wanted = "kube-proxy metricsBindAddress", "127.0.0.1"
    proxies = facts.security.kube_proxies if facts.security is not None else ()
    if not proxies:
        return Verdict(None, where, "kube-proxy does not run here", wanted)
    said = [_metrics_address(proxy) for proxy in proxies]
    addresses = [address for address in said if address]
    pids = {proxy.pid for proxy in proxies}
    addresses += [one.address for one in facts.listeners if one.port == METRICS_PORT and one.pid in pids]
    bad = sorted({address for address in addresses if not is_loopback(address)})
    return Verdict(not bad, where, ", ".join(bad or sorted(set(addresses))) or f"{NOT_SET}, so 127.0.0.1", wanted)


def _metrics_address(proxy: KubeProxy) -> str:
    """Without the port; empty where nothing is said."""
    by_flag = value_of(given(proxy.argv), "metrics-bind-address")
    said = by_flag if by_flag is not None else str(proxy.config.get("metricsBindAddress") or "")
    address, _, port = said.rpartition(":")
    return (address if port.isdecimal() and address else said).strip("[]")


CHECKS: tuple[Check, ...] = (
    automated("4.2.1", "nobody is let in without credentials",
              _setting("anonymous-auth", "authentication.anonymous.enabled", "false", is_false),
              f"authentication.anonymous.enabled: false in {CONFIG}"),
    automated("4.2.2", "does not allow everything",
              _setting("authorization-mode", "authorization.mode", "not AlwaysAllow", lambda said: said != "AlwaysAllow"),
              f"authorization.mode: Webhook in {CONFIG}"),
    automated("4.2.3", "verifies clients",
              _setting("client-ca-file", "authentication.x509.clientCAFile", "set", bool)),
    manual("4.2.4", "no port without authentication",
           _setting("read-only-port", "readOnlyPort", "0", lambda said: said == "0", unset=True), f"readOnlyPort in {CONFIG}"),
    manual("4.2.5", "connections that idle are ended",
           _flags("kubelet streamingConnectionIdleTimeout", "not 0", _streaming),
           f"take streaming-connection-idle-timeout out of {ARGS}"),
    automated("4.2.6", "keeps its iptables chains",
              _setting("make-iptables-util-chains", "makeIPTablesUtilChains", "true", is_true, unset=True),
              f"take makeIPTablesUtilChains out of {CONFIG}"),
    manual("4.2.7", "the node is called as its host is", _flags("kubelet --hostname-override", NOT_SET, _hostname),
           f"take hostname-override out of {ARGS}"),
    manual("4.2.8", "the rate of events is sound",
           _setting("event-qps", "eventRecordQPS", "0 or more", lambda said: is_number(said) and int(said) >= 0, unset=True),
           f"eventRecordQPS in {CONFIG}"),
    manual("4.2.9", "proves itself to clients",
           _flags("kubelet tlsCertFile, tlsPrivateKeyFile", "set", _serving), "spec.hardening.kubeletServing: true"),
    automated("4.2.10", "its certificate for the API is renewed",
              _setting("rotate-certificates", "rotateCertificates", "true", is_true, unset=True),
              f"take rotateCertificates out of {CONFIG}"),
    manual("4.2.11", "its serving certificate is renewed",
           _flags("kubelet featureGates", f"without {GATE}=false", _gate), f"take {GATE} out of featureGates in {CONFIG}"),
    manual("4.2.12", "only strong ciphers", _flags("kubelet tlsCipherSuites", "only strong ones", _ciphers),
           "spec.hardening.strongCiphers: true"),
    manual("4.2.13", "a pod cannot take all processes",
           _setting("pod-max-pids", "podPidsLimit", "more than 0", lambda said: is_number(said) and int(said) > 0),
           "spec.hardening.kubelet: true"),
    manual("4.2.14", "pods run under a seccomp profile",
           _setting("seccomp-default", "seccompDefault", "true", is_true), "spec.hardening.kubelet: true"),
    automated("4.3.1", "kube-proxy shows its metrics on the loopback address only", _metrics, "metricsBindAddress of kube-proxy"),
)  # fmt: skip

"""Every check passes on a host that is as it should be, and notices the fault that it is for, and no other check does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from bootstrap import cis
from bootstrap.cis import report
from bootstrap.facts import Facts, KubeProxy, Listener
from bootstrap.files import Observed
from tests.unit.cis_samples import (
    Change,
    api_server_file,
    flag,
    gone,
    hardened,
    kubelet,
    kubelet_flag,
    mode,
    owner,
    security,
    stopped,
)

FOR_A_PERSON = ("1.2.20", "3.1.1", "3.1.2", "3.1.3")
API = "kube-apiserver"
KCM = "kube-controller-manager"
MANIFESTS = "/etc/kubernetes/manifests"
PKI = "/etc/kubernetes/pki"
CNI = "/etc/cni/net.d/10-bridge.conflist"
DROP_IN = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
AUTHENTICATION = "/etc/kubernetes/authentication.yaml"
PROXY = ("kube-proxy", "--metrics-bind-address=0.0.0.0")
ENCRYPTION = PurePosixPath("/etc/kubernetes/encryption.yaml")

FAULTS: dict[str, tuple[Change, str]] = {
    "1.1.1": (mode(f"{MANIFESTS}/{API}.yaml", 0o640), "0640"),
    "1.1.2": (owner(f"{MANIFESTS}/{API}.yaml", "adm"), "adm:root"),
    "1.1.3": (mode(f"{MANIFESTS}/{KCM}.yaml", 0o604), "0604"),
    "1.1.4": (owner(f"{MANIFESTS}/{KCM}.yaml", "root", "adm"), "root:adm"),
    "1.1.5": (mode(f"{MANIFESTS}/kube-scheduler.yaml", 0o700), "0700"),
    "1.1.6": (owner(f"{MANIFESTS}/kube-scheduler.yaml", "1000"), "1000:root"),
    "1.1.7": (mode(f"{MANIFESTS}/etcd.yaml", 0o644), "0644"),
    "1.1.8": (owner(f"{MANIFESTS}/etcd.yaml", "etcd"), "etcd:root"),
    "1.1.9": (mode(CNI, 0o644), "0644"),
    "1.1.10": (owner(CNI, "cni"), "cni:root"),
    "1.1.11": (mode("/var/lib/etcd", 0o755), "0755"),
    "1.1.12": (owner("/var/lib/etcd", "root"), "root:root"),
    "1.1.13": (mode("/etc/kubernetes/super-admin.conf", 0o644), "0644"),
    "1.1.14": (owner("/etc/kubernetes/admin.conf", "adm"), "adm:root"),
    "1.1.15": (mode("/etc/kubernetes/scheduler.conf", 0o640), "0640"),
    "1.1.16": (owner("/etc/kubernetes/scheduler.conf", "adm"), "adm:root"),
    "1.1.17": (mode("/etc/kubernetes/controller-manager.conf", 0o4600), "4600"),
    "1.1.18": (owner("/etc/kubernetes/controller-manager.conf", "adm"), "adm:root"),
    "1.1.19": (owner(f"{PKI}/sa.pub", "adm"), "adm:root"),
    "1.1.20": (mode(f"{PKI}/etcd/ca.crt", 0o664), "0664"),
    "1.1.21": (mode(f"{PKI}/ca.key", 0o640), "0640"),
    "1.2.1": (api_server_file(AUTHENTICATION, "anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}]}"),
              "let in for /livez, /readyz"),
    "1.2.2": (flag(API, "token-auth-file", "/etc/tokens.csv"), "/etc/tokens.csv"),
    "1.2.3": (flag(API, "enable-admission-plugins", "NodeRestriction,EventRateLimit,AlwaysPullImages"),
              "NodeRestriction, EventRateLimit, AlwaysPullImages"),
    "1.2.4": (flag(API, "kubelet-client-key", None), f"{PKI}/apiserver-kubelet-client.crt, not set"),
    "1.2.5": (flag(API, "kubelet-certificate-authority", None), "not set"),
    "1.2.6": (flag(API, "authorization-mode", "Node,RBAC,AlwaysAllow"), "Node, RBAC, AlwaysAllow"),
    "1.2.7": (flag(API, "authorization-mode", "RBAC"), "RBAC"),
    "1.2.8": (flag(API, "authorization-mode", "Node,Webhook"), "Node, Webhook"),
    "1.2.9": (flag(API, "enable-admission-plugins", "NodeRestriction,DenyServiceExternalIPs,AlwaysPullImages"),
              "NodeRestriction, DenyServiceExternalIPs, AlwaysPullImages"),
    "1.2.10": (flag(API, "enable-admission-plugins",
                    "NodeRestriction,DenyServiceExternalIPs,AlwaysPullImages,EventRateLimit,AlwaysAdmit"),
               "NodeRestriction, DenyServiceExternalIPs, AlwaysPullImages, EventRateLimit, AlwaysAdmit"),
    "1.2.11": (flag(API, "enable-admission-plugins", "NodeRestriction,DenyServiceExternalIPs,EventRateLimit"),
               "NodeRestriction, DenyServiceExternalIPs, EventRateLimit"),
    "1.2.12": (flag(API, "disable-admission-plugins", "ServiceAccount"), "ServiceAccount"),
    "1.2.13": (flag(API, "disable-admission-plugins", "NamespaceLifecycle"), "NamespaceLifecycle"),
    "1.2.14": (flag(API, "enable-admission-plugins", "DenyServiceExternalIPs,AlwaysPullImages,EventRateLimit"),
               "DenyServiceExternalIPs, AlwaysPullImages, EventRateLimit"),
    "1.2.15": (flag(API, "profiling", "true"), "true"),
    "1.2.16": (flag(API, "audit-log-path", None), "not set"),
    "1.2.17": (flag(API, "audit-log-maxage", "29"), "29"),
    "1.2.18": (flag(API, "audit-log-maxbackup", "9"), "9"),
    "1.2.19": (flag(API, "audit-log-maxsize", "many"), "many"),
    "1.2.21": (flag(API, "service-account-lookup", "false"), "false"),
    "1.2.22": (flag(API, "service-account-key-file", None), "not set"),
    "1.2.23": (flag(API, "etcd-certfile", None), f"not set, {PKI}/apiserver-etcd-client.key"),
    "1.2.24": (flag(API, "tls-private-key-file", None), f"{PKI}/apiserver.crt, not set"),
    "1.2.25": (flag(API, "client-ca-file", None), "not set"),
    "1.2.26": (flag(API, "etcd-cafile", None), "not set"),
    "1.2.28": (security(encryption={ENCRYPTION: (("secretbox", "identity"), ("identity", "secretbox"))}),
               "first secretbox, identity"),
    "1.2.29": (flag(API, "tls-cipher-suites", "TLS_RSA_WITH_AES_128_CBC_SHA"), "weak: TLS_RSA_WITH_AES_128_CBC_SHA"),
    "1.2.30": (flag(API, "service-account-extend-token-expiration", None), "not set"),
    "1.3.1": (flag(KCM, "terminated-pod-gc-threshold", None), "not set"),
    "1.3.2": (flag(KCM, "profiling", None), "not set"),
    "1.3.3": (flag(KCM, "use-service-account-credentials", "false"), "false"),
    "1.3.4": (flag(KCM, "service-account-private-key-file", None), "not set"),
    "1.3.5": (flag(KCM, "root-ca-file", None), "not set"),
    "1.3.6": (flag(KCM, "feature-gates", "A=true,RotateKubeletServerCertificate=false"), "RotateKubeletServerCertificate=false"),
    "1.3.7": (flag(KCM, "bind-address", "0.0.0.0"), "0.0.0.0"),
    "1.4.1": (flag("kube-scheduler", "profiling", "1"), "1"),
    "1.4.2": (flag("kube-scheduler", "bind-address", None), "not set"),
    "2.1": (flag("etcd", "key-file", None), f"{PKI}/etcd/server.crt, not set"),
    "2.2": (flag("etcd", "client-cert-auth", None), "not set"),
    "2.3": (flag("etcd", "auto-tls", "true"), "true"),
    "2.4": (flag("etcd", "peer-cert-file", None), f"not set, {PKI}/etcd/peer.key"),
    "2.5": (flag("etcd", "peer-client-cert-auth", "false"), "false"),
    "2.6": (flag("etcd", "peer-auto-tls", "true"), "true"),
    "2.7": (flag("etcd", "trusted-ca-file", f"{PKI}/ca.crt"),
            f"{PKI}/ca.crt, which clients of the API server have theirs from, too"),
    "3.2.2": (api_server_file("/etc/kubernetes/audit-policy.yaml", "rules: [{level: Metadata, verbs: [create]}]"),
              "nothing of configmaps; nothing of deployments; nothing of pods; nothing of pods/exec; "
              "nothing of pods/portforward; nothing of pods/proxy; nothing of secrets; nothing of services/proxy"),
    "4.1.1": (mode(DROP_IN, 0o644), "0644"),
    "4.1.2": (owner(DROP_IN, "adm"), "adm:root"),
    "4.1.3": (mode("/etc/kubernetes/proxy.conf", 0o644), "0644"),
    "4.1.4": (owner("/etc/kubernetes/proxy.conf", "adm"), "adm:root"),
    "4.1.5": (mode("/etc/kubernetes/kubelet.conf", 0o644), "0644"),
    "4.1.6": (owner("/etc/kubernetes/kubelet.conf", "adm"), "adm:root"),
    "4.1.9": (mode("/var/lib/kubelet/config.yaml", 0o644), "0644"),
    "4.1.10": (owner("/etc/kubelet.d/50-limits.conf", "adm"), "adm:root"),
    "4.2.1": (kubelet("authentication.anonymous.enabled", True), "true"),
    "4.2.2": (kubelet_flag("--authorization-mode=AlwaysAllow"), "AlwaysAllow"),
    "4.2.3": (kubelet("authentication.x509", {}), "not set"),
    "4.2.4": (kubelet("readOnlyPort", 10255), "10255"),
    "4.2.5": (kubelet_flag("--streaming-connection-idle-timeout=0"), "0"),
    "4.2.6": (kubelet("makeIPTablesUtilChains", False), "false"),
    "4.2.7": (kubelet_flag("--hostname-override=other"), "other"),
    "4.2.8": (kubelet("eventRecordQPS", -1), "-1"),
    "4.2.9": (kubelet("tlsPrivateKeyFile", None), "/var/lib/kubelet/pki/kubelet.crt, not set"),
    "4.2.10": (kubelet("rotateCertificates", False), "false"),
    "4.2.11": (kubelet("featureGates.RotateKubeletServerCertificate", False), "RotateKubeletServerCertificate=false"),
    "4.2.12": (kubelet("tlsCipherSuites", None), "not set"),
    "4.2.13": (kubelet("podPidsLimit", -1), "-1"),
    "4.2.14": (kubelet("seccompDefault", False), "false"),
    "4.3.1": (security(kube_proxies=(KubeProxy(50, PROXY),)), "0.0.0.0"),
}  # fmt: skip
"""By number: what makes the check fail and no other, and what it then has found."""
SEVERAL: dict[str, tuple[Change, str]] = {
    "1.2.27": (flag(API, "encryption-provider-config", None), "not set"),
    "3.2.1": (flag(API, "audit-policy-file", None), "not set"),
    "4.1.7": (mode(f"{PKI}/ca.crt", 0o666), "0666"),
    "4.1.8": (owner(f"{PKI}/ca.crt", "adm"), "adm:root"),
}
"""The same, where another check looks at the same thing and notices as well."""


def by_number(facts: Facts) -> dict[str, cis.Result]:
    return {result.check.number: result for result in cis.check(facts)}


def unmet(results: dict[str, cis.Result]) -> set[str]:
    """Less those that are never met."""
    return {number for number, result in results.items() if result.verdict.met is not True} - set(FOR_A_PERSON)


def test_the_benchmark_is_covered() -> None:
    numbers = [check.number for check in cis.CHECKS]
    assert len(numbers) == len(set(numbers)) == 97
    assert sum(check.automated for check in cis.CHECKS) == 65
    assert set(numbers) == {*FAULTS, *SEVERAL, *FOR_A_PERSON}
    assert not set(FAULTS) & set(SEVERAL)


def test_a_hardened_host_leaves_only_what_a_person_must_judge() -> None:
    results = by_number(hardened())
    assert unmet(results) == set()
    assert {results[number].status for number in FOR_A_PERSON} == {cis.Status.WARN}


@pytest.mark.parametrize("number", FAULTS)
def test_a_fault_is_noticed_by_its_check_alone(number: str) -> None:
    change, found = FAULTS[number]
    results = by_number(change(hardened()))
    assert unmet(results) == {number}
    _check_verdict(results[number], found)


@pytest.mark.parametrize("number", SEVERAL)
def test_a_fault_is_noticed_by_its_check_among_others(number: str) -> None:
    change, found = SEVERAL[number]
    _check_verdict(by_number(change(hardened()))[number], found)


def _check_verdict(result: cis.Result, found: str) -> None:
    assert result.verdict.found == found
    assert result.status is (cis.Status.FAIL if result.check.automated else cis.Status.WARN)
    assert result.verdict.wanted
    assert result.verdict.where
    assert result.remedy


@pytest.mark.parametrize(
    ("change", "number", "status", "found"),
    [
        (flag(API, "anonymous-auth", "false"), "1.2.1", "PASS", "false"),
        (flag(API, "authentication-config", None), "1.2.1", "WARN", "not set"),
        (api_server_file(AUTHENTICATION, "anonymous: {enabled: true}"), "1.2.1", "WARN", "let in everywhere"),
        (api_server_file(AUTHENTICATION, "[not, a, mapping"), "1.2.1", "WARN", "not set"),
        (flag(API, "authorization-mode", None), "1.2.6", "FAIL", "not set, so AlwaysAllow"),
        (security(encryption={}), "1.2.28", "WARN", "no provider can be made out"),
        (flag(API, "tls-min-version", "VersionTLS13"), "1.2.29", "PASS", "TLS 1.3 only"),
        (flag(API, "tls-cipher-suites", None), "1.2.29", "WARN", "not set"),
        (gone("/etc/kubernetes/proxy.conf"), "4.1.3", "INFO", "not there"),
        (gone(CNI), "1.1.9", "INFO", "not there"),
        (gone(f"{MANIFESTS}/etcd.yaml"), "1.1.7", "FAIL", "not there"),
        (gone("/etc/kubernetes/super-admin.conf"), "1.1.13", "PASS", "0600"),
        (kubelet_flag("--read-only-port=0"), "4.2.4", "PASS", "0"),
        (kubelet_flag("--seccomp-default"), "4.2.14", "PASS", "true"),
        (kubelet("streamingConnectionIdleTimeout", None), "4.2.5", "PASS", "not set"),
        (security(kube_proxies=()), "4.3.1", "INFO", "kube-proxy does not run here"),
        (security(kube_proxies=(KubeProxy(50, ("kube-proxy",), {"metricsBindAddress": "[::1]:10249"}),)),
         "4.3.1", "PASS", "127.0.0.1, ::1"),
        (lambda facts: replace(facts, listeners=(Listener("::", 10249, 50, "kube-proxy"),)), "4.3.1", "FAIL", "::"),
    ],
)  # fmt: skip
def test_other_ways_to_be_right_or_wrong(change: Change, number: str, status: str, found: str) -> None:
    result = by_number(change(hardened()))[number]
    assert (result.status.value, result.verdict.found) == (status, found)


AUTHORIZATION = "authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]"


@pytest.mark.parametrize(
    ("text", "failed"), [(AUTHORIZATION, set()), ("authorizers: [{type: AlwaysAllow}]", {"1.2.6", "1.2.7", "1.2.8"}),
                         ("authorizers: 7", {"1.2.7", "1.2.8"}), ("]", {"1.2.6", "1.2.7", "1.2.8"})],
)  # fmt: skip
def test_authorizers_of_a_file(text: str, failed: set[str]) -> None:
    path = "/etc/kubernetes/authorization.yaml"
    facts = flag(API, "authorization-mode", None)(flag(API, "authorization-config", path)(hardened()))
    assert unmet(by_number(api_server_file(path, text)(facts))) == failed


@pytest.mark.parametrize("component", ["etcd", API, KCM, "kube-scheduler"])
def test_a_component_that_is_down_fails_its_checks_and_says_why(component: str) -> None:
    section = {"etcd": "2.", API: "1.2.", KCM: "1.3.", "kube-scheduler": "1.4."}[component]
    for number, result in by_number(stopped(component)(hardened())).items():
        if number.startswith(section) and number not in FOR_A_PERSON and number != "1.2.28":
            assert result.verdict.found == f"{component} does not run", number
            assert result.status is (cis.Status.FAIL if result.check.automated else cis.Status.WARN), number


def test_nothing_is_known_and_nothing_crashes() -> None:
    for facts in (Facts(host="cp1"), replace(Facts(host="cp1"), security=hardened().security)):
        passed = {result.check.number for result in cis.check(facts) if result.status is cis.Status.PASS}
        assert passed <= {"4.3.1"}


def test_a_stopped_kubelet_and_one_that_cannot_be_read_are_said() -> None:
    facts = hardened()
    stopped_kubelet = by_number(replace(facts, kubelet=replace(facts.kubelet, argv=())))
    unreadable = by_number(replace(facts, kubelet=replace(facts.kubelet, problem="/var/lib/kubelet/config.yaml is not YAML")))
    for number in (check.number for check in cis.CHECKS if check.number.startswith("4.2.")):
        assert stopped_kubelet[number].verdict.found == "the kubelet does not run"
        assert unreadable[number].verdict.found == "/var/lib/kubelet/config.yaml is not YAML"


def test_a_link_is_as_strict_as_what_it_points_to() -> None:
    def linked(target: str) -> dict[str, cis.Result]:
        facts = hardened()
        path = PurePosixPath(f"{PKI}/extra.key")
        return by_number(
            replace(facts, owned={**facts.owned, path: Observed(path, "link", 0o777, "root", "root", target=target)})
        )

    assert unmet(linked("ca.key")) == set()
    assert unmet(linked("/root/other.key")) == {"1.1.21"}
    assert unmet(linked("extra.key")) == {"1.1.21"}


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["x", "--a=1", "--a=2", "--b_c", "d", "-e", "--f"], {"a": ("1", "2"), "b-c": ("d",), "e": ("true",), "f": ("true",)}),
        (["x"], {}),
        ([], {}),
        (["x", "--a="], {"a": ("",)}),
    ],
)
def test_flags_of_a_command_line(argv: Sequence[str], found: dict[str, tuple[str, ...]]) -> None:
    assert cis.flags.given(argv) == found


def test_hosts_that_answer_alike_share_a_table() -> None:
    good, bad = cis.check(hardened()), cis.check(FAULTS["1.1.12"][0](hardened()))
    tables = report.tables({"cp1": good, "cp2": bad, "cp3": good}, everything=False)
    assert [(table.title, len(table.rows)) for table in tables] == [
        ("cp1, cp3: 93 PASS, 0 FAIL, 4 WARN, 0 INFO", 4), ("cp2: 92 PASS, 1 FAIL, 4 WARN, 0 INFO", 5),
    ]  # fmt: skip
    assert tables[1].rows[0] == ("1.1.12", "FAIL", "/var/lib/etcd", "root:root", "etcd:etcd")
    assert tables[1].remedies[0] == ("1.1.12", "spec.hardening.etcdUser: true")
    (full,) = report.tables({"cp1": good}, everything=True)
    assert len(full.rows) == 97
    assert {len(row) for row in full.rows} == {len(full.columns)}


def test_what_fails_comes_first_and_a_remedy_comes_once() -> None:
    facts = hardened()
    for number in ("1.2.16", "1.2.17", "1.2.9"):
        facts = FAULTS[number][0](facts)
    (table,) = report.tables({"cp1": cis.check(facts)}, everything=False)
    assert [row[0] for row in table.rows] == ["1.2.16", "1.2.17", "1.2.9", *FOR_A_PERSON]
    assert table.remedies[:2] == (
        ("1.2.16, 1.2.17", "spec.hardening.audit.enabled: true"), ("1.2.9", "spec.hardening.eventRateLimit: true"),
    )  # fmt: skip

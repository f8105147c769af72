"""A master that meets every recommendation that can be met, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from bootstrap.facts import Facts, KubeletFacts, KubeProxy, Listener, ManifestDirectory, SecurityFacts, StaticProcess
from bootstrap.files import Observed

Change = Callable[[Facts], Facts]
POLICY = """
kind: Policy
rules:
- {level: None, users: ["system:kube-proxy"]}
- {level: Metadata, resources: [{group: "", resources: [secrets, configmaps]}, {group: authentication.k8s.io}]}
- {level: RequestResponse, resources: [{group: "", resources: [pods]}]}
- {level: Metadata}
"""
AUTHENTICATION = """
kind: AuthenticationConfiguration
anonymous: {enabled: false}
"""
ARGS: dict[str, tuple[str, ...]] = {
    "kube-apiserver": (
        "--authentication-config=/etc/kubernetes/authentication.yaml",
        "--enable-admission-plugins=NodeRestriction,EventRateLimit",
        "--enable-admission-plugins=DenyServiceExternalIPs,AlwaysPullImages", "--disable-admission-plugins=PodNodeSelector",
        "--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt",
        "--kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key",
        "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt", "--authorization-mode=Node,RBAC", "--profiling=false",
        "--audit-log-path=/var/log/kubernetes/audit/audit.log", "--audit-log-maxage=30", "--audit-log-maxbackup=10",
        "--audit-log-maxsize=100", "--audit-policy-file=/etc/kubernetes/audit-policy.yaml",
        "--service-account-key-file=/etc/kubernetes/pki/sa.pub", "--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key", "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt",
        "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt", "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key",
        "--client-ca-file=/etc/kubernetes/pki/ca.crt", "--encryption-provider-config=/etc/kubernetes/encryption.yaml",
        "--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "--service-account-extend-token-expiration=false",
    ),
    "kube-controller-manager": (
        "--terminated-pod-gc-threshold=1000", "--profiling=false", "--use-service-account-credentials=true",
        "--service-account-private-key-file=/etc/kubernetes/pki/sa.key", "--root-ca-file=/etc/kubernetes/pki/ca.crt",
        "--bind-address=127.0.0.1",
    ),
    "kube-scheduler": ("--profiling=false", "--bind-address=127.0.0.1"),
    "etcd": (
        "--cert-file=/etc/kubernetes/pki/etcd/server.crt", "--key-file=/etc/kubernetes/pki/etcd/server.key",
        "--client-cert-auth=true", "--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt",
        "--peer-key-file=/etc/kubernetes/pki/etcd/peer.key", "--peer-client-cert-auth=true",
        "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt", "--data-dir=/var/lib/etcd",
    ),
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
    "authorization": {"mode": "Webhook"},
    "streamingConnectionIdleTimeout": "0s",
    "tlsCertFile": "/var/lib/kubelet/pki/kubelet.crt", "tlsPrivateKeyFile": "/var/lib/kubelet/pki/kubelet.key",
    "rotateCertificates": True, "podPidsLimit": 4096, "seccompDefault": True,
    "tlsCipherSuites": ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"],
}  # fmt: skip
FILES = (
    *(f"/etc/kubernetes/manifests/{name}.yaml 600" for name in ARGS),
    *(f"/etc/kubernetes/{name}.conf 600" for name in ("admin", "super-admin", "controller-manager", "scheduler", "kubelet")),
    "/etc/kubernetes/proxy.conf 600",
    "/etc/kubernetes/pki 755", "/etc/kubernetes/pki/ca.crt 644", "/etc/kubernetes/pki/ca.key 600", "/etc/kubernetes/pki/etcd 755",
    "/etc/kubernetes/pki/etcd/ca.crt 644", "/etc/kubernetes/pki/sa.pub 644", "/etc/cni/net.d/10-bridge.conflist 600",
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf 600", "/var/lib/kubelet/config.yaml 600",
    "/etc/kubelet.d/50-limits.conf 600",
)  # fmt: skip


def hardened() -> Facts:
    """Everything as it should be."""
    owned = dict(_seen(*line.split()) for line in FILES) | dict([_seen("/var/lib/etcd", "700", "etcd:etcd")])
    files = {"/etc/kubernetes/audit-policy.yaml": POLICY, "/etc/kubernetes/authentication.yaml": AUTHENTICATION}
    return Facts(
        host="cp1",
        kubelet=KubeletFacts(
            argv=("/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--kubeconfig=/etc/kubernetes/kubelet.conf",
                  "--config-dir=/etc/kubelet.d"),
            manifests=ManifestDirectory(PurePosixPath("/etc/kubernetes/manifests"), "config"), config=CONFIG,
        ),
        listeners=(Listener("127.0.0.1", 10249, 50, "kube-proxy"), Listener("::", 10256, 50, "kube-proxy")),
        owned=owned,
        processes=tuple(StaticProcess(name, 10, (name, *args), 1.0) for name, args in ARGS.items()),
        security=SecurityFacts(
            files={PurePosixPath(name): text.encode() for name, text in files.items()},
            encryption={PurePosixPath("/etc/kubernetes/encryption.yaml"): (("secretbox", "identity"),)},
            kube_proxies=(KubeProxy(50, ("kube-proxy", "--config=/var/lib/kube-proxy/config.conf"), {"metricsBindAddress": ""}),),
        ),
    )  # fmt: skip


def _seen(path: str, mode: str, owner: str = "root:root") -> tuple[PurePosixPath, Observed]:
    name = PurePosixPath(path)
    user, _, group = owner.partition(":")
    kind = "file" if name.suffix else "directory"
    return name, Observed(name, kind, int(mode, 8), user, group, sha256=path)


def mode(path: str, bits: int) -> Change:
    return lambda facts: _with(facts, replace(facts.owned[PurePosixPath(path)], mode=bits))


def owner(path: str, user: str, group: str = "root") -> Change:
    return lambda facts: _with(facts, replace(facts.owned[PurePosixPath(path)], owner=user, group=group))


def gone(path: str) -> Change:
    return lambda facts: replace(facts, owned={name: seen for name, seen in facts.owned.items() if name != PurePosixPath(path)})


def _with(facts: Facts, seen: Observed) -> Facts:
    return replace(facts, owned={**facts.owned, seen.path: seen})


def flag(component: str, name: str, value: str | None) -> Change:
    """The flag with that value; None: without it."""

    def change(facts: Facts) -> Facts:
        (process,) = [one for one in facts.processes if one.component == component]
        argv = [word for word in process.argv if word.partition("=")[0] != f"--{name}"]
        argv += [] if value is None else [f"--{name}={value}"]
        others = [one for one in facts.processes if one is not process]
        return replace(facts, processes=(*others, replace(process, argv=tuple(argv))))

    return change


def stopped(component: str) -> Change:
    return lambda facts: replace(facts, processes=tuple(one for one in facts.processes if one.component != component))


def kubelet(field: str, value: object) -> Change:
    """The field of its configuration, dotted, with that value; None: without it."""

    def change(facts: Facts) -> Facts:
        return replace(facts, kubelet=replace(facts.kubelet, config=_changed(facts.kubelet.config, field.split("."), value)))

    return change


def _changed(config: Mapping[str, Any], names: list[str], value: object) -> dict[str, Any]:
    first, *rest = names
    found = {name: inner for name, inner in config.items() if name != first or rest or value is not None}
    if rest:
        found[first] = _changed(config.get(first, {}), rest, value)
    elif value is not None:
        found[first] = value
    return found


def kubelet_flag(word: str) -> Change:
    return lambda facts: replace(facts, kubelet=replace(facts.kubelet, argv=(*facts.kubelet.argv, word)))


def security(**changed: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert facts.security is not None
        return replace(facts, security=replace(facts.security, **changed))

    return change


def api_server_file(path: str, text: str) -> Change:
    def change(facts: Facts) -> Facts:
        assert facts.security is not None
        return security(files={**facts.security.files, PurePosixPath(path): text.encode()})(facts)

    return change

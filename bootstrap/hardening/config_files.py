"""Files that kube-apiserver's flags name: audit policy, authentication, admission, encryption.

Each lies under a name that its content decides, so a manifest names exactly the files that it was made with, and an older one
still finds its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bootstrap.cluster import AnonymousRequests, Cluster, EncryptionAtRest
from bootstrap.constants import API_SERVER_CONFIG_DIR, CLUSTER_INFO
from bootstrap.files import Secret
from bootstrap.hardening import audit
from bootstrap.hardening.encryption import short_digest
from bootstrap.owned import flag_name
from bootstrap.render import to_yaml

AUDIT, AUTHENTICATION = "audit-policy-file", "authentication-config"
ADMISSION, ENCRYPTION = "admission-control-config-file", "encryption-provider-config"
PREFIXES = {AUDIT: "audit-policy", AUTHENTICATION: "authentication", ADMISSION: "admission", ENCRYPTION: "encryption"}

HEALTH_PATHS = ("/livez", "/readyz", "/healthz")

# Far above what a healthy cluster says (a kubelet's own limit is 50 a second), far below what fills etcd's quota in minutes.
EVENT_LIMITS = (
    {"type": "Server", "qps": 2000, "burst": 10000},
    {"type": "Namespace", "qps": 500, "burst": 2000},
    {"type": "User", "qps": 500, "burst": 2000},
)


@dataclass(frozen=True)
class ConfigFile:
    """flag: of kube-apiserver, without dashes. content: None where it was not read, because every master has it."""

    flag: str
    path: PurePosixPath
    content: bytes | Secret | None


def config_flags(cluster: Cluster) -> tuple[str, ...]:
    """Flags that name a file of ours. Where the user gives one of them, that part is the user's."""
    on = cluster.hardening
    given = {flag_name(arg.name) for arg in cluster.api_server.extra_args}
    disabled = {
        name for arg in cluster.api_server.extra_args if flag_name(arg.name) == "disable-admission-plugins"
        for name in arg.value.split(",")
    }  # fmt: skip
    wanted = {
        AUDIT: on.audit.enabled,
        AUTHENTICATION: on.anonymous_requests is not AnonymousRequests.ALL,
        ADMISSION: on.event_rate_limit and "EventRateLimit" not in disabled,
        ENCRYPTION: on.encryption_at_rest is not EncryptionAtRest.NONE,
    }
    return tuple(flag for flag, is_on in wanted.items() if is_on and flag not in given)


def public_files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """All but the encryption configuration. Raises InventoryError where the user's audit policy is none."""
    contents: dict[str, Callable[[], bytes]] = {
        AUDIT: lambda: audit.policy(cluster),
        AUTHENTICATION: lambda: _authentication(cluster),
        ADMISSION: _admission,
    }
    return tuple(named(flag, contents[flag]()) for flag in config_flags(cluster) if flag in contents)


def named(flag: str, content: bytes | Secret) -> ConfigFile:
    """A file under the name that its content gives it."""
    return ConfigFile(flag, API_SERVER_CONFIG_DIR / f"{PREFIXES[flag]}-{short_digest(content)}.yaml", content)


def placeholder(flag: str) -> ConfigFile:
    """For a file whose content only hosts have."""
    return ConfigFile(flag, API_SERVER_CONFIG_DIR / f"{PREFIXES[flag]}-placeholder-known-on-the-hosts.yaml", None)


def anonymous_paths(cluster: Cluster) -> tuple[str, ...] | None:
    """Paths that may be read without credentials, each exactly as it stands; None where that is not ours to say.

    A stock `kubeadm join --token` reads cluster-info that way (cmd/kubeadm/app/discovery/token, v1.36.3).
    """
    if AUTHENTICATION not in config_flags(cluster):
        return None
    with_cluster_info = cluster.hardening.anonymous_requests is AnonymousRequests.HEALTH_AND_CLUSTER_INFO
    return (*HEALTH_PATHS, CLUSTER_INFO) if with_cluster_info else HEALTH_PATHS


def _authentication(cluster: Cluster) -> bytes:
    """Stable since Kubernetes 1.34; excludes --anonymous-auth and --oidc-*."""
    conditions = [{"path": path} for path in anonymous_paths(cluster) or ()]
    return _yaml("AuthenticationConfiguration", anonymous={"enabled": True, "conditions": conditions})


def _admission() -> bytes:
    limits = {"apiVersion": "eventratelimit.admission.k8s.io/v1alpha1", "kind": "Configuration", "limits": list(EVENT_LIMITS)}
    return _yaml("AdmissionConfiguration", plugins=[{"name": "EventRateLimit", "configuration": limits}])


def _yaml(kind: str, **fields: Any) -> bytes:
    return to_yaml({"apiVersion": "apiserver.config.k8s.io/v1", "kind": kind, **fields})

"""Flags of the static pods that are not kubeadm's: ours, then the user's own, which win.

Sources: CIS Kubernetes Benchmark v1.12, 1.2 to 2; kube-apiserver, kube-controller-manager and kube-scheduler 1.35 to 1.37, etcd
3.6 and 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from bootstrap.cluster import Arg, Cluster, Volume
from bootstrap.constants import API_SERVER, API_SERVER_CONFIG_DIR, AUDIT_LOG_DIR, CONTROLLER_MANAGER, ETCD, PKI_DIR, SCHEDULER
from bootstrap.hardening import audit
from bootstrap.hardening.ciphers import CIPHER_SUITES, MIN_VERSION
from bootstrap.hardening.config_files import ADMISSION, config_flags
from bootstrap.hardening.serving import scheduler_volumes, serving_flags
from bootstrap.owned import flag_name

ENABLED, DISABLED = "enable-admission-plugins", "disable-admission-plugins"
KUBEADMS_PLUGIN = "NodeRestriction"

# Some 20 MB of etcd and of every watcher's memory.
KEPT_TERMINATED_PODS = 1000

# A new leader makes some hundred requests, one controller after the other, before the first of them works. 20 a second, and 30 at
# once, make it wait for itself; who must not ask too much is told by the API server's priority and fairness.
REQUESTS = {"kube-api-burst": "200", "kube-api-qps": "100"}

# Without it an API server that is to end waits for watches that nobody ends, until its kubelet kills it after 30 s. With it,
# watchers are sent away, spread over that time where they are many, and the process ends in order once they have gone.
# Source: apiserver pkg/server/config.go (WithWatchTerminationDuringShutdown), genericapiserver.go (v0.36.3).
LEAVING = {"shutdown-watch-termination-grace-period": "10s"}


def extra_args(cluster: Cluster, component: str, files: Mapping[str, PurePosixPath]) -> tuple[Arg, ...]:
    """Everything that is added to kubeadm's flags of a component, in order; the same on every host.

    Ours come first, sorted by name. A flag of the user's takes the place of ours of that name; admission plugins are added up.
    files: kube-apiserver's configuration files by flag; KeyError where one that is wanted is not among them.
    """
    user = _users(cluster, component)
    gates = {"feature-gates": _gates(cluster)} if cluster.feature_gates and component != ETCD else {}
    match component:
        case "kube-apiserver":
            user, ours = _with_plugins(cluster, user), _api_server(cluster, user, files)
        case "kube-controller-manager":
            ours = _controller_manager(cluster)
        case "kube-scheduler":
            ours = {**_served(cluster), **serving_flags(cluster, component)}
        case _:
            ours = _etcd(cluster, user)
    given = {flag_name(arg.name) for arg in user}
    added = sorted({**ours, **gates}.items())
    return (*(Arg(name=name, value=value) for name, value in added if name not in given), *user)


def extra_volumes(cluster: Cluster, component: str) -> tuple[Volume, ...]:
    """Everything that is mounted beside kubeadm's volumes: ours, then the user's.

    Ours are left out where the user has another at that place; one whose name the user has given to another takes a longer one.
    """
    user = {
        API_SERVER: cluster.api_server.extra_volumes,
        CONTROLLER_MANAGER: cluster.controller_manager.extra_volumes,
        SCHEDULER: cluster.scheduler.extra_volumes,
    }[component]
    names, places = {volume.name for volume in user}, {volume.mount_path for volume in user}

    def free(name: str) -> str:
        return name if name not in names else free(f"bootstrap-{name}")

    ours = {API_SERVER: _api_server_volumes(cluster), SCHEDULER: scheduler_volumes(cluster)}.get(component, [])
    kept = (volume.model_copy(update={"name": free(volume.name)}) for volume in ours if volume.mount_path not in places)
    return (*kept, *user)


def writes_audit_log(cluster: Cluster) -> bool:
    """Whether the audit log goes to our directory: it is on, and the user names no place of their own."""
    given = {flag_name(arg.name) for arg in cluster.api_server.extra_args}
    return cluster.hardening.audit.enabled and "audit-log-path" not in given


def _users(cluster: Cluster, component: str) -> tuple[Arg, ...]:
    return {
        API_SERVER: cluster.api_server.extra_args,
        CONTROLLER_MANAGER: cluster.controller_manager.extra_args,
        SCHEDULER: cluster.scheduler.extra_args,
        ETCD: cluster.etcd.local.extra_args,
    }[component]


def _api_server(cluster: Cluster, user: tuple[Arg, ...], files: Mapping[str, PurePosixPath]) -> dict[str, str]:
    on = cluster.hardening
    flags = {**_served(cluster), **LEAVING, **{flag: str(files[flag]) for flag in config_flags(cluster)}}
    plugins = _plugins(cluster, user)
    if plugins:
        flags[ENABLED] = ",".join((KUBEADMS_PLUGIN, *plugins))
    if on.kubelet_serving:
        flags["kubelet-certificate-authority"] = f"{PKI_DIR}/ca.crt"
    if not on.extended_tokens:
        flags["service-account-extend-token-expiration"] = "false"
    if on.audit.enabled:
        flags |= {
            "audit-log-maxage": str(audit.MAX_AGE_DAYS),
            "audit-log-maxbackup": str(audit.MAX_BACKUPS),
            "audit-log-maxsize": str(audit.MAX_SIZE_MB),
            "audit-log-path": str(AUDIT_LOG_DIR / "audit.log"),
        }
    return flags


def _api_server_volumes(cluster: Cluster) -> list[Volume]:
    """They are there before the pod is: a directory that a kubelet makes would be open to everybody."""
    volumes = []
    if writes_audit_log(cluster):
        path = str(AUDIT_LOG_DIR)
        volumes.append(Volume(name="audit-log", host_path=path, mount_path=path, path_type="Directory"))
    if config_flags(cluster):
        path = str(API_SERVER_CONFIG_DIR)
        volumes.append(Volume(name="config", host_path=path, mount_path=path, read_only=True, path_type="Directory"))
    return volumes


def _gates(cluster: Cluster) -> str:
    return ",".join(f"{name}={str(on).lower()}" for name, on in sorted(cluster.feature_gates.items()))


def _controller_manager(cluster: Cluster) -> dict[str, str]:
    flags = {**_served(cluster), **REQUESTS, **serving_flags(cluster, CONTROLLER_MANAGER)}
    if cluster.hardening.terminated_pods:
        flags["terminated-pod-gc-threshold"] = str(KEPT_TERMINATED_PODS)
    return flags


def _served(cluster: Cluster) -> dict[str, str]:
    """Of everything that Kubernetes' own server library serves."""
    flags = {}
    if not cluster.hardening.profiling:
        flags["profiling"] = "false"
    if cluster.hardening.strong_ciphers:
        flags |= {"tls-cipher-suites": ",".join(CIPHER_SUITES), "tls-min-version": MIN_VERSION}
    return flags


def _etcd(cluster: Cluster, user: tuple[Arg, ...]) -> dict[str, str]:
    """etcd's own minimum is TLS 1.2; told to speak TLS 1.3 alone, it refuses a list of cipher suites (embed/config.go)."""
    only_tls13 = any(flag_name(arg.name) == "tls-min-version" and arg.value == "TLS1.3" for arg in user)
    return {"cipher-suites": ",".join(CIPHER_SUITES)} if cluster.hardening.strong_ciphers and not only_tls13 else {}


def _plugins(cluster: Cluster, user: tuple[Arg, ...]) -> list[str]:
    """Admission plugins of ours, less those that the user disables: kube-apiserver takes a name in one of the lists only."""
    on = cluster.hardening
    wanted = {
        "AlwaysPullImages": on.always_pull_images,
        "DenyServiceExternalIPs": on.deny_service_external_ips,
        # Its limits stand in our admission configuration. With one of the user's own it would find none and end.
        "EventRateLimit": ADMISSION in config_flags(cluster),
    }
    disabled = _listed(user, DISABLED)
    return [name for name, is_on in wanted.items() if is_on and name not in disabled]


def _with_plugins(cluster: Cluster, user: tuple[Arg, ...]) -> tuple[Arg, ...]:
    """The user's flags, the last list of admission plugins among them with ours added."""
    at = max((index for index, arg in enumerate(user) if flag_name(arg.name) == ENABLED), default=None)
    if at is None:
        return user
    lacking = [name for name in _plugins(cluster, user) if name not in _listed(user, ENABLED)]
    given = user[at]
    added = Arg(name=given.name, value=",".join(filter(None, (given.value, *lacking))))
    return (*user[:at], added, *user[at + 1 :])


def _listed(user: tuple[Arg, ...], flag: str) -> set[str]:
    return {name for arg in user if flag_name(arg.name) == flag for name in arg.value.split(",")}

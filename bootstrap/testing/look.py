"""Facts of a model host, as the script that reads a real one would give them (bootstrap/facts/collect.sh)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap.components.context import CA_DIRS
from bootstrap.facts import (
    AccountFacts,
    CgroupFacts,
    Disk,
    EtcdDataFacts,
    Facts,
    KubeconfigFacts,
    KubeletFacts,
    Listener,
    ManifestDirectory,
    OsFacts,
    RuntimeFacts,
    SecurityFacts,
    ServiceFacts,
)
from bootstrap.files import Observed
from bootstrap.testing import balancing, systemd
from bootstrap.testing.decoding import decoded
from bootstrap.testing.host import FakeHost
from bootstrap.testing.kubelet import argument

COMM_LENGTH = 15                                    # of /proc/PID/comm
CONTAINERD_DIR = PurePosixPath("/var/lib/containerd")
POD_NETWORK_DIRS = (PurePosixPath("/etc/cni/net.d"), PurePosixPath("/var/lib/cni/networks"))
SOCKET = "/run/containerd/containerd.sock"
CURRENT = tuple(k.KUBELET_PKI_DIR / name for name in ("kubelet-client-current.pem", "kubelet-server-current.pem"))
COMMANDS = (
    "mount", "umount", "cp", "losetup", "conntrack", "iptables", "nft", "ip", "ethtool", "socat", "modprobe", "runc", "systemctl",
    "systemd-sysusers", "journalctl", "flock", "sync", "findmnt", "mountpoint", "base64", "sha256sum", "timeout", "mv", "ln",
    "chown", "chmod", "mktemp",
)  # fmt: skip
SYSCTLS = {
    "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1", "net.ipv6.conf.default.forwarding": "1",
    "net.bridge.bridge-nf-call-iptables": "1", "net.bridge.bridge-nf-call-ip6tables": "1",
    "vm.overcommit_memory": "1", "kernel.panic": "10", "kernel.panic_on_oops": "1",
}  # fmt: skip


def look(host: FakeHost, data_dir: PurePosixPath, *, security: bool = False) -> Facts:
    """Everything there is to know of a host now. security: with Facts.security."""
    boot = f"{host.name}-{host.boots}"
    return Facts(
        host=host.name,
        hostname=host.hostname,
        os=OsFacts("debian", "13", "Debian GNU/Linux 13 (trixie)", "6.12.0", "x86_64"),
        cgroup=CgroupFacts(2, ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")),
        cpus=4,
        memory_bytes=8 << 30,
        clock=host.now() + host.skew_s,
        clock_skew_s=host.skew_s,
        machine_id=host.machine_id,
        product_uuid=f"product-{host.name}",
        boot_id=boot,
        addresses=("127.0.0.1", "::1", host.address),
        sysctls=dict(SYSCTLS),
        modules=("overlay", "br_netfilter"),
        commands={name: f"/usr/bin/{name}" for name in COMMANDS},
        services=_services(host),
        kubelet=_kubelet(host),
        runtime=RuntimeFacts("containerd", "2.1.0", SOCKET, True, "systemd", host.sandbox_image),
        listeners=tuple(listeners(host)),
        disks=tuple(
            Disk(path, host.files.free_bytes, 1 << 20, str(host.files.mount_of(path)))
            for path in (k.KUBERNETES_DIR, data_dir, k.KUBELET_DIR, CONTAINERD_DIR, k.POD_LOG_DIR.parent, k.AUDIT_LOG_DIR)
        ),
        owned=_owned(host, data_dir) | (_pod_network(host) if security else {}),
        kubeconfigs=_kubeconfigs(host),
        etcd=_etcd(host, data_dir),
        accounts=_accounts(host),
        processes=host.runtime.processes(),
        pod_logs=host.runtime.pod_logs(),
        ca_dirs=tuple(name for name in CA_DIRS if host.files.exists(PurePosixPath(name))),
        security=_security(host) if security else None,
    )


def _services(host: FakeHost) -> dict[str, ServiceFacts]:
    kubelet = host.kubelet
    found = {
        name: ServiceFacts(name, "loaded", state, "enabled", sub_state="running" if state == "active" else "dead")
        for name, state in host.services.items()
    }
    if kubelet.installed:
        state = kubelet.active_state
        found["kubelet.service"] = ServiceFacts(
            "kubelet.service", "loaded", state, "enabled" if kubelet.enabled else "disabled",
            kubelet.process.pid if kubelet.process is not None else 0, str(systemd.UNIT),
            tuple(str(path) for path in kubelet.loaded.drop_ins),
            {"active": "running", "activating": "auto-restart"}.get(state, "dead"),
            systemd.load(host.files) != kubelet.loaded,
        )  # fmt: skip
    else:
        found["kubelet.service"] = ServiceFacts("kubelet.service", "not-found", "inactive")
    return found


def _kubelet(host: FakeHost) -> KubeletFacts:
    kubelet = host.kubelet
    if not kubelet.installed:
        return KubeletFacts()
    path, source = kubelet.manifest_directory()
    at = host.files.resolve(path) if path is not None else None
    config = kubelet.config_now()
    argv = kubelet.process.argv if kubelet.process is not None else systemd.command_line(kubelet.loaded, host.files)
    return KubeletFacts(
        binary="/usr/bin/kubelet",
        version=kubelet.version,
        argv=kubelet.process.argv if kubelet.process is not None else (),
        start_time=kubelet.process.start_time if kubelet.process is not None else 0.0,
        config_file=argument(argv, "config"),
        cgroup_driver=str(config.get("cgroupDriver", "")),
        fail_swap_on=config.get("failSwapOn"),
        runtime_endpoint=str(config.get("containerRuntimeEndpoint", "")),
        manifests=ManifestDirectory(path, source, at is not None and host.files.nodes[at].kind == "file"),
        kubeconfig=argument(argv, "kubeconfig"),
        bootstrap_kubeconfig=argument(argv, "bootstrap-kubeconfig"),
        config=config,
    )


def listeners(host: FakeHost) -> Iterator[Listener]:
    """Who listens on a host's ports now."""
    process = host.kubelet.process
    if process is not None:
        yield Listener("127.0.0.1", process.port("healthzPort"), process.pid, "kubelet")
        yield Listener("::", process.port("port"), process.pid, "kubelet")
    ports = {
        k.ETCD: ((host.address, k.ETCD_CLIENT_PORT), (host.address, k.ETCD_PEER_PORT), ("127.0.0.1", k.ETCD_METRICS_PORT)),
        k.CONTROLLER_MANAGER: (("127.0.0.1", k.CONTROLLER_MANAGER_PORT),),
        k.SCHEDULER: (("127.0.0.1", k.SCHEDULER_PORT),),
    }
    for name in k.COMPONENTS:
        container = host.runtime.running(name)
        if container is not None:
            own = ports.get(name, (("::", int(container.flag("secure-port", "6443"))),))
            yield from (Listener(address, port, container.pid, name[:COMM_LENGTH], True) for address, port in own)
    container = host.runtime.running(k.BALANCER)
    if container is not None:
        for port in (balancing.port(container.config), k.BALANCER_HEALTH_PORT):
            yield Listener("127.0.0.1", port, container.pid, "haproxy", True)


def _owned(host: FakeHost, data_dir: PurePosixPath) -> dict[PurePosixPath, Observed]:
    files = host.files
    manifests = {k.DEFAULT_MANIFEST_DIR}
    discovered, _ = host.kubelet.manifest_directory()
    if discovered is not None:
        manifests.add(discovered)
    config = argument(systemd.command_line(host.kubelet.loaded, files), "config") or str(k.KUBELET_CONFIG)
    configuration = {systemd.UNIT, PurePosixPath(config), k.KUBELET_CONFIG, PurePosixPath("/etc/default/kubelet")}
    wanted = {*files.below(k.KUBERNETES_DIR), *configuration, *k.FURTHER_PATHS}
    wanted |= {data_dir, k.KUBELET_DIR, k.KUBELET_DIR / "kubeadm-flags.env"}
    for path in k.FURTHER_PATHS:
        wanted |= {path.parent / name for name in files.names(path.parent) if name.startswith(f".{path.name}.bootstrap-")}
    for directory in manifests:
        wanted |= {directory, *(directory / name for name in files.names(directory))}
    for directory in (*systemd.DROP_IN_DIRS, k.KUBELET_PKI_DIR):
        wanted |= {directory, *(directory / name for name in files.names(directory))}
    found = {}
    for path in sorted(path for path in wanted if path in files.nodes):
        shown = (
            path.suffix in (".crt", ".pub")
            or path in configuration
            or path.parent in systemd.DROP_IN_DIRS
            or ((path.parent in manifests or path in manifests) and not path.name.startswith("."))
        )
        found[path] = files.observed(path, with_content=shown)
    for path in CURRENT:
        content = files.content(path)
        if content is not None and path in found:
            public = b"".join(re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", content, re.DOTALL))
            found[path] = replace(found[path], content=public)
    return found


def _pod_network(host: FakeHost) -> dict[PurePosixPath, Observed]:
    paths = sorted(path for directory in POD_NETWORK_DIRS for path in host.files.below(directory))
    return {path: host.files.observed(path, with_content=False) for path in paths if host.files.nodes[path].kind == "file"}


def _security(host: FakeHost) -> SecurityFacts:
    running = host.runtime.running(k.API_SERVER)
    if running is None:
        return SecurityFacts()

    def seen(flag: str) -> dict[PurePosixPath, bytes]:
        path = PurePosixPath(running.flag(flag, "/"))
        place = running.on_host(path)
        content = host.files.content(place) if place is not None else None
        return {} if content is None else {path: content}

    encryption = {}
    for path, content in seen("encryption-provider-config").items():
        lists = [rule["providers"] for rule in decoded(content)["resources"]]
        encryption[path] = tuple(tuple(str(kind) for one in kinds for kind in one) for kinds in lists)
    files = {**seen("audit-policy-file"), **seen("authentication-config"), **seen("authorization-config")}
    return SecurityFacts(files, encryption)


def _kubeconfigs(host: FakeHost) -> dict[PurePosixPath, KubeconfigFacts]:
    found = {}
    for name in host.files.names(k.KUBERNETES_DIR):
        path = k.KUBERNETES_DIR / name
        content = host.files.content(path)
        if path.suffix == ".conf" and content is not None:
            found[path] = _kubeconfig(path, content)
    return found


def _kubeconfig(path: PurePosixPath, content: bytes) -> KubeconfigFacts:
    try:
        value = decoded(content)
        cluster, user = value["clusters"][0]["cluster"], value["users"][0]["user"]
        return KubeconfigFacts(
            path,
            str(cluster["server"]),
            base64.b64decode(cluster.get("certificate-authority-data", "")),
            base64.b64decode(user.get("client-certificate-data", "")),
            str(user.get("client-certificate", "")),
        )
    except (LookupError, TypeError, ValueError):
        return KubeconfigFacts(path)


def _etcd(host: FakeHost, data_dir: PurePosixPath) -> EtcdDataFacts:
    node = host.files.nodes.get(data_dir)
    if node is None:
        return EtcdDataFacts(data_dir)
    has_member, files = data_dir / "member" in host.files.nodes, host.files
    ids = files.users.get(node.owner, 0), files.groups.get(node.group, 0)
    return EtcdDataFacts(data_dir, True, has_member, data_dir in files.mounts, node.mode, node.owner, *ids)


def _accounts(host: FakeHost) -> AccountFacts:
    users, groups = host.files.users, host.files.groups
    taken = {number for number in (*users.values(), *groups.values()) if number < 1000}
    return AccountFacts(users.get(k.ETCD_USER), groups.get(k.ETCD_USER), tuple(sorted(taken)))

"""The ways to a control plane. Each begins on nodes that were reset and returns seconds, and bytes where it says so."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from bench.nodes import Nodes, Readiness

MARK = "/run/bench-mark"
WRITTEN = f"""
find /etc /usr/lib/sysusers.d /var/lib/kubelet/config.yaml /var/lib/kubelet/instance-config.yaml /var/lib/kubelet/pki \\
    -cnewer {MARK} -type f -printf '%s\\n' 2>/dev/null |
    awk '{{ sum += $1 }} END {{ print sum + 0 }}'
"""
"""Bytes of all files below what init writes to that were touched since the mark."""
SHARED_PKI = "ca.crt ca.key front-proxy-ca.crt front-proxy-ca.key sa.pub sa.key etcd/ca.crt etcd/ca.key"


def kubeadm_config(nodes: Nodes, node: str, endpoint: str = "") -> str:
    """kubeadm's configuration for one node, with what the lab's own inventory says of its kubelets."""
    spec = yaml.safe_load(nodes.inventory.read_text())["spec"]
    registration = {"criSocket": "unix:///run/containerd/containerd.sock", "name": node}
    local = {"advertiseAddress": nodes.addresses[node], "bindPort": 6443}
    documents = [
        {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration",
         "nodeRegistration": registration, "localAPIEndpoint": local},
        {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "kubernetesVersion": nodes.version,
         **({"controlPlaneEndpoint": endpoint} if endpoint else {}),
         "networking": {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"}},
        {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **spec["kubelet"]["config"]},
        {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **spec["kubeProxy"]["config"]},
    ]  # fmt: skip
    return yaml.safe_dump_all(documents)


def place(path: str, text: str) -> str:
    return f"mkdir -p $(dirname {path})\ncat >{path} <<'END-OF-FILE'\n{text}\nEND-OF-FILE\n"


def kubeadm(nodes: Nodes) -> dict[str, float]:
    """kubeadm init on the first node, then kubeadm join --control-plane on the others, one after another; join: of one."""
    first, *others = nodes.addresses
    endpoint = f"{nodes.addresses[first]}:6443"
    nodes.sh(first, place("/root/kubeadm.yaml", kubeadm_config(nodes, first, endpoint)))
    watch = Readiness(nodes)
    output = nodes.sh(first, "kubeadm init --config /root/kubeadm.yaml --upload-certs --ignore-preflight-errors=all 2>&1")
    words = output.replace("\\\n", " ").split()
    flags = ("--token", "--discovery-token-ca-cert-hash", "--certificate-key")
    token, ca_hash, key = (words[words.index(flag) + 1] for flag in flags)
    joining = time.monotonic()
    for node in others:
        nodes.sh(
            node,
            f"kubeadm join {endpoint} --token {token} --discovery-token-ca-cert-hash {ca_hash} --control-plane "
            f"--certificate-key {key} --apiserver-advertise-address {nodes.addresses[node]} --node-name {node} "
            "--ignore-preflight-errors=all 2>&1",
        )
    joined = time.monotonic() - joining
    return {"readyz": watch.last(), "exit": time.monotonic() - watch.started, "join": joined / len(others)}


def by_hand(nodes: Nodes) -> dict[str, float]:
    """The files that kubeadm writes are there, with all three as initial etcd members; kubelets start together."""
    first, *others = nodes.addresses
    members = ",".join(f"{node}=https://{address}:2380" for node, address in nodes.addresses.items())
    phase = "kubeadm init phase"
    config = "--config /root/kubeadm.yaml"

    def prepare(node: str) -> None:
        nodes.sh(node, f"{phase} certs all {config}; {phase} kubeconfig all {config}; {phase} kubelet-start {config}; "
            f"systemctl stop kubelet; {phase} etcd local {config}; {phase} control-plane all {config}; "
            f"sed -i 's#--initial-cluster=.*#--initial-cluster={members}#' /etc/kubernetes/manifests/etcd.yaml")  # fmt: skip

    for node in nodes.addresses:
        nodes.sh(node, place("/root/kubeadm.yaml", kubeadm_config(nodes, node)))
    nodes.sh(first, f"{phase} certs all {config}")
    shared = nodes.sh(first, f"cd /etc/kubernetes/pki && tar c {SHARED_PKI} | base64")
    for node in others:
        nodes.sh(node, f"mkdir -p /etc/kubernetes/pki/etcd && base64 -d <<'END' | tar x -C /etc/kubernetes/pki\n{shared}\nEND\n")
    with ThreadPoolExecutor(len(nodes.addresses)) as pool:
        list(pool.map(prepare, nodes.addresses))
    time.sleep(3)  # the preparation's own processes are gone by then
    watch = Readiness(nodes)
    nodes.everywhere("systemctl start kubelet")
    return {"readyz": watch.last()}


def bootstrap(nodes: Nodes) -> dict[str, float]:
    """`bootstrap init`, the whole command, for what kubeadm brings: no pod network is applied and waited for.

    Then the same command again, and how many bytes of files that wrote on the nodes.
    """
    target = nodes.directory / "admin.kubeconfig"
    target.unlink(missing_ok=True)
    inventory = inventory_of(nodes, list(nodes.addresses), pod_network=False)
    watch = Readiness(nodes)
    finished = init(target, inventory)
    readyz = watch.last()
    nodes.everywhere(f"touch {MARK}; sleep 1")
    again = init(target, inventory)
    written = sum(int(nodes.sh(node, WRITTEN)) for node in nodes.addresses)
    return {"readyz": readyz, "exit": finished, "again": again, "again bytes": written}


def with_pod_network(nodes: Nodes) -> dict[str, float]:
    """`bootstrap init` with the lab's pod network among the add-ons: nodes are Ready and CoreDNS is rolled out when it ends."""
    target = nodes.directory / "network.kubeconfig"
    target.unlink(missing_ok=True)
    watch = Readiness(nodes)
    finished = init(target, nodes.inventory)
    return {"readyz": watch.last(), "exit": finished}


def add_master(nodes: Nodes) -> dict[str, float]:
    """`bootstrap init` of the first node, then `bootstrap add-master` of the others, one command after another; join: of one."""
    first, *others = nodes.addresses
    target = nodes.directory / "members.kubeconfig"
    target.unlink(missing_ok=True)
    members = [first]
    init(target, inventory_of(nodes, members))
    took = []
    for node in others:
        members.append(node)
        took.append(command("add-master", str(inventory_of(nodes, members)), node))
    return {"join": sum(took) / len(took)}


def inventory_of(nodes: Nodes, members: list[str], *, pod_network: bool = True) -> Path:
    """The lab's inventory with these masters alone."""
    inventory = yaml.safe_load(nodes.inventory.read_text())
    inventory["spec"]["hosts"] = [host for host in inventory["spec"]["hosts"] if host["name"] in members]
    if not pod_network:
        inventory["spec"]["addons"] = [addon for addon in inventory["spec"]["addons"] if "/" not in addon]
    path = nodes.inventory.with_name("members.yaml")    # beside it: what it names is looked for there
    path.write_text(yaml.safe_dump(inventory))
    return path


def init(target: Path, inventory: Path) -> float:
    return command("init", str(inventory), "--kubeconfig", str(target))


def command(*words: str) -> float:
    """Seconds of one command of `bootstrap`; RuntimeError with its output where it fails."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "bootstrap", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"bootstrap {words[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return time.monotonic() - began


WAYS = {
    "kubeadm": kubeadm, "by hand": by_hand, "bootstrap": bootstrap, "bootstrap with a pod network": with_pod_network,
    "add-master": add_master,
}  # fmt: skip

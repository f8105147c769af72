"""The lab's inventory for bootstrap, and its SSH configuration. What is true of LXC nodes only stands here, nowhere else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from kubelab.lab import Lab, Node
from kubelab.paths import VAGRANT_FOLDER, Cache
from kubelab.releases import HAPROXY_IMAGE
from kubelab.shell import LabError

POD_NETWORK = VAGRANT_FOLDER / "pod-network.yaml"


def fingerprint(public_key: str) -> str:
    """OpenSSH's SHA-256 fingerprint of a public key line: `SHA256:` and unpadded base64."""
    blob = base64.b64decode(public_key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def host_public_key(node: Node) -> str:
    """The node's ed25519 host key, read from its root file system: no network to trust."""
    path = node.rootfs / "etc/ssh/ssh_host_ed25519_key.pub"
    if not path.is_file():
        raise LabError(f"{node.name} has no host key yet", "vagrant/lab up")
    return path.read_text()


def inventory(lab: Lab, host_keys: Mapping[str, str], identity_file: Path, pod_network: Path) -> str:
    """The lab as a bootstrap/v1alpha1 Cluster. host_keys: node name -> fingerprint."""
    hosts = "".join(
        f"    - name: {node.name}\n      role: {node.role}\n      address: {node.address}\n"
        f"      ssh: {{host: {node.address}, hostKey: {json.dumps(host_keys[node.name])}}}\n"
        for node in lab.nodes
    )
    return f"""\
# Written by vagrant/lab. Nodes are LXC containers: what the kubelet and kube-proxy are told here is true of them only.
apiVersion: bootstrap/v1alpha1
kind: Cluster
metadata:
  name: {lab.name}
spec:
  kubernetesVersion: v{lab.kubernetes}
  controlPlaneEndpoint: ""
  networking:
    podSubnet: 10.244.0.0/16
    serviceSubnet: 10.96.0.0/12
    dnsDomain: cluster.local
  ssh:
    user: vagrant
    identityFile: {json.dumps(str(identity_file))}
  hosts:
{hosts}  balancer:
    imageRepository: {HAPROXY_IMAGE.rpartition("/")[0]}
    imageTag: {HAPROXY_IMAGE.rpartition(":")[2]}
  kubelet:
    config:
      cgroupDriver: cgroupfs
      failCgroupV1: false
      failSwapOn: false
      # Nodes share this machine's disk, however full it is, and there is no registry to fetch an image from again.
      imageGCHighThresholdPercent: 100
      evictionHard:
        memory.available: 100Mi
        nodefs.available: 1%
        nodefs.inodesFree: 1%
        imagefs.available: 1%
  kubeProxy:
    config:
      mode: nftables
      conntrack:
        maxPerCore: 0
  addons:
    - coredns
    - kube-proxy
    - {json.dumps(str(pod_network))}
"""


def write_inventory(lab: Lab, cache: Cache, out: Path | None) -> Path:
    """Write the inventory to `out` (or the lab's state directory); the path."""
    target = out or lab.directory(cache) / "inventory.yaml"
    host_keys = {node.name: fingerprint(host_public_key(node)) for node in lab.nodes}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(inventory(lab, host_keys, lab.key(cache), POD_NETWORK))
    return target


def write_ssh_config(lab: Lab, cache: Cache) -> str:
    """An OpenSSH client configuration for the lab's nodes, their host keys in a known_hosts file beside it; the text."""
    known_hosts = lab.directory(cache) / "known_hosts"
    keys = [(node, " ".join(host_public_key(node).split()[:2])) for node in lab.nodes]
    known_hosts.write_text("".join(f"{node.name},{node.address} {key}\n" for node, key in keys))
    text = "".join(
        f"Host {node.name}\n  HostName {node.address}\n  User vagrant\n  IdentityFile {lab.key(cache)}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {known_hosts}\n  StrictHostKeyChecking yes\n\n"
        for node in lab.nodes
    )
    (lab.directory(cache) / "ssh-config").write_text(text)
    return text

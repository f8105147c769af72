"""Pods, kubelets and control planes for tests of the model hosts; without TLS."""

from __future__ import annotations

from pathlib import PurePosixPath

import yaml

from bootstrap.connection import Answer, Request
from bootstrap.files import File
from bootstrap.testing import FakeFleet, FakeHost

MANIFESTS = "/etc/kubernetes/manifests"
DROP_IN = """[Service]
ExecStart=
ExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml
"""


def a_fleet(*names: str) -> FakeFleet:
    return FakeFleet({name: f"192.0.2.{11 + at}" for at, name in enumerate(names)}, check_tls=False)


def pod(name: str, *flags: str, container: str = "", namespace: str = "kube-system", mounts: tuple[str, ...] = ()) -> str:
    volumes = [{"name": f"v{at}", "hostPath": {"path": path}} for at, path in enumerate(mounts)]
    one = {
        "name": container or name,
        "image": f"registry.k8s.io/{name}:v1.36.3",
        "command": [name, *flags],
        "volumeMounts": [{"name": f"v{at}", "mountPath": path} for at, path in enumerate(mounts)],
    }
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
         "spec": {"hostNetwork": True, "containers": [one], "volumes": volumes}}
    )  # fmt: skip


def with_kubelet(host: FakeHost, manifests: str | None = MANIFESTS) -> FakeHost:
    """Configure and start the kubelet as a person would."""
    config = {"kind": "KubeletConfiguration", **({"staticPodPath": manifests} if manifests else {})}
    user = {"client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem"}
    server = {"server": f"https://{host.address}:6443"}
    kubeconfig = {"clusters": [{"cluster": server}], "users": [{"user": user}]}
    host.put("/var/lib/kubelet/config.yaml", yaml.safe_dump(config))
    host.put("/var/lib/kubelet/pki/kubelet-client-current.pem", "a certificate and a key")
    host.put("/etc/kubernetes/kubelet.conf", yaml.safe_dump(kubeconfig))
    host.put("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", DROP_IN)
    host.kubelet.daemon_reload()
    host.kubelet.enabled = True
    host.kubelet.start(host.now())
    return host


def etcd(host: FakeHost, fleet: FakeFleet, token: str = "demo", **flags: str) -> str:
    initial = ",".join(f"{h.name}=https://{h.address}:2380" for h in fleet.hosts.values())
    values = {
        "name": host.name, "data-dir": "/var/lib/etcd", "initial-cluster": initial, "initial-cluster-token": token,
        "initial-advertise-peer-urls": f"https://{host.address}:2380",
        "advertise-client-urls": f"https://{host.address}:2379",
        "listen-client-urls": f"https://127.0.0.1:2379,https://{host.address}:2379",
        **{name.replace("_", "-"): value for name, value in flags.items()},
    }  # fmt: skip
    return pod("etcd", *(f"--{name}={value}" for name, value in values.items()), mounts=("/var/lib/etcd",))


def api_server(host: FakeHost) -> str:
    return pod("kube-apiserver", f"--advertise-address={host.address}", "--secure-port=6443", "--etcd-servers=https://127.0.0.1:2379")


def control_plane(*names: str) -> FakeFleet:
    """A fleet whose hosts run etcd and an API server, registered and with mirror pods."""
    fleet = a_fleet(*names)
    for host in fleet.hosts.values():
        with_kubelet(host)
        host.put(f"{MANIFESTS}/etcd.yaml", etcd(host, fleet))
        host.put(f"{MANIFESTS}/kube-apiserver.yaml", api_server(host))
    fleet.advance(30)
    return fleet


def put(fleet: FakeFleet, host: str, path: str, content: str) -> None:
    fleet.connect(host).write([File(PurePosixPath(path), content.encode())])


def readyz(fleet: FakeFleet, host: str) -> Answer:
    return fleet.connect(host).request(Request("GET", "127.0.0.1", 2381, "/readyz"))


def running(fleet: FakeFleet, host: str) -> dict[str, str]:
    """Names of the pods that run on a host, and the flag --which of each."""
    return {one.name: one.flag("which") for one in fleet.host(host).runtime.containers.values() if one.running}

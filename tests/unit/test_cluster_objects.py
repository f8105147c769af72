"""API objects: RBAC, configuration, add-ons, node marks."""

import base64
from typing import Any

import pytest
import yaml

from bootstrap import addons, objects, rbac
from bootstrap.addons import kube_proxy
from bootstrap.cluster import Cluster, Host, KubeProxy, Role, Taint
from bootstrap.kubeadm_config import cluster_configuration
from bootstrap.objects import Object
from tests.unit import rendering_samples as samples

CLUSTER = samples.a_cluster()
CA = b"-----BEGIN CERTIFICATE-----\n"
GRACE = {"name": "shutdown-watch-termination-grace-period", "value": "10s"}


def everything(cluster: Cluster) -> tuple[Object, ...]:
    marks = tuple(rbac.node_marks(cluster, host) for host in cluster.hosts)
    uploaded = rbac.upload_config(cluster, samples.config_paths(cluster), "token")
    return (*rbac.access(cluster, CA), *uploaded, *addons.objects(cluster), *marks)


def named(objects: tuple[Object, ...], kind: str, name: str) -> Object:
    return next(thing for thing in objects if (thing["kind"], thing["metadata"]["name"]) == (kind, name))


def test_a_stock_join_finds_every_role_and_binding() -> None:
    bindings = {thing["metadata"]["name"]: thing for thing in everything(CLUSTER) if thing["kind"].endswith("RoleBinding")}
    expected = {
        "kubeadm:cluster-admins": "cluster-admin",
        "kubeadm:apiserver-kubelet-client": "system:kubelet-api-admin",
        "kubeadm:kubelet-bootstrap": "system:node-bootstrapper",
        "kubeadm:get-nodes": "kubeadm:get-nodes",
        "kubeadm:node-autoapprove-bootstrap": "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        "kubeadm:node-autoapprove-certificate-rotation": "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        "kubeadm:bootstrap-signer-clusterinfo": "kubeadm:bootstrap-signer-clusterinfo",
        "kubeadm:nodes-kubeadm-config": "kubeadm:nodes-kubeadm-config",
        "kubeadm:kubelet-config": "kubeadm:kubelet-config",
        "kubeadm:node-proxier": "system:node-proxier",
        "kube-proxy": "kube-proxy",
        "system:coredns": "system:coredns",
    }
    assert expected == {name: binding["roleRef"]["name"] for name, binding in bindings.items()}


def test_every_role_that_is_bound_and_ours_exists() -> None:
    things = everything(CLUSTER)
    roles = {(thing["kind"], thing["metadata"]["name"]) for thing in things if thing["kind"] in ("Role", "ClusterRole")}
    bound = {(thing["roleRef"]["kind"], thing["roleRef"]["name"]) for thing in things if "roleRef" in thing}
    built_in = {("ClusterRole", name) for _, name in bound if name == "cluster-admin" or name.startswith("system:")}
    assert bound - roles <= built_in - {("ClusterRole", "system:coredns")}


def test_objects_are_fit_for_server_side_apply() -> None:
    for thing in everything(CLUSTER):
        assert {"apiVersion", "kind", "metadata"} <= thing.keys()
        assert not {"resourceVersion", "uid", "managedFields", "creationTimestamp"} & thing["metadata"].keys()
        assert "status" not in thing


def test_no_object_is_there_twice() -> None:
    refs = [(t["kind"], t["metadata"].get("namespace"), t["metadata"]["name"]) for t in everything(CLUSTER)]
    assert len(refs) == len(set(refs))


@pytest.mark.parametrize(
    ("cluster", "server"),
    [(CLUSTER, "https://192.0.2.11:6443"), (samples.load_balancer(), "https://api.example.com:8443")],
)
def test_cluster_info_names_the_ca_and_the_endpoint(cluster: Cluster, server: str) -> None:
    found = yaml.safe_load(rbac.cluster_info(cluster, CA)["data"]["kubeconfig"])["clusters"][0]
    assert {"certificate-authority-data": base64.b64encode(CA).decode(), "server": server} == found["cluster"]
    assert found["name"] == ""


@pytest.mark.parametrize(
    ("cluster", "server"),
    [
        (CLUSTER, "https://127.0.0.1:6443"),
        (samples.extra_args(), "https://127.0.0.1:7443"),
        (samples.load_balancer(), "https://api.example.com:8443"),
    ],
)
def test_kube_proxy_has_one_server_for_all_nodes(cluster: Cluster, server: str) -> None:
    data = named(addons.objects(cluster), "ConfigMap", "kube-proxy")["data"]
    assert server == yaml.safe_load(data["kubeconfig.conf"])["clusters"][0]["cluster"]["server"]


def test_kube_proxys_configuration_is_merged() -> None:
    cluster = samples.a_cluster(kube_proxy=KubeProxy(config={"mode": "nftables", "conntrack": {"maxPerCore": 0}}))
    config = kube_proxy.config(cluster)
    assert (config["mode"], config["conntrack"], config["clusterCIDR"]) == ("nftables", {"maxPerCore": 0}, "10.244.0.0/16")


@pytest.mark.parametrize(
    ("wanted", "kinds"), [((), set()), (("coredns",), {"coredns"}), (("/x/cni.yaml", "kube-proxy"), {"kube-proxy"})]
)
def test_only_the_addons_that_are_named_are_there(wanted: tuple[str, ...], kinds: set[str]) -> None:
    found = addons.objects(samples.a_cluster(addons=wanted))
    assert kinds == {thing["metadata"]["name"] for thing in found if thing["kind"] in ("Deployment", "DaemonSet")}


def test_kubeadm_config_says_what_we_run() -> None:
    cluster = samples.extra_args().model_copy(update={"hardening": samples.NOTHING})
    found = cluster_configuration(cluster, {}, samples.TOKEN)
    given = [{"name": arg.name, "value": arg.value} for arg in cluster.api_server.extra_args]
    assert [GRACE, *given] == found["apiServer"]["extraArgs"]
    assert found["apiServer"]["certSANs"] == ["127.0.0.1", "api.example.com"]
    assert {"name": "EMPTY", "value": ""} in found["apiServer"]["extraEnvs"]
    assert found["etcd"]["local"]["extraArgs"][0] == {"name": "initial-cluster-token", "value": samples.TOKEN}
    assert (found["etcd"]["local"]["dataDir"], found["etcd"]["local"]["imageTag"]) == ("/data/etcd", "3.6.16-0")


def test_kubeadm_config_of_a_plain_cluster_has_what_kubeadm_would_write_and_three_flags() -> None:
    requests = [{"name": "kube-api-burst", "value": "200"}, {"name": "kube-api-qps", "value": "100"}]
    expected: dict[str, Any] = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "apiServer": {"certSANs": ["127.0.0.1"], "extraArgs": [GRACE]},
        "caCertificateValidityPeriod": "87600h",
        "certificateValidityPeriod": "8760h",
        "certificatesDir": "/etc/kubernetes/pki",
        "clusterName": "demo",
        "controllerManager": {"extraArgs": requests},
        "dns": {"disabled": True},
        "encryptionAlgorithm": "ECDSA-P256",
        "etcd": {"local": {"dataDir": "/var/lib/etcd"}},
        "imageRepository": "registry.k8s.io",
        "kubernetesVersion": "v1.36.3",
        "networking": {"dnsDomain": "cluster.local", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"},
        "proxy": {},
        "scheduler": {},
    }
    assert expected == cluster_configuration(samples.a_cluster(addons=("kube-proxy",), hardening=samples.NOTHING), {})


def test_labels_and_taints_follow_from_the_role() -> None:
    master = samples.master(1, labels={"example.com/rack": "a"})
    labels = rbac.node_marks(CLUSTER, master)["metadata"]["labels"]
    assert labels == {
        "example.com/rack": "a",
        "node-role.kubernetes.io/control-plane": "",
        "node.kubernetes.io/exclude-from-external-load-balancers": "",
    }
    assert objects.taints(master) == ({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},)


def test_taints_of_the_inventory_take_the_place_of_the_default() -> None:
    assert objects.taints(samples.master(1, taints=())) == ()
    assert objects.taints(
        samples.master(1, taints=(Taint(key="a", value="b", effect="NoExecute"),))
    ) == ({"key": "a", "value": "b", "effect": "NoExecute"},)
    worker = Host(name="w1", role=Role.WORKER, address="192.0.2.21", labels={"example.com/disk": "ssd"})
    assert objects.taints(worker) == ()
    assert rbac.node_marks(CLUSTER, worker)["metadata"]["labels"] == {"example.com/disk": "ssd"}

"""Extra arguments that set what the tool sets."""

import pytest

from bootstrap.cluster import ApiServer, Arg, Cluster, ControlPlaneComponent, Etcd, HostKubelet, KubeletSpec, LocalEtcd
from bootstrap.components import check_extra_args
from bootstrap.kubelet import check_config
from tests.unit.rendering_samples import a_cluster, extra_args, master


def etcd_with(name: str, value: str = "x") -> Cluster:
    return a_cluster(etcd=Etcd(local=LocalEtcd(extra_args=(Arg(name=name, value=value),))))


def test_ordinary_extra_arguments_are_fine() -> None:
    assert check_extra_args(extra_args()) == ()


@pytest.mark.parametrize(
    ("cluster", "field", "hint"),
    [
        (etcd_with("data-dir"), "spec.etcd.local.extraArgs[0].name", "spec.etcd.local.dataDir"),
        (etcd_with("initial-cluster-token"), "spec.etcd.local.extraArgs[0].name", "etcd CA"),
        (
            a_cluster(api_server=ApiServer(extra_args=(Arg(name="v", value="2"), Arg(name="secure-port", value="1")))),
            "spec.apiServer.extraArgs[1].name",
            "spec.apiServer.bindPort",
        ),
        (
            a_cluster(api_server=ApiServer(extra_args=(Arg(name="etcd_servers", value="x"),))),
            "spec.apiServer.extraArgs[0].name",
            "own host",
        ),
        (
            a_cluster(controller_manager=ControlPlaneComponent(extra_args=(Arg(name="cluster-cidr", value="x"),))),
            "spec.controllerManager.extraArgs[0].name",
            "spec.networking.podSubnet",
        ),
        (
            a_cluster(scheduler=ControlPlaneComponent(extra_args=(Arg(name="bind-address", value="192.0.2.11"),))),
            "spec.scheduler.extraArgs[0].value",
            "loopback",
        ),
        (
            a_cluster(kubelet=KubeletSpec(extra_args=(Arg(name="node-ip", value="x"),))),
            "spec.kubelet.extraArgs[0].name",
            "address",
        ),
        (
            a_cluster(hosts=(master(1), master(2, kubelet=HostKubelet(extra_args=(Arg(name="hostname-override", value="x"),))))),
            "spec.hosts[1].kubelet.extraArgs[0].name",
            "own name",
        ),
    ],
)
def test_a_flag_that_the_tool_owns_is_a_mistake_with_a_hint(cluster: Cluster, field: str, hint: str) -> None:
    found = check_extra_args(cluster, "demo.yaml")
    assert [("demo.yaml", field)] == [(problem.file, problem.field) for problem in found]
    assert hint in found[0].hint


@pytest.mark.parametrize(
    ("urls", "allowed"),
    [
        ("http://127.0.0.1:2381,http://192.0.2.11:2381", True),
        ("http://0.0.0.0:2381", True),
        ("http://[::]:2381", True),
        ("http://192.0.2.11:2381", False),
        ("https://127.0.0.1:2381", False),
        ("http://127.0.0.1:2382", False),
        ("http://127.0.0.1:x", False),
    ],
)
def test_etcd_always_answers_on_its_own_host(urls: str, allowed: bool) -> None:
    assert allowed == (check_extra_args(etcd_with("listen-metrics-urls", urls)) == ())


def test_fields_of_the_kubelets_configuration_that_the_tool_owns() -> None:
    cluster = a_cluster(
        hosts=(master(1, kubelet=HostKubelet(config={"staticPodPath": "/x", "maxPods": 1})),),
        kubelet=KubeletSpec(config={"tlsCertFile": "/x"}),
    )
    expected = ["spec.kubelet.config.tlsCertFile", "spec.hosts[0].kubelet.config.staticPodPath"]
    assert expected == [problem.field for problem in check_config(cluster)]


@pytest.mark.parametrize(("tag", "allowed"), [("3.6.16-0", True), ("v3.7.0", True), ("3.5.24-0", False), ("latest", True)])
def test_an_etcd_that_does_not_know_our_flags_is_refused(tag: str, allowed: bool) -> None:
    assert allowed == (check_extra_args(a_cluster(etcd=Etcd(local=LocalEtcd(image_tag=tag)))) == ())

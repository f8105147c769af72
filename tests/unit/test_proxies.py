"""spec.proxy, spec.featureGates and spec.kubelet.install: who gets them, and what is never asked through a proxy."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bootstrap import components, kubelet, proxies
from bootstrap.addons import kube_proxy
from bootstrap.cluster import ApiServer, Arg, Cluster, Env, KubeletSpec, Proxy
from bootstrap.constants import API_SERVER, COMPONENTS, ETCD
from bootstrap.kubeadm_config import cluster_configuration
from bootstrap.staticpod import decode, flags, main_container
from tests.unit import rendering_samples as samples

PROXY = Proxy(https_proxy="http://proxy.example.com:3128", no_proxy=(".example.com",))


def environment(cluster: Cluster, component: str) -> dict[str, str]:
    pod = decode(components.manifest(cluster, cluster.hosts[0], component, samples.context(cluster)))
    return {variable["name"]: variable.get("value", "") for variable in main_container(pod).get("env", [])}


def gates(cluster: Cluster, component: str) -> str | None:
    pod = decode(components.manifest(cluster, cluster.hosts[0], component, samples.context(cluster)))
    return dict(flags(pod)).get("feature-gates")


def no_proxy(cluster: Cluster) -> list[str]:
    return {env.name: env.value for env in proxies.variables(cluster)}["NO_PROXY"].split(",")


def test_everybody_but_etcd_asks_through_the_proxy() -> None:
    cluster = samples.a_cluster(proxy=PROXY)
    for component in COMPONENTS:
        found = environment(cluster, component)
        assert ("NO_PROXY" in found) == (component != ETCD)
        assert found.get("HTTPS_PROXY") == (None if component == ETCD else "http://proxy.example.com:3128")
        assert "HTTP_PROXY" not in found
    daemon_set = next(thing for thing in kube_proxy.objects(cluster) if thing["kind"] == "DaemonSet")
    names = [variable["name"] for variable in daemon_set["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert names == ["NODE_NAME", "HTTPS_PROXY", "NO_PROXY"]
    drop_in = kubelet.drop_in(cluster, cluster.hosts[0]).decode().splitlines()
    assert "Environment=HTTPS_PROXY=http://proxy.example.com:3128" in drop_in
    assert f"Environment=NO_PROXY={','.join(no_proxy(cluster))}" in drop_in
    assert {"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"} in (
        cluster_configuration(cluster, samples.config_paths(cluster))["scheduler"]["extraEnvs"]
    )


def test_without_a_proxy_there_is_no_variable() -> None:
    cluster = samples.a_cluster(proxy=Proxy(no_proxy=("example.com",)))
    assert proxies.variables(cluster) == ()
    assert "Environment" not in kubelet.drop_in(cluster, cluster.hosts[0]).decode()


def test_what_asks_within_the_cluster_is_excepted() -> None:
    cluster = samples.a_cluster(proxy=PROXY, control_plane_endpoint="lb.example.org:6443")
    assert no_proxy(cluster) == [
        "127.0.0.1", "::1", "localhost", "192.0.2.0/24", "lb.example.org", "10.244.0.0/16", "10.96.0.0/12", ".svc",
        ".cluster.local", ".example.com",
    ]  # fmt: skip
    both = no_proxy(samples.dual_stack().model_copy(update={"proxy": PROXY}))
    assert {"192.0.2.0/24", "2001:db8::/64", "10.244.0.0/16", "fd00:10:244::/56"} <= set(both)


def test_hosts_that_come_later_change_nothing_for_the_others() -> None:
    one, three = samples.a_cluster(1, proxy=PROXY), samples.a_cluster(3, proxy=PROXY)
    assert no_proxy(one) == no_proxy(three)
    wide = samples.a_cluster(3, proxy=Proxy(http_proxy="http://p:1", no_proxy=("192.0.0.0/16",)))
    assert [entry for entry in no_proxy(wide) if entry.startswith("192.")] == ["192.0.0.0/16"]


def test_a_components_own_variables_and_gates_win() -> None:
    server = ApiServer(
        extra_envs=(Env(name="NO_PROXY", value="*"),), extra_args=(Arg(name="feature-gates", value="AllAlpha=false"),)
    )
    own = KubeletSpec(config={"featureGates": {"B": False}})
    cluster = samples.a_cluster(proxy=PROXY, feature_gates={"B": True, "A": False}, api_server=server, kubelet=own)
    assert environment(cluster, API_SERVER)["NO_PROXY"] == "*"
    assert cluster_configuration(cluster, samples.config_paths(cluster))["apiServer"]["extraEnvs"][-1] == {
        "name": "NO_PROXY", "value": "*",
    }  # fmt: skip
    assert {name: gates(cluster, name) for name in COMPONENTS} == {
        "etcd": gates(samples.a_cluster(), ETCD), API_SERVER: "AllAlpha=false",
        "kube-controller-manager": "A=false,B=true", "kube-scheduler": "A=false,B=true",
    }  # fmt: skip
    config = yaml.safe_load(kubelet.config_file(cluster, cluster.hosts[0], samples.MANIFEST_DIR, samples.RUNTIME, None))
    assert config["featureGates"] == {"A": False, "B": False}
    assert kube_proxy.config(cluster)["featureGates"] == {"A": False, "B": True}


@pytest.mark.parametrize("spec", [{"proxy": {}}, {"feature_gates": {}}, {"kubelet": {"install": "none"}}])
def test_their_defaults_change_no_file(spec: dict[str, Any]) -> None:
    plain, named = samples.a_cluster(), Cluster.model_validate({**samples.a_cluster().model_dump(), **spec})
    for component in COMPONENTS:
        assert environment(plain, component) == environment(named, component)
        assert gates(plain, component) == gates(named, component)
    assert kubelet.drop_in(plain, plain.hosts[0]) == kubelet.drop_in(named, named.hosts[0])

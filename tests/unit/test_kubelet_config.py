"""The kubelet's configuration and drop-in."""

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from bootstrap import kubelet
from bootstrap.cluster import Arg, HostKubelet, KubeletSpec
from bootstrap.errors import InventoryError
from bootstrap.patches import Patch, PatchType, merge_patch
from tests.unit import rendering_samples as samples

CLUSTER = samples.a_cluster()


def config(cluster: Any = CLUSTER, resolv_conf: str | None = None, patches: tuple[Patch, ...] = ()) -> Any:
    directory = PurePosixPath("/srv/manifests")
    return yaml.safe_load(kubelet.config_file(cluster, cluster.hosts[0], directory, samples.RUNTIME, resolv_conf, patches))


def a_patch(content: Any) -> Patch:
    return Patch("kubeletconfiguration", PatchType.STRATEGIC, content, "patches/kubeletconfiguration.yaml", 1)


def test_the_manifest_directory_that_was_found_is_kept() -> None:
    assert config()["staticPodPath"] == "/srv/manifests"
    assert yaml.safe_load(kubelet.shared_config(CLUSTER))["staticPodPath"] == "/etc/kubernetes/manifests"


def test_resolv_conf_is_set_only_where_it_is_needed() -> None:
    assert "resolvConf" not in config()
    assert config(resolv_conf="/run/systemd/resolve/resolv.conf")["resolvConf"] == "/run/systemd/resolve/resolv.conf"
    assert "resolvConf" not in yaml.safe_load(kubelet.shared_config(CLUSTER))


def test_the_shared_configuration_has_nothing_of_a_host() -> None:
    shared, own = yaml.safe_load(kubelet.shared_config(CLUSTER)), config()
    only_own = {"containerRuntimeEndpoint", "tlsCertFile", "tlsPrivateKeyFile"}
    assert only_own == own.keys() - shared.keys()
    assert {"serverTLSBootstrap"} == shared.keys() - own.keys()


def test_the_instance_configuration_makes_the_shared_one_this_hosts_again() -> None:
    """What kubeadm's upgrade does: it merges the file over the shared configuration."""
    cluster = CLUSTER.model_copy(update={"kubelet": KubeletSpec(config={"maxPods": 50})})
    its_own = HostKubelet(config={"maxPods": None, "nodeStatusReportFrequency": "1m"})
    host = cluster.hosts[0].model_copy(update={"kubelet": its_own})
    own = kubelet.config_file(cluster, host, PurePosixPath("/srv/manifests"), samples.RUNTIME, "/run/systemd/resolve/resolv.conf")
    shared = yaml.safe_load(kubelet.shared_config(cluster))
    instance = yaml.safe_load(kubelet.instance_config(cluster, own))
    assert {**yaml.safe_load(own), "serverTLSBootstrap": False} == merge_patch(shared, instance)
    assert instance["containerRuntimeEndpoint"] == samples.RUNTIME


def test_a_hosts_own_configuration_is_merged_last_and_null_takes_away() -> None:
    own = HostKubelet(config={"maxPods": 50, "evictionHard": {"imagefs.available": "5%"}, "healthzPort": None})
    cluster = samples.a_cluster(
        hosts=(samples.master(1, kubelet=own),),
        kubelet=KubeletSpec(config={"maxPods": 200, "evictionHard": {"memory.available": "200Mi"}}),
    )
    actual = config(cluster)
    assert actual["maxPods"] == 50
    assert actual["evictionHard"] == {"memory.available": "200Mi", "imagefs.available": "5%"}
    assert "healthzPort" not in actual


def test_patches_are_applied_last() -> None:
    assert config(patches=(a_patch({"maxPods": 7}),))["maxPods"] == 7


@pytest.mark.parametrize("content", [{"staticPodPath": "/x"}, {"tlsCertFile": None}, {"$patch": "delete"}])
def test_a_patch_cannot_take_the_kubelet_from_under_the_tool(content: Any) -> None:
    with pytest.raises(InventoryError) as caught:
        config(patches=(a_patch(content),))
    assert caught.value.problems[0].file == "patches/kubeletconfiguration.yaml"
    assert caught.value.problems[0].message.endswith("is changed")


def test_what_a_kubelet_would_pass_over_in_a_patch_is_a_mistake() -> None:
    with pytest.raises(InventoryError) as caught:
        config(patches=(a_patch({"maxPodz": 7, "evictionHard": {"any.signal": "1%"}, "authentication": {"x509": {"ca": "a"}}}),))
    said = [str(problem).partition(" (")[0] for problem in caught.value.problems]
    assert said == [
        f"patches/kubeletconfiguration.yaml:1: kubeletconfiguration: after the patches: {field} unknown field"
        for field in ("authentication.x509.ca", "maxPodz")
    ]


def test_dns_is_the_tenth_address_of_the_first_service_subnet() -> None:
    assert config(samples.dual_stack())["clusterDNS"] == ["10.96.0.10"]
    assert config(samples.ipv6())["clusterDNS"] == ["fd00:10:96::a"]


def test_the_drop_in_resets_the_command_line_and_is_complete() -> None:
    text = kubelet.drop_in(samples.dual_stack(), samples.dual_stack().hosts[0]).decode()
    lines = text.splitlines()
    assert lines[lines.index("[Service]") + 1] == "ExecStart="
    assert text.count("ExecStart=") == 2
    assert "--node-ip=192.0.2.11,2001:db8::11" in text
    for absent in ("EnvironmentFile", "--bootstrap-kubeconfig", "--hostname-override"):
        assert absent not in text


def test_a_hosts_own_flags_take_the_place_of_the_clusters() -> None:
    own = HostKubelet(extra_args=(Arg(name="v", value="6"),))
    cluster = samples.a_cluster(
        hosts=(samples.master(1, kubelet=own),),
        kubelet=KubeletSpec(extra_args=(Arg(name="v", value="2"), Arg(name="register-node", value="true"))),
    )
    assert kubelet.args(cluster, cluster.hosts[0])[-2:] == [("register-node", "true"), ("v", "6")]


def test_the_path_of_the_kubelet_is_checked() -> None:
    assert b"ExecStart=/opt/bin/kubelet \\" in kubelet.drop_in(CLUSTER, CLUSTER.hosts[0], "/opt/bin/kubelet")
    with pytest.raises(ValueError, match="not the path"):
        kubelet.drop_in(CLUSTER, CLUSTER.hosts[0], "/bin/sh -c evil")

"""Flags and fields beyond kubeadm's, and how they go together with the user's own."""

from typing import Any

import pytest
import yaml

from bootstrap import components, hardening, kubelet
from bootstrap.cluster import (
    AnonymousRequests,
    ApiServer,
    Arg,
    Audit,
    Cluster,
    ControlPlaneComponent,
    EncryptionAtRest,
    Etcd,
    Hardening,
    KubeletSpec,
    LocalEtcd,
    Volume,
)
from bootstrap.constants import COMPONENTS
from bootstrap.kubeadm_config import cluster_configuration
from tests.unit import rendering_samples as samples

PLUGINS = "enable-admission-plugins"
ALWAYS = {
    "kube-apiserver": {"shutdown-watch-termination-grace-period": "10s"},
    "kube-controller-manager": {"kube-api-burst": "200", "kube-api-qps": "100"},
}
"""What no switch turns off; the user's own values win."""


def api_server(*extra: tuple[str, str], **switches: Any) -> Cluster:
    args = tuple(Arg(name=name, value=value) for name, value in extra)
    return samples.a_cluster(api_server=ApiServer(extra_args=args), hardening=Hardening(**switches))


def flags(cluster: Cluster, component: str = "kube-apiserver") -> dict[str, str]:
    return dict(components.args(cluster, cluster.hosts[0], component, samples.context(cluster)))


@pytest.mark.parametrize("component", COMPONENTS)
def test_with_every_switch_off_the_flags_are_kubeadms(component: str) -> None:
    cluster = samples.a_cluster(hardening=samples.NOTHING)
    more = ALWAYS.get(component, {})
    assert {arg.name: arg.value for arg in hardening.extra_args(cluster, component, {})} == more
    expected = {**components.component(component).defaults(cluster, cluster.hosts[0]), **more}
    birth = {name: value for name, value in flags(cluster, component).items() if name.startswith("initial-cluster")}
    assert flags(cluster, component) == {**expected, **birth}


def test_with_every_switch_off_kubeadm_config_and_kubelets_say_nothing_of_it() -> None:
    cluster = samples.a_cluster(hardening=samples.NOTHING)
    configuration = cluster_configuration(cluster, samples.config_paths(cluster))
    server, manager = ([{"name": name, "value": value} for name, value in flags.items()] for flags in ALWAYS.values())
    assert {"controllerManager": {"extraArgs": manager}, "scheduler": {}}.items() <= configuration.items()
    assert configuration["apiServer"] == {"certSANs": ["127.0.0.1"], "extraArgs": server}
    own = yaml.safe_load(kubelet.config_file(cluster, cluster.hosts[0], samples.MANIFEST_DIR, samples.RUNTIME, None))
    shared = yaml.safe_load(kubelet.shared_config(cluster))
    assert own.keys() - shared.keys() == {"containerRuntimeEndpoint"}
    assert not {"tlsCertFile", "tlsCipherSuites", "seccompDefault", "podPidsLimit", "serverTLSBootstrap"} & (own | shared).keys()


@pytest.mark.parametrize(
    ("switch", "off", "component", "flag"),
    [
        ("profiling", True, "kube-apiserver", "profiling"),
        ("profiling", True, "kube-controller-manager", "profiling"),
        ("profiling", True, "kube-scheduler", "profiling"),
        ("terminated_pods", False, "kube-controller-manager", "terminated-pod-gc-threshold"),
        ("strong_ciphers", False, "kube-apiserver", "tls-cipher-suites"),
        ("strong_ciphers", False, "kube-scheduler", "tls-min-version"),
        ("strong_ciphers", False, "etcd", "cipher-suites"),
        ("extended_tokens", True, "kube-apiserver", "service-account-extend-token-expiration"),
        ("kubelet_serving", False, "kube-apiserver", "kubelet-certificate-authority"),
        ("controller_serving", False, "kube-controller-manager", "tls-cert-file"),
        ("controller_serving", False, "kube-scheduler", "tls-private-key-file"),
        ("audit", Audit(enabled=False), "kube-apiserver", "audit-policy-file"),
        ("audit", Audit(enabled=False), "kube-apiserver", "audit-log-path"),
        ("encryption_at_rest", EncryptionAtRest.NONE, "kube-apiserver", "encryption-provider-config"),
        ("anonymous_requests", AnonymousRequests.ALL, "kube-apiserver", "authentication-config"),
        ("event_rate_limit", False, "kube-apiserver", "admission-control-config-file"),
    ],
)
def test_each_switch_has_its_flag(switch: str, off: object, component: str, flag: str) -> None:
    assert flag in flags(api_server(), component)
    assert flag not in flags(api_server(**{switch: off}), component)


@pytest.mark.parametrize("flag", ["tls-cert-file", "tls_private_key_file", "cert-dir"])
def test_a_scheduler_with_a_certificate_of_the_users_has_none_of_ours(flag: str) -> None:
    cluster = samples.a_cluster(scheduler=ControlPlaneComponent(extra_args=(Arg(name=flag, value="/etc/mine"),)))
    given = flags(cluster, "kube-scheduler")
    assert [name for name in given if name.startswith(("tls-cert", "tls-private", "cert-dir"))] == [flag.replace("_", "-")]
    assert [volume.name for volume in hardening.extra_volumes(cluster, "kube-scheduler")] == []
    assert hardening.certificates_left_out(cluster) == {"scheduler-serving"}
    assert hardening.serving_certificate(cluster, "kube-controller-manager") is not None


def test_a_scheduler_sees_of_the_pki_its_own_directory() -> None:
    (volume,) = hardening.extra_volumes(samples.a_cluster(), "kube-scheduler")
    assert (volume.mount_path, volume.read_only, volume.path_type) == ("/etc/kubernetes/pki/scheduler", True, "Directory")


def test_a_volume_of_the_users_that_has_the_name_of_ours_does_not_take_it_away() -> None:
    mine = Volume(name="scheduler-pki", host_path="/srv/x", mount_path="/srv/x")
    cluster = samples.a_cluster(scheduler=ControlPlaneComponent(extra_volumes=(mine,)))
    found = {volume.name: volume.mount_path for volume in hardening.extra_volumes(cluster, "kube-scheduler")}
    assert found == {"scheduler-pki": "/srv/x", "bootstrap-scheduler-pki": "/etc/kubernetes/pki/scheduler"}


def test_plugins_of_ours_and_of_the_user_are_added_up() -> None:
    assert flags(api_server())[PLUGINS] == "NodeRestriction,DenyServiceExternalIPs,EventRateLimit"
    assert flags(api_server((PLUGINS, "PodNodeSelector")))[PLUGINS] == "PodNodeSelector,DenyServiceExternalIPs,EventRateLimit"
    assert flags(api_server((PLUGINS, "DenyServiceExternalIPs")))[PLUGINS] == "DenyServiceExternalIPs,EventRateLimit"
    assert flags(api_server(deny_service_external_ips=False))[PLUGINS] == "NodeRestriction,EventRateLimit"
    every = "NodeRestriction,AlwaysPullImages,DenyServiceExternalIPs,EventRateLimit"
    assert flags(api_server(always_pull_images=True))[PLUGINS] == every


def test_a_plugin_that_the_user_disables_is_not_enabled() -> None:
    assert flags(api_server(("disable-admission-plugins", "DenyServiceExternalIPs")))[PLUGINS] == "NodeRestriction,EventRateLimit"


def test_the_last_of_several_lists_gets_ours() -> None:
    cluster = api_server((PLUGINS, "NodeRestriction"), ("enable_admission_plugins", "PodNodeSelector"))
    given = [value for name, value in components.args(cluster, cluster.hosts[0], "kube-apiserver", samples.context(cluster))
             if name == PLUGINS]  # fmt: skip
    assert given == ["NodeRestriction", "PodNodeSelector,DenyServiceExternalIPs,EventRateLimit"]


def test_a_flag_of_the_users_takes_the_place_of_ours_however_it_is_spelt() -> None:
    assert flags(api_server(("tls_min_version", "VersionTLS13")))["tls-min-version"] == "VersionTLS13"


def test_an_etcd_that_speaks_tls_13_alone_gets_no_list() -> None:
    local = LocalEtcd(extra_args=(Arg(name="tls-min-version", value="TLS1.3"),))
    assert "cipher-suites" not in flags(samples.a_cluster(etcd=Etcd(local=local)), "etcd")


def test_kubeadm_config_has_every_flag_that_is_not_kubeadms() -> None:
    """From it kubeadm's upgrade makes every manifest anew."""
    cluster = samples.extra_args()
    configuration = cluster_configuration(cluster, samples.config_paths(cluster))
    names = {"kube-apiserver": "apiServer", "kube-controller-manager": "controllerManager", "kube-scheduler": "scheduler"}
    for component, field in names.items():
        defaults = components.component(component).defaults(cluster, cluster.hosts[0])
        extra = {(arg["name"], arg["value"]) for arg in configuration[field]["extraArgs"]}
        for flag in components.args(cluster, cluster.hosts[0], component, samples.context(cluster)):
            assert flag in extra or defaults.get(flag[0]) == flag[1], flag


def test_a_kubelets_own_settings_win() -> None:
    cluster = samples.a_cluster(kubelet=KubeletSpec(config={"podPidsLimit": 100, "seccompDefault": None}))
    own = yaml.safe_load(kubelet.config_file(cluster, cluster.hosts[0], samples.MANIFEST_DIR, samples.RUNTIME, None))
    assert own["podPidsLimit"] == 100
    assert "seccompDefault" not in own
    assert "tlsCipherSuites" in own

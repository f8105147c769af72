"""Flags and pods of the control plane components."""

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from bootstrap import components
from bootstrap.cluster import ApiServer, Arg, Cluster, ControlPlaneComponent, Timeouts
from bootstrap.components import Birth, ManifestContext, apiserver, etcd
from bootstrap.constants import COMPONENTS
from bootstrap.patches import Patch, PatchType
from bootstrap.staticpod import decode, flags, main_container
from tests.unit import rendering_samples as samples
from tests.unit.pki_samples import new_authorities

THREE = samples.a_cluster()
MEMBERS = "cp1=https://192.0.2.11:2380,cp2=https://192.0.2.12:2380,cp3=https://192.0.2.13:2380"


def flag_values(cluster: Cluster, component: str, flag: str, context: ManifestContext | None = None) -> list[str]:
    found = components.args(cluster, cluster.hosts[0], component, context or samples.context(cluster))
    return [value for name, value in found if name == flag]


def test_components_come_up_in_this_order() -> None:
    expected = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    assert expected == [module.NAME for module in components.COMPONENTS]


def test_new_members_start_together_with_one_list_and_a_token_of_their_own() -> None:
    assert flag_values(THREE, "etcd", "initial-cluster") == [MEMBERS]
    assert flag_values(THREE, "etcd", "initial-cluster-state") == ["new"]
    assert flag_values(THREE, "etcd", "initial-cluster-token") == [samples.TOKEN]


@pytest.mark.parametrize("birth", [Birth("cp1=https://192.0.2.11:2380", "existing", ""), Birth(MEMBERS, "", "old")])
def test_a_born_member_keeps_its_birth_values(birth: Birth) -> None:
    context = ManifestContext(cluster_token=samples.TOKEN, born_with=birth)
    manifest = components.manifest(THREE, THREE.hosts[0], "etcd", context)
    assert birth == components.born_with(manifest)
    assert birth.token == dict(flags(decode(manifest))).get("initial-cluster-token", "")


def test_manifests_without_birth_values_have_none() -> None:
    scheduler = components.manifest(THREE, THREE.hosts[0], "kube-scheduler", samples.context(THREE))
    assert components.born_with(scheduler) is None
    with pytest.raises(ValueError, match="holds one Pod"):
        components.born_with(b"- not a pod")


@pytest.mark.parametrize(
    "values",
    [
        ("cp1=http://192.0.2.11:2380", "new", ""),
        ("cp1=https://192.0.2.11:2380 --x", "new", ""),
        ("", "new", ""),
        ("cp1=https://192.0.2.11:2380", "other", ""),
        ("cp1=https://192.0.2.11:2380", "new", "a b"),
    ],
)
def test_strange_birth_values_never_reach_a_manifest(values: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="not an initial cluster"):
        Birth(*values)


def test_token_follows_from_the_ca_key_alone() -> None:
    one, other = new_authorities().etcd_ca.certificate, new_authorities().etcd_ca.certificate
    assert etcd.cluster_token(one) == etcd.cluster_token(one)
    assert etcd.cluster_token(one) != etcd.cluster_token(other)
    Birth(MEMBERS, "new", etcd.cluster_token(one))


def test_extra_arguments_replace_and_keep_their_order() -> None:
    cluster = samples.extra_args()
    assert flag_values(
        cluster, "kube-apiserver", "service-account-issuer"
    ) == ["https://issuer.example.com", "https://kubernetes.default.svc.cluster.local"]
    names = [name for name, _ in components.args(cluster, cluster.hosts[0], "kube-apiserver", samples.context(cluster))]
    last = len(cluster.api_server.extra_args)
    assert [arg.name for arg in cluster.api_server.extra_args] == names[-last:]
    kubeadms = set(apiserver.defaults(cluster, cluster.hosts[0]))
    base, ours = [n for n in names[:-last] if n in kubeadms], [n for n in names[:-last] if n not in kubeadms]
    assert names[:-last] == [*sorted(base), *sorted(ours)]


def test_an_authorization_config_takes_the_place_of_the_mode() -> None:
    extra = (Arg(name="authorization-config", value="/etc/kubernetes/authorization.yaml"),)
    assert flag_values(samples.a_cluster(api_server=ApiServer(extra_args=extra)), "kube-apiserver", "authorization-mode") == []
    assert flag_values(THREE, "kube-apiserver", "authorization-mode") == ["Node,RBAC"]


def test_without_a_pod_subnet_no_node_gets_addresses() -> None:
    networking = THREE.networking.model_copy(update={"pod_subnet": ""})
    cluster = THREE.model_copy(update={"networking": networking})
    for flag in ("allocate-node-cidrs", "cluster-cidr", "service-cluster-ip-range"):
        assert flag_values(cluster, "kube-controller-manager", flag) == []


def test_a_probe_asks_where_the_process_listens() -> None:
    cluster = samples.extra_args()      # the controller manager binds to all addresses
    context = samples.context(cluster)
    for name, host in (("kube-controller-manager", None), ("kube-apiserver", "192.0.2.11"), ("etcd", "127.0.0.1")):
        pod = decode(components.manifest(cluster, cluster.hosts[0], name, context))
        assert host == main_container(pod)["livenessProbe"]["httpGet"].get("host")


def test_startup_probe_lasts_as_long_as_the_health_check() -> None:
    cluster = samples.a_cluster(timeouts=Timeouts(control_plane_component_health_check=timedelta(seconds=301)))
    pod = decode(components.manifest(cluster, cluster.hosts[0], "etcd", samples.context(cluster)))
    assert tuple(main_container(pod)["startupProbe"][key] for key in ("failureThreshold", "periodSeconds")) == (31, 10)


def test_etcds_startup_probe_does_not_kill_a_learner() -> None:
    pod = decode(components.manifest(THREE, THREE.hosts[0], "etcd", samples.context(THREE)))
    assert main_container(pod)["startupProbe"]["httpGet"]["path"] == "/livez"


def test_an_extra_volume_takes_the_place_of_a_default_of_its_name() -> None:
    cluster = samples.extra_args()
    pod = decode(components.manifest(cluster, cluster.hosts[0], "kube-apiserver", samples.context(cluster)))
    volumes = {volume["name"]: volume["hostPath"]["path"] for volume in pod["spec"]["volumes"]}
    assert volumes["ca-certs"] == "/opt/certs"
    assert sorted(volumes) == list(volumes)


def test_ca_directories_are_from_a_fixed_list() -> None:
    with pytest.raises(ValueError, match="/root"):
        ManifestContext(ca_dirs=("/root",))


def test_digest_covers_the_files_that_are_read_at_start() -> None:
    context = samples.context(THREE)
    host = THREE.hosts[0]
    for module in components.COMPONENTS:
        before = components.manifest(THREE, host, module.NAME, context)
        for path in components.startup_files(module.NAME):
            changed = replace(context, hashes={**(context.hashes or {}), path: "f" * 64})
            assert before != components.manifest(THREE, host, module.NAME, changed), (module.NAME, path)
        reloaded = {**(context.hashes or {}), PurePosixPath("/etc/kubernetes/pki/apiserver.crt"): "0" * 64}
        assert before == components.manifest(THREE, host, module.NAME, replace(context, hashes=reloaded))


def test_a_missing_hash_is_a_bug_and_never_a_wrong_digest() -> None:
    with pytest.raises(KeyError):
        components.manifest(THREE, THREE.hosts[0], "etcd", ManifestContext(hashes={}))


def test_flags_of_a_manifest_are_read_back() -> None:
    pod = decode(components.manifest(THREE, THREE.hosts[0], "etcd", samples.context(THREE)))
    assert tuple(components.args(THREE, THREE.hosts[0], "etcd", samples.context(THREE))) == flags(pod)


def test_the_oldest_minors_flexvolume_directory_follows_the_flag() -> None:
    extra = (Arg(name="flex-volume-plugin-dir", value="/opt/plugins"),)
    cluster = samples.a_cluster(version="v1.35.4", controller_manager=ControlPlaneComponent(extra_args=extra))
    pod = decode(components.manifest(cluster, cluster.hosts[0], "kube-controller-manager", samples.context(cluster)))
    mounts = {mount["name"]: mount for mount in main_container(pod)["volumeMounts"]}
    assert mounts["flexvolume-dir"] == {"name": "flexvolume-dir", "mountPath": "/opt/plugins"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_b12_no_component_is_evicted_or_kept_out_by_others(component: str) -> None:
    """Source: pkg/kubelet/types/pod_update.go, IsCriticalPod (v1.36.3): static pods, and whoever has such a priority."""
    spec = decode(components.manifest(THREE, THREE.hosts[0], component, samples.context(THREE)))["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("system-node-critical", 2_000_001_000)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_confined_pod_has_no_more_than_it_needs(component: str) -> None:
    manifest = components.manifest(THREE, THREE.hosts[0], component, samples.context(THREE))
    pod = decode(manifest)
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    needed = {"add": ["NET_BIND_SERVICE"]} if component == "kube-apiserver" else {}  # the official binary carries it
    assert main_container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], **needed},
        "readOnlyRootFilesystem": True,
    }


def test_etcd_runs_as_its_own_user_and_sees_nothing_but_its_own_keys() -> None:
    pod = decode(components.manifest(THREE, THREE.hosts[0], "etcd", samples.context(THREE)))
    identity = {name: pod["spec"]["securityContext"][name] for name in ("runAsUser", "runAsGroup", "runAsNonRoot")}
    assert identity == {"runAsUser": 999, "runAsGroup": 998, "runAsNonRoot": True}
    (certs,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "etcd-certs"]
    (mount,) = [mount for mount in main_container(pod)["volumeMounts"] if mount["name"] == "etcd-certs"]
    assert certs["hostPath"]["path"] == "/etc/kubernetes/etcd-pki"
    assert mount == {"name": "etcd-certs", "mountPath": "/etc/kubernetes/pki/etcd", "readOnly": True}


@pytest.mark.parametrize("component", COMPONENTS)
def test_confinement_can_be_switched_off(component: str) -> None:
    cluster = samples.as_kubeadms_pods(THREE)
    pod = decode(components.manifest(cluster, cluster.hosts[0], component, samples.context(cluster)))
    assert pod["spec"]["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert "securityContext" not in main_container(pod)


def test_a_patch_has_the_last_word_on_confinement() -> None:
    patch = Patch("kube-scheduler", PatchType.STRATEGIC, {"spec": {"containers": [
        {"name": "kube-scheduler", "securityContext": {"readOnlyRootFilesystem": False}}]}}, "p.yaml", 1)  # fmt: skip
    pod = decode(components.manifest(THREE, THREE.hosts[0], "kube-scheduler", samples.context(THREE, (patch,))))
    assert main_container(pod)["securityContext"]["readOnlyRootFilesystem"] is False
    assert main_container(pod)["securityContext"]["capabilities"] == {"drop": ["ALL"]}

"""Versions, the table of minors, images, skew."""

import pytest

from bootstrap.cluster import Balancer, Dns, Etcd, LocalEtcd
from bootstrap.versions import MINORS, SUPPORTED_MINORS, Version, images, kubelet_skew_problem, minor_of, upgrade_problem
from tests.unit.rendering_samples import a_cluster


def test_versions_are_ordered_as_semantic_versions() -> None:
    ordered = ["v1.35.9", "v1.36.0-alpha.1", "v1.36.0-alpha.beta", "v1.36.0-rc.2", "v1.36.0-rc.10", "v1.36.0", "v1.36.10"]
    assert ordered == [str(version) for version in sorted(map(Version.parse, reversed(ordered)))]


def test_build_metadata_is_kept_and_not_compared() -> None:
    version = Version.parse("1.36.3+vendor.1")
    assert (str(version), version.image_tag) == ("v1.36.3+vendor.1", "v1.36.3_vendor.1")
    assert version == Version.parse("v1.36.3")
    assert hash(version) == hash(Version.parse("v1.36.3"))


@pytest.mark.parametrize("text", ["", "1.36", "v1.36.3.4", "latest", "v1.36.x"])
def test_what_is_not_a_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)


def test_every_supported_minor_is_in_the_table() -> None:
    assert SUPPORTED_MINORS == ("1.35", "1.36", "1.37")
    assert minor_of("v1.36.3").etcd == "3.6.8-0"
    with pytest.raises(ValueError, match=r"v1\.34\.1 is not supported"):
        minor_of("v1.34.1")


def test_images_are_kubeadms() -> None:
    expected = {
        "etcd": "registry.k8s.io/etcd:3.6.8-0",
        "kube-apiserver": "registry.k8s.io/kube-apiserver:v1.36.3",
        "kube-controller-manager": "registry.k8s.io/kube-controller-manager:v1.36.3",
        "kube-scheduler": "registry.k8s.io/kube-scheduler:v1.36.3",
        "kube-proxy": "registry.k8s.io/kube-proxy:v1.36.3",
        "coredns": "registry.k8s.io/coredns/coredns:v1.14.2",
        "pause": "registry.k8s.io/pause:3.10.2",
        "balancer": "docker.io/library/haproxy:3.2",
    }
    assert expected == images(a_cluster())


def test_a_mirror_has_coredns_beside_the_others() -> None:
    found = images(a_cluster(image_repository="mirror.example.com:5000/k8s"))
    assert found["coredns"] == "mirror.example.com:5000/k8s/coredns:v1.14.2"
    assert found["etcd"] == "mirror.example.com:5000/k8s/etcd:3.6.8-0"


def test_the_balancer_may_come_from_elsewhere() -> None:
    found = images(a_cluster(balancer=Balancer(image_repository="quay.example.com", image_tag="2.6.12")))
    assert found["balancer"] == "quay.example.com/haproxy:2.6.12"


def test_etcd_and_coredns_may_come_from_elsewhere() -> None:
    found = images(
        a_cluster(
            etcd=Etcd(local=LocalEtcd(image_repository="quay.example.com/etcd", image_tag="3.6.16-0")),
            dns=Dns(image_repository="quay.example.com", image_tag="v1.14.3"),
        )
    )
    assert found["etcd"] == "quay.example.com/etcd/etcd:3.6.16-0"
    assert found["coredns"] == "quay.example.com/coredns:v1.14.3"


@pytest.mark.parametrize(
    ("kubelet", "allowed"), [("v1.36.9", True), ("v1.33.0", True), ("v1.32.9", False), ("v1.37.0", False), ("v2.36.0", False)]
)
def test_kubelet_skew(kubelet: str, allowed: bool) -> None:
    assert allowed == (kubelet_skew_problem(Version.parse(kubelet), Version.parse("v1.36.3")) is None)


@pytest.mark.parametrize(
    ("current", "wanted", "problem"),
    [
        ("v1.35.4", "v1.36.3", None),
        ("v1.36.3", "v1.36.1", None),
        ("v1.34.0", "v1.36.3", "more than one minor ahead"),
        ("v1.37.2", "v1.36.3", "minors never go back"),
        ("v1.37.2", "v1.38.0", "not supported"),
    ],
)
def test_a_control_plane_goes_one_minor_at_a_time(current: str, wanted: str, problem: str | None) -> None:
    found = upgrade_problem(Version.parse(current), Version.parse(wanted))
    assert found is None if problem is None else problem in str(found)


def test_only_the_oldest_minor_mounts_the_flexvolume_directory() -> None:
    assert {name: minor.flexvolume_mount for name, minor in MINORS.items()} == {"1.35": True, "1.36": False, "1.37": False}

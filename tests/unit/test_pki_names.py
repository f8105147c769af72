"""Subject alternative names follow from the inventory, whatever the order in it."""

from __future__ import annotations

from itertools import permutations

from bootstrap.cluster import Cluster, Host
from bootstrap.pki.names import (
    AltNames,
    alt_names,
    api_server_names,
    controller_names,
    etcd_peer_names,
    etcd_server_names,
    kubelet_names,
)
from tests.unit.pki_samples import a_cluster

HOST = {"name": "cp1", "role": "control-plane", "address": "192.0.2.11"}
SERVICE = {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}


def cluster_with(host: dict[str, object], **fields: object) -> tuple[Cluster, Host]:
    cluster = a_cluster(hosts=[{**HOST, **host}], **fields)
    return cluster, cluster.hosts[0]


def ips(names: AltNames) -> list[str]:
    return [str(ip) for ip in names.ips]


def test_endpoint_name_takes_the_place_of_loopback():
    names = api_server_names(*cluster_with({}, control_plane_endpoint="api.example.com:8443"))
    assert {*SERVICE, "cp1", "api.example.com"} == set(names.dns)
    assert ips(names) == ["10.96.0.1", "192.0.2.11"]


def test_endpoint_address_is_an_address():
    assert "2001:db8::1" in ips(api_server_names(*cluster_with({}, control_plane_endpoint="[2001:db8::1]:6443")))


def test_without_endpoint_loopback_is_a_name():
    assert ips(api_server_names(*cluster_with({}))) == ["10.96.0.1", "192.0.2.11", "127.0.0.1"]


def test_dual_stack():
    networking = {"service_subnet": "10.96.0.0/12,fd00:10:96::/112", "pod_subnet": "10.244.0.0/16,fd00:10:244::/56"}
    cluster, host = cluster_with({"secondary_address": "2001:db8::11"}, networking=networking)
    expected = ["10.96.0.1", "fd00:10:96::1", "192.0.2.11", "2001:db8::11", "127.0.0.1", "::1"]
    assert expected == ips(api_server_names(cluster, host))
    assert ips(etcd_server_names(cluster, host)) == ["192.0.2.11", "2001:db8::11", "127.0.0.1", "::1"]
    assert ips(kubelet_names(cluster, host)) == ["192.0.2.11", "2001:db8::11"]
    assert ips(controller_names(cluster, host)) == ["192.0.2.11", "2001:db8::11", "127.0.0.1", "::1"]
    assert controller_names(cluster, host).dns == ("cp1", "localhost")


def test_another_dns_domain():
    names = api_server_names(*cluster_with({}, networking={"dns_domain": "k8s.example.com"}))
    assert "kubernetes.default.svc.k8s.example.com" in names.dns


def test_names_of_the_users_own():
    cluster, host = cluster_with(
        {},
        api_server={"cert_sans": ["api.example.com", "198.51.100.1", "*.example.org", "192.0.2.11"]},
        etcd={"local": {"server_cert_sans": ["etcd.example.com"], "peer_cert_sans": ["peer.example.com"]}},
    )
    api = api_server_names(cluster, host)
    assert {"api.example.com", "*.example.org"} <= set(api.dns)
    assert ips(api) == ["10.96.0.1", "192.0.2.11", "127.0.0.1", "198.51.100.1"]
    assert etcd_server_names(cluster, host).dns == ("cp1", "etcd.example.com", "localhost")
    assert etcd_peer_names(cluster, host).dns == ("cp1", "localhost", "peer.example.com")


def test_order_of_hosts_means_nothing():
    hosts = [{**HOST, "name": f"cp{i}", "address": f"192.0.2.1{i}"} for i in (1, 2, 3)]
    seen = set()
    for order in permutations(hosts):
        cluster = a_cluster(hosts=list(order))
        seen.add(tuple((name, api_server_names(cluster, cluster.host(name))) for name in ("cp1", "cp2", "cp3")))
    assert len(seen) == 1


def test_spellings_of_one_address_are_one():
    assert alt_names(["2001:db8::1", "2001:0DB8:0::1", "a", "a"]) == alt_names(["a", "2001:db8::1"])

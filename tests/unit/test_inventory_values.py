"""Values as they should be, in every form; what is wrong with others is in tests/cases/inventories."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from bootstrap.cluster import KeyAlgorithm, Role, Sudo
from tests.unit.inventory_support import GOOD, load, with_host, with_spec

FINGERPRINT = "SHA256:" + "nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
PUBLIC_KEY = "ssh-ed25519 " + base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(32)).decode()


def name(value: str) -> str:
    return GOOD.replace("name: cp1", f"name: {value}")


def version(value: str) -> str:
    return GOOD.replace("v1.36.3", value)


@pytest.mark.parametrize("value", ["a", "cp1", "a-b", "cp1.example.com", '"1"', "1a", "a" * 63, "x" * 40 + "." + "y" * 22])
def test_a_good_host_name_is_kept(value: str) -> None:
    assert load(name(value)).hosts[0].name == value.strip('"')


def test_a_version_without_v_gets_one() -> None:
    assert load(version("1.36.3")).kubernetes_version == "v1.36.3"


def test_good_values_arrive_as_they_should() -> None:
    cluster = load(
        with_spec(
            "controlPlaneEndpoint: '2001:DB8::10'",
            "networking: {podSubnet: 'fd00:10:0244:0::/56', serviceSubnet: 'fd00:96::/112'}",
            "apiServer: {bindPort: 443, certSANs: ['*.example.com', 192.0.2.9, a.b]}",
            "certificateValidityPeriod: 1h30m",
            "timeouts: {kubeletHealthCheck: 1.5m}",
            "encryptionAlgorithm: RSA-4096",
            "kubelet: {config: {port: 200, runOnce: true, evictionHard: {memory.available: 5%}, podCIDR: null, maxPods: 0.5}}",
            f"ssh: {{sudo: never, hostKey: '{FINGERPRINT}', proxyJump: 'a@b:22,[2001:db8::1]:22,none'}}",
        ).replace("192.0.2.11", "2001:db8:0::11")
        + "  scheduler:\n    extraArgs: [{name: v, value: ''}, {name: v, value: '2'}]\n"
    )
    assert cluster.control_plane_endpoint == "[2001:db8::10]:443"
    assert cluster.networking.pod_subnet == "fd00:10:244::/56"
    assert cluster.hosts[0].address == "2001:db8::11"
    assert cluster.certificate_validity_period == timedelta(minutes=90)
    assert cluster.timeouts.kubelet_health_check == timedelta(seconds=90)
    assert cluster.encryption_algorithm is KeyAlgorithm.RSA_4096
    assert cluster.kubelet.config == {
        "port": 200, "runOnce": True, "evictionHard": {"memory.available": "5%"}, "podCIDR": None, "maxPods": 0.5,
    }  # fmt: skip
    assert cluster.ssh.sudo is Sudo.NEVER
    assert cluster.ssh.host_key == (FINGERPRINT,)
    assert [(arg.name, arg.value) for arg in cluster.scheduler.extra_args] == [("v", ""), ("v", "2")]


def test_a_host_key_is_a_fingerprint_or_a_public_key() -> None:
    cluster = load(with_host("ssh:", "  hostKey:", f"  - {FINGERPRINT}=", f"  - {PUBLIC_KEY} root@cp1"))
    assert cluster.hosts[0].ssh.host_key == (FINGERPRINT, PUBLIC_KEY)


def test_defaults_that_follow_from_other_fields() -> None:
    cluster = load(with_spec("controlPlaneEndpoint: lb.example.com"))
    assert cluster.cluster_name == cluster.name == "demo"
    assert cluster.control_plane_endpoint == "lb.example.com:6443"
    assert load(with_spec("clusterName: other")).cluster_name == "other"
    assert cluster.hosts[0].role is Role.CONTROL_PLANE
    assert cluster.hosts[0].taints is None


@pytest.mark.parametrize(
    "label", ["example.com/a", "a", "node-role.kubernetes.io/worker", "topology.kubernetes.io/zone", "x.node.kubernetes.io/y"]
)
def test_labels_that_an_administrator_may_set(label: str) -> None:
    assert load(with_host(f"labels: {{{label}: ''}}")).hosts[0].labels == {label: ""}

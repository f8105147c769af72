"""The join command: what cluster-info says, and the hash of the CA's public key, which openssl makes, too."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bootstrap import rbac
from bootstrap.cluster import KeyAlgorithm
from bootstrap.files import Secret
from bootstrap.kubeadm_join import ClusterInfo, cluster_info, command
from bootstrap.pki.pem import new_key, public_key_pin
from bootstrap.tokens import Token
from tests.unit.pki_samples import NOW, a_cluster


def an_authority(algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256) -> bytes:
    key = new_key(algorithm)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def openssls_pin(pem: bytes) -> str:
    def openssl(*words: str, stdin: bytes) -> bytes:
        return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True).stdout

    key = openssl("x509", "-noout", "-pubkey", stdin=pem)
    return f"sha256:{hashlib.sha256(openssl('pkey', '-pubin', '-outform', 'der', stdin=key)).hexdigest()}"


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048])
def test_the_hash_of_a_ca_is_openssls(algorithm: KeyAlgorithm) -> None:
    """Slower than 100 ms: processes are started, an RSA key is made."""
    pem = an_authority(algorithm)
    assert public_key_pin(x509.load_pem_x509_certificate(pem)) == openssls_pin(pem)


def info_of(pem: bytes, **spec: Any) -> ClusterInfo:
    return cluster_info(rbac.cluster_info(a_cluster(**spec), pem))


def test_the_endpoint_is_the_control_planes_or_else_the_first_masters() -> None:
    pem = an_authority()
    assert info_of(pem).endpoint == "192.0.2.11:6443"
    assert info_of(pem, control_plane_endpoint="lb.example:8443").endpoint == "lb.example:8443"
    assert info_of(pem, control_plane_endpoint="[2001:db8::1]:6443").endpoint == "[2001:db8::1]:6443"


def test_every_ca_of_a_bundle_has_its_hash() -> None:
    old, new = an_authority(), an_authority()
    info = info_of(old + new)
    assert info.pins == (openssls_pin(old), openssls_pin(new))
    assert command(info, Token("abcdef", Secret(b"0123456789abcdef"))) == (
        "kubeadm join 192.0.2.11:6443 --token abcdef.0123456789abcdef "
        f"--discovery-token-ca-cert-hash {info.pins[0]} --discovery-token-ca-cert-hash {info.pins[1]}"
    )


def kubeconfig(server: str = "https://lb.example:6443", **more: Any) -> dict[str, Any]:
    """cluster-info as somebody else may have written it. authority, clusters: other values of those."""
    authority = base64.b64encode(more.get("authority", AUTHORITY)).decode()
    cluster = f'{{"cluster": {{"server": "{server}", "certificate-authority-data": "{authority}"}}}}'
    return {"data": {"kubeconfig": f'{{"clusters": [{", ".join([cluster] * more.get("clusters", 1))}]}}'}}


AUTHORITY = an_authority()


def test_an_address_without_a_port_has_the_usual_one() -> None:
    """kubeadm takes no address without a port (ValidateDiscoveryTokenAPIServer)."""
    assert cluster_info(kubeconfig("https://lb.example")).endpoint == "lb.example:443"


@pytest.mark.parametrize(
    "config_map",
    [
        kubeconfig("http://lb.example:6443"), kubeconfig("lb.example:6443"), kubeconfig("https://:6443"),
        kubeconfig("https://lb.example:none"), kubeconfig(authority=b""), kubeconfig(authority=b"no PEM"), kubeconfig(clusters=0),
        kubeconfig(clusters=2), {"data": {"kubeconfig": ""}}, {"data": {"kubeconfig": "a: ["}}, {"data": {"kubeconfig": "[]"}},
        {"data": {}}, {},
    ],
)  # fmt: skip
def test_a_cluster_info_that_no_node_could_use_is_refused(config_map: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no kubeconfig with one cluster, its address and its CA"):
        cluster_info(config_map)

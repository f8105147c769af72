"""What is issued: every row of the table, every algorithm, lifetimes and extensions."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.cluster import KeyAlgorithm
from bootstrap.pki import AUTHORITIES, CERTIFICATES, Authority, Usage, Wanted, issue, new_authority, pki_files, problem_with
from bootstrap.pki.names import alt_names
from bootstrap.pki.pem import private_pem
from tests.unit.pki_samples import KUBELET_PKI, NOW, PKI, Read, a_cluster, file, new_authorities, read

DAY = timedelta(days=1)
CA = AUTHORITIES[0]
LOCAL = ("cp1", "localhost", "192.0.2.11", "127.0.0.1", "::1")

EXPECTED = {
    PKI / "apiserver.crt": Read(
        "kube-apiserver", (), ("server",),
        ("cp1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
         "10.96.0.1", "192.0.2.11", "127.0.0.1"),
    ),
    PKI / "apiserver-kubelet-client.crt": Read("kube-apiserver-kubelet-client", (), ("client",), ()),
    PKI / "front-proxy-client.crt": Read("front-proxy-client", (), ("client",), ()),
    PKI / "etcd/server.crt": Read("cp1", (), ("server", "client"), LOCAL),
    PKI / "etcd/peer.crt": Read("cp1", (), ("server", "client"), LOCAL),
    PKI / "etcd/healthcheck-client.crt": Read("kube-etcd-healthcheck-client", (), ("client",), ()),
    PKI / "apiserver-etcd-client.crt": Read("kube-apiserver-etcd-client", (), ("client",), ()),
    PKI / "controller-manager/server.crt": Read("kube-controller-manager", (), ("server",), LOCAL),
    PKI / "scheduler/server.crt": Read("kube-scheduler", (), ("server",), LOCAL),
    KUBELET_PKI / "kubelet-client-2030-01-02-03-04-05.pem": Read("system:node:cp1", ("system:nodes",), ("client",), ()),
    KUBELET_PKI / "kubelet.crt": Read("system:node:cp1", ("system:nodes",), ("server",), ("cp1", "192.0.2.11")),
}


@pytest.fixture(scope="module")
def new_host():
    cluster = a_cluster()
    return pki_files(cluster, cluster.host("cp1"), new_authorities(cluster), {}, NOW)


def an_authority(algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256, days: int = 3650) -> Authority:
    return new_authority(CA, now=NOW, lifetime=days * DAY, algorithm=algorithm)


def a_leaf(authority: Authority, wanted: Wanted, days: int = 365, algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256):
    return issue(wanted, authority, now=NOW, lifetime=days * DAY, algorithm=algorithm)


@pytest.mark.parametrize("path", EXPECTED, ids=str)
def test_certificate_says_what_kubeadms_says(new_host, path):
    assert EXPECTED[path] == read(file(new_host, path).bytes)


def test_the_table_is_covered():
    assert len(EXPECTED) == len(CERTIFICATES)


@pytest.mark.parametrize("path", EXPECTED, ids=str)
def test_certificate_is_backdated_and_lives_a_year(new_host, path):
    certificate = x509.load_pem_x509_certificate(file(new_host, path).bytes)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == NOW + 365 * DAY


@pytest.mark.parametrize(
    ("name", "common_name"), [("ca", "kubernetes"), ("front_proxy_ca", "front-proxy-ca"), ("etcd_ca", "etcd-ca")]
)
def test_authority_is_as_kubeadms(name, common_name):
    certificate = getattr(new_authorities(), name).parsed
    assert f"CN={common_name}" == certificate.subject.rfc4514_string() == certificate.issuer.rfc4514_string()
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == NOW + 3650 * DAY
    extensions = certificate.extensions
    assert [e.oid._name for e in extensions] == ["keyUsage", "basicConstraints", "subjectKeyIdentifier", "subjectAltName"]
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.key_encipherment, usage.value.key_cert_sign) == (True, True, True)
    alternatives = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert alternatives.get_values_for_type(x509.DNSName) == [common_name]


def test_leaf_extensions_are_as_kubeadms():
    authority = an_authority()
    leaf = x509.load_pem_x509_certificate(a_leaf(authority, Wanted("x", alt_names=alt_names(["x"]))).certificate)
    expected = ["keyUsage", "extendedKeyUsage", "basicConstraints", "authorityKeyIdentifier", "subjectAltName"]
    assert expected == [extension.oid._name for extension in leaf.extensions]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    issuer_id = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    own_id = authority.parsed.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert own_id == issuer_id


def test_serial_numbers_are_random_and_positive():
    authority = an_authority()
    serials = {x509.load_pem_x509_certificate(a_leaf(authority, Wanted("x")).certificate).serial_number for _ in range(10)}
    assert len(serials) == 10
    assert min(serials) > 0
    assert max(serials).bit_length() > 63


@pytest.mark.filterwarnings("ignore:Attribute's length must be")  # x509 says so whenever it reads such a name
def test_a_host_name_may_be_as_long_as_a_label():
    wanted = Wanted(f"system:node:{'n' * 63}", ("system:nodes",))
    leaf = a_leaf(AUTHORITY, wanted)
    subject = x509.load_pem_x509_certificate(leaf.certificate).subject
    assert [one.value for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [wanted.common_name]
    assert problem_with(leaf.certificate, wanted, AUTHORITY, NOW, key=leaf.key) is None


def test_certificate_does_not_outlive_its_authority():
    leaf = x509.load_pem_x509_certificate(a_leaf(an_authority(days=100), Wanted("x")).certificate)
    assert leaf.not_valid_after_utc == NOW + 100 * DAY


@pytest.mark.parametrize(
    ("algorithm", "header", "bits", "hash_name"),
    [
        (KeyAlgorithm.ECDSA_P256, b"-----BEGIN EC PRIVATE KEY-----", 256, "sha256"),
        (KeyAlgorithm.ECDSA_P384, b"-----BEGIN EC PRIVATE KEY-----", 384, "sha384"),
        (KeyAlgorithm.RSA_2048, b"-----BEGIN RSA PRIVATE KEY-----", 2048, "sha256"),
        (KeyAlgorithm.RSA_3072, b"-----BEGIN RSA PRIVATE KEY-----", 3072, "sha256"),
        (KeyAlgorithm.RSA_4096, b"-----BEGIN RSA PRIVATE KEY-----", 4096, "sha256"),  # seconds: finding primes is slow
    ],
)
def test_every_algorithm(algorithm, header, bits, hash_name):
    authority = an_authority(algorithm)
    assert authority.key is not None
    assert authority.key.reveal().startswith(header)
    key = load_pem_private_key(authority.key.reveal(), None)
    assert key.key_size == bits
    leaf = a_leaf(authority, Wanted("x"))
    assert x509.load_pem_x509_certificate(leaf.certificate).signature_hash_algorithm.name == hash_name
    assert problem_with(leaf.certificate, Wanted("x"), authority, NOW, key=leaf.key) is None


def test_service_account_key_follows_the_algorithm():
    pair = new_authorities(a_cluster(encryption_algorithm="RSA-2048")).service_account
    assert pair.key is not None
    assert pair.key.reveal().startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert pair.public.startswith(b"-----BEGIN PUBLIC KEY-----")


def test_keys_do_not_show():
    authority = an_authority()
    assert authority.key is not None
    assert authority.key.reveal().decode()[30:60] not in repr(authority)
    assert "EC PRIVATE" not in repr(a_leaf(authority, Wanted("x")))


def test_issuer_is_the_authoritys_subject_byte_for_byte():
    """Go compares the encoded names, and other tools write PrintableString where we write UTF8String."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corporate", _ASN1Type.PrintableString)])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, SHA256())
    )
    authority = Authority(CA, certificate.public_bytes(Encoding.PEM), private_pem(key))
    leaf = a_leaf(authority, Wanted("x"))
    parsed = x509.load_pem_x509_certificate(leaf.certificate)
    assert parsed.issuer.public_bytes() == authority.parsed.subject.public_bytes()
    assert problem_with(leaf.certificate, Wanted("x"), authority, NOW) is None


NAMES = st.lists(
    st.one_of(st.ip_addresses().map(str), st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{1,8}){0,2}", fullmatch=True)), max_size=6
)
AUTHORITY = an_authority()


@settings(max_examples=40)
@given(
    names=NAMES,
    common_name=st.from_regex(r"[a-z][a-z0-9:.-]{0,30}", fullmatch=True),
    organizations=st.lists(st.from_regex(r"[a-z:]{1,20}", fullmatch=True), unique=True, max_size=3),
    usages=st.lists(st.sampled_from(Usage), unique=True, min_size=1),
    days=st.integers(1, 5000),
)
def test_what_is_issued_can_be_kept(names, common_name, organizations, usages, days):
    wanted = Wanted(common_name, tuple(organizations), tuple(usages), alt_names(names))
    leaf = a_leaf(AUTHORITY, wanted, days)
    assert problem_with(leaf.certificate, wanted, AUTHORITY, NOW, key=leaf.key) is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_agrees(tmp_path: Path, new_host):
    """Slow: starts a process for each certificate."""
    authorities = {path.name: path for path in (PKI / "ca.crt", PKI / "front-proxy-ca.crt")} | {"etcd-ca": PKI / "etcd/ca.crt"}
    for name, path in authorities.items():
        (tmp_path / name).write_bytes(file(new_host, path).bytes)
    for path in EXPECTED:
        (tmp_path / "leaf").write_bytes(file(new_host, path).bytes)
        etcd = path.parent.name == "etcd" or path.name == "apiserver-etcd-client.crt"
        ca = "etcd-ca" if etcd else "front-proxy-ca.crt" if path.name.startswith("front") else "ca.crt"
        when = str(int(NOW.timestamp()))
        subprocess.run(
            ["openssl", "verify", "-x509_strict", "-attime", when, "-CAfile", tmp_path / ca, tmp_path / "leaf"],
            check=True, capture_output=True,
        )  # fmt: skip


def test_files_are_named_and_protected_as_kubeadms(new_host):
    keys = ["ca.key", "front-proxy-ca.key", "etcd/ca.key", "sa.key", "sa.pub", "apiserver.key", "apiserver-kubelet-client.key",
            "front-proxy-client.key", "etcd/server.key", "etcd/peer.key", "etcd/healthcheck-client.key",
            "apiserver-etcd-client.key", "controller-manager/server.key", "scheduler/server.key"]
    certificates = [name.replace(".key", ".crt") for name in keys if not name.startswith("sa")]
    for name in keys:
        assert file(new_host, PKI / name).mode == 0o600
        assert file(new_host, PKI / name).secret == (name != "sa.pub")
    for name in certificates:
        assert file(new_host, PKI / name).mode == 0o644
    paths = {entry.path for entry in new_host.entries}
    kubelets = ["kubelet.crt", "kubelet.key", "kubelet-client-current.pem", "kubelet-client-2030-01-02-03-04-05.pem"]
    directories = {PKI, PKI / "etcd", PKI / "controller-manager", PKI / "scheduler", KUBELET_PKI}
    assert paths == {*(PKI / name for name in keys + certificates), *(KUBELET_PKI / name for name in kubelets), *directories}


def test_key_is_written_before_its_certificate(new_host):
    order = [entry.path for entry in new_host.entries]
    for path in order:
        if path.suffix == ".crt":
            assert order.index(PurePosixPath(path.with_suffix(".key"))) < order.index(path)

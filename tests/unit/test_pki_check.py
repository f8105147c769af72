"""Each reason for which a certificate cannot be kept, or an authority cannot be used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bootstrap.cluster import KeyAlgorithm
from bootstrap.files import Secret
from bootstrap.pki import AUTHORITIES, Usage, Wanted, issue, new_authority, problem_with, problem_with_authority
from bootstrap.pki.names import alt_names
from bootstrap.pki.pem import new_key, private_pem
from tests.unit.pki_samples import NOW

DAY = timedelta(days=1)
SHA_256 = SHA256()
P256 = KeyAlgorithm.ECDSA_P256
CA = new_authority(AUTHORITIES[0], now=NOW, lifetime=3650 * DAY, algorithm=P256)
OTHER_CA = new_authority(AUTHORITIES[0], now=NOW, lifetime=3650 * DAY, algorithm=P256)
WANTED = Wanted("x", ("a", "b"), (Usage.SERVER, Usage.CLIENT), alt_names(["x", "www.example.com", "192.0.2.1"]))
LEAF = issue(WANTED, CA, now=NOW, lifetime=365 * DAY, algorithm=P256)


def leaf_for(wanted: Wanted, authority=CA) -> bytes:
    return issue(wanted, authority, now=NOW, lifetime=365 * DAY, algorithm=P256).certificate


def self_signed(key, *, ca: bool | None = True, algorithm=SHA_256, extensions=(), days=1, start=NOW - DAY) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(start).not_valid_after(NOW + days * DAY)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


# Made by openssl: the library signs no such thing any more.
SIGNED_WITH_SHA1 = b"""\
-----BEGIN CERTIFICATE-----
MIIBcjCCARigAwIBAgIUYcw4up483A0kjegDj15mJriGXpQwCQYHKoZIzj0EATAO
MQwwCgYDVQQDDANvd24wIBcNMjYxMTIzMjM0ODA0WhgPMjEyNjEwMzAyMzQ4MDRa
MA4xDDAKBgNVBAMMA293bjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNa+MTeO
Ks94I+1IO24bFBw+HOeUDA/RpBeFlAhZ2HcqRbKHFjbCMtPjpw02JE/KqRaiS+lt
HjoiU2fZmzMJEWyjUzBRMB0GA1UdDgQWBBRKyFZVWG89Wz0tlkLzD7SzRK5nqjAf
BgNVHSMEGDAWgBRKyFZVWG89Wz0tlkLzD7SzRK5nqjAPBgNVHRMBAf8EBTADAQH/
MAkGByqGSM49BAEDSQAwRgIhANY+Oma04qKHuSsIXGaCrEiVe48vdYyWPdLxmHjo
SOmzAiEA4AXkmIem7PvLe6mlLz7ofYVy7ksI73iKgFT/wEbg1Dw=
-----END CERTIFICATE-----
"""


def test_valid_certificate_has_no_problem():
    assert problem_with(LEAF.certificate, WANTED, CA, NOW, key=LEAF.key) is None


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        (NOW - timedelta(minutes=5), None),
        (NOW - timedelta(minutes=6), "is not valid before 2030-01-02 02:59 UTC, and it is 2030-01-02 02:58 UTC"),
        (NOW + 365 * DAY, None),
        (NOW + 365 * DAY + timedelta(seconds=1), "expired on 2031-01-02 03:04 UTC"),
    ],
)
def test_time(now, problem):
    assert problem == problem_with(LEAF.certificate, WANTED, CA, now)


@pytest.mark.parametrize(("left", "problem"), [(30, None), (31, "expires on 2031-01-02 03:04 UTC")])
def test_expires_soon(left, problem):
    assert problem == problem_with(LEAF.certificate, WANTED, CA, NOW + 335 * DAY, renew_within=timedelta(days=left))


def test_signed_by_another_authority_of_the_same_name():
    problem = problem_with(LEAF.certificate, WANTED, OTHER_CA, NOW)
    assert problem == f"is not signed by the ca with fingerprint {OTHER_CA.fingerprint}"


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Wanted("y"), "has the common name x, not y"),
        (Wanted("x", ("a",)), "has the organization a, b, not a"),
        (Wanted("x"), "has the organization a, b, not none"),
        (Wanted("x", ("a", "b", "c")), "has the organization a, b, not a, b, c"),
        (Wanted("x", ("b", "a")), None),
        (Wanted("x", ("a",), tolerated_organizations=("b",)), None),
        (Wanted("x", ("a", "b"), alt_names=alt_names(["z", "192.0.2.2"])), "is not valid for z, 192.0.2.2"),
        (Wanted("x", ("a", "b"), alt_names=alt_names(["WWW.example.com"])), None),
    ],
)
def test_subject_and_names(wanted, problem):
    assert problem == problem_with(LEAF.certificate, wanted, CA, NOW)


def test_wildcard_covers_one_label():
    pem = leaf_for(Wanted("x", alt_names=alt_names(["*.example.com"])))
    assert problem_with(pem, Wanted("x", alt_names=alt_names(["api.example.com"])), CA, NOW) is None
    problem = problem_with(pem, Wanted("x", alt_names=alt_names(["a.api.example.com", "example.com"])), CA, NOW)
    assert problem == "is not valid for a.api.example.com, example.com"


def test_missing_usage():
    pem = leaf_for(Wanted("x", usages=(Usage.CLIENT,)))
    assert problem_with(pem, Wanted("x", usages=(Usage.SERVER, Usage.CLIENT)), CA, NOW) == "lacks the usage serverAuth"


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (b"", "holds no certificate that can be read"),
        (b"cat: Permission denied\n", "holds no certificate that can be read"),
        (LEAF.certificate[:200], "holds no certificate that can be read"),
    ],
)
def test_not_a_certificate(pem, problem):
    assert problem == problem_with(pem, WANTED, CA, NOW)
    assert problem == problem_with_authority(pem, NOW)


def test_key_of_another_certificate():
    assert problem_with(LEAF.certificate, WANTED, CA, NOW, key=CA.key) == "does not belong to the key beside it"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (Secret(b""), "has a key file that holds no private key that can be read"),
        (
            Secret(new_key(P256).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))),
            "has a key file that is encrypted; it is needed without a passphrase",
        ),
        (
            Secret(ed25519.Ed25519PrivateKey.generate().private_bytes_raw()),
            "has a key file that holds no private key that can be read",
        ),
    ],
)
def test_key_that_cannot_be_used(key, problem):
    assert problem == problem_with(LEAF.certificate, WANTED, CA, NOW, key=key)
    assert problem == problem_with_authority(CA.certificate, NOW, key=key)


def test_intermediate_in_the_same_file():
    key = new_key(P256)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "between")])
    between = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(CA.parsed.subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(True, 0), critical=True).sign(CA.signing_key, SHA256())
    ).public_bytes(Encoding.PEM)
    authority = type(CA)(AUTHORITIES[0], between, private_pem(key))
    leaf = leaf_for(Wanted("x"), authority)
    assert problem_with(leaf + between, Wanted("x"), CA, NOW) is None
    assert "is not signed by" in str(problem_with(leaf, Wanted("x"), CA, NOW))


def test_good_authority_has_no_problem():
    assert problem_with_authority(CA.certificate, NOW, key=CA.key) is None


def key_usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(True, False, False, False, False, sign, False, False, False)


EC_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (lambda: self_signed(EC_KEY, ca=False), "is not a certificate authority (CA:FALSE)"),
        (lambda: self_signed(EC_KEY, ca=None), "is not a certificate authority (no basic constraints)"),
        (lambda: self_signed(EC_KEY, extensions=[key_usage(False)]),
         "may not sign certificates (its key usage lacks keyCertSign)"),
        (lambda: self_signed(EC_KEY, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]),
         "may not sign certificates for clientAuth (its extended key usage)"),
        (lambda: self_signed(EC_KEY, days=-1, start=NOW - 9 * DAY), "expired on 2030-01-01 03:04 UTC"),
        (lambda: self_signed(EC_KEY, days=9, start=NOW + DAY),
         "is not valid before 2030-01-03 03:04 UTC, and it is 2030-01-02 03:04 UTC"),
        (lambda: SIGNED_WITH_SHA1, "is signed with SHA1"),
        (lambda: self_signed(rsa.generate_private_key(65537, 1024)), "has an RSA key of 1024 bits; 2048 are the least"),
        (lambda: self_signed(ed25519.Ed25519PrivateKey.generate(), algorithm=None), "has neither an RSA nor an ECDSA key"),
        (lambda: CA.certificate + OTHER_CA.certificate, "holds 2 certificates, not one"),
        (lambda: self_signed(ec.generate_private_key(ec.SECP521R1()), algorithm=SHA512()), None),
        (lambda: self_signed(EC_KEY, extensions=[key_usage(True)]), None),
        (lambda: self_signed(EC_KEY, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])]), None),
    ],
)
def test_authority(pem, problem):
    assert problem == problem_with_authority(pem(), NOW)


def test_authority_with_another_key():
    assert problem_with_authority(CA.certificate, NOW, key=OTHER_CA.key) == "does not belong to the key beside it"

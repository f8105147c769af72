"""Certificates and keys as PEM: reading with errors that say what is wrong, and writing as kubeadm does."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from bootstrap.cluster import KeyAlgorithm
from bootstrap.files import Secret

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_CURVES = {KeyAlgorithm.ECDSA_P256: ec.SECP256R1, KeyAlgorithm.ECDSA_P384: ec.SECP384R1}
_RSA_BITS = {KeyAlgorithm.RSA_2048: 2048, KeyAlgorithm.RSA_3072: 3072, KeyAlgorithm.RSA_4096: 4096}


class BadPem(ValueError):
    """What was read is not what it should be; the message completes "<file> ..."."""


def read_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """All certificates of a file, in order; at least one. Raises BadPem."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise BadPem("holds no certificate that can be read") from error


def read_private_key(pem: Secret) -> PrivateKey:
    """An RSA or ECDSA key in any of the usual PEM forms. Raises BadPem, which never quotes the key."""
    try:
        key = load_pem_private_key(pem.reveal(), password=None)
    except TypeError:
        raise BadPem("is encrypted; it is needed without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadPem("holds no private key that can be read") from None
    if not isinstance(key, PrivateKey):
        raise BadPem("holds neither an RSA nor an ECDSA key")
    return key


def read_public_key(pem: bytes) -> PublicKey:
    """The first RSA or ECDSA public key of a file. Raises BadPem."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadPem("holds no public key that can be read") from error
    if not isinstance(key, PublicKey):
        raise BadPem("holds neither an RSA nor an ECDSA key")
    return key


def new_key(algorithm: KeyAlgorithm) -> PrivateKey:
    """A new private key. Source: kubeadm app/util/pkiutil/pki_helpers.go, GeneratePrivateKey (v1.36.3)."""
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    return rsa.generate_private_key(65537, _RSA_BITS[algorithm])


def private_pem(key: PrivateKey) -> Secret:
    """`EC PRIVATE KEY` or `RSA PRIVATE KEY`. Source: client-go util/keyutil/key.go, MarshalPrivateKeyToPEM (v0.36.3)."""
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def public_pem(key: PublicKey) -> bytes:
    """`PUBLIC KEY`. Source: kubeadm app/util/pkiutil/pki_helpers.go, EncodePublicKeyPEM (v1.36.3)."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_key_pin(certificate: x509.Certificate) -> str:
    """`sha256:` and the hash of the certificate's SubjectPublicKeyInfo: what `kubeadm join` knows a CA by.

    Source: kubeadm app/util/pubkeypin/pubkeypin.go, Hash (v1.36.3), which takes the bytes as they stand in the certificate. Those
    of the keys that Go reads (RSA with parameters, points not compressed) are what they are encoded to here.
    """
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(info).hexdigest()}"


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, hexadecimal."""
    return certificate.fingerprint(SHA256()).hex()

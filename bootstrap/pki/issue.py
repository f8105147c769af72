"""Issuing: new certificate authorities, certificates signed by them, service account keys. The clock is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bootstrap.cluster import KeyAlgorithm
from bootstrap.files import Secret
from bootstrap.pki.authority import Authority, ServiceAccountKeys
from bootstrap.pki.pem import PrivateKey, new_key, private_pem, public_pem, read_private_key
from bootstrap.pki.table import AuthorityEntry, Usage, Wanted

BACKDATE = timedelta(minutes=5)
"""How long before now a certificate becomes valid. Source: kubeadm app/constants, CertificateBackdate (v1.36.3)."""

USAGE_OIDS = {Usage.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Usage.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Issued:
    """A new certificate (PEM) and its key."""

    certificate: bytes
    key: Secret


def issue(wanted: Wanted, authority: Authority, *, now: datetime, lifetime: timedelta, algorithm: KeyAlgorithm) -> Issued:
    """A certificate for a new key, signed by `authority`, whose key must have been read; it never outlives the authority.

    Source: kubeadm app/util/pkiutil/pki_helpers.go, NewSignedCert (v1.36.3), also for the order of extensions.
    """
    key = new_key(algorithm)
    issuer = authority.parsed
    not_after = min(now + lifetime, issuer.not_valid_after_utc)
    builder = (
        _builder(_subject(wanted.common_name, wanted.organizations), issuer.subject, key, now, not_after)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([USAGE_OIDS[usage] for usage in wanted.usages]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    issuer_id = _subject_key_identifier(issuer)
    if issuer_id is not None:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
        )
    alt_names: list[x509.GeneralName] = [x509.DNSName(name) for name in wanted.alt_names.dns]
    alt_names += [x509.IPAddress(ip) for ip in wanted.alt_names.ips]
    if alt_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(alt_names), critical=False)
    certificate = builder.sign(authority.signing_key, _hash_for(authority.signing_key))
    return Issued(certificate.public_bytes(Encoding.PEM), private_pem(key))


def new_authority(
    entry: AuthorityEntry, *, now: datetime, lifetime: timedelta, algorithm: KeyAlgorithm, key: Secret | None = None
) -> Authority:
    """A self-signed certificate authority. key: an existing key to make it for; without one a new key is made.

    Source: kubeadm app/util/pkiutil/pki_helpers.go, NewSelfSignedCACert (v1.36.3).
    """
    private = new_key(algorithm) if key is None else read_private_key(key)
    name = _subject(entry.common_name, ())
    certificate = (
        _builder(name, name, private, now, now + lifetime)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(entry.common_name)]), critical=False)
        .sign(private, _hash_for(private))
    )
    return Authority(entry, certificate.public_bytes(Encoding.PEM), key or private_pem(private), made=True)


def new_service_account_keys(algorithm: KeyAlgorithm, key: Secret | None = None) -> ServiceAccountKeys:
    """A key pair for service account tokens. key: an existing private key whose public part was lost."""
    private = new_key(algorithm) if key is None else read_private_key(key)
    return ServiceAccountKeys(public_pem(private.public_key()), key or private_pem(private), made=True)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - BACKDATE).replace(microsecond=0))
        .not_valid_after(not_after.replace(microsecond=0))
    )


def _subject(common_name: str, organizations: tuple[str, ...]) -> x509.Name:
    """Not validated: RFC 5280 ends a common name at 64 characters, where system:node:NAME of a long host name does not.

    Go's crypto/x509, and so kubeadm and every component, writes and reads any length.
    """
    return x509.Name([
        *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, name, _validate=False) for name in organizations),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False),
    ])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_encipherment=True, key_cert_sign=signs_certificates,
        content_commitment=False, data_encipherment=False, key_agreement=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _subject_key_identifier(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None


def _hash_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """As Go's crypto/x509 chooses it: by the size of the signing key's curve."""
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.key_size <= 256:
        return hashes.SHA256()
    return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()

"""Why an existing certificate cannot be kept, or an existing authority cannot be used."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bootstrap.files import Secret
from bootstrap.pki.authority import Authority
from bootstrap.pki.issue import USAGE_OIDS
from bootstrap.pki.names import AltNames
from bootstrap.pki.pem import BadPem, PublicKey, read_certificates, read_private_key
from bootstrap.pki.table import Usage, Wanted

_WEAK_HASHES = ("md2", "md4", "md5", "sha1")
_MINIMUM_RSA_BITS = 2048


def problem_with(
    certificate: bytes,
    wanted: Wanted,
    authority: Authority,
    now: datetime,
    *,
    key: Secret | None = None,
    renew_within: timedelta = timedelta(0),
) -> str | None:
    """Why this certificate (PEM, intermediates after it) cannot stay; None when it can.

    key: its private key where it was read; else the match is not checked. renew_within: how much of its life must be left.
    More names or usages than wanted are no problem: what an operator added by hand stays.
    """
    try:
        leaf, *intermediates = read_certificates(certificate)
        return (
            _problem_with_time(leaf, now)
            or _problem_with_chain(leaf, intermediates, authority)
            or _problem_with_strength(leaf)
            or _problem_with_subject(leaf, wanted)
            or _problem_with_usages(leaf, wanted.usages)
            or _problem_with_names(leaf, wanted.alt_names)
            or (_problem_with_key(leaf, key) if key else None)
            or (_expiry(leaf) if leaf.not_valid_after_utc - now < renew_within else None)
        )
    except BadPem as error:
        return str(error)
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"cannot be decoded ({error})"


def problem_with_authority(certificate: bytes, now: datetime, *, key: Secret | None = None) -> str | None:
    """Why this certificate (PEM) cannot be a cluster's authority; None when it can.

    Source: what Go's crypto/x509 asks of a certificate that signs (verify.go, isValid; x509.go, CheckSignatureFrom).
    """
    try:
        found = read_certificates(certificate)
        if len(found) > 1:
            return f"holds {len(found)} certificates, not one"
        return (
            _problem_with_time(found[0], now)
            or _problem_with_signing(found[0])
            or _problem_with_strength(found[0])
            or (_problem_with_key(found[0], key) if key else None)
        )
    except BadPem as error:
        return str(error)
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"cannot be decoded ({error})"


def _problem_with_time(certificate: x509.Certificate, now: datetime) -> str | None:
    if now < certificate.not_valid_before_utc:
        return f"is not valid before {_time(certificate.not_valid_before_utc)}, and it is {_time(now)}"
    if now > certificate.not_valid_after_utc:
        return f"expired on {_time(certificate.not_valid_after_utc)}"
    return None


def _expiry(certificate: x509.Certificate) -> str:
    return f"expires on {_time(certificate.not_valid_after_utc)}"


def _problem_with_chain(
    leaf: x509.Certificate, intermediates: list[x509.Certificate], authority: Authority
) -> str | None:
    link = leaf
    for issuer in intermediates:
        if _issued_by(link, authority.parsed):
            return None
        if not _issued_by(link, issuer):
            break
        link = issuer
    if _issued_by(link, authority.parsed):
        return None
    return f"is not signed by the {authority.name} with fingerprint {authority.fingerprint}"


@lru_cache(maxsize=1024)
def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _problem_with_strength(certificate: x509.Certificate) -> str | None:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK_HASHES:
        return f"is signed with {algorithm.name.upper()}"
    key = certificate.public_key()
    if not isinstance(key, PublicKey):
        return "has neither an RSA nor an ECDSA key"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MINIMUM_RSA_BITS:
        return f"has an RSA key of {key.key_size} bits; {_MINIMUM_RSA_BITS} are the least"
    return None


def _problem_with_subject(leaf: x509.Certificate, wanted: Wanted) -> str | None:
    names = _values(leaf, NameOID.COMMON_NAME)
    if names != [wanted.common_name]:
        return f"has the common name {', '.join(names) or 'none'}, not {wanted.common_name}"
    organizations = set(_values(leaf, NameOID.ORGANIZATION_NAME))
    if organizations - set(wanted.tolerated_organizations) != set(wanted.organizations):
        have = ", ".join(sorted(organizations)) or "none"
        return f"has the organization {have}, not {', '.join(wanted.organizations) or 'none'}"
    return None


def _values(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]


def _problem_with_usages(leaf: x509.Certificate, wanted: tuple[Usage, ...]) -> str | None:
    have = _extended_key_usages(leaf)
    missing = [usage for usage in wanted if USAGE_OIDS[usage] not in have]
    return f"lacks the usage {', '.join(missing)}" if missing else None


def _extended_key_usages(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    """The usages it allows; all of ours when it names none or any."""
    try:
        usages = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return set(USAGE_OIDS.values())
    return usages | (set(USAGE_OIDS.values()) if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages else set())


def _problem_with_names(leaf: x509.Certificate, wanted: AltNames) -> str | None:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
        ips = set(names.get_values_for_type(x509.IPAddress))
    except x509.ExtensionNotFound:
        dns, ips = set(), set()
    missing = [name for name in wanted.dns if not {name.lower(), _wildcard(name)} & dns]
    missing += [str(ip) for ip in wanted.ips if ip not in ips]
    return f"is not valid for {', '.join(missing)}" if missing else None


def _wildcard(name: str) -> str:
    """`*.example.com` for `www.example.com`; a name of one label has none."""
    _, dot, parent = name.lower().partition(".")
    return f"*.{parent}" if dot else name.lower()


def _problem_with_key(certificate: x509.Certificate, key: Secret) -> str | None:
    try:
        matches = read_private_key(key).public_key() == certificate.public_key()
    except BadPem as error:
        return f"has a key file that {error}"
    return None if matches else "does not belong to the key beside it"


def _problem_with_signing(certificate: x509.Certificate) -> str | None:
    extensions = certificate.extensions
    try:
        if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return "is not a certificate authority (CA:FALSE)"
    except x509.ExtensionNotFound:
        return "is not a certificate authority (no basic constraints)"
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            return "may not sign certificates (its key usage lacks keyCertSign)"
    except x509.ExtensionNotFound:
        pass
    missing = [usage for usage, oid in USAGE_OIDS.items() if oid not in _extended_key_usages(certificate)]
    return f"may not sign certificates for {', '.join(missing)} (its extended key usage)" if missing else None


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

"""Which authorities a cluster has: nothing is made that exists, and no conflict is passed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from bootstrap.errors import Refused
from bootstrap.files import File, Observed, Secret
from bootstrap.pki import Authorities, Found, found_in, found_on, gather, keys_to_read, pki_files
from bootstrap.pki.gather import GIVEN, SHARED_KEYS, SHARED_PUBLIC
from bootstrap.pki.pem import private_pem
from tests.unit.pki_samples import MASTERS, NOW, PKI, Disk, a_cluster, new_authorities, written

CLUSTER = a_cluster()
AUTHORITIES = new_authorities()
OTHERS = new_authorities()
EMPTY = Found()
CA_CRT, CA_KEY, SA_PUB, SA_KEY = PKI / "ca.crt", PKI / "ca.key", PKI / "sa.pub", PKI / "sa.key"


def disk(authorities: Authorities = AUTHORITIES, host: str = "cp1") -> Disk:
    return written(pki_files(CLUSTER, CLUSTER.host(host), authorities, {}, NOW).entries)


DISK, OTHER_DISK = disk(), disk(OTHERS)


def on(**hosts: Found) -> dict[str, Found]:
    return {name: hosts.get(name, EMPTY) for name in MASTERS}


def gathered(hosts: dict[str, Found], given: Found | None = None, **options) -> Authorities:
    return gather(CLUSTER, hosts, given, NOW, **options)


def evidence(hosts: dict[str, Found], given: Found | None = None, **options) -> tuple[str, ...]:
    with pytest.raises(Refused) as refused:
        gathered(hosts, given, **options)
    return refused.value.evidence


def public(authorities: Authorities) -> list[bytes]:
    return [*(authority.certificate for authority in authorities.all), authorities.service_account.public]


def directory_of(found: Disk, *names: str) -> Found:
    return found_in({name: found.contents[PKI / name] for name in names})


def test_everything_is_made_where_there_is_nothing():
    assert gathered(on()).made == ("ca", "front-proxy-ca", "etcd-ca", "sa")


@pytest.mark.parametrize("host", MASTERS)
def test_nothing_is_made_when_any_host_has_it(host):
    found = gathered(on(**{host: DISK.found}))
    assert found.made == ()
    assert public(found) == public(AUTHORITIES)


def test_only_what_is_nowhere_is_made():
    found = gathered(on(cp2=DISK.without(PKI / "front-proxy-ca.crt", PKI / "front-proxy-ca.key").found))
    assert found.made == ("front-proxy-ca",)
    assert found.ca.certificate == AUTHORITIES.ca.certificate


def test_keys_are_there_but_not_read():
    ca = gathered(on(cp1=DISK.found)).ca
    assert ca.key is None
    assert not ca.is_external


def test_keys_that_were_read():
    found = gathered(on(cp1=DISK.found, cp2=DISK.found_with_keys))
    assert [a.key for a in found.all] == [a.key for a in AUTHORITIES.all]
    assert found.service_account.key == AUTHORITIES.service_account.key


def test_key_on_another_host_than_the_certificate():
    found = gathered(on(cp1=DISK.without(CA_KEY).found, cp3=DISK.found_with_keys))
    assert found.ca.key == AUTHORITIES.ca.key


def test_no_key_anywhere_is_an_external_authority():
    found = gathered(on(cp1=DISK.without(CA_KEY).found, cp2=DISK.without(CA_KEY).found))
    assert found.ca.is_external
    assert found.made == ()


def test_each_distinct_key_is_read_once():
    hosts = on(cp3=DISK.found, cp2=DISK.found, cp1=OTHER_DISK.without(SA_KEY).found)
    expected = [("cp1", PKI / name) for name in ("ca.key", "etcd/ca.key", "front-proxy-ca.key")]
    expected += [("cp2", PKI / name) for name in ("ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key")]
    assert keys_to_read(hosts) == tuple(expected)
    assert keys_to_read(on()) == ()


def test_two_hosts_with_different_authorities():
    found = evidence(on(cp1=DISK.found, cp2=OTHER_DISK.found, cp3=DISK.found))
    assert len(found) == len(SHARED_PUBLIC)
    assert found[0] == (
        f"{CA_CRT} differs between hosts (cp1, cp3: {AUTHORITIES.ca.fingerprint}; cp2: {OTHERS.ca.fingerprint})"
    )
    assert found[-1].startswith(f"{SA_PUB} differs between hosts (cp1, cp3: ")


def test_conflict_does_not_depend_on_the_order_of_hosts():
    hosts = on(cp1=DISK.found, cp2=OTHER_DISK.found)
    assert len({evidence({name: hosts[name] for name in order}) for order in permutations(MASTERS)}) == 1


def test_other_layout_of_the_same_certificate_is_no_conflict():
    text = b"subject=CN=kubernetes\n" + AUTHORITIES.ca.certificate
    assert gathered(on(cp1=DISK.found, cp2=DISK.plus(File(CA_CRT, text)).found)).made == ()


def test_the_users_own_authorities_are_used():
    given = directory_of(OTHER_DISK, "ca.crt", "ca.key", "etcd/ca.crt", "etcd/ca.key")
    found = gathered(on(), given)
    assert found.made == ("front-proxy-ca", "sa")
    assert found.ca.certificate == OTHERS.ca.certificate
    assert found.etcd_ca.key == OTHERS.etcd_ca.key


def test_the_users_own_authority_differs_from_the_hosts():
    found = evidence(on(cp2=DISK.found), directory_of(OTHER_DISK, "ca.crt", "ca.key"))
    assert found[0] == (
        f"{CA_CRT} differs between hosts ({GIVEN}: {OTHERS.ca.fingerprint}; cp2: {AUTHORITIES.ca.fingerprint})"
    )


def test_the_users_own_key_serves_hosts_that_have_none():
    found = gathered(on(cp2=DISK.without(CA_KEY).found), directory_of(DISK, "ca.crt", "ca.key"))
    assert found.ca.key == AUTHORITIES.ca.key


def test_key_that_does_not_match():
    mixed = DISK.plus(File(CA_KEY, OTHERS.ca.key or b""))
    assert evidence(on(cp1=mixed.found_with_keys, cp2=mixed.found)) == (
        f"cp1, cp2: {CA_KEY} does not belong to the certificate or public key beside it",
    )


def test_service_account_key_that_does_not_match():
    mixed = DISK.plus(File(SA_KEY, OTHERS.service_account.key or b""))
    assert evidence(on(cp2=mixed.found_with_keys))[0].startswith(f"cp2: {SA_KEY} does not belong")


def test_service_account_key_lost():
    assert evidence(on(cp2=DISK.without(SA_KEY).found)) == (
        f"{SA_KEY} is on no host, but {SA_PUB} is: no token can be signed",
    )


def test_encrypted_key():
    pem = AUTHORITIES.ca.signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    found = evidence(on(cp3=DISK.plus(File(CA_KEY, Secret(pem))).found_with_keys))
    assert found == (f"cp3: {CA_KEY} is encrypted; it is needed without a passphrase",)


def test_key_in_another_form_is_the_same_key():
    pkcs8 = AUTHORITIES.ca.signing_key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    found = gathered(on(cp1=DISK.found_with_keys, cp2=DISK.plus(File(CA_KEY, Secret(pkcs8))).found_with_keys))
    assert len(found.ca.key_digests) == 2


@pytest.mark.parametrize(("content", "problem"), [
    (b"", "holds no certificate that can be read"),
    (AUTHORITIES.ca.certificate + OTHERS.ca.certificate, "holds 2 certificates, not one"),
    (DISK.contents[PKI / "apiserver.crt"], "is not a certificate authority (CA:FALSE)"),
])  # fmt: skip
def test_unusable_authority(content, problem):
    assert f"cp2: {CA_CRT} {problem}" in evidence(on(cp2=DISK.plus(File(CA_CRT, content, 0o644)).found))


def test_expired_authority():
    with pytest.raises(Refused) as refused:
        gather(CLUSTER, on(cp1=DISK.found), None, NOW + timedelta(days=4000))
    assert f"cp1: {CA_CRT} expired on 2039-12-31 03:04 UTC" in refused.value.evidence


def test_public_key_that_cannot_be_read():
    assert f"cp1: {SA_PUB} holds no public key that can be read" in evidence(on(cp1=DISK.plus(File(SA_PUB, b"?")).found))


def test_link_in_place_of_an_authority_is_refused():
    link = Observed(CA_CRT, "link", 0o777, "root", "root", target="/mnt/ca.crt")
    hosts = on(cp1=found_on({**DISK.observed, CA_CRT: link}))
    assert evidence(hosts) == (f"cp1: {CA_CRT} is not a regular file",)


def test_etcd_data_without_authorities_is_refused():
    found = evidence(on(), with_etcd_data=["cp3", "cp1"])
    assert len(found) == len(SHARED_PUBLIC)
    assert found[0] == (
        f"{CA_CRT} is on no host, but etcd data is on cp1, cp3: a new one would lock the cluster out; bring the file back"
    )


def test_etcd_data_with_authorities_is_fine():
    assert gathered(on(cp2=DISK.found), with_etcd_data=MASTERS).made == ()


def test_all_problems_are_reported():
    bad = DISK.plus(File(CA_CRT, b""), File(PKI / "etcd/ca.crt", b""))
    assert len(evidence(on(cp1=bad.found, cp2=bad.found))) == 4


def test_run_that_stopped_between_key_and_certificate_goes_on():
    """The key was written and its certificate was not: the next run makes the certificate for that key."""
    keys = Disk({p: DISK.observed[p] for p in SHARED_KEYS}, {p: DISK.contents[p] for p in SHARED_KEYS})
    hosts = on(cp1=keys.found)
    assert [path for _, path in keys_to_read(hosts)] == sorted(SHARED_KEYS)
    found = gathered(on(cp1=keys.found_with_keys))
    assert [a.key for a in found.all] == [a.key for a in AUTHORITIES.all]
    assert found.ca.certificate != AUTHORITIES.ca.certificate
    assert found.service_account.public == AUTHORITIES.service_account.public


def test_two_keys_without_certificate():
    one, two = DISK.without(CA_CRT).found_with_keys, OTHER_DISK.without(CA_CRT).found_with_keys
    found = evidence(on(cp1=replace(one, public={}), cp2=replace(two, public={})))
    assert f"{CA_KEY} differs between hosts, and no host has its public part" in found


def test_new_authorities_follow_the_inventory():
    found = new_authorities(a_cluster(ca_certificate_validity_period="8760h", encryption_algorithm="ECDSA-P384"))
    assert found.ca.parsed.not_valid_after_utc == NOW + timedelta(days=365)
    assert found.ca.signing_key.key_size == 384
    assert private_pem(found.ca.signing_key) == found.ca.key

"""The PKI files of a host: what is valid stays byte for byte, what is not is issued, and why."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bootstrap.cluster import Cluster
from bootstrap.errors import Refused
from bootstrap.files import Directory, File, Link, Observed, Secret
from bootstrap.pki import Authorities, Authority, HostFiles, Renewal, Wanted, gather, issue, pki_due, pki_files
from bootstrap.pki.gather import SHARED_KEYS, SHARED_PUBLIC
from tests.unit.pki_samples import KUBELET_PKI, NOW, PKI, Disk, a_cluster, file, new_authorities, written

CLUSTER = a_cluster()
AUTHORITIES = new_authorities()
FIRST = pki_files(CLUSTER, CLUSTER.host("cp1"), AUTHORITIES, {}, NOW)
DISK = written(FIRST.entries)
UNREAD = gather(CLUSTER, {"cp1": DISK.found}, None, NOW)
READ = gather(CLUSTER, {"cp1": DISK.found_with_keys}, None, NOW)
CURRENT = KUBELET_PKI / "kubelet-client-current.pem"
DATED = KUBELET_PKI / "kubelet-client-2030-01-02-03-04-05.pem"
LEAVES = {path for path in DISK.observed if path.suffix == ".crt" and path.name not in ("ca.crt", "front-proxy-ca.crt")}


def due(disk: Disk, cluster: Cluster = CLUSTER, host: str = "cp1", now=NOW, **options):
    return pki_due(cluster, cluster.host(host), UNREAD, disk.observed, now, **options)


def files(disk: Disk, cluster: Cluster = CLUSTER, host: str = "cp1", authorities: Authorities = READ, **options) -> HostFiles:
    return pki_files(cluster, cluster.host(host), authorities, disk.observed, NOW, **options)


def test_new_host_lacks_everything():
    assert set(FIRST.reasons.values()) == {"is missing"}
    assert FIRST.kept == ()


def test_second_run_changes_nothing():
    """Also when no private key was read: nothing has to be signed."""
    again = files(DISK, authorities=UNREAD)
    assert again.reasons == {}
    assert {e.path: e.bytes for e in again.entries if isinstance(e, File)} == {
        path: DISK.contents[path] for path in DISK.contents if path.suffix == ".crt"
    }
    kept = {kept.path: kept.sha256 for kept in again.kept}
    assert kept == {path: DISK.observed[path].sha256 for path in DISK.contents if path.suffix != ".crt"}
    assert Link(CURRENT, str(DATED)) in again.entries


def test_another_master_gets_the_same_shared_files_and_its_own_certificates():
    second = pki_files(CLUSTER, CLUSTER.host("cp2"), READ, {}, NOW)
    for path in (*SHARED_PUBLIC, *SHARED_KEYS):
        assert file(second, path).bytes == DISK.contents[path]
    assert not LEAVES & {e.path for e in second.entries if isinstance(e, File) and e.bytes == DISK.contents.get(e.path)}


def test_worker_gets_the_ca_and_the_kubelets_certificates():
    worker = pki_files(CLUSTER, CLUSTER.host("w1"), AUTHORITIES, {}, NOW)
    assert {entry.path for entry in worker.entries} == {
        PKI, PKI / "ca.crt", KUBELET_PKI, KUBELET_PKI / "kubelet.crt", KUBELET_PKI / "kubelet.key", CURRENT, DATED,
    }  # fmt: skip
    assert due(written(worker.entries), host="w1") == {}


@pytest.mark.parametrize("path", sorted(LEAVES), ids=str)
def test_lost_key_or_certificate(path: PurePosixPath):
    key = path.with_suffix(".key")
    assert due(DISK.without(path)) == {path: "is missing"}
    assert due(DISK.without(key)) == {path: f"has no key ({key} is missing)"}
    assert {e.path for e in files(DISK.without(key)).entries if isinstance(e, File) and e.secret} == {key}


def test_only_what_cannot_be_kept_is_issued():
    path = PKI / "apiserver.crt"
    wider = a_cluster(api_server={"cert_sans": ["api.example.com"]})
    result = files(DISK, wider)
    assert result.reasons == {path: "is not valid for api.example.com"}
    changed = {e.path for e in result.entries if isinstance(e, File) and e.bytes != DISK.contents[e.path]}
    assert changed == {path, PKI / "apiserver.key"}


def test_expired_certificates_are_issued_again():
    reasons = due(DISK, now=NOW + timedelta(days=366))
    assert set(reasons) == {*LEAVES, CURRENT}
    assert set(reasons.values()) == {"expired on 2031-01-02 03:04 UTC"}


def test_what_expires_soon_is_issued_when_asked_for():
    later = NOW + timedelta(days=340)
    assert due(DISK, now=later) == {}
    assert set(due(DISK, now=later, renewal=Renewal(within=timedelta(days=30)))) == {*LEAVES, CURRENT}


def test_renewal_by_name():
    result = files(DISK, renewal=Renewal(names=frozenset({"etcd-peer", "apiserver"})))
    assert result.reasons == dict.fromkeys((PKI / "apiserver.crt", PKI / "etcd/peer.crt"), "is to be renewed")


def test_key_that_was_read_and_does_not_match():
    """A run that stopped between the key and the certificate of a renewed pair."""
    torn = DISK.plus(file(files(DISK, renewal=Renewal(frozenset({"apiserver"}))), PKI / "apiserver.key"))
    keys = {PKI / "apiserver.key": Secret(torn.contents[PKI / "apiserver.key"])}
    assert due(torn, keys=keys) == {PKI / "apiserver.crt": "does not belong to the key beside it"}


def test_certificates_of_an_earlier_cluster_are_issued_again():
    other = new_authorities()
    reasons = pki_due(CLUSTER, CLUSTER.host("cp1"), other, DISK.observed, NOW)
    assert "is not signed by the ca with fingerprint" in reasons[PKI / "apiserver.crt"]
    assert "is not signed by the ca with fingerprint" in reasons[CURRENT]
    assert reasons[PKI / "ca.crt"] == "is another one"
    assert reasons[PKI / "sa.key"] == "is another one"


def test_own_layout_of_a_shared_certificate_stays():
    text = b"# our CA\n" + AUTHORITIES.ca.certificate
    disk = DISK.plus(File(PKI / "ca.crt", text, 0o644))
    assert due(disk) == {}
    assert file(files(disk, authorities=UNREAD), PKI / "ca.crt").bytes == text


def test_own_form_of_a_shared_key_stays():
    key = AUTHORITIES.ca.signing_key
    pkcs8 = Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    disk = DISK.plus(File(PKI / "ca.key", pkcs8))
    both = gather(CLUSTER, {"cp1": DISK.found_with_keys, "cp2": disk.found_with_keys}, None, NOW)
    assert PKI / "ca.key" in {kept.path for kept in files(disk, authorities=both).kept}


def test_master_without_ca_key_gets_a_copy():
    disk = DISK.without(PKI / "ca.key")
    assert due(disk) == {PKI / "ca.key": "is missing"}
    assert file(files(disk), PKI / "ca.key").content == AUTHORITIES.ca.key


def external(authorities: Authorities) -> Authorities:
    ca = Authority(authorities.ca.entry, authorities.ca.certificate)
    return Authorities(ca, authorities.front_proxy_ca, authorities.etcd_ca, authorities.service_account)


def test_external_authority_is_fine_while_every_certificate_is():
    result = files(DISK.without(PKI / "ca.key"), authorities=external(READ))
    assert result.reasons == {}
    assert PKI / "ca.key" not in {entry.path for entry in result.entries}


def test_external_authority_is_refused_when_something_is_due():
    with pytest.raises(Refused) as refused:
        files(DISK.without(PKI / "apiserver.crt", PKI / "etcd/peer.crt"), authorities=external(READ))
    assert refused.value.host == "cp1"
    assert refused.value.evidence == (
        f"cp1: {PKI}/apiserver.crt is missing; it takes the key of ca ({PKI}/ca.key) to issue it",
    )


def test_what_an_external_authority_would_have_to_issue_can_be_done_without_where_there_is_a_switch():
    with pytest.raises(Refused) as refused:
        files(DISK.without(PKI / "scheduler/server.crt"), authorities=external(READ))
    assert refused.value.hint.endswith("to do without, where that can be: spec.hardening.controllerServing: false")
    with pytest.raises(Refused) as refused:
        files(DISK.without(PKI / "apiserver.crt"), authorities=external(READ))
    assert "without" not in refused.value.hint
    left_out = {"scheduler-serving"}
    assert files(DISK.without(PKI / "scheduler/server.crt"), authorities=external(READ), left_out=left_out).reasons == {}


def test_signing_with_a_key_that_was_not_read_is_a_bug():
    with pytest.raises(ValueError, match="the key of ca was not read"):
        files(DISK.without(PKI / "apiserver.crt"), authorities=UNREAD)


def test_stricter_modes_stay_and_wider_ones_do_not():
    disk = DISK.plus(
        File(PKI / "apiserver.crt", DISK.contents[PKI / "apiserver.crt"], 0o600),
        File(PKI / "ca.crt", DISK.contents[PKI / "ca.crt"], 0o666),
        File(PKI / "apiserver.key", Secret(DISK.contents[PKI / "apiserver.key"]), 0o644),
        Directory(PKI, 0o700),
    )
    result = files(disk, authorities=UNREAD)
    assert file(result, PKI / "apiserver.crt").mode == 0o600
    assert file(result, PKI / "ca.crt").mode == 0o644
    assert {kept.mode for kept in result.kept} == {0o600}
    assert Directory(PKI, 0o700) in result.entries


def test_kubelet_client_certificate_that_the_kubelet_renewed_stays():
    path = KUBELET_PKI / "kubelet-client-2030-01-01-00-00-00.pem"
    disk = DISK.without(DATED).plus(File(path, Secret(DISK.contents[DATED])), Link(CURRENT, path.name))
    assert due(disk) == {}
    result = files(disk, authorities=UNREAD)
    assert Link(CURRENT, path.name) in result.entries
    assert path in {kept.path for kept in result.kept}


def test_kubelet_client_certificate_elsewhere_stays():
    path = PurePosixPath("/srv/kubelet.pem")
    disk = DISK.plus(File(path, Secret(DISK.contents[DATED])), Link(CURRENT, str(path))).without(path, DATED)
    assert due(disk) == {}
    assert Link(CURRENT, str(path)) in files(disk, authorities=UNREAD).entries


@pytest.mark.parametrize(("entry", "problem"), [
    (File(CURRENT, Secret(DISK.contents[DATED])), "is not a symbolic link, so the kubelet could never renew it"),
    (Link(CURRENT, "/gone.pem"), "points to nothing"),
])  # fmt: skip
def test_kubelet_client_link_is_mended(entry, problem):
    disk = DISK.plus(entry)
    assert due(disk) == {CURRENT: problem}
    assert [e.path for e in files(disk).entries if e.path.name.startswith("kubelet-client")] == [DATED, CURRENT]


def test_kubelet_client_certificate_that_was_not_read_is_the_kubelets():
    unread = {**DISK.observed, CURRENT: Observed(CURRENT, "link", 0o777, "root", "root", target=DATED.name)}
    assert due(Disk(unread, {})) == {}


def test_serving_certificate_of_the_kubelets_own():
    path = KUBELET_PKI / "kubelet.crt"
    own = issue(Wanted("cp1@123"), new_authorities().ca, now=NOW, lifetime=timedelta(1), algorithm=CLUSTER.encryption_algorithm)
    disk = DISK.plus(File(path, own.certificate, 0o644))
    assert "is not signed by the ca" in due(disk)[path]
    assert due(disk, left_out={"kubelet-serving"}) == {}
    assert path not in {entry.path for entry in files(disk, authorities=UNREAD, left_out={"kubelet-serving"}).entries}


def test_a_certificate_that_is_left_out_has_no_directory():
    directory = PKI / "scheduler"
    assert directory in {entry.path for entry in files(Disk({}, {})).entries}
    left_out = files(Disk({}, {}), left_out={"scheduler-serving"})
    assert not [entry.path for entry in left_out.entries if entry.path.is_relative_to(directory)]


def test_kubelet_client_organization_of_earlier_kubeadm_is_tolerated():
    path = PKI / "apiserver-kubelet-client.crt"
    wanted = Wanted("kube-apiserver-kubelet-client", ("kubeadm:cluster-admins",))
    older = issue(wanted, AUTHORITIES.ca, now=NOW, lifetime=timedelta(1), algorithm=CLUSTER.encryption_algorithm)
    assert due(DISK.plus(File(path, older.certificate, 0o644), File(path.with_suffix(".key"), older.key))) == {}


def test_key_material_does_not_show():
    assert "PRIVATE" not in repr(FIRST)

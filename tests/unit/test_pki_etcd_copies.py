"""etcd's own key material once more: always what the originals are, and no key is read while it is."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap.files import Directory, File, Secret
from bootstrap.pki import HostFiles, Kept, Renewal, etcd_copies, gather, keys_due, pki_files
from tests.unit.pki_samples import NOW, Disk, a_cluster, file, new_authorities, written

ETCD = PurePosixPath("/etc/kubernetes/pki/etcd")
COPIES = PurePosixPath("/etc/kubernetes/etcd-pki")
NAMES = {"ca.crt", "server.crt", "server.key", "peer.crt", "peer.key"}
CLUSTER = a_cluster()
FIRST = pki_files(CLUSTER, CLUSTER.host("cp1"), new_authorities(), {}, NOW)
ORIGINALS = written(FIRST.entries)
DISK = written(etcd_copies(FIRST, {}, {}).entries, ORIGINALS)


def again(disk: Disk, *renewed: str) -> HostFiles:
    authorities = gather(CLUSTER, {"cp1": disk.found_with_keys}, None, NOW)
    return pki_files(CLUSTER, CLUSTER.host("cp1"), authorities, disk.observed, NOW, renewal=Renewal(frozenset(renewed)))


def test_a_new_host_gets_what_etcd_reads_for_etcd_alone() -> None:
    found = etcd_copies(FIRST, {}, {})
    assert found.entries[0] == Directory(COPIES, 0o700, "etcd", "etcd")
    copies = [entry for entry in found.entries if isinstance(entry, File)]
    assert {entry.path.name for entry in copies} == NAMES
    for entry in copies:
        assert (entry.path.parent, entry.mode, entry.owner, entry.group) == (COPIES, 0o400, "etcd", "etcd")
        original = file(FIRST, ETCD / entry.path.name)
        assert (entry.bytes, entry.secret) == (original.bytes, original.secret)


def test_while_they_are_equal_no_key_is_read() -> None:
    files = again(DISK)
    assert keys_due(files, DISK.observed) == ()
    found = etcd_copies(files, DISK.observed, {})
    assert {one.path.name for one in found.kept} == {"server.key", "peer.key"}
    assert found.kept[0] == Kept(COPIES / "server.key", DISK.observed[ETCD / "server.key"].sha256, 0o400, "etcd", "etcd")


def test_a_copy_follows_its_renewed_original() -> None:
    files = again(DISK, "etcd-peer")
    assert keys_due(files, DISK.observed) == ()
    found = etcd_copies(files, DISK.observed, {})
    for name in ("peer.key", "peer.crt"):
        assert file(found, COPIES / name).bytes == file(files, ETCD / name).bytes != DISK.contents[COPIES / name]
    assert [one.path.name for one in found.kept] == ["server.key"]


@pytest.mark.parametrize(
    "disk",
    [DISK.without(COPIES / "server.key"), DISK.plus(File(COPIES / "server.key", Secret(b"another"), 0o400, "etcd", "etcd")),
     DISK.plus(Directory(COPIES / "server.key"))],
    ids=["missing", "another", "no file"],
)  # fmt: skip
def test_a_key_is_read_when_its_copy_is_not_there(disk: Disk) -> None:
    files = again(disk)
    assert keys_due(files, disk.observed) == (ETCD / "server.key",)
    key = Secret(disk.contents[ETCD / "server.key"])
    assert file(etcd_copies(files, disk.observed, {ETCD / "server.key": key}), COPIES / "server.key").content == key
    with pytest.raises(ValueError, match=r"server\.key was not read"):
        etcd_copies(files, disk.observed, {})

"""Counting, killing, cutting, full disks: what a fleet does to the tool."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap.errors import HostUnreachable, RemoteError
from bootstrap.files import Directory, File, Link
from bootstrap.testing import Killed
from tests.unit.fakehost_samples import a_fleet

A, B, C = (PurePosixPath(f"/srv/{name}") for name in "abc")
BATCH = [File(A, b"1"), File(B, b"2"), Link(C, "/srv/a")]


TEMPORARIES = {f".{name}.bootstrap-00000000" for name in "abc"}


def names(fleet) -> set[str]:
    return set(fleet.host("cp1").files.names(PurePosixPath("/srv")))


def left_by(*renamed: str) -> set[str]:
    """What a write of BATCH leaves behind that ended after these were renamed."""
    return {*renamed, *(name for name in TEMPORARIES if name[1] not in renamed)}


def test_each_file_of_a_batch_is_an_operation():
    fleet = a_fleet("cp1")
    fleet.connect("cp1").write(BATCH)
    fleet.connect("cp1").read([A])
    fleet.connect("cp1").look(PurePosixPath("/var/lib/etcd"))
    assert [operation.what for operation in fleet.operations] == ["write /srv/a", "write /srv/b", "write /srv/c"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_kill_comes_before_the_nth_operation_and_then_everything_is_dead(n):
    fleet = a_fleet("cp1", "cp2")
    one, other = fleet.connect("cp1"), fleet.connect("cp2")
    fleet.kill_before(n)
    with pytest.raises(Killed):
        one.write([*BATCH, File(PurePosixPath("/etc/late"), b"")])
    for dead in (one, other):
        with pytest.raises(Killed):
            dead.read([A])
    assert names(fleet) == left_by(*"abc"[: n - 1])
    fleet.connect("cp1").write(BATCH)
    assert names(fleet) == {"a", "b", "c"}


@pytest.mark.parametrize(("after", "left"), [(False, left_by("a")), (True, {"a", "b", "c"})], ids=["before", "unheard"])
def test_cut_breaks_one_connection_before_or_after_the_operation(after, left):
    fleet = a_fleet("cp1", "cp2")
    one, other = fleet.connect("cp1"), fleet.connect("cp2")
    fleet.cut("cp1", 2, after=after)
    with pytest.raises(HostUnreachable):
        one.write(BATCH)
    with pytest.raises(HostUnreachable):
        one.read([A])
    other.write(BATCH)
    assert names(fleet) == left
    fleet.connect("cp1").write(BATCH)


def test_unreachable_host_refuses_to_connect_and_drops_connections():
    fleet = a_fleet("cp1")
    connection = fleet.connect("cp1")
    fleet.host("cp1").reachable = False
    with pytest.raises(HostUnreachable):
        connection.read([A])
    with pytest.raises(HostUnreachable):
        fleet.connect("cp1")


def test_full_disk_leaves_the_old_content():
    fleet = a_fleet("cp1")
    fleet.connect("cp1").write([File(A, b"old")])
    fleet.host("cp1").files.free_bytes = 2
    with pytest.raises(RemoteError) as caught:
        fleet.connect("cp1").write([File(A, b"new")])
    assert caught.value.evidence == ("/srv/a: No space left on device",)
    assert fleet.host("cp1").text(A) == "old"


def test_unknown_programs_fail_the_test():
    with pytest.raises(AssertionError, match="does not know"):
        a_fleet("cp1").connect("cp1").run(("rm", "-rf", "/"))


def test_what_the_kernel_refuses():
    fleet = a_fleet("cp1")
    connection = fleet.connect("cp1")
    connection.write([Directory(A), File(B, b"")])
    for entry in (File(A, b""), Directory(B), File(B / "below", b""), File(C, b"", owner="nobody-here")):
        with pytest.raises(RemoteError):
            connection.write([entry])
    with pytest.raises(RemoteError):
        connection.remove([A])
    with pytest.raises(RemoteError):
        connection.move(A, B)


def test_removing_never_crosses_a_mount():
    fleet = a_fleet("cp1")
    connection = fleet.connect("cp1")
    connection.write([File(A / "data/kept", b""), File(A / "gone", b"")])
    fleet.host("cp1").files.mounts.add(A / "data")
    with pytest.raises(RemoteError):
        connection.remove([A], recursive=True)
    assert fleet.host("cp1").files.exists(A / "gone")
    connection.remove([A / "data"], recursive=True)
    assert fleet.host("cp1").files.names(A) == ["data", "gone"]
    assert fleet.host("cp1").files.names(A / "data") == []


def test_moving_takes_everything_below_along_and_may_be_repeated():
    fleet = a_fleet("cp1")
    connection = fleet.connect("cp1")
    connection.write([File(A / "x/y", b"1")])
    for _ in range(2):
        connection.move(A, B)
    assert fleet.host("cp1").text(B / "x/y") == "1"
    assert "/srv/a" not in fleet.tree("cp1")


def test_tree_shows_kind_mode_and_owner():
    fleet = a_fleet("cp1")
    fleet.connect("cp1").write(BATCH)
    shown = {path: what for path, what in fleet.tree("cp1").items() if path in ("/srv/a", "/srv/c")}
    assert shown == {"/srv/a": ("file", 0o600, "root"), "/srv/c": ("link", 0o777, "root")}

"""Who etcd runs as: the ids of a host, and what is refused."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap import constants as k
from bootstrap.errors import Refused
from bootstrap.etcd_user import EtcdUser, etcd_user, problem, sysusers_file
from bootstrap.facts import AccountFacts, EtcdDataFacts, Facts
from bootstrap.files import Observed

DATA = PurePosixPath("/var/lib/etcd")
SYSUSERS = {"systemd-sysusers": "/usr/bin/systemd-sysusers"}
NONE = AccountFacts(taken=(0, 1, 997, 999))
MADE = AccountFacts(990, 991, (0, 990, 991))


def host(
    accounts: AccountFacts = NONE, *, owner: int | None = None, ours: bool = False,
    commands: dict[str, str] = SYSUSERS,
) -> Facts:  # fmt: skip
    """owner: id that the data of a born member belongs to; None: there is no such data. ours: we made the user."""
    data = EtcdDataFacts(DATA)
    if owner is not None:
        data = EtcdDataFacts(DATA, exists=True, has_member=True, mode=0o700, owner=str(owner), uid=owner, gid=owner)
    seen = {k.SYSUSERS_FILE: Observed(k.SYSUSERS_FILE, "file", 0o644, "root", "root")} if ours else {}
    return Facts("cp1", accounts=accounts, etcd=data, owned=seen, commands=commands)


@pytest.mark.parametrize(
    ("facts", "ids"),
    [
        (host(), (998, 998)),
        (host(AccountFacts()), (999, 999)),
        (host(MADE), (990, 991)),
        (host(AccountFacts(64055, 64055)), (64055, 64055)),
        (host(AccountFacts(990, None, (990,))), (990, 999)),
        (host(AccountFacts(None, 990, (990,))), (999, 990)),
        (host(owner=996), (996, 996)),
        (host(owner=997), (998, 998)),
        (host(owner=1001), (998, 998)),
        (host(owner=0), (998, 998)),
        (host(MADE, owner=0), (990, 991)),
    ],
    ids=["highest free", "nothing taken", "both there", "there, no system id", "user only", "group only", "data left behind",
         "data of somebody else", "data of a person", "data of root", "data of root and a user"],
)  # fmt: skip
def test_ids(facts: Facts, ids: tuple[int, int]) -> None:
    assert etcd_user(facts) == EtcdUser(*ids)


def test_no_free_id_is_said() -> None:
    with pytest.raises(Refused, match="no id from 201 to 999 is free"):
        etcd_user(host(AccountFacts(taken=tuple(range(1000)))))


def test_the_file_names_the_ids_that_the_manifest_will_have() -> None:
    file = sysusers_file(host())
    assert file is not None
    assert (str(file.path), file.mode) == ("/etc/sysusers.d/kubernetes-etcd.conf", 0o644)
    assert file.bytes.decode().splitlines()[1:] == ["g etcd 998", 'u etcd 998:998 "etcd of the control plane"']


def test_a_user_of_somebody_elses_making_needs_no_file_and_ours_keeps_it() -> None:
    assert sysusers_file(host(MADE)) is None
    kept = sysusers_file(host(MADE, ours=True))
    assert kept is not None
    assert b"u etcd 990:991 " in kept.bytes


@pytest.mark.parametrize(
    ("facts", "wanted", "message"),
    [
        (host(MADE, owner=0), True, "belongs to root"),
        (host(MADE, owner=995), True, "belongs to 995, and the user etcd has the id 990"),
        (host(AccountFacts(0, 990)), True, "has the id of root"),
        (host(AccountFacts(990, 0)), True, "has the id of root"),
        (host(commands={}), True, "no systemd-sysusers"),
        (host(MADE, owner=990), False, "belongs to 990, and without spec.hardening.etcdUser"),
    ],
)
def test_refused(facts: Facts, wanted: bool, message: str) -> None:
    found = problem(facts, wanted=wanted)
    assert found is not None
    assert message in found[0]


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (host(), True), (host(MADE), True), (host(MADE, owner=990), True), (host(owner=996), True),
        (host(MADE, commands={}), True),
        (host(), False), (host(owner=0), False), (host(AccountFacts(0, 0)), False), (host(commands={}), False),
    ],
)  # fmt: skip
def test_let_pass(facts: Facts, wanted: bool) -> None:
    assert problem(facts, wanted=wanted) is None

"""Who may come into etcd's member list, decided from the list, the host's data and its journal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from bootstrap import components
from bootstrap.cluster import Host
from bootstrap.components import Birth
from bootstrap.connection import Answer, NoAnswer, Request
from bootstrap.errors import PersonNeeded, Refused
from bootstrap.health import Endpoint, EtcdStarted, started
from bootstrap.joining import Candidate, Join, Journal, joins, read_journals
from bootstrap.membership import Member
from tests.unit.inventory_support import problems, with_spec

START = timedelta(minutes=4)
CP1, CP2, CP3 = (
    Host.model_validate({"name": f"cp{n}", "role": "control-plane", "address": f"192.0.2.{n}"}) for n in (1, 2, 3)
)
VOTER = Member("11", "cp1", "https://192.0.2.1:2380")
URL2, URL3 = "https://192.0.2.2:2380", "https://192.0.2.3:2380"


def candidate(host: Host = CP2, *, data: bool = False, born: Birth | None = None, journal: Journal | None = None) -> Candidate:
    return Candidate(host, data, PurePosixPath("/var/lib/etcd"), born, journal)


def asked(*candidates: Candidate, members: tuple[Member, ...] = (VOTER,), db_size: int = 0) -> dict[str, Join]:
    return joins(candidates, members, "token", start=START, db_size=db_size)


def test_a8_each_starts_with_the_members_of_its_own_moment() -> None:
    found = asked(candidate(CP3), candidate(CP2))
    assert list(found) == ["cp2", "cp3"]
    assert found["cp2"].birth == Birth(f"cp1={VOTER.peer_url},cp2={URL2}", "existing", "token")
    assert found["cp3"].birth == Birth(f"cp1={VOTER.peer_url},cp2={URL2},cp3={URL3}", "existing", "token")
    assert found["cp3"].others == (("cp1", VOTER.peer_url), ("cp2", URL2))


def test_a2_a_nameless_learner_is_ours_only_where_the_journal_says_so() -> None:
    learner = Member("22", "", URL2, learner=True)
    for journal in (Journal(URL2), Journal(URL2, "22")):
        found = asked(candidate(journal=journal), members=(VOTER, learner))["cp2"]
        assert (found.added, found.votes, found.journal) == (True, False, True)
    for other in (None, Journal(URL2, "23"), Journal(URL3, "22")):
        with pytest.raises(PersonNeeded, match="the unstarted learner at https://192") as error:
            asked(candidate(journal=other), members=(VOTER, learner))
        assert "etcdctl member remove 16" in error.value.hint


def test_a2_somebody_elses_learner_keeps_others_out_and_the_error_says_whose() -> None:
    for learner in (Member("33", "", URL3, learner=True), Member("33", "cp3", URL3, learner=True)):
        with pytest.raises(Refused, match="takes one at a time") as error:
            asked(candidate(), members=(VOTER, learner))
        assert "etcdctl member remove 21" in error.value.hint


def test_an_open_learner_goes_first() -> None:
    learner = Member("33", "cp3", URL3, learner=True)
    born = Birth(f"cp1={VOTER.peer_url},cp3={URL3}", "existing", "token")
    found = asked(candidate(CP2), candidate(CP3, data=True, born=born), members=(VOTER, learner))
    assert list(found) == ["cp3", "cp2"]
    assert found["cp3"].birth == born


def test_a6_a_member_that_has_run_is_not_started_without_its_data() -> None:
    for learner in (False, True):
        with pytest.raises(Refused, match="it would forget what it voted for") as error:
            asked(candidate(), members=(VOTER, Member("22", "cp2", URL2, learner)))
        assert "replace-master" in error.value.hint


def test_a7_data_of_another_life_is_not_started_with() -> None:
    with pytest.raises(Refused, match="does not have") as error:
        asked(candidate(data=True))
    assert "bootstrap reset INVENTORY cp2" in error.value.hint


def test_a9_two_members_of_one_name_are_refused() -> None:
    with pytest.raises(Refused, match="a member cp2 at https://192"):
        asked(candidate(), members=(VOTER, Member("22", "cp2", URL3)))
    with pytest.raises(Refused, match="etcd's member other has the address of cp2"):
        asked(candidate(data=True), members=(VOTER, Member("22", "other", URL2)))


def test_a11_whoever_votes_has_nothing_left_to_do() -> None:
    found = asked(candidate(data=True, born=None), members=(VOTER, Member("22", "cp2", URL2)))["cp2"]
    assert (found.added, found.votes) == (True, True)


def test_a3_a_large_database_may_take_longer() -> None:
    assert asked(candidate())["cp2"].wait == START
    assert asked(candidate(), db_size=2_000_000_000)["cp2"].wait == START + timedelta(seconds=1000)


class Etcd:
    """A voter as the probe asks it."""

    def __init__(self, members: tuple[Member, ...]) -> None:
        self._members = members

    def members(self) -> tuple[Member, ...]:
        return self._members


class JoiningHost:
    """The joining host as the probe asks it."""

    name = "cp2"

    def __init__(self, lives: bool) -> None:
        self._lives = lives

    def request(self, request: Request, *, timeout_s: float) -> Answer:
        assert (request.port, request.path) == (2381, "/livez")
        if not self._lives:
            raise NoAnswer("connection refused")
        return Answer(200, b"")


@pytest.mark.parametrize(
    ("entry", "lives", "answer"),
    [
        (None, True, "cp2 is no member any more"),
        (Member("22", "", URL2, learner=True), True, "etcd of cp2 has not started yet"),
        (Member("22", "cp2", URL2, learner=True), False, "etcd: connection refused"),
        (Member("22", "cp2", URL2, learner=True), True, ""),
        (Member("22", "cp2", URL2), True, ""),
    ],
)
def test_a_learner_has_started_when_it_has_a_name_and_lives(entry: Member | None, lives: bool, answer: str) -> None:
    probe = EtcdStarted("cp2", URL2, Endpoint("etcd", "127.0.0.1", 2381, "/livez", tls=False))
    voter = Etcd((VOTER, *((entry,) if entry is not None else ())))
    verdict = started(probe, voter, JoiningHost(lives))  # type: ignore[arg-type]
    assert (verdict.ok, verdict.answer) == (not answer, answer)


def test_a_journal_is_read_back_and_nothing_else_is_taken_for_one() -> None:
    journal = Journal(URL2, "22")
    assert read_journals({"cp2": journal.encoded()}) == {"cp2": journal}
    for content in (b"", b"[]", b"{}", b'{"operation": "else", "peerURL": "x"}', b"\xff"):
        with pytest.raises(PersonNeeded, match=r"etcd-join\.json on cp2 cannot be understood"):
            read_journals({"cp2": content})


def test_a18_no_member_is_ever_updated() -> None:
    """MemberUpdate makes a voter of a learner (etcd #21694): there is no such call anywhere."""
    sources = Path(components.__file__).parents[1].rglob("*.py")
    assert not [str(path) for path in sources if "member/update" in path.read_text()]


def test_a17_etcd_before_3_6_is_refused() -> None:
    (found,) = problems(with_spec("etcd: {local: {imageTag: 3.5.26-0}}"))
    assert found.field == "spec.etcd.local.imageTag"
    assert "older than 3.6" in found.message

"""Model etcd: clusters by token and initial list, quorum, what a data directory remembers."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest

from bootstrap.connection import NoAnswer, Request
from bootstrap.testing import FakeFleet
from tests.unit.fakehost_samples import MANIFESTS, a_fleet, etcd, readyz, running, with_kubelet

NAMES = ("cp1", "cp2", "cp3")
DATA = PurePosixPath("/var/lib/etcd")


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = a_fleet(*NAMES)
    for name in NAMES:
        with_kubelet(fleet.host(name))
    return fleet


def start(fleet: FakeFleet, *names: str, **flags: str) -> None:
    for name in names:
        fleet.host(name).put(f"{MANIFESTS}/etcd.yaml", etcd(fleet.host(name), fleet, **flags))
    fleet.advance(5)


def gateway(fleet: FakeFleet, host: str, path: str, **body: object) -> tuple[int, dict]:
    request = Request("POST", fleet.host(host).address, 2379, path, body=json.dumps(body).encode())
    answer = fleet.connect(host).request(_with_tls(request))
    return answer.status, json.loads(answer.body)


def _with_tls(request: Request) -> Request:
    from dataclasses import replace

    from bootstrap.connection import Tls

    return replace(request, tls=Tls(b"", request.address))


def test_one_of_three_is_not_ready_two_are(fleet):
    start(fleet, "cp1")
    assert readyz(fleet, "cp1").status == 503
    start(fleet, "cp2")
    assert [readyz(fleet, name).status for name in ("cp1", "cp2")] == [200, 200]
    with pytest.raises(NoAnswer, match="refused"):
        readyz(fleet, "cp3")


def test_it_takes_a_while_to_answer(fleet):
    fleet.host("cp1").put(f"{MANIFESTS}/etcd.yaml", etcd(fleet.host("cp1"), fleet))
    with pytest.raises(NoAnswer, match="refused"):
        readyz(fleet, "cp1")


def test_other_token_is_another_cluster(fleet):
    start(fleet, "cp1", token="one")
    start(fleet, "cp2", token="two")
    assert [readyz(fleet, name).status for name in ("cp1", "cp2")] == [503, 503]


def test_members_are_listed_as_the_gateway_does(fleet):
    start(fleet, *NAMES)
    readyz(fleet, "cp3")
    status, body = gateway(fleet, "cp1", "/v3/cluster/member/list")
    assert (status, sorted(member["name"] for member in body["members"])) == (200, list(NAMES))
    assert all(isinstance(member["ID"], str) and "isLearner" not in member for member in body["members"])
    assert [member.name for member in fleet.members()] == list(NAMES)


def test_losing_two_loses_the_quorum_and_coming_back_restores_it(fleet):
    start(fleet, *NAMES)
    for name in ("cp2", "cp3"):
        fleet.host(name).power_off()
    assert readyz(fleet, "cp1").status == 503
    assert gateway(fleet, "cp1", "/v3/cluster/member/list")[0] == 503
    fleet.host("cp2").power_on()
    fleet.advance(5)
    assert readyz(fleet, "cp1").status == 200


def test_removed_member_ends_for_good(fleet):
    start(fleet, *NAMES)
    (member,) = [one for one in fleet.members() if one.name == "cp3"]
    assert gateway(fleet, "cp1", "/v3/cluster/member/remove", ID=str(member.id))[0] == 200
    fleet.advance(30)
    assert [one.name for one in fleet.members()] == ["cp1", "cp2"]
    assert running(fleet, "cp3") == {}
    assert "permanently removed" in fleet.host("cp3").runtime.containers.popitem()[1].log[-1]


def test_known_member_with_an_empty_data_directory_panics(fleet):
    start(fleet, *NAMES)
    for name in NAMES:
        readyz(fleet, name)
    host = fleet.host("cp3")
    host.power_off()
    host.files.remove(DATA, recursive=True)
    host.power_on()
    fleet.advance(5)
    assert running(fleet, "cp3") == {}


def test_everything_wiped_is_born_again(fleet):
    start(fleet, *NAMES)
    before = fleet.etcd.cluster_of(fleet.host("cp1"))
    for name in NAMES:
        fleet.host(name).power_off()
        fleet.host(name).files.remove(DATA, recursive=True)
    for name in NAMES:
        fleet.host(name).power_on()
    fleet.advance(5)
    after = fleet.etcd.cluster_of(fleet.host("cp1"))
    assert after is not None
    assert after[0] is not before[0]


def test_learner_is_added_started_and_promoted():
    fleet = a_fleet("cp1", "cp2")
    first, second = fleet.host("cp1"), fleet.host("cp2")
    alone = f"cp1=https://{first.address}:2380"
    with_kubelet(first)
    with_kubelet(second)
    start(fleet, "cp1", initial_cluster=alone)
    status, added = gateway(fleet, "cp1", "/v3/cluster/member/add", peerURLs=[f"https://{second.address}:2380"], isLearner=True)
    assert status == 200
    identity = added["member"]["ID"]
    assert "name" not in added["member"]
    assert gateway(fleet, "cp1", "/v3/cluster/member/promote", ID=identity)[0] == 400
    both = f"{alone},cp2=https://{second.address}:2380"
    start(fleet, "cp2", initial_cluster=both, initial_cluster_state="existing")
    readyz(fleet, "cp2")
    assert gateway(fleet, "cp1", "/v3/cluster/member/promote", ID=identity)[0] == 200
    assert [(one.name, one.learner) for one in fleet.members()] == [("cp1", False), ("cp2", False)]

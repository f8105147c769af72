"""What a plan may not do to a living cluster."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap import guards
from bootstrap.cluster import Cluster
from bootstrap.errors import Refused
from bootstrap.facts import Facts
from bootstrap.facts.model import EtcdDataFacts

DATA = PurePosixPath("/var/lib/etcd")
HOSTS = [{"name": f"cp{n}", "role": "control-plane", "address": f"192.0.2.1{n}"} for n in (1, 2, 3)]
THREE = Cluster.model_validate({"name": "demo", "kubernetesVersion": "v1.36.3", "hosts": HOSTS})


def facts(**has_member: bool) -> dict[str, Facts]:
    return {host: Facts(host, etcd=EtcdDataFacts(DATA, exists=seen, has_member=seen)) for host, seen in has_member.items()}


def test_a_host_that_is_no_member_of_the_living_etcd_is_not_started() -> None:
    for has_data in (False, True):      # removed and reset; removed, and its data is still there
        with pytest.raises(Refused) as refused:
            guards.refuse_to_grow(("cp1", "cp2"), facts(cp1=True, cp2=True, cp3=has_data), finished=False)
        assert refused.value.evidence == ("cp3 is no voter: the cluster has cp1, cp2",)
        assert refused.value.hint.startswith("bootstrap add-master INVENTORY cp3; or leave them out of INVENTORY; or, where")


@pytest.mark.parametrize(
    ("seen", "message", "hint"),
    [
        (facts(cp1=True, cp2=False), "no API server of demo answers; nothing was written", "bootstrap status INVENTORY"),
        ({}, "no API server of demo answers; nothing was written", "bootstrap status INVENTORY"),
        (
            facts(cp1=False, cp2=False), "no API server of demo answers, and nothing of a control plane is on cp1, cp2",
            "else bring back who is not reached",
        ),
        (facts(cp1=False, cp2=False, cp3=False), "demo has no control plane yet; nothing was written", "init INVENTORY"),
    ],
    ids=["down", "not looked at", "perhaps none", "none"],
)  # fmt: skip
def test_why_no_api_server_answers_is_told_by_what_was_looked_at(seen: dict[str, Facts], message: str, hint: str) -> None:
    error = guards.no_api(THREE, seen, {"cp1", "cp2", "cp3"} - set(seen))
    assert (error.message, error.hint.endswith(hint)) == (message, True)
    assert guards.is_without_control_plane(THREE, seen) == (len(seen) == 3)


def test_a_member_that_lost_its_data_is_not_started_with_none() -> None:
    three = facts(cp1=True, cp2=True, cp3=False)
    with pytest.raises(Refused) as refused:
        guards.refuse_to_grow(("cp1", "cp2", "cp3"), three, finished=True)
    assert refused.value.evidence == ("cp3 has no data in /var/lib/etcd, although it was a member once",)
    assert refused.value.hint.startswith("bootstrap replace-master INVENTORY cp3 cp3; or leave them out of INVENTORY; or, where")


def test_a_member_that_an_interrupted_init_did_not_start_is_started() -> None:
    guards.refuse_to_grow(("cp1", "cp2", "cp3"), facts(cp1=True, cp2=True, cp3=False), finished=False)
    guards.refuse_to_grow(None, facts(cp1=True, cp2=False, cp3=False), finished=False)

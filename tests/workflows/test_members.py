"""Masters come and go, against model hosts."""

from __future__ import annotations

import copy
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import members, queries
from bootstrap.cluster import Cluster
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, PersonNeeded, Refused, UsageError
from bootstrap.events import Event, Kind
from bootstrap.joining import JOURNAL
from bootstrap.testing import FakeFleet
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init, plan_of

ADDRESSES = {f"cp{n}": f"192.0.2.{10 + n}" for n in range(1, 7)}


def masters(*names: str, **moved: str) -> Cluster:
    """A cluster of these masters. moved: other addresses."""
    hosts = [{"name": name, "role": "control-plane", "address": (ADDRESSES | moved)[name]} for name in names]
    return a_cluster(hosts=hosts)


def change(fleet: FakeFleet, cluster: Cluster, command: str, console: Recorder | None = None, **asked: Any) -> Recorder:
    TIME.fleet = fleet
    console = console or Recorder()
    request = members.Request(command, Path("demo.yaml"), **asked)
    assert members.change(cluster, request, lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    return console


def add(fleet: FakeFleet, cluster: Cluster, *names: str, **asked: Any) -> Recorder:
    return change(fleet, cluster, "add-master", add=names, **asked)


def remove(fleet: FakeFleet, cluster: Cluster, *names: str, **asked: Any) -> Recorder:
    return change(fleet, cluster, "remove-master", remove=names, **asked)


def replace(fleet: FakeFleet, cluster: Cluster, old: str, new: str, **asked: Any) -> Recorder:
    return change(fleet, cluster, "replace-master", add=(new,), remove=(old,), **asked)


def living(home: Path, *names: str, spare: tuple[str, ...] = ()) -> FakeFleet:
    """A fleet on which the named masters run; spare: further fresh machines."""
    return a_living_fleet(masters(*names), home, machines=masters(*names, *spare))


def voters(fleet: FakeFleet) -> list[str]:
    assert not any(member.learner or not member.name for member in fleet.members())
    return [member.name for member in fleet.members()]


def nodes(fleet: FakeFleet) -> set[str]:
    return {path.rpartition("/")[2] for path in fleet.objects() if path.startswith("/api/v1/nodes/")}


def test_one_becomes_three_becomes_five(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", spare=("cp2", "cp3", "cp4", "cp5"))
    three, five = masters("cp1", "cp2", "cp3"), masters("cp1", "cp2", "cp3", "cp4", "cp5")
    console = add(fleet, three, "cp3", "cp2")
    assert voters(fleet) == ["cp1", "cp2", "cp3"]
    assert console.plans, "the plan was not shown"
    add(fleet, five, "cp4", "cp5")
    assert voters(fleet) == ["cp1", "cp2", "cp3", "cp4", "cp5"]
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "cp4", "cp5"}
    assert plan_of(fleet, five, tmp_path).is_empty
    before = fleet.count()
    assert "Nothing to do" in add(fleet, five, "cp4", "cp5").text
    assert fleet.count() == before
    assert all(host.text(str(JOURNAL)) is None for host in fleet.hosts.values())


@pytest.mark.parametrize("name", ["cp1", "cp2", "cp3"])
def test_c6_any_master_can_leave_the_first_included(tmp_path: Path, name: str) -> None:
    three = masters("cp1", "cp2", "cp3")
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    remove(fleet, three, name, kubeconfig=tmp_path / "demo.kubeconfig")
    rest = {"cp1", "cp2", "cp3"} - {name}
    assert set(voters(fleet)) == nodes(fleet) == rest
    assert not fleet.host(name).runtime.containers
    assert fleet.host(name).text("/etc/kubernetes/admin.conf") is None
    assert any(".reset-" in path for path in fleet.tree(name)), "etcd's data was not kept"
    assert plan_of(fleet, masters(*sorted(rest)), tmp_path).is_empty
    before = fleet.count()
    assert "Nothing to do" in remove(fleet, three, name).text
    assert fleet.count() == before


def test_a3_a_learner_that_died_after_it_had_started_does_not_get_a_vote(tmp_path: Path) -> None:
    """etcd itself would give it one: it goes by what the leader remembers of the learner. Two of two would then be needed."""
    fleet, two = living(tmp_path, "cp1", spare=("cp2",)), masters("cp1", "cp2")
    host, panic = fleet.host("cp2"), ["panic: no space left on device"]

    class Dying(Recorder):
        def event(self, event: Event) -> None:
            super().event(event)
            if event.kind == Kind.READY and event.phase == "etcd-join":
                host.crashes["etcd"] = panic
                etcd = host.runtime.running("etcd")
                assert etcd is not None
                host.runtime.end(etcd, panic, host.now())

    with pytest.raises(BootstrapError, match="etcd learner cp2 could not be promoted") as caught:
        add(fleet, two, "cp2", console=Dying())
    assert any("no space left on device" in line for line in caught.value.evidence)
    with pytest.raises(BootstrapError, match=r"waited .* in vain for etcd member cp2 started"):
        add(fleet, two, "cp2")
    assert [member.learner for member in fleet.members()] == [False, True]
    host.crashes.clear()
    add(fleet, two, "cp2")
    assert voters(fleet) == ["cp1", "cp2"]


def test_a_kubelet_that_began_before_its_api_server_begins_anew_once(tmp_path: Path) -> None:
    fleet, two = living(tmp_path, "cp1", spare=("cp2",)), masters("cp1", "cp2")
    done = [event.phase for event in add(fleet, two, "cp2").events if event.message == "started the kubelet anew"]
    assert done == ["kubelet-register"]
    fleet.host("cp2").files.remove(PurePosixPath("/etc/kubernetes/manifests/kube-scheduler.yaml"), recursive=False)
    assert not [event for event in add(fleet, two, "cp2").events if event.message == "started the kubelet anew"]


def test_a10_leadership_is_moved_before_its_master_leaves(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    (cluster,) = fleet.etcd.clusters.values()
    cluster.leader = next(member.id for member in fleet.members() if member.name == "cp1")
    remove(fleet, masters("cp1", "cp2", "cp3"), "cp1")
    done = [operation.what for operation in fleet.operations]
    moved, removed = (done.index(f"POST /v3/{path}") for path in ("maintenance/transfer-leadership", "cluster/member/remove"))
    assert moved < done.index("remove /etc/kubernetes/manifests/kube-apiserver.yaml") < removed
    assert removed < done.index("remove /etc/kubernetes/manifests/etcd.yaml")
    assert "POST /v3/maintenance/transfer-leadership" not in done[moved + 1 :]


def test_a10_a12_no_quorum_is_lost_with_the_numbers(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    fleet.host("cp3").power_off()
    before = fleet.count()
    with pytest.raises(Refused, match="etcd would have 2 voters, 1 of them healthy; it needs 2"):
        remove(fleet, masters("cp1", "cp2", "cp3"), "cp2")
    assert fleet.count() == before


def test_somebody_must_stay(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2")
    before = fleet.count()
    with pytest.raises(Refused, match="nobody of etcd's 2 voters would stay"):
        remove(fleet, masters("cp1", "cp2"), "cp1", "cp2", force_quorum_loss=True)
    assert fleet.count() == before


def test_five_become_one(tmp_path: Path) -> None:
    names = ("cp1", "cp2", "cp3", "cp4", "cp5")
    fleet = living(tmp_path, *names)
    remove(fleet, masters(*names), "cp1", "cp2", "cp4", "cp5")
    assert voters(fleet) == ["cp3"]
    assert nodes(fleet) == {"cp3"}


def test_c10_a_dead_machine_leaves_only_where_that_is_said_and_proven(tmp_path: Path) -> None:
    three = masters("cp1", "cp2", "cp3")
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    with pytest.raises(Refused, match="cp3 answers, so it is not dead"):
        remove(fleet, three, "cp3", dead=True)
    fleet.host("cp3").reachable = False     # for us; its etcd goes on
    with pytest.raises(HostUnreachable, match="does not answer") as away:
        remove(fleet, three, "cp3")
    assert "--dead" in away.value.hint
    with pytest.raises(Refused, match="cp3 is not dead: it answers") as alive:
        remove(fleet, three, "cp3", dead=True)
    assert "cp1 reaches 192.0.2.13:2380" in alive.value.evidence
    assert voters(fleet) == ["cp1", "cp2", "cp3"]
    fleet.host("cp3").power_off()
    remove(fleet, three, "cp3", dead=True)
    assert set(voters(fleet)) == nodes(fleet) == {"cp1", "cp2"}


def test_a_majority_that_is_lost_needs_a_person(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    fleet.host("cp2").power_off()
    fleet.host("cp3").power_off()
    three = masters("cp1", "cp2", "cp3")
    with pytest.raises(PersonNeeded, match="it runs on 1 of 3 masters, and 2 are needed") as lost:
        remove(fleet, three, "cp3", dead=True, force_quorum_loss=True)
    assert "--force-new-cluster" in lost.value.hint
    with pytest.raises(Refused, match="1 of 3 masters can be reached") as refused:
        remove(fleet, three, "cp2", "cp3", dead=True)
    assert refused.value.hint.endswith("bootstrap remove-master INVENTORY cp2 cp3 --dead --dry-run")
    with pytest.raises(PersonNeeded, match="it runs on 1 of 3 masters, and 2 are needed"):
        remove(fleet, three, "cp2", "cp3", dead=True, dry_run=True)


def test_before_any_init_there_is_nothing_to_join(tmp_path: Path) -> None:
    three = masters("cp1", "cp2", "cp3")
    fleet = FakeFleet.of(three)
    before = fleet.count()
    with pytest.raises(Refused, match="no master of the inventory has etcd data") as refused:
        add(fleet, three, "cp3")
    assert "bootstrap init INVENTORY" in refused.value.hint
    assert fleet.count() == before
    fleet.host("cp1").power_off()
    with pytest.raises(PersonNeeded, match="etcd has no quorum"):      # who knows what cp1 has
        add(fleet, three, "cp3")


@pytest.mark.parametrize("listed", [True, False])
def test_a_dead_master_gives_its_place_to_another_machine(tmp_path: Path, listed: bool) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3", spare=("cp4",))
    fleet.host("cp2").power_off()
    inventory = masters("cp1", "cp2", "cp3", "cp4") if listed else masters("cp1", "cp3", "cp4")
    with pytest.raises(HostUnreachable):
        replace(fleet, inventory, "cp2", "cp4")
    replace(fleet, inventory, "cp2", "cp4", dead=True)
    assert set(voters(fleet)) == nodes(fleet) == {"cp1", "cp3", "cp4"}
    after = masters("cp1", "cp3", "cp4")
    assert plan_of(fleet, after, tmp_path).is_empty
    assert "Nothing to do" in replace(fleet, after, "cp2", "cp4", dead=True).text


def test_a_living_master_leaves_only_once_the_other_votes(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3", spare=("cp4",))
    replace(fleet, masters("cp1", "cp2", "cp3", "cp4"), "cp1", "cp4")
    assert set(voters(fleet)) == nodes(fleet) == {"cp2", "cp3", "cp4"}
    done = [operation.what for operation in fleet.operations]
    assert done.index("POST /v3/cluster/member/promote") < done.index("POST /v3/cluster/member/remove")
    assert not fleet.host("cp1").runtime.containers


SHARED = ("ca.crt", "ca.key", "etcd/ca.crt", "etcd/ca.key", "front-proxy-ca.crt", "sa.key")


def shared(fleet: FakeFleet, name: str) -> list[str | None]:
    """What every master has the same of, the key that Secrets are encrypted with included."""
    host = fleet.host(name)
    keys = [path for path in fleet.tree(name) if "/encryption-" in path and ".reset-" not in path]
    assert keys
    return [*(host.text(f"/etc/kubernetes/pki/{path}") for path in SHARED), *map(host.text, keys)]


def test_the_only_master_gives_its_place_away(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", spare=("cp2",))
    before = shared(fleet, "cp1")
    replace(fleet, masters("cp1", "cp2"), "cp1", "cp2")
    assert set(voters(fleet)) == nodes(fleet) == {"cp2"}
    assert shared(fleet, "cp2") == before


def test_a9_the_name_stays_and_the_address_is_another(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    moved = masters("cp1", "cp2", "cp3", cp3="192.0.2.33")
    fleet.host("cp3").power_off()
    with pytest.raises(HostUnreachable):
        add(fleet, moved, "cp3")
    old, new = fleet.hosts.pop("cp3"), FakeFleet.of(masters("cp3", cp3="192.0.2.33")).host("cp3")
    new.fleet = fleet
    fleet.hosts |= {"cp3": new, "gone": old}
    with pytest.raises(Refused, match=r"a member cp3 at https://192\.0\.2\.13:2380"):
        add(fleet, moved, "cp3")
    with pytest.raises(HostUnreachable, match=r"cp3 at 192\.0\.2\.13 does not answer"):
        replace(fleet, moved, "cp3", "cp3")
    replace(fleet, moved, "cp3", "cp3", dead=True)
    assert {member.name: member.peer_url for member in fleet.members()}["cp3"] == "https://192.0.2.33:2380"
    assert set(voters(fleet)) == nodes(fleet) == {"cp1", "cp2", "cp3"}


def rebuilt(fleet: FakeFleet, name: str) -> None:
    """The machine was set up anew, at its address: nothing of before is on its disk."""
    fleet.hosts[name] = FakeFleet.of(masters(name)).host(name)
    fleet.hosts[name].fleet = fleet


def test_a6_a_machine_that_was_set_up_anew_is_replaced_by_itself(tmp_path: Path) -> None:
    three = masters("cp1", "cp2", "cp3")
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    rebuilt(fleet, "cp2")
    with pytest.raises(Refused, match="it would forget what it voted for"):
        add(fleet, three, "cp2")
    replace(fleet, three, "cp2", "cp2")
    assert set(voters(fleet)) == nodes(fleet) == {"cp1", "cp2", "cp3"}
    assert plan_of(fleet, three, tmp_path).is_empty
    assert "Nothing to do" in replace(fleet, three, "cp2", "cp2").text


def test_the_inventory_decides_who_the_masters_are(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", spare=("cp2", "cp3", "cp4", "cp5"))
    change(fleet, masters("cp1", "cp2", "cp3"), "apply", remove_others=True)
    assert voters(fleet) == ["cp1", "cp2", "cp3"]
    change(fleet, masters("cp2", "cp3", "cp4", "cp5"), "apply", remove_others=True)
    assert set(voters(fleet)) == nodes(fleet) == {"cp2", "cp3", "cp4", "cp5"}
    assert not fleet.host("cp1").runtime.containers
    change(fleet, masters("cp4"), "apply", remove_others=True)
    assert voters(fleet) == ["cp4"]
    assert "Nothing to do" in change(fleet, masters("cp4"), "apply", remove_others=True).text


def test_c7_what_etcd_has_and_the_inventory_has_not_is_refused(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3", spare=("cp4",))
    with pytest.raises(Refused, match="members that the inventory does not name: cp3"):
        add(fleet, masters("cp1", "cp2", "cp4"), "cp4")


def test_init_refuses_where_etcd_has_a_member_that_the_inventory_has_not(tmp_path: Path) -> None:
    fleet, two = living(tmp_path, "cp1", "cp2", "cp3"), masters("cp1", "cp2")
    before = fleet.count()
    for dry_run in (True, False):
        with pytest.raises(Refused, match="members that the inventory does not name: cp3") as caught:
            init(fleet, two, tmp_path, dry_run=dry_run)
        assert caught.value.hint == "write them into INVENTORY, or let them leave: bootstrap remove-master INVENTORY cp3"
        assert caught.value.exit_code is ExitCode.REFUSED
    assert fleet.count() == before
    remove(fleet, two, "cp3")
    assert plan_of(fleet, two, tmp_path).is_empty


def test_who_left_and_is_still_in_the_inventory_is_to_be_taken_out_of_it(tmp_path: Path) -> None:
    fleet, three = living(tmp_path, "cp1", "cp2", "cp3", spare=("cp4",)), masters("cp1", "cp2", "cp3")
    assert "next: take cp3 out of demo.yaml" not in remove(fleet, three, "cp3", dry_run=True).text
    assert "next: take cp3 out of demo.yaml; until then init refuses" in remove(fleet, three, "cp3").text
    with pytest.raises(Refused) as caught:
        init(fleet, three, tmp_path, dry_run=True)
    assert caught.value.hint.startswith("bootstrap add-master INVENTORY cp3; ")
    assert "take cp3 out" in remove(fleet, three, "cp3").text
    assert "take cp" not in add(fleet, three, "cp3").text
    assert "take cp" not in remove(fleet, masters("cp1", "cp2"), "cp3").text


def test_a1_it_votes_only_once_it_runs_and_serves_only_once_it_votes(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", spare=("cp2",))
    before = fleet.count()
    add(fleet, masters("cp1", "cp2"), "cp2")
    done = [operation.what for operation in fleet.operations[before:]]
    promoted = done.index("POST /v3/cluster/member/promote")
    assert done.index("POST /v3/cluster/member/add") < done.index("write /etc/kubernetes/manifests/etcd.yaml") < promoted
    assert promoted < done.index("write /etc/kubernetes/manifests/kube-apiserver.yaml")


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1")
    with pytest.raises(UsageError, match=r"'cp9' is no master of demo\.yaml"):
        add(fleet, masters("cp1"), "cp9")


def test_a4_a_learner_is_promoted_by_a_voter(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", spare=("cp2",))
    add(fleet, masters("cp1", "cp2"), "cp2")
    (promoted,) = [operation.host for operation in fleet.operations if operation.what == "POST /v3/cluster/member/promote"]
    assert promoted == "cp1"


def test_a5_a_learner_that_was_left_is_a_difference_and_the_same_command_promotes_it(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", spare=("cp2",))
    two, states = masters("cp1", "cp2"), []

    def photograph() -> None:
        if fleet.operations[-1].what == "write /etc/kubernetes/manifests/etcd.yaml":
            states.append(copy.deepcopy(fleet))

    fleet.before_each = photograph
    add(fleet, two, "cp2")
    (state,) = states
    state.advance(30)
    TIME.fleet = state
    console = Recorder()
    assert queries.verify(two, Path("demo.yaml"), lambda _, host: state.connect(host), console) is ExitCode.DRIFT
    said = [each for each in console.results[-1]["differences"] if each["what"] == "etcd members"]
    assert said
    assert "learners: cp2" in said[0]["actual"]
    add(state, two, "cp2")
    assert voters(state) == ["cp1", "cp2"]


def test_a7_the_data_of_a_master_that_left_is_not_brought_back(tmp_path: Path) -> None:
    fleet = living(tmp_path, "cp1", "cp2", "cp3")
    three = masters("cp1", "cp2", "cp3")
    fleet.host("cp3").power_off()
    remove(fleet, three, "cp3", dead=True)
    fleet.host("cp3").power_on()
    fleet.advance(30)
    with pytest.raises(Refused) as refused:
        add(fleet, three, "cp3")
    assert "reset" in refused.value.hint
    assert voters(fleet) == ["cp1", "cp2"]


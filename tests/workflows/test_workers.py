"""add-worker against model hosts: workers join through their own balancers, whatever happens on the way."""

from __future__ import annotations

import copy
import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap import balancer, members, queries, runner, workers
from bootstrap.changes import WriteFile
from bootstrap.cluster import Cluster, Taint
from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, Refused, SeveralErrors, UsageError
from bootstrap.files import File
from bootstrap.plan import Plan
from bootstrap.testing import FakeFleet, Killed
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init


def add(fleet: FakeFleet, cluster: Cluster, *names: str, console: Recorder | None = None, **asked: Any) -> Recorder:
    """`bootstrap add-worker` to its end; errors go up."""
    TIME.fleet = fleet
    console = console or Recorder()
    request = workers.AddRequest(Path("demo.yaml"), names, **asked)
    assert workers.add(cluster, request, lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    return console


def living(home: Path, count: int = 2, **spec: Any) -> tuple[FakeFleet, Cluster]:
    """Three masters that are up, and machines that are to be workers."""
    cluster = a_cluster(workers=count, **spec)
    return a_living_fleet(cluster, home), cluster


def nodes(fleet: FakeFleet) -> set[str]:
    return {path.rpartition("/")[2] for path in fleet.objects() if path.startswith("/api/v1/nodes/")}


def node(fleet: FakeFleet, name: str) -> dict[str, Any]:
    return fleet.objects()[f"/api/v1/nodes//{name}"]


def done(fleet: FakeFleet, since: int) -> list[str]:
    return [f"{operation.host} {operation.what}" for operation in fleet.operations[since:]]


def test_workers_join_through_their_own_balancers(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path)
    assert nodes(fleet) == {"cp1", "cp2", "cp3"}
    add(fleet, cluster)
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w1", "w2"}
    for name in ("w1", "w2"):
        host = fleet.host(name)
        kubelet = host.kubelet.process
        assert kubelet is not None
        assert kubelet.kubeconfig["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
        assert [one.name for one in host.runtime.containers.values()] == ["balancer"]
        assert host.balanced() is fleet.host("cp1")


def test_no_key_but_the_kubelets_own_is_on_a_worker(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path)
    add(fleet, cluster)
    private = [path for path in map(PurePosixPath, fleet.tree("w1")) if path.suffix in (".key", ".pem", ".conf")]
    kubelets = [str(path) for path in private if "/etc/systemd" not in str(path) and "/usr/lib" not in str(path)]
    assert [path for path in kubelets if not path.startswith("/var/lib/kubelet/pki/")] == ["/etc/kubernetes/kubelet.conf"]
    assert fleet.host("w1").text("/etc/kubernetes/pki/ca.crt") == fleet.host("cp1").text("/etc/kubernetes/pki/ca.crt")


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path)
    add(fleet, cluster)
    before = fleet.count()
    told = add(fleet, cluster)
    assert done(fleet, before) == []
    assert "Nothing to do: 2 workers as demo.yaml says" in told.text
    assert told.results[-1]["changed"] is False


def test_dry_run_shows_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path)
    before = fleet.count()
    told = add(fleet, cluster, dry_run=True)
    assert done(fleet, before) == []
    assert "/etc/kubernetes/balancer/haproxy.cfg" in told.text
    assert told.results[-1] == {"cluster": "demo", "changed": False, "dryRun": True, "workers": ["w1", "w2"]}


def test_only_those_named_join(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path)
    add(fleet, cluster, "w2")
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w2"}
    assert fleet.count("w1") == 0
    with pytest.raises(UsageError, match="'cp1' is no worker"):
        add(fleet, cluster, "cp1")


def test_without_a_control_plane_nothing_is_written(tmp_path: Path) -> None:
    cluster = a_cluster(workers=1)
    fleet = FakeFleet.of(cluster)
    with pytest.raises(Refused, match="has no control plane yet") as caught:
        add(fleet, cluster)
    assert caught.value.hint == "bootstrap init INVENTORY"
    fleet.host("cp3").power_off()
    with pytest.raises(Refused, match="no API server of demo answers, and nothing of a control plane is on cp1, cp2") as caught:
        add(fleet, cluster)
    assert caught.value.evidence == ("not reached: cp3",)
    assert caught.value.hint.startswith("where the cluster was never set up: bootstrap init INVENTORY; ")
    assert fleet.count() == 0


def plan_text(plan: Plan) -> str:
    return " ".join(str(getattr(change, "entry", change)) for _, _, change in plan.all())


def test_with_an_endpoint_there_is_no_balancer(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, controlPlaneEndpoint="cp.example.com")
    plan = add(fleet, cluster, dry_run=True).plans[-1]
    files = {change.entry.path.name: change.entry for _, _, change in plan.all() if isinstance(change, WriteFile)}
    assert "balancer" not in plan_text(plan)
    kubeconfig = files["kubelet.conf"]
    assert isinstance(kubeconfig, File)
    assert b"server: https://cp.example.com:6443" in kubeconfig.bytes


def test_labels_and_taints_of_the_inventory(tmp_path: Path) -> None:
    cluster = a_cluster(workers=1)
    own = {"labels": {"disk": "ssd"}, "taints": (Taint(key="gpu"),)}
    cluster = cluster.model_copy(update={"hosts": (*cluster.control_plane_hosts, cluster.host("w1").model_copy(update=own))})
    fleet = a_living_fleet(cluster, tmp_path)
    add(fleet, cluster)
    assert node(fleet, "w1")["metadata"]["labels"]["disk"] == "ssd"
    assert {"key": "gpu", "effect": "NoSchedule"} in node(fleet, "w1")["spec"]["taints"]
    process = fleet.host("w1").kubelet.process
    assert process is not None
    assert process.config["registerWithTaints"] == [{"key": "gpu", "effect": "NoSchedule"}]


def test_a_worker_that_is_away_is_told_and_the_others_join(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 3)
    fleet.host("w2").power_off()
    with pytest.raises(HostUnreachable) as caught:
        add(fleet, cluster)
    assert (caught.value.host, caught.value.exit_code) == ("w2", ExitCode.STOPPED)
    assert nodes(fleet) >= {"w1", "w3"}
    fleet.host("w2").power_on()
    before = fleet.count()
    add(fleet, cluster)
    assert "w2" in nodes(fleet)
    assert {operation.host for operation in fleet.operations[before:]} == {"w2", "cp1"}    # cp1: its node's labels


def test_each_worker_that_cannot_work_is_refused_and_the_others_join(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 4)
    fleet.host("w1").hostname = "other"
    fleet.host("w3").kubelet.installed = False
    with pytest.raises(SeveralErrors) as caught:
        add(fleet, cluster)
    assert [(error.host, type(error)) for error in caught.value.errors] == [("w1", Refused), ("w3", Refused)]
    assert caught.value.exit_code is ExitCode.STOPPED
    assert "Hostname: the host calls itself 'other'" in caught.value.errors[0].evidence[0]
    assert (fleet.count("w1"), fleet.count("w3")) == (0, 0)
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w2", "w4"}


def test_a_worker_that_fails_on_the_way_leaves_the_others_alone(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 3)
    fleet.host("w2").crashes["balancer"] = ["[ALERT] cannot bind socket"]
    with pytest.raises(BootstrapError) as caught:
        add(fleet, cluster)
    assert (caught.value.host, caught.value.component) == ("w2", "balancer")
    assert any("cannot bind socket" in line for line in caught.value.evidence)
    assert nodes(fleet) == {"cp1", "cp2", "cp3", "w1", "w3"}
    fleet.host("w2").crashes.clear()
    add(fleet, cluster)
    assert "w2" in nodes(fleet)


def test_a_worker_of_another_cluster_is_refused(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 1)
    other = FakeFleet.of(cluster)
    init(other, cluster, tmp_path)
    foreign = other.host("cp1").text("/etc/kubernetes/pki/ca.crt") or ""
    fleet.host("w1").put("/etc/kubernetes/pki/ca.crt", foreign, 0o644)
    console = Recorder()
    with pytest.raises(Refused) as caught:
        add(fleet, cluster, console=console)
    assert "is the authority of another cluster" in caught.value.evidence[0]
    assert "hint: if it left that cluster for good: kubeadm reset, or rm /etc/kubernetes/pki/ca.crt; else" in console.text
    assert caught.value.exit_code is ExitCode.REFUSED
    assert fleet.host("w1").text("/etc/kubernetes/pki/ca.crt") == foreign


def test_a_worker_of_a_cluster_that_was_reset_is_removed_and_joins_the_new_one(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 1)
    add(fleet, cluster)
    request = runner.ResetRequest(Path("demo.yaml"), confirm=cluster.name)
    runner.reset(cluster, request, lambda _, host: fleet.connect(host), Recorder())
    init(fleet, cluster, tmp_path)
    console = Recorder()
    with pytest.raises(Refused):
        add(fleet, cluster, console=console)
    assert "hint: if it left that cluster for good: bootstrap remove-worker demo.yaml w1; else take it out" in console.text
    leave = workers.RemoveRequest(Path("demo.yaml"), ("w1",))
    workers.remove(cluster, leave, lambda _, host: fleet.connect(host), Recorder())
    add(fleet, cluster)
    assert "w1" in nodes(fleet)


def test_a_worker_that_reaches_no_api_server_is_refused(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path)
    fleet.network.dropped |= {("w1", cluster.host(name).address, 6443) for name in ("cp1", "cp2", "cp3")}
    fleet.network.dropped.add(("w2", cluster.host("cp3").address, 6443))
    with pytest.raises(Refused) as caught:
        add(fleet, cluster)
    assert caught.value.host == "w1"
    assert caught.value.evidence == (
        "Reach-6443: it does not reach the API servers of cp1 (192.0.2.11:6443), cp2 (192.0.2.12:6443), cp3 (192.0.2.13:6443)",
    )
    assert "w2" in nodes(fleet)


def test_a_changed_list_is_one_file_and_one_signal(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 1)
    add(fleet, cluster)
    container = fleet.host("w1").runtime.running("balancer")
    assert container is not None
    before, started = fleet.count(), container.start_time
    fewer = cluster.model_copy(update={"hosts": tuple(host for host in cluster.hosts if host.name != "cp1")})
    add(fleet, fewer)
    assert done(fleet, before) == [f"w1 write {balancer.CONFIG}", f"w1 run sh -s -- {balancer.CONFIG}"]
    assert fleet.host("w1").runtime.running("balancer") is container
    assert (container.start_time, container.restarts) == (started, 0)
    assert fleet.host("w1").balanced() is fleet.host("cp2")


def test_a_list_that_was_written_and_not_read_is_read_by_the_next_run(tmp_path: Path) -> None:
    """Killed between the file and the signal."""
    fleet, cluster = living(tmp_path, 1)
    add(fleet, cluster)
    fewer = cluster.model_copy(update={"hosts": tuple(host for host in cluster.hosts if host.name != "cp1")})
    fleet.kill_before(2)
    with pytest.raises(Killed):
        add(fleet, fewer)
    assert fleet.host("w1").balanced() is fleet.host("cp1")
    before = fleet.count()
    add(fleet, fewer)
    assert done(fleet, before) == [f"w1 run sh -s -- {balancer.CONFIG}"]
    assert fleet.host("w1").balanced() is fleet.host("cp2")


def test_a_dead_master_keeps_nobody_from_joining(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 1)
    fleet.host("cp1").power_off()
    fleet.advance(10)
    told = add(fleet, cluster)
    assert "going on without cp1" in told.text
    assert "w1" in nodes(fleet)
    assert fleet.host("w1").balanced() is fleet.host("cp2")


@pytest.mark.exhaustive
@pytest.mark.parametrize("n", [1, 2, 5, 9, 13, 16, 19, 22, 25])
def test_killed_the_same_command_finishes(n: int, tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 2)
    wanted = copy.deepcopy(fleet)
    add(wanted, cluster)
    fleet.kill_before(n)
    with pytest.raises(Killed):
        add(fleet, cluster)
    fleet.advance(30)
    finished(fleet, cluster, wanted)


def finished(fleet: FakeFleet, cluster: Cluster, wanted: FakeFleet) -> None:
    """The same command again leads to the same end, after which nothing is left to do."""
    add(fleet, cluster)
    assert trees(fleet) == trees(wanted)
    assert set(fleet.objects()) == set(wanted.objects())
    before = fleet.count()
    add(fleet, cluster)
    assert done(fleet, before) == []


def trees(fleet: FakeFleet) -> dict[str, dict[str, Any]]:
    date = re.compile(r"kubelet-client-[0-9-]+\.pem")
    return {name: {date.sub("client.pem", path): it for path, it in fleet.tree(name).items()} for name in fleet.hosts}


@pytest.mark.exhaustive
def test_killed_before_any_operation_the_same_command_finishes(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 2)
    states: list[tuple[str, FakeFleet]] = []
    fleet.before_each = lambda: states.append((str(fleet.operations[-1]), copy.deepcopy(fleet)))
    add(fleet, cluster)
    assert len(states) > 30
    for what, state in states:
        state.advance(25)
        try:
            finished(state, cluster, fleet)
        except Exception as error:
            raise AssertionError(f"killed after {what}") from error


@pytest.mark.exhaustive
def test_a_hundred_workers_at_once(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 100)
    fleet.host("w50").hostname = "other"
    with pytest.raises(Refused):
        add(fleet, cluster)
    assert len(nodes(fleet)) == 3 + 99
    fleet.host("w50").hostname = "w50"
    before = fleet.count()
    add(fleet, cluster)
    assert {operation.host for operation in fleet.operations[before:]} == {"w50", "cp1"}
    assert len(nodes(fleet)) == 3 + 100


def status(fleet: FakeFleet, cluster: Cluster) -> tuple[ExitCode, Recorder]:
    TIME.fleet = fleet
    console = Recorder()
    return queries.status(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console), console


def verify(fleet: FakeFleet, cluster: Cluster) -> tuple[ExitCode, list[dict[str, str]]]:
    TIME.fleet = fleet
    console = Recorder()
    code = queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console)
    return code, console.results[-1]["differences"]


def test_status_shows_workers_that_have_joined(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 3)
    add(fleet, cluster, "w1", "w2")
    code, console = status(fleet, cluster)
    assert code is ExitCode.DONE
    assert [host["host"] for host in console.results[-1]["hosts"]] == ["cp1", "cp2", "cp3", "w1", "w2"]
    fleet.host("w1").crashes["balancer"] = ["[ALERT] no"]
    fleet.host("w2").power_off()
    fleet.host("w3").power_off()
    fleet.advance(5)
    code, console = status(fleet, cluster)
    assert code is ExitCode.DRIFT
    assert [line.partition(":")[0] for line in console.results[-1]["troubles"]] == ["w1"]
    assert console.results[-1]["unreachable"] == ["w2"]       # w3 never joined


def test_status_tells_of_a_balancer_with_another_list(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 1)
    add(fleet, cluster)
    fewer = cluster.model_copy(update={"hosts": tuple(host for host in cluster.hosts if host.name != "cp3")})
    code, console = status(fleet, fewer)
    assert code is ExitCode.DRIFT
    assert console.results[-1]["troubles"] == ["w1: its balancer has another list of masters than the inventory"]
    assert (console.results[-1]["hosts"][-1]["healthy"], "DOWN" in console.text) == (True, False)
    hint = "next: take out of demo.yaml who is no master any more, then: bootstrap add-worker demo.yaml w1"
    assert console.text.splitlines()[-1] == hint
    assert {one["actual"] for one in verify(fleet, fewer)[1] if one["what"] == "health of balancer"} == {
        "its balancer has another list of masters than the inventory"
    }
    add(fleet, fewer)
    assert status(fleet, fewer)[0] is ExitCode.DONE


def test_status_names_the_master_that_is_to_join_where_the_list_differs_for_it(tmp_path: Path) -> None:
    machines = a_cluster(workers=1)
    fewer = a_cluster("cp1", "cp2", workers=1)
    fleet = a_living_fleet(fewer, tmp_path, machines=machines)
    add(fleet, fewer)
    code, console = status(fleet, machines)
    assert code is ExitCode.DRIFT
    assert console.text.splitlines()[-1] == "next: bootstrap add-master demo.yaml cp3"


def test_verify_finds_what_differs_on_a_worker(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 2)
    add(fleet, cluster, "w1")
    assert verify(fleet, cluster) == (ExitCode.DONE, [])
    fleet.host("w1").put(str(balancer.CONFIG), "other", 0o644)
    fleet.host("w1").put("/etc/kubernetes/manifests/own.yaml", "kind: Pod")
    code, found = verify(fleet, cluster)
    assert code is ExitCode.DRIFT
    assert {(one["host"], one["what"]) for one in found} == {
        ("w1", f"file {balancer.CONFIG}"), ("w1", "action outstanding"), ("w1", "stranger /etc/kubernetes/manifests/own.yaml"),
    }  # fmt: skip


def test_verify_tells_of_workers_that_have_not_joined(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 3)
    add(fleet, cluster, "w1")
    fleet.host("w3").power_off()
    console = Recorder()
    assert queries.verify(cluster, Path("demo.yaml"), lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    said = "demo is as demo.yaml says; not joined: w2, w3 (next: bootstrap add-worker demo.yaml w2 w3)"
    assert console.text.splitlines()[-1] == said
    assert console.results[-1]["notJoined"] == ["w2", "w3"]


def test_init_ends_with_the_workers_that_have_not_joined(tmp_path: Path) -> None:
    cluster = a_cluster(workers=2)
    fleet = FakeFleet.of(cluster)
    last = "next: bootstrap add-worker demo.yaml (not joined yet: w1, w2)"
    assert init(fleet, cluster, tmp_path).text.splitlines()[-1] == last
    add(fleet, cluster, "w2")
    again = init(fleet, cluster, tmp_path)
    assert again.text.splitlines()[-1] == "next: bootstrap add-worker demo.yaml (not joined yet: w1)"
    assert again.results[-1]["notJoined"] == ["w1"]
    add(fleet, cluster)
    assert "add-worker" not in init(fleet, cluster, tmp_path).text


def test_c7_balancers_of_those_who_have_joined_follow_the_masters(tmp_path: Path) -> None:
    fleet, cluster = living(tmp_path, 2)
    add(fleet, cluster, "w1")
    pods = set(fleet.host("w1").runtime.containers)
    before = fleet.count()
    request = members.Request("remove-master", Path("demo.yaml"), remove=("cp1",))
    assert members.change(cluster, request, lambda _, host: fleet.connect(host), Recorder()) is ExitCode.DONE
    deeds = done(fleet, before)
    told = deeds.index(f"w1 write {balancer.CONFIG}")
    assert told < deeds.index("cp1 remove /etc/kubernetes/manifests/kube-apiserver.yaml")
    assert "192.0.2.11" not in (fleet.host("w1").text(str(balancer.CONFIG)) or "")
    assert fleet.host("w1").balanced() is fleet.host("cp2")
    assert set(fleet.host("w1").runtime.containers) == pods
    assert not [deed for deed in deeds if deed.startswith("w2 ")]

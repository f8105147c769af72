"""pods apply, delete, list and logs, and spec.staticPods, on model hosts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bootstrap import logs, podlist, pods, queries, rendering, userpods
from bootstrap.changes import mutates
from bootstrap.cluster import Cluster
from bootstrap.constants import DEFAULT_MANIFEST_DIR
from bootstrap.errors import ExitCode, InventoryError, Refused, UsageError
from bootstrap.events import Kind
from bootstrap.refusals import PodRefused
from bootstrap.testing import FakeFleet
from bootstrap.waiting import NotHealthy
from tests.unit.fakehost_samples import with_kubelet
from tests.workflows.support import TIME, Recorder, a_cluster, a_living_fleet, init, plan_of
from tests.workflows.test_reset import reset
from tests.workflows.test_vip import VIP
from tests.workflows.test_workers import add

WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {run: web}}
spec:
  containers:
  - {name: web, image: "registry.example/web:1", args: ["--port=80"]}
"""
FILE = DEFAULT_MANIFEST_DIR / "web.yaml"
INVENTORY = Path("demo.yaml")


def written(home: Path, text: str = WEB, name: str = "web.yaml") -> Path:
    path = home / name
    path.write_text(text)
    return path


def run(fleet: FakeFleet, command: Callable[..., ExitCode], *words: Any) -> Recorder:
    TIME.fleet = fleet
    console = Recorder()
    assert command(*words, lambda _, host: fleet.connect(host), console) is ExitCode.DONE
    return console


def apply(fleet: FakeFleet, cluster: Cluster, file: Path | None, *hosts: str, **asked: Any) -> Recorder:
    where = pods.Where(hosts, asked.pop("role", None))
    return run(fleet, pods.apply, cluster, pods.ApplyRequest(INVENTORY, file, where, **asked))


def delete(fleet: FakeFleet, cluster: Cluster, name: str, *hosts: str, **asked: Any) -> Recorder:
    return run(fleet, pods.delete, cluster, pods.DeleteRequest(INVENTORY, name, pods.Where(hosts), **asked))


def listed(fleet: FakeFleet, cluster: Cluster, *, everything: bool = False) -> dict[tuple[str, str], dict[str, Any]]:
    """By host and pod, what `pods list` says of it."""
    result = run(fleet, podlist.show, cluster, everything).results[-1]
    return {(row["host"], row["name"]): row for row in result["pods"]}


def touched(fleet: FakeFleet, since: int) -> list[tuple[str, str]]:
    return [(operation.host, operation.what) for operation in fleet.operations[since:]]


SOON = {"controlPlaneComponentHealthCheck": "40s"}
CLUSTER = a_cluster(timeouts=SOON)


@pytest.fixture
def fleet(tmp_path: Path) -> FakeFleet:
    """Three masters on which init is done."""
    return a_living_fleet(CLUSTER, tmp_path)


def test_a_pod_is_applied_once_and_then_there_is_nothing_to_do(fleet: FakeFleet, tmp_path: Path) -> None:
    before, began = len(fleet.operations), fleet.now
    told = apply(fleet, CLUSTER, written(tmp_path), "cp1", "cp3")
    assert touched(fleet, before) == [("cp1", f"write {FILE}"), ("cp3", f"write {FILE}")]
    assert told.results[-1]["changed"] is True
    assert fleet.now - began >= 30      # it has run for that long
    assert fleet.host("cp1").runtime.running("web") is not None
    assert fleet.host("cp2").runtime.running("web") is None
    before = len(fleet.operations)
    assert "Nothing to do: default/web on cp1, cp3" in apply(fleet, CLUSTER, written(tmp_path), "cp1", "cp3").text
    assert touched(fleet, before) == []


def test_a_dry_run_shows_the_plan_and_writes_nothing(fleet: FakeFleet, tmp_path: Path) -> None:
    before = len(fleet.operations)
    told = apply(fleet, CLUSTER, written(tmp_path), role="all", dry_run=True)
    assert "static pod default/web running for 30 s" in told.text
    assert told.results[-1]["changed"] is False
    assert touched(fleet, before) == []


def test_b6_b9_a_changed_pod_is_one_rename_and_is_proven_by_its_new_uid_host_by_host(fleet: FakeFleet, tmp_path: Path) -> None:
    """What changes is a default spelled out: to a kubelet the same pod, were it not for the digest."""
    apply(fleet, CLUSTER, written(tmp_path), "cp1", "cp2")
    uids = {name: [c.pod.uid for c in fleet.host(name).runtime.containers.values() if c.name == "web"] for name in ("cp1", "cp2")}
    before = len(fleet.operations)
    apply(fleet, CLUSTER, written(tmp_path, WEB + "  restartPolicy: Always\n"), "cp1", "cp2")
    assert touched(fleet, before) == [("cp1", f"write {FILE}"), ("cp2", f"write {FILE}")]
    for name, old in uids.items():
        (new,) = [c.pod.uid for c in fleet.host(name).runtime.containers.values() if c.name == "web"]
        assert [new] != old


def test_a_change_that_fails_stops_at_the_first_host(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1", "cp2")
    for name in ("cp1", "cp2"):
        fleet.host(name).crashes["web"] = ["panic: no such port"]
    before = len(fleet.operations)
    with pytest.raises(NotHealthy) as caught:
        apply(fleet, CLUSTER, written(tmp_path, WEB.replace("80", "81")), "cp1", "cp2")
    assert touched(fleet, before) == [("cp1", f"write {FILE}")]
    assert caught.value.exit_code is ExitCode.STOPPED
    assert "panic: no such port" in "\n".join(caught.value.evidence)
    assert "bootstrap pods logs INVENTORY cp1 default/web" in caught.value.hint


def test_b18_a_container_that_comes_and_goes_is_no_success(fleet: FakeFleet, tmp_path: Path) -> None:
    """It runs for 20 s at a time: one look would find it well."""
    host = fleet.host("cp1")
    started: list[float] = []

    def flap() -> None:
        container = host.runtime.running("web")
        if container is not None and host.now() - container.start_time > 20:
            started.append(container.start_time)
            host.runtime.end(container, ["out of memory"], host.now())

    fleet.on_tick = flap
    with pytest.raises(NotHealthy, match="waited 70 s in vain for static pod default/web running for 30 s"):
        apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert len(started) > 1


def test_b8_a_mirror_pod_alone_proves_nothing(fleet: FakeFleet, tmp_path: Path) -> None:
    """The kubelet hangs: the API still shows the pod of the manifest before."""
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert listed(fleet, CLUSTER)["cp1", "web"]["mirrorPod"] == "yes"
    fleet.host("cp1").kubelet.frozen = True
    with pytest.raises(NotHealthy) as caught:
        apply(fleet, CLUSTER, written(tmp_path, WEB.replace("80", "81")), "cp1")
    assert "last answer: default/web: the pod that it replaces still ends" in caught.value.evidence


def test_b7_a_pod_that_still_ends_is_told_from_one_that_does_not_start(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    fleet.host("cp1").kubelet.frozen = True
    slow = WEB.replace("80", "81") + "  terminationGracePeriodSeconds: 100\n"
    with pytest.raises(NotHealthy, match="waited 100 s in vain") as caught:     # 40, 30 to be stable, 30 for the old one's end
        apply(fleet, CLUSTER, written(tmp_path, slow), "cp1")
    assert "still ends" in caught.value.evidence[0]
    with pytest.raises(NotHealthy) as caught:
        apply(fleet, CLUSTER, written(tmp_path, WEB.replace("web", "new"), "new.yaml"), "cp1")
    assert "last answer: default/new: no container of it was started yet" in caught.value.evidence


def test_b14_a_container_that_outlives_its_manifest_is_told(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    fleet.host("cp1").kubelet.frozen = True
    with pytest.raises(NotHealthy, match="in vain for static pod default/web ended") as caught:
        delete(fleet, CLUSTER, "web", "cp1")
    assert "last answer: default/web: processes of it still run" in caught.value.evidence
    assert listed(fleet, CLUSTER)["cp1", "web"]["state"] == "running, without a manifest"
    with pytest.raises(NotHealthy, match="in vain for static pod default/web ended"):     # the file is gone, the pod is not
        delete(fleet, CLUSTER, "web", "cp1")
    fleet.host("cp1").kubelet.frozen = False
    assert "Nothing to do" in delete(fleet, CLUSTER, "web", "cp1").text
    assert fleet.host("cp1").runtime.running("web") is None


def test_a_deleted_pod_is_gone_and_deleting_it_again_is_nothing(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    before = len(fleet.operations)
    delete(fleet, CLUSTER, "default/web", "cp1", "cp2")
    assert touched(fleet, before) == [("cp1", f"remove {FILE}")]
    assert fleet.host("cp1").runtime.running("web") is None
    assert "Nothing to do: no web on cp1" in delete(fleet, CLUSTER, "web", "cp1").text


@pytest.mark.parametrize("name", ["etcd", "kube-system/kube-apiserver", str(DEFAULT_MANIFEST_DIR / "etcd.yaml")])
def test_the_control_plane_is_never_deleted_this_way(fleet: FakeFleet, name: str) -> None:
    with pytest.raises(Refused, match="is not removed") as caught:
        delete(fleet, CLUSTER, name, "cp1")
    assert caught.value.exit_code is ExitCode.REFUSED
    assert "bootstrap reset" in caught.value.hint


@pytest.mark.parametrize("name", ["balancer", "kube-system/balancer", str(DEFAULT_MANIFEST_DIR / "balancer.yaml")])
def test_a_workers_balancer_is_the_workers_and_is_never_deleted_this_way(name: str, tmp_path: Path) -> None:
    """It is the worker's way to the API servers."""
    cluster = a_cluster(workers=1)
    fleet = a_living_fleet(cluster, tmp_path)
    add(fleet, cluster)
    assert listed(fleet, cluster)["w1", "balancer"]["owner"] == "worker"
    with pytest.raises(Refused, match="is not removed") as caught:
        delete(fleet, cluster, name, "w1")
    assert caught.value.evidence == (f"w1: {DEFAULT_MANIFEST_DIR}/balancer.yaml is the worker's way to the API servers",)
    assert caught.value.hint == "to take a worker out: bootstrap remove-worker INVENTORY w1"
    mine = WEB.replace("name: web, labels", "name: balancer, namespace: kube-system, labels")
    with pytest.raises(Refused, match="in the way") as refused:
        apply(fleet, cluster, written(tmp_path, mine), "w1", adopt=True)
    assert refused.value.evidence == (f"w1: {DEFAULT_MANIFEST_DIR}/balancer.yaml is this tool's own",)


@pytest.mark.parametrize("name", ["keepalived", str(DEFAULT_MANIFEST_DIR / "keepalived.yaml")])
def test_keepalived_is_the_control_planes_where_there_is_a_virtual_ip(name: str, tmp_path: Path) -> None:
    cluster = a_cluster(vip=VIP)
    fleet = a_living_fleet(cluster, tmp_path)
    assert listed(fleet, cluster)["cp1", "keepalived"]["owner"] == "control plane"
    with pytest.raises(Refused, match="is not removed") as caught:
        delete(fleet, cluster, name, "cp1")
    assert "bootstrap reset INVENTORY cp1" in caught.value.hint


def test_without_a_virtual_ip_keepalived_is_a_pod_like_any_other(fleet: FakeFleet, tmp_path: Path) -> None:
    mine = WEB.replace("name: web, labels", "name: keepalived, namespace: kube-system, labels")
    apply(fleet, CLUSTER, written(tmp_path, mine), "cp1")
    assert listed(fleet, CLUSTER)["cp1", "keepalived"]["owner"] == "applied"
    delete(fleet, CLUSTER, "keepalived", "cp1")


def test_a_stranger_goes_by_its_path_only(fleet: FakeFleet) -> None:
    fleet.host("cp1").put(str(FILE), WEB)
    fleet.advance(5)
    with pytest.raises(Refused) as caught:
        delete(fleet, CLUSTER, "web", "cp1")
    assert f"bootstrap pods delete INVENTORY {FILE} --host cp1" in caught.value.hint
    delete(fleet, CLUSTER, str(FILE), "cp1")
    assert fleet.host("cp1").text(FILE) is None


def test_b3_when_a_second_manifest_of_a_component_goes_the_first_is_read_again(fleet: FakeFleet) -> None:
    """To a kubelet a pod goes with any file that held it."""
    host = fleet.host("cp1")
    stray = DEFAULT_MANIFEST_DIR / "kube-scheduler.yaml.bak"
    host.put(str(stray), host.text(DEFAULT_MANIFEST_DIR / "kube-scheduler.yaml") or "")
    fleet.advance(25)
    before, began = len(fleet.operations), fleet.now
    delete(fleet, CLUSTER, str(stray), "cp1")
    kept = DEFAULT_MANIFEST_DIR / "kube-scheduler.yaml"
    assert touched(fleet, before) == [("cp1", f"remove {stray}"), ("cp1", f"run touch -c {kept}")]
    fleet.advance(3)
    assert fleet.now - began < 20       # before the kubelet's next full list
    assert host.runtime.running("kube-scheduler") is not None


def test_what_somebody_else_put_there_is_not_overwritten_but_adopted_when_told(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.host("cp1").put(str(FILE), WEB)
    fleet.advance(5)
    with pytest.raises(Refused, match="in the way") as caught:
        apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert caught.value.evidence == (f"cp1: {FILE} is there, and was not written by this tool",)
    apply(fleet, CLUSTER, written(tmp_path), "cp1", adopt=True)
    assert listed(fleet, CLUSTER)["cp1", "web"]["owner"] == "applied"


def test_b2_a_second_manifest_of_the_same_pod_is_refused(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.host("cp1").put(str(DEFAULT_MANIFEST_DIR / "old-web.yaml~"), WEB)
    fleet.advance(5)
    with pytest.raises(Refused) as caught:
        apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert caught.value.evidence == (
        f"cp1: {DEFAULT_MANIFEST_DIR}/old-web.yaml~ is a manifest of default/web, too; the kubelet would run one of them",
    )


def test_two_pods_of_one_name_do_not_share_a_file(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    other = WEB.replace("name: web, labels", "name: web, namespace: kube-system, labels")
    with pytest.raises(Refused) as caught:
        apply(fleet, CLUSTER, written(tmp_path, other), "cp1")
    assert caught.value.evidence == (f"cp1: {FILE} is there, and holds default/web",)


def test_b11_a_pod_that_is_not_admitted_is_told_with_the_kubelets_reason(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.host("cp1").kubelet.rejects = {"web": "OutOfcpu"}
    began = fleet.now
    with pytest.raises(PodRefused) as caught:
        apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert caught.value.evidence == (f'{FILE}: OutOfcpu: it does not "fit"',)
    assert fleet.now - began < 20
    row = listed(fleet, CLUSTER)["cp1", "web"]
    assert (row["state"], row["reason"]) == ("refused", 'OutOfcpu: it does not "fit"')
    fleet.host("cp1").kubelet.rejects = {}
    # What was said of the file before is not said of this one.
    apply(fleet, CLUSTER, written(tmp_path, WEB.replace("80", "81")), "cp1")


COMMAND = (
    "RunContainerError: failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: "
    'exec: "web": executable file not found in $PATH: unknown'
)
NOT_FOUND = 'container web: exec: "web": executable file not found in $PATH'
PULL = 'ErrImagePull: failed to pull and unpack image "registry.example/web:1": failed to resolve reference: no such host'
NOT_PULLED = "container web: its image cannot be pulled: failed to resolve reference: no such host"


def failing_apply(fleet: FakeFleet, file: Path, error: str) -> tuple[NotHealthy, Recorder]:
    """How `pods apply` ends on cp1 where its runtime cannot start the container, and what was said meanwhile."""
    fleet.host("cp1").runtime.unstartable = {"web": error}
    TIME.fleet, console = fleet, Recorder()
    request = pods.ApplyRequest(INVENTORY, file, pods.Where(("cp1",)))
    with pytest.raises(NotHealthy) as caught:
        pods.apply(PATIENT, request, lambda _, host: fleet.connect(host), console)
    return caught.value, console


PATIENT = a_cluster(timeouts={"controlPlaneComponentHealthCheck": "4m"})


def test_a_command_that_is_not_in_the_image_ends_the_wait_with_the_kubelets_reason(fleet: FakeFleet, tmp_path: Path) -> None:
    began = fleet.now
    error, console = failing_apply(fleet, written(tmp_path), COMMAND)
    assert 20 < fleet.now - began < 60         # not at once: another pod may bring what is missing
    assert NOT_FOUND in error.evidence[0]
    assert error.evidence[1:] == ()             # said once, and no heading without lines below it
    row = listed(fleet, CLUSTER)["cp1", "web"]
    assert (row["state"], row["reason"]) == ("failing", NOT_FOUND)
    answers = [str(event.detail.get("answer")) for event in console.events if event.kind is Kind.WAITING]
    assert f"default/web: container web does not run; {NOT_FOUND}" in answers


def test_what_was_missing_at_first_may_come(fleet: FakeFleet, tmp_path: Path) -> None:
    runtime = fleet.host("cp1").runtime
    runtime.unstartable = {"web": COMMAND}

    def arrives() -> None:
        if any(container.name == "web" and container.restarts == 1 for container in runtime.containers.values()):
            runtime.unstartable = {}

    fleet.on_tick = arrives
    apply(fleet, PATIENT, written(tmp_path), "cp1")
    assert runtime.running("web") is not None


def test_an_image_that_cannot_be_pulled_is_named_while_it_is_waited_for(fleet: FakeFleet, tmp_path: Path) -> None:
    error, console = failing_apply(fleet, written(tmp_path), PULL)
    assert "waited 270 s in vain" in error.message      # a registry may come back
    answer = f"default/web: no container of it was started yet; {NOT_PULLED}"
    assert error.evidence == (f"last answer: {answer}",)
    row = listed(fleet, CLUSTER)["cp1", "web"]
    assert (row["state"], row["reason"]) == ("not started", NOT_PULLED)
    assert row["mirrorPod"] == "yes"        # it has no log to be known by, but there never was another pod
    at = [event.at for event in console.events if event.kind is Kind.WAITING and event.detail.get("answer") == answer]
    assert at[0] < 15
    assert all(10 < later - earlier < 20 for earlier, later in pairwise(at))
    assert at[-1] > 240


def test_b10_an_upgraded_kubelet_makes_every_pod_anew_and_nothing_is_taken_for_changed(fleet: FakeFleet, tmp_path: Path) -> None:
    host = fleet.host("cp1")
    host.kubelet.version = "v1.35.4"
    host.kubelet.restart(host.now())
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    before = set(host.runtime.containers)
    host.kubelet.version = "v1.36.3"
    host.kubelet.restart(host.now())
    fleet.advance(40)
    assert len(host.runtime.containers) == len(before)
    assert not before & set(host.runtime.containers)
    done = len(fleet.operations)
    plan = plan_of(fleet, CLUSTER, tmp_path)
    assert plan.is_empty, [change for _, _, change in plan.all() if mutates(change)]
    assert "Nothing to do" in apply(fleet, CLUSTER, written(tmp_path), "cp1").text
    assert touched(fleet, done) == []
    assert listed(fleet, CLUSTER)["cp1", "web"]["mirrorPod"] == "yes"


def test_b15_nothing_is_written_while_a_kubelet_starts(fleet: FakeFleet, tmp_path: Path) -> None:
    host = fleet.host("cp1")
    host.files.remove(DEFAULT_MANIFEST_DIR.parent / "kubelet.conf", recursive=False)
    host.kubelet.restart(host.now())
    assert host.kubelet.active_state == "activating"
    before = len(fleet.operations)
    with pytest.raises(Refused) as caught:
        apply(fleet, CLUSTER, written(tmp_path), "cp1", "cp2")
    assert caught.value.evidence == ("cp1: its kubelet does not run (activating)",)
    assert touched(fleet, before) == []


def test_b17_the_clusters_own_version_has_the_last_word_on_fields(fleet: FakeFleet, tmp_path: Path) -> None:
    store = fleet.host("cp1").store()
    assert store is not None
    store.unknown_fields.add("hostnameOverride")
    before = len(fleet.operations)
    with pytest.raises(Refused) as caught:
        apply(fleet, CLUSTER, written(tmp_path, WEB + "  hostnameOverride: a\n"), "cp1")
    assert 'strict decoding error: unknown field "spec.hostnameOverride"' in caught.value.evidence[0]
    assert touched(fleet, before) == []


def test_a_worker_is_reached_and_the_masters_hold_the_locks(tmp_path: Path) -> None:
    cluster = Cluster.model_validate({
        "name": "demo", "kubernetesVersion": "v1.36.3",
        "hosts": [{"name": "cp1", "role": "control-plane", "address": "192.0.2.11"},
                  {"name": "w1", "role": "worker", "address": "192.0.2.21"}],
    })  # fmt: skip
    fleet = a_living_fleet(cluster, tmp_path)
    with pytest.raises(Refused) as caught:
        apply(fleet, cluster, written(tmp_path), role="worker")
    assert caught.value.evidence == ("w1: its kubelet reads no static pods: staticPodPath is not set",)
    with_kubelet(fleet.host("w1"))
    before = len(fleet.operations)
    apply(fleet, cluster, written(tmp_path), role="worker")
    assert touched(fleet, before) == [("w1", f"write {FILE}")]
    assert fleet.host("w1").hold is None
    assert fleet.host("cp1").hold is not None
    row = listed(fleet, cluster)["w1", "web"]
    assert (row["state"], row["owner"], row["mirrorPod"]) == ("running", "applied", "no")     # its kubelet stands alone
    delete(fleet, cluster, "web", "w1")
    assert fleet.host("w1").runtime.running("web") is None


def test_a_list_tells_whose_every_pod_is_also_while_the_api_is_down(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    fleet.host("cp1").put(str(DEFAULT_MANIFEST_DIR / "other.yaml"), WEB.replace("web", "other"))
    fleet.host("cp1").put(str(DEFAULT_MANIFEST_DIR / "notes.txt"), "remember the milk")
    fleet.advance(30)
    found = listed(fleet, CLUSTER)
    owners = {name: row["owner"] for (host, name), row in found.items() if host == "cp1"}
    assert owners == {
        "etcd": "control plane", "kube-apiserver": "control plane", "kube-controller-manager": "control plane",
        "kube-scheduler": "control plane", "web": "applied", "other": "stranger", "": "stranger",
    }  # fmt: skip
    assert {row["state"] for (host, name), row in found.items() if name} == {"running"}
    assert {row["mirrorPod"] for (host, name), row in found.items() if name} == {"yes"}
    assert (found["cp1", ""]["state"], found["cp1", ""]["file"]) == ("refused", str(DEFAULT_MANIFEST_DIR / "notes.txt"))
    for name in ("cp1", "cp2", "cp3"):
        fleet.host(name).crashes["kube-apiserver"] = ["cannot listen"]
    fleet.advance(5)
    found = listed(fleet, CLUSTER, everything=True)
    assert (found["cp1", "web"]["state"], found["cp1", "web"]["mirrorPod"]) == ("running", "?")
    assert found["cp1", "kube-apiserver"]["state"] == "failing"


def test_a_pods_log_is_shown(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert "web started" in run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", "web")).text
    with pytest.raises(UsageError, match="has no log on cp2") as caught:
        run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp2", "web"))
    assert "kube-system/etcd" in caught.value.hint
    with pytest.raises(UsageError, match="has no container 'proxy'") as caught:
        run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", "web", "proxy"))
    assert caught.value.hint == "-c with one of web"


def test_a_container_that_never_ran_has_no_log_and_that_is_said(fleet: FakeFleet, tmp_path: Path) -> None:
    host = fleet.host("cp1")
    host.runtime.unstartable = {"web": COMMAND, "api": PULL.replace("web", "api")}
    host.put(str(FILE), WEB)
    host.put(str(DEFAULT_MANIFEST_DIR / "api.yaml"), WEB.replace("web", "api"))
    fleet.advance(5)
    for name, reason in (("web", NOT_FOUND), ("default/api", NOT_PULLED.replace("web", "api"))):
        with pytest.raises(Refused, match=f"{name} was not started on cp1: it has no log") as caught:
            run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", name))
        assert caught.value.evidence == (reason,)
        assert caught.value.hint == "bootstrap pods list INVENTORY"


def test_a_container_that_wrote_nothing_is_no_empty_line(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    container = fleet.host("cp1").runtime.running("web")
    assert container is not None
    container.log.clear()
    told = run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", "web"))
    assert told.text.strip() == "container web of web has written nothing: bootstrap pods list demo.yaml"


def test_what_was_mended_is_no_reason_any_more(fleet: FakeFleet, tmp_path: Path) -> None:
    """The kubelet says nothing of a try that goes well: its old complaint is the last thing in its journal."""
    host = fleet.host("cp1")
    host.runtime.unstartable = {"web": COMMAND}
    host.put(str(FILE), WEB)
    fleet.advance(5)
    assert listed(fleet, CLUSTER)["cp1", "web"]["reason"] == NOT_FOUND
    host.runtime.unstartable = {}
    fleet.advance(15)
    host.crashes["web"] = ["panic: no such port"]
    fleet.advance(2)
    row = listed(fleet, CLUSTER)["cp1", "web"]
    assert (row["state"], row["reason"]) == ("failing", "")
    assert "panic" in run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", "web")).text


def test_a_wait_that_fails_for_another_reason_does_not_name_the_mended_one(fleet: FakeFleet, tmp_path: Path) -> None:
    host = fleet.host("cp1")
    host.runtime.unstartable = {"web": COMMAND}

    def arrives() -> None:
        if any(container.name == "web" and container.restarts == 1 for container in host.runtime.containers.values()):
            host.runtime.unstartable = {}
        if host.runtime.running("web") is not None:
            host.crashes["web"] = ["panic: no such port"]

    fleet.on_tick = arrives
    with pytest.raises(NotHealthy) as caught:
        apply(fleet, PATIENT, written(tmp_path), "cp1")
    said = "\n".join(caught.value.evidence)
    assert caught.value.evidence[0].startswith("last answer: default/web: container web does not run, started")
    assert "panic: no such port" in said
    assert "the kubelet on cp1 says" not in said
    assert NOT_FOUND not in caught.value.evidence[0]
    assert "last of what the kubelet on cp1 said of it:" in said


def test_what_was_said_of_the_manifest_before_is_no_reason(fleet: FakeFleet) -> None:
    """The tag was wrong; the right image takes its time to come."""
    host = fleet.host("cp1")
    host.runtime.unstartable = {"web": PULL}
    host.put(str(FILE), WEB)
    fleet.advance(5)
    with pytest.raises(Refused, match="web was not started on cp1"):
        run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", "web"))
    host.kubelet.frozen = True
    host.put(str(FILE), WEB.replace("web:1", "web:2"))
    with pytest.raises(UsageError, match="has no log on cp1"):
        run(fleet, logs.show_pod, CLUSTER, INVENTORY, logs.PodLogRequest("cp1", "web"))


def test_a_pod_that_may_end_and_whose_next_image_cannot_be_pulled_has_not_ended(fleet: FakeFleet) -> None:
    once = WEB + "  restartPolicy: Never\n"
    host = fleet.host("cp1")
    host.put(str(FILE), once)
    fleet.advance(5)
    container = host.runtime.running("web")
    assert container is not None
    host.runtime.end(container, [], host.now())
    host.runtime.unstartable = {"web": PULL}
    host.put(str(FILE), once.replace("web:1", "web:2"))
    fleet.advance(5)
    row = listed(fleet, CLUSTER)["cp1", "web"]
    assert (row["state"], row["reason"]) == ("not started", NOT_PULLED)


def test_b13_a_reference_to_an_api_object_never_reaches_a_host(fleet: FakeFleet, tmp_path: Path) -> None:
    before = len(fleet.operations)
    with pytest.raises(InventoryError) as caught:
        apply(fleet, CLUSTER, written(tmp_path, WEB + "  serviceAccountName: web\n"), "cp1")
    assert caught.value.exit_code is ExitCode.USAGE
    assert touched(fleet, before) == []


# --- spec.staticPods ---


def with_pods(home: Path, text: str = WEB, **where: Any) -> Cluster:
    return a_cluster(timeouts=SOON, staticPods=[{"file": str(written(home, text)), **(where or {"roles": ["control-plane"]})}])


def test_init_brings_the_inventorys_pods_up_and_verify_knows_them(tmp_path: Path) -> None:
    cluster = with_pods(tmp_path, hosts=["cp2"])
    fleet = a_living_fleet(cluster, tmp_path)
    assert [name for name in fleet.hosts if fleet.host(name).runtime.running("web")] == ["cp2"]
    assert listed(fleet, cluster)["cp2", "web"]["owner"] == "inventory"
    assert plan_of(fleet, cluster, tmp_path).is_empty
    run(fleet, queries.verify, cluster, INVENTORY)


def differences(fleet: FakeFleet, cluster: Cluster) -> list[tuple[str, str]]:
    TIME.fleet = fleet
    console = Recorder()
    queries.verify(cluster, INVENTORY, lambda _, host: fleet.connect(host), console)
    return [(one["host"], one["what"]) for one in console.results[-1]["differences"]]


def test_render_writes_them_where_they_belong(tmp_path: Path) -> None:
    cluster = with_pods(tmp_path, hosts=["cp2"])
    rendering.render(cluster, tmp_path / "out", False, Recorder())
    assert [path.parts[-5] for path in (tmp_path / "out").glob("*/etc/kubernetes/manifests/web.yaml")] == ["cp2"]
    content = (tmp_path / "out" / "cp2" / FILE.relative_to("/")).read_bytes()
    assert userpods.origin(content) == userpods.FROM_INVENTORY


def test_init_adds_a_pod_to_a_living_cluster_but_changes_none(fleet: FakeFleet, tmp_path: Path) -> None:
    cluster = with_pods(tmp_path)
    before = len(fleet.operations)
    assert differences(fleet, cluster) == [(name, f"file {FILE}") for name in ("cp1", "cp2", "cp3")]
    init(fleet, cluster, tmp_path)
    assert sorted(touched(fleet, before)) == [(name, f"write {FILE}") for name in ("cp1", "cp2", "cp3")]
    changed = with_pods(tmp_path, WEB.replace("80", "81"))
    with pytest.raises(Refused, match="init only makes those that are missing") as caught:
        init(fleet, changed, tmp_path)
    assert caught.value.hint == "bootstrap pods apply INVENTORY"
    apply(fleet, changed, None)
    assert differences(fleet, changed) == []
    assert plan_of(fleet, changed, tmp_path).is_empty


def test_a_pod_of_the_inventory_is_changed_and_deleted_through_it(fleet: FakeFleet, tmp_path: Path) -> None:
    cluster = with_pods(tmp_path)
    init(fleet, cluster, tmp_path)
    with pytest.raises(UsageError, match=r"is in spec\.staticPods of demo\.yaml, for cp1"):
        apply(fleet, cluster, written(tmp_path, WEB, "same.yaml"), "cp1")
    with pytest.raises(Refused) as caught:
        delete(fleet, cluster, "web", "cp1")
    assert caught.value.hint == "take it out of spec.staticPods of INVENTORY, then run this again"
    assert differences(fleet, CLUSTER) == [(name, f"static pod {FILE}") for name in ("cp1", "cp2", "cp3")]
    delete(fleet, CLUSTER, "web", "cp1", "cp2", "cp3")
    assert differences(fleet, CLUSTER) == []


def test_verify_knows_an_applied_pod_and_sees_one_of_the_inventory_that_fails(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    assert differences(fleet, CLUSTER) == []
    cluster = with_pods(tmp_path, WEB.replace("web", "api"))
    init(fleet, cluster, tmp_path)
    fleet.host("cp2").crashes["api"] = ["no"]
    fleet.advance(2)
    assert differences(fleet, cluster) == [("cp2", "static pod default/api")]


def test_reset_takes_our_pods_and_leaves_a_strangers_manifest(fleet: FakeFleet, tmp_path: Path) -> None:
    apply(fleet, CLUSTER, written(tmp_path), "cp1")
    other = DEFAULT_MANIFEST_DIR / "other.yaml"
    fleet.host("cp1").put(str(other), WEB.replace("web", "other"))
    reset(fleet, CLUSTER)
    assert fleet.host("cp1").text(FILE) is None
    assert fleet.host("cp1").text(other) is not None

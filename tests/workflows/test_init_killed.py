"""init killed, cut off, or unheard at every single thing it does: the same command again ends in the same state.

Slow (see CHUNKS for how it spreads over processes): each of some hundred states is gone on from to the end.
"""

from __future__ import annotations

import contextlib
import copy
import re
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.errors import HostUnreachable
from bootstrap.testing import FakeFleet, FakeHost, Killed
from tests.workflows.support import a_cluster, init, plan_of, states_within_writes

CHUNKS = 4
PAUSES_S = (0.0, 25.0)
"""How long the hosts are left alone between the kill and the next run."""
DROP_IN = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
STANDALONE = "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --config=/etc/kubelet.yaml\n"
SHARED = {
    "certs": ("/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/sa.key"),
    "control-plane/config": ("/etc/kubernetes/kube-apiserver/encryption-",),
}
"""How paths begin of what must be the same on all masters, by the phase that writes it."""
DIFFERENT_EACH_TIME = (
    (re.compile(r"kubelet-client-[0-9-]+\.pem"), "client.pem"),
    (re.compile(r"/encryption-[0-9a-f]{12}\.yaml"), "/encryption.yaml"),
)

Tree = dict[str, tuple[str, int, str]]
End = tuple[dict[str, Tree], list[str], set[str], dict[str, dict[str, object]]]


def end_state(fleet: FakeFleet) -> End:
    """Paths with kinds, modes and owners, members, names of API objects, what runs; no date or digest of a key in names."""
    trees = {name: {the_same(path): it for path, it in fleet.tree(name).items()} for name in fleet.hosts}
    return trees, [member.name for member in fleet.members()], set(fleet.objects()), {n: runs(h) for n, h in fleet.hosts.items()}


def the_same(path: str) -> str:
    for pattern, name in DIFFERENT_EACH_TIME:
        path = pattern.sub(name, path)
    return path


def runs(host: FakeHost) -> dict[str, object]:
    """What runs on a host: the kubelet with its flags and as it is configured, each component as its manifest says."""
    kubelet = host.kubelet
    assert kubelet.process is not None
    config = host.files.nodes[PurePosixPath("/var/lib/kubelet/config.yaml")]
    processes = {process.component: process.digest for process in host.runtime.processes()}
    manifests, _ = kubelet.manifest_directory()
    return {
        "enabled": kubelet.enabled,
        "kubelet": kubelet.process.argv,
        "kubelet is as configured": kubelet.process.start_time >= config.mtime,
        **{name: digest in (host.text(f"{manifests}/{name}.yaml") or "") for name, digest in processes.items()},
    }


@pytest.fixture(scope="module")
def cluster():
    return a_cluster()


def authorities(fleet: FakeFleet) -> dict[str, set[str | None]]:
    """What the hosts have of the keys that must be the same everywhere, for ever."""
    names = ("ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key")
    return {name: {host.text(f"/etc/kubernetes/pki/{name}") for host in fleet.hosts.values()} - {None} for name in names}


def differences(found: End, wanted: End) -> list[object]:
    """What is not as it should be, small enough to be read."""
    trees = [
        (host, path, found[0][host].get(path), wanted[0][host].get(path))
        for host in wanted[0]
        for path in sorted({*found[0][host], *wanted[0][host]})
        if found[0][host].get(path) != wanted[0][host].get(path)
    ]
    return [*trees, *((one, other) for one, other in zip(found[1:], wanted[1:], strict=True) if one != other)]


def finished(fleet: FakeFleet, cluster, home: Path) -> End:
    """The end state of the same command, after which nothing is left to do and no authority is another one than before."""
    before = authorities(fleet)
    init(fleet, cluster, home)
    plan = plan_of(fleet, cluster, home)
    assert plan.is_empty, [change for _, _, change in plan.all()]
    for name, keys in authorities(fleet).items():
        assert len(keys) == 1, f"{len(keys)} different {name}"
        assert before[name] <= keys, f"another {name} than before"
    return end_state(fleet)


@pytest.mark.exhaustive
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_killed_before_any_operation_the_same_command_finishes(chunk: int, cluster, tmp_path: Path) -> None:
    """A state is what a kill leaves behind: a copy of all hosts right before an operation, and what the operator's disk had."""
    fleet = FakeFleet.of(cluster)
    states: list[tuple[int, FakeFleet, bytes | None]] = []
    kubeconfig = tmp_path / "demo.kubeconfig"

    def photograph() -> None:
        if fleet.count() % CHUNKS == chunk:
            states.append((fleet.count(), copy.deepcopy(fleet), kubeconfig.read_bytes() if kubeconfig.exists() else None))

    fleet.before_each = photograph
    wanted = finished(fleet, cluster, tmp_path)
    assert len(states) >= fleet.count() // CHUNKS > 10
    failed = {}
    for number, state, local in states:
        kubeconfig.unlink(missing_ok=True)
        if local is not None:
            kubeconfig.write_bytes(local)
        state.advance(PAUSES_S[number // CHUNKS % len(PAUSES_S)])
        try:
            found = finished(state, cluster, tmp_path)
            assert differences(found, wanted) == []
        except Exception as error:  # every state is tried before the test fails
            failed[f"{number} ({fleet.operations[number].host} {fleet.operations[number].what})"] = error
    assert not failed


@pytest.mark.exhaustive
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_host_that_died_in_the_middle_of_a_write_is_finished(chunk: int, tmp_path: Path) -> None:
    """Every state between two things that a write does: half a temporary, one without its owner, some renamed and some not."""
    cluster = a_cluster("cp1")
    fleet = FakeFleet.of(cluster)
    states = states_within_writes(fleet)
    wanted = finished(fleet, cluster, tmp_path)
    assert len(states) > 2 * fleet.count()
    failed = {}
    for what, state in states[chunk::CHUNKS]:
        (tmp_path / "demo.kubeconfig").unlink(missing_ok=True)
        try:
            assert differences(finished(state, cluster, tmp_path), wanted) == []
        except Exception as error:
            failed[what] = error
    assert not failed


def shared_files(host: FakeHost, phase: str) -> dict[str, str | None]:
    """What a host has of SHARED, under whatever name it is being written, with its content."""
    paths = [str(path) for path in host.files.nodes]
    return {path: host.text(path) for path in paths if path.replace("/.", "/").startswith(SHARED[phase])}


def states_within_shared_files(cluster, phase: str, home: Path) -> list[tuple[str, FakeFleet]]:
    """cp2 after each thing that was done to a file of SHARED, while cp1 and cp3 have it whole."""
    fleet = FakeFleet.of(cluster)
    if phase != "certs":
        init(fleet, cluster, home, only=("certs", "kubeconfig"))
    fleet.cut("cp2", 1)
    with pytest.raises(HostUnreachable):
        init(fleet, cluster, home, only=(phase,))
    assert not shared_files(fleet.host("cp2"), phase)
    states = states_within_writes(fleet)
    init(fleet, cluster, home, only=(phase,))
    different: dict[str, tuple[str, FakeFleet]] = {}
    for what, state in states:
        if there := shared_files(state.host("cp2"), phase):
            different.setdefault(repr(there), (what, state))
    assert len(different) >= 3 * len(SHARED[phase]) - 1     # half, whole, renamed; after the last of it nothing may come
    return list(different.values())


@pytest.mark.exhaustive
@pytest.mark.parametrize("phase", SHARED)
def test_a_master_that_died_in_the_middle_of_a_shared_file_gets_what_the_others_have(phase: str, cluster, tmp_path: Path) -> None:
    wanted = finished(FakeFleet.of(cluster), cluster, tmp_path)
    for what, state in states_within_shared_files(cluster, phase, tmp_path):
        whole = shared_files(state.host("cp1"), phase)
        assert len(whole) == len(SHARED[phase])
        assert shared_files(state.host("cp3"), phase) == whole
        (tmp_path / "demo.kubeconfig").unlink(missing_ok=True)
        assert differences(finished(state, cluster, tmp_path), wanted) == [], what
        assert [shared_files(host, phase) for host in state.hosts.values()] == [whole] * 3, what


@pytest.mark.exhaustive
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_was_done_unheard_the_same_command_finishes(chunk: int, cluster, tmp_path: Path) -> None:
    """Each call of a run in turn is done on its host, and the connection is gone before its answer comes."""
    fleet = FakeFleet.of(cluster)
    wanted = finished(fleet, cluster, tmp_path)
    calls = fleet.calls[chunk::CHUNKS]
    assert len(calls) > 10
    failed = {}
    for call in calls:
        fleet = FakeFleet.of(cluster)
        fleet.cut(call.host, call.last, after=True)
        (tmp_path / "demo.kubeconfig").unlink(missing_ok=True)
        try:
            with contextlib.suppress(HostUnreachable):
                init(fleet, cluster, tmp_path)
            assert any(connection.broken for connection in fleet.connections)
            assert differences(finished(fleet, cluster, tmp_path), wanted) == []
        except Exception as error:
            failed[str(call)] = error
    assert not failed


def taken_over(cluster, home: Path) -> tuple[End, list[tuple[str, FakeFleet]]]:
    """The end state, and the states around each thing done to kubelets that ran already, alone, with a directory of their own."""
    fleet = FakeFleet.of(cluster)
    for host in fleet.hosts.values():
        host.put("/etc/kubelet.yaml", "kind: KubeletConfiguration\nstaticPodPath: /etc/kubelet.d\n")
        host.put(DROP_IN, STANDALONE)
        host.kubelet.daemon_reload()
        host.kubelet.enabled = True
        host.kubelet.start(host.now())
    fleet.advance(30)
    states: list[FakeFleet] = []
    fleet.before_each = lambda: states.append(copy.deepcopy(fleet))
    wanted = finished(fleet, cluster, home)
    ours = ("/var/lib/kubelet/config.yaml", DROP_IN, "systemctl")
    risky = [number for number, operation in enumerate(fleet.operations) if any(one in operation.what for one in ours)]
    assert len(risky) >= 4 * len(fleet.hosts)
    return wanted, [(str(fleet.operations[number]), states[number]) for number in (*risky, risky[-1] + 1)]


@pytest.mark.exhaustive
def test_killed_while_a_kubelet_is_taken_over_the_same_command_finishes(cluster, tmp_path: Path) -> None:
    """Among them: a drop-in that systemd knows by name and has not read again, a kubelet that runs with what it read before."""
    wanted, states = taken_over(cluster, tmp_path)
    for what, state in states:
        assert differences(finished(state, cluster, tmp_path), wanted) == [], what
        for host in state.hosts.values():
            assert host.kubelet.process is not None
            assert "--kubeconfig=/etc/kubernetes/kubelet.conf" in host.kubelet.process.argv


@pytest.mark.exhaustive
@pytest.mark.parametrize("n", [1, 2, 30, 75, 110, 120, 125, 140, 165])
def test_really_killed_the_same_command_finishes(n: int, cluster, tmp_path: Path) -> None:
    fleet = FakeFleet.of(cluster)
    fleet.kill_before(n)
    with pytest.raises(Killed):
        init(fleet, cluster, tmp_path)
    assert fleet.count() == n - 1
    fleet.advance(30)
    finished(fleet, cluster, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("n", [1, 20, 40, 43, 45])
@pytest.mark.parametrize("after", [False, True], ids=["before", "unheard"])
def test_cut_off_the_same_command_finishes(n: int, after: bool, cluster, tmp_path: Path) -> None:
    fleet = FakeFleet.of(cluster)
    fleet.cut("cp2", n, after=after)
    with pytest.raises(HostUnreachable) as caught:
        init(fleet, cluster, tmp_path)
    assert caught.value.host == "cp2"
    finished(fleet, cluster, tmp_path)

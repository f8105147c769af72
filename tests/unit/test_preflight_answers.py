"""Preflight's checks of what hosts answered: ports, round trips, disks, images, the control plane endpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bootstrap.cluster import Arg, Etcd, Host, LocalEtcd, Role
from bootstrap.connection import Outcome, Reach
from bootstrap.facts import CgroupFacts, Facts, Listener, RuntimeFacts
from bootstrap.pki import CERTIFICATES
from bootstrap.pki.issue import issue
from bootstrap.preflight import Answers, check, report, summary
from bootstrap.preflight.answers import HostAnswers, WriteTimes, fsync_times, parse, seconds, write_times
from bootstrap.preflight.kernel import OPTIONS
from bootstrap.preflight.storage import normal, registry, wanted_images
from bootstrap.userpods import UserPod
from tests.unit.pki_samples import NOW
from tests.unit.test_preflight import AUTHORITIES, CGROUP_OK, NAMES, OTHERS, V1, cluster, finished, fresh

PORTS = (2379, 2380, 6443, 10250)
LB = {"control_plane_endpoint": "lb.example:6443"}


def answers(
    reach: Mapping[tuple[str, str, int], Outcome] | None = None,
    hosts: Mapping[str, HostAnswers] | None = None,
    **others: Any,
) -> Answers:
    """A healthy network where nothing listens yet, fast disks, all images, but for what is given."""
    found = {key: Reach(Outcome.REFUSED, 0.002) for key in product(NAMES, NAMES, PORTS)}
    found |= {key: Reach(outcome, 0.002) for key, outcome in (reach or {}).items()}
    good = HostAnswers(images={"a": True}, writes=WriteTimes(0.002, 100, "/var/lib"))
    return Answers(True, {name: (hosts or {}).get(name, good) for name in NAMES}, found, **others)


def findings(said: Answers, base: Mapping[str, Facts] | None = None, **changes: Any) -> list[tuple[str, str, str | None]]:
    facts = base or {name: fresh(name) for name in NAMES}
    return [(found.name, str(found.severity), found.host) for found in check(cluster(**changes), facts, NOW, said)]


def of_cp1(**fields: Any) -> Answers:
    good = HostAnswers(images={"a": True}, writes=WriteTimes(0.002, 100, "/var/lib"))
    return answers(hosts={"cp1": replace(good, **fields)})


# --- ports ---


def test_a_healthy_network_is_fine() -> None:
    assert findings(answers()) == []


def test_nothing_asked_nothing_found() -> None:
    assert findings(Answers()) == []


@pytest.mark.parametrize(
    ("port", "outcome", "severity"),
    [
        (2380, Outcome.FILTERED, "error"), (6443, Outcome.FILTERED, "error"), (10250, Outcome.FILTERED, "error"),
        (2379, Outcome.FILTERED, "warning"), (2380, Outcome.UNREACHABLE, "error"),
    ],
)  # fmt: skip
def test_a_port_that_is_not_reached(port: int, outcome: Outcome, severity: str) -> None:
    assert findings(answers({("cp1", "cp2", port): outcome})) == [(f"Reach-{port}", severity, "cp2")]


def test_a_port_that_is_not_reached_says_from_where() -> None:
    (found,) = check(cluster(), {name: fresh(name) for name in NAMES}, NOW,
                     answers({("cp1", "cp2", 2380): Outcome.FILTERED, ("cp3", "cp2", 2380): Outcome.FILTERED}))  # fmt: skip
    assert found.message == (
        "port 2380 of etcd does not answer cp1, cp3: something drops what goes to 192.0.2.12:2380"
    )


def test_a_host_that_is_not_reached_on_any_port_is_one_finding() -> None:
    lost = dict.fromkeys(product(("cp1", "cp3"), ("cp2",), PORTS), Outcome.UNREACHABLE) | {("cp3", "cp2", 2379): Outcome.FILTERED}
    (found,) = check(cluster(), {name: fresh(name) for name in NAMES}, NOW, answers(lost))
    assert (found.name, found.host, found.message) == ("Reach", "cp2", "cp1, cp3 cannot reach 192.0.2.12 on any port")


def test_etcd_unreachable_for_its_own_api_server_is_an_error() -> None:
    assert findings(answers({("cp2", "cp2", 2379): Outcome.FILTERED})) == [("Reach-2379", "error", "cp2")]


def test_a_host_that_could_not_be_read_is_a_target_all_the_same() -> None:
    said = answers({("cp1", "cp3", 2380): Outcome.FILTERED})
    base = {name: fresh(name) for name in ("cp1", "cp2")}
    assert findings(said, base) == [("Reach-2380", "error", "cp3")]


def test_a_port_that_refuses_although_somebody_listens() -> None:
    base = {name: finished(name) for name in NAMES}
    open_ports = dict.fromkeys(product(NAMES, NAMES, PORTS), Outcome.OPEN)
    assert findings(answers(open_ports), base) == []
    assert findings(answers({**open_ports, ("cp1", "cp2", 6443): Outcome.REFUSED}), base) == [("Reach-6443", "warning", "cp2")]


def test_a_port_that_refuses_because_its_process_listens_elsewhere() -> None:
    base = {name: fresh(name) for name in NAMES}
    base["cp2"] = replace(base["cp2"], listeners=(Listener("127.0.0.1", 10250, 8, "kubelet"),))
    assert findings(answers(), base) == []


def test_an_sshd_that_forwards_nothing() -> None:
    said = answers({("cp2", target, port): Outcome.FORBIDDEN for target in NAMES for port in PORTS})
    assert findings(said) == [("SSHForwarding", "error", "cp2")]


def test_an_sshd_that_forwards_to_some_ports() -> None:
    (found,) = check(cluster(), {name: fresh(name) for name in NAMES}, NOW, answers({("cp2", "cp2", 2379): Outcome.FORBIDDEN}))
    assert (found.name, found.host, found.message) == (
        "SSHForwarding", "cp2", "its sshd forwards, but not to its own ports 2379",
    )  # fmt: skip


def test_an_sshd_that_forwards_to_itself_only() -> None:
    said = answers({("cp2", target, port): Outcome.FORBIDDEN for target in ("cp1", "cp3") for port in PORTS})
    assert findings(said) == [("SSHForwarding", "unknown", "cp2")]


# --- round trips ---


@pytest.mark.parametrize(("trip_s", "expected"), [(0.049, []), (0.051, ["warning"]), (0.499, ["warning"]), (0.51, ["error"])])
def test_round_trips(trip_s: float, expected: list[str]) -> None:
    trips = {("cp1", "cp2"): trip_s, ("cp2", "cp1"): trip_s, ("cp1", "cp3"): 0.001}
    assert [severity for _, severity, _ in findings(answers(round_trips=trips))] == expected


def test_a_round_trip_that_was_measured_from_one_end() -> None:
    assert findings(answers(round_trips={("cp3", "cp1"): 0.2})) == [("RoundTrip", "warning", None)]


def test_round_trips_against_the_election_timeout_that_is_set() -> None:
    etcd = Etcd(local=LocalEtcd(extra_args=(Arg(name="election-timeout", value="5000"),)))
    assert findings(answers(round_trips={("cp1", "cp2"): 0.2}), etcd=etcd) == []


# --- disks ---


@pytest.mark.parametrize(
    ("median_s", "p99_s", "expected"),
    [
        (0.002, 0.0099, []), (0.002, 0.011, ["warning"]), (0.002, 2.0, ["warning"]), (0.09, 0.2, ["warning"]),
        (0.11, 0.2, ["error"]),
    ],
)
def test_a15_disks(median_s: float, p99_s: float, expected: list[str]) -> None:
    writes = WriteTimes(p99_s, 100, "/var/lib", median_s, p99_s)
    assert [severity for _, severity, _ in findings(of_cp1(writes=writes))] == expected


def test_an_etcd_that_runs_on_a_slow_disk_keeps_nothing_from_working() -> None:
    assert findings(of_cp1(writes=WriteTimes(0.9, 1000))) == [("EtcdDisk", "warning", "cp1")]


def test_few_writes_say_nothing() -> None:
    assert findings(of_cp1(writes=WriteTimes(9.0, 19))) == []


def test_a_disk_that_could_not_be_measured() -> None:
    assert findings(of_cp1(writes=None, writes_problem="dd: unknown operand")) == [("EtcdDisk", "unknown", "cp1")]


def test_what_is_told_of_a_disk() -> None:
    said = of_cp1(writes=write_times([0.001] * 98 + [0.020, 0.5], "/var/lib"))
    (found,) = check(cluster(), {name: fresh(name) for name in NAMES}, NOW, said)
    assert found.message == (
        "synchronous writes to /var/lib took 20.0 ms (p99 of 100; median 1.0 ms, slowest 500.0 ms); etcd wants 10 ms at most"
    )


def test_p99_is_the_nearest_rank() -> None:
    times = write_times([n / 1000 for n in range(1, 101)], "/x")
    assert times == WriteTimes(0.099, 100, "/x", 0.050, 0.100)
    assert write_times([0.003, 0.001], "/x") == WriteTimes(0.003, 2, "/x", 0.001, 0.003)
    assert write_times([], "/x") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0083878 s, 274 kB/s", 0.0083878), ("5.12e-05 s, 44.9 MB/s", 5.12e-05), ("1.5 s, 1 kB/s", 1.5), ("2 s, 1 kB/s", 2.0),
        ("0.0 s, 4.1 MB/s", None), ("0.01 s, 1 kB/s", None), ("", None), ("nan s", None), ("0.000512 seconds, 4.3MB/s", 0.000512),
    ],
)  # fmt: skip
def test_what_dd_says(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


HISTOGRAM = """# TYPE etcd_disk_wal_fsync_duration_seconds histogram
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 50
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 90
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.004"} 100
etcd_disk_wal_fsync_duration_seconds_bucket{le="8.192"} 100
etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 100
etcd_disk_wal_fsync_duration_seconds_sum 0.1
"""


def test_an_etcds_own_figures() -> None:
    found = fsync_times(HISTOGRAM)
    assert found is not None
    assert (found.count, found.where) == (100, "")
    assert math.isclose(found.p99_s, 0.0038)


def test_figures_beyond_the_last_bucket() -> None:
    found = fsync_times(HISTOGRAM.replace('"+Inf"} 100', '"+Inf"} 200'))
    assert found == WriteTimes(8.192, 200)


@pytest.mark.parametrize(
    "text",
    ["", "x", HISTOGRAM.replace('"0.002"', '"1.2.3"'), HISTOGRAM.replace('"+Inf"', '"9"'), HISTOGRAM.replace("} 100", "} 0")],
)
def test_metrics_that_say_nothing(text: str) -> None:
    assert fsync_times(text) is None


# --- what the script wrote ---


def test_the_scripts_output() -> None:
    text = (
        "address lb.example 192.0.2.9\naddress lb.example 2001:db8::9\nunresolved registry.example\nimages listed\n"
        "missing b\ndirect yes\ndisk /var/lib\nwrite 0.001000 s, 1 MB/s\nwrite 0.002000 s, 1 MB/s\n"
        "kernel-option INET\nkernel-option MEMCG\nkernel-config /proc/config.gz\n"
    )
    assert parse(text, ("a", "b")) == HostAnswers(
        images={"a": True, "b": False}, direct=True,
        addresses={"registry.example": (), "lb.example": ("192.0.2.9", "2001:db8::9")},
        writes=WriteTimes(0.002, 2, "/var/lib", 0.001, 0.002),
        kernel_config="/proc/config.gz", kernel_options=frozenset({"INET", "MEMCG"}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("disk /x\ndisk-failed dd: no space left\n", "dd: no space left"),
        ("disk /x\nwrite 0.0 s, 4 MB/s\n", "its dd does not say how long a write took"),
        ("disk /x\n", "nothing was written"),
        ("disk /x\nwrite 0.001000 s, 1 MB/s\ndisk-failed dd: No space left\n", "dd: No space left"),
    ],
)
def test_output_of_a_disk_that_cannot_be_measured(text: str, problem: str) -> None:
    found = parse(text, ())
    assert (found.writes, found.writes_problem) == (None, problem)


@pytest.mark.parametrize("text", ["", "\0\xff", "address lb.example ../../etc\nwrite x\nmissing\n", "image" * 1000])
def test_output_that_is_nonsense(text: str) -> None:
    assert parse(text, ("a",)) == HostAnswers()


# --- images ---


def missing(direct: bool, found: Reach | None, addresses: dict[str, tuple[str, ...]] | None = None) -> Answers:
    registries = {} if found is None else {"registry.k8s.io": found}
    return of_cp1(images={"registry.k8s.io/etcd:3.6.8-0": False}, direct=direct, registries=registries, addresses=addresses or {})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (missing(True, Reach(Outcome.OPEN)), []),
        (missing(True, Reach(Outcome.FILTERED)), ["error"]),
        (missing(False, Reach(Outcome.FILTERED)), ["warning"]),
        (missing(True, None, {"registry.k8s.io": ()}), ["error"]),
        (missing(False, None, {"registry.k8s.io": ()}), ["warning"]),
        (missing(True, Reach(Outcome.FORBIDDEN)), []),
        (missing(True, None), []),
        (of_cp1(images={}, images_problem="neither ctr nor crictl was found"), ["unknown"]),
    ],
)
def test_images(said: Answers, expected: list[str]) -> None:
    assert findings(said) == [("Images", severity, "cp1") for severity in expected]


def test_a_runtime_that_lists_no_images_and_whose_service_failed() -> None:
    base = {name: fresh(name) for name in NAMES}
    stopped = replace(base["cp1"].services["kubelet.service"], name="containerd.service", active_state="failed")
    base["cp1"] = replace(base["cp1"], services={**base["cp1"].services, "containerd.service": stopped})
    assert findings(of_cp1(images={}, images_problem="ctr: connection refused"), base) == [
        ("CRI", "error", "cp1"), ("Images", "unknown", "cp1"),
    ]  # fmt: skip
    assert findings(answers(), base) == []


@pytest.mark.parametrize(
    ("image", "full", "place"),
    [
        ("registry.k8s.io/etcd:3.6.8-0", "registry.k8s.io/etcd:3.6.8-0", ("registry.k8s.io", 443)),
        ("reg.local:5000/k8s/etcd", "reg.local:5000/k8s/etcd:latest", ("reg.local", 5000)),
        ("mine/etcd:1", "docker.io/mine/etcd:1", ("registry-1.docker.io", 443)),
        ("nginx", "docker.io/library/nginx:latest", ("registry-1.docker.io", 443)),
        ("localhost/x:1", "localhost/x:1", ("localhost", 443)),
        ("r.io/x@sha256:00", "r.io/x@sha256:00", ("r.io", 443)),
    ],
)
def test_names_of_images(image: str, full: str, place: tuple[str, int]) -> None:
    assert (normal(image), registry(normal(image))) == (full, place)


def sandbox(image: str, name: str = "containerd") -> Facts:
    return replace(fresh("cp1"), runtime=RuntimeFacts(name, "2.1.0", "/x", True, "systemd", image))


def test_the_images_of_a_master() -> None:
    assert sorted(wanted_images(cluster(), sandbox("registry.k8s.io/pause:3.9"))) == [
        "registry.k8s.io/coredns/coredns:v1.14.2", "registry.k8s.io/etcd:3.6.8-0", "registry.k8s.io/kube-apiserver:v1.36.3",
        "registry.k8s.io/kube-controller-manager:v1.36.3", "registry.k8s.io/kube-proxy:v1.36.3",
        "registry.k8s.io/kube-scheduler:v1.36.3", "registry.k8s.io/pause:3.9",
    ]  # fmt: skip


def test_the_images_of_a_worker() -> None:
    hosts = (*cluster().hosts, Host(name="w1", role=Role.WORKER, address="192.0.2.21"))
    assert sorted(wanted_images(cluster(hosts=hosts), fresh("w1"))) == [
        "docker.io/library/haproxy:3.2", "registry.k8s.io/kube-proxy:v1.36.3",
    ]  # fmt: skip


@pytest.mark.parametrize("addons", [("kube-proxy",), ()])
def test_add_ons_that_are_off_need_no_image(addons: tuple[str, ...]) -> None:
    names = {name for name in wanted_images(cluster(addons=addons), fresh("cp1")).values() if name in ("coredns", "kube-proxy")}
    assert names == set(addons)


def test_the_images_of_the_users_own_static_pods() -> None:
    spec = {
        "initContainers": [{"name": "first", "image": "busybox"}],
        "containers": [{"name": "a", "image": "registry.example/web:1"}, {"name": "b", "image": "registry.k8s.io/etcd:3.6.8-0"}],
        "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "image": {"reference": "registry.example/files:2"}}],
    }  # fmt: skip
    pod = UserPod("default", "web", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})
    without, wanted = wanted_images(cluster(), fresh("cp1")), wanted_images(cluster(), fresh("cp1"), [pod])
    assert {image: use for image, use in wanted.items() if without.get(image) != use} == dict.fromkeys(
        ("docker.io/library/busybox:latest", "registry.example/web:1", "registry.example/files:2"), "default/web"
    )


@pytest.mark.parametrize(
    ("facts", "changes", "expected"),
    [
        (sandbox("registry.k8s.io/pause:3.9"), {}, True),
        (sandbox("registry.k8s.io/pause:3.10.2"), {}, False),
        (sandbox("registry.k8s.io/pause:3.10.2"), {"image_repository": "mirror.example/k8s"}, True),
        (sandbox("mirror.example/k8s/pause:3.10.2"), {"image_repository": "mirror.example/k8s"}, False),
        (sandbox("registry.k8s.io/pause:3.10.1"), {"kubernetes_version": "v1.35.4"}, False),
        (sandbox(""), {}, False),
        (sandbox("registry.k8s.io/pause:3.9", "cri-o"), {}, True),
    ],
)
def test_sandbox_images(facts: Facts, changes: dict[str, Any], expected: bool) -> None:
    base = {name: replace(fresh(name), runtime=facts.runtime) if name == "cp1" else fresh(name) for name in NAMES}
    base = {name: replace(one, kubelet=replace(one.kubelet, version="v1.35.0")) for name, one in base.items()}
    assert findings(answers(), base, **changes) == ([("Images", "warning", "cp1")] if expected else [])
    assert findings(Answers(), base, **changes) == []


def test_what_is_told_of_a_sandbox_image() -> None:
    (found,) = check(cluster(), {"cp1": sandbox("registry.k8s.io/pause:3.9")}, NOW, answers())
    assert (found.message, found.hint) == (
        "its runtime makes sandboxes of registry.k8s.io/pause:3.9, kubeadm expects registry.k8s.io/pause:3.10.2",
        "set sandbox (in version 2: sandbox_image) in /etc/containerd/config.toml, and restart it",
    )


# --- the machine ---


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (of_cp1(addresses={"cp1": ()}), [("Hostname", "warning", "cp1")]),
        (of_cp1(addresses={"cp1": ("127.0.1.1",)}), []),
        (of_cp1(addresses={"cp2": ()}), []),
        (of_cp1(names_problem="there is no getent"), []),
    ],
)
def test_a_hosts_own_name(said: Answers, expected: list[Any]) -> None:
    assert findings(said) == expected


def test_a_host_of_another_name_is_one_finding() -> None:
    base = {name: fresh(name) for name in NAMES}
    base["cp1"] = replace(base["cp1"], hostname="node1")
    assert findings(of_cp1(addresses={"cp1": ()}), base) == [("Hostname", "error", "cp1")]


def kernel(*lacks: str, config: str = "/proc/config.gz") -> Answers:
    return of_cp1(kernel_config=config, kernel_options=frozenset(OPTIONS) - set(lacks))


V2_ONLY, V1_ONLY = ("CGROUP_BPF",), ("CGROUP_CPUACCT", "CGROUP_DEVICE", "CGROUP_FREEZER")
REDIRECT = ("NETFILTER_XT_TARGET_REDIRECT", "IP_NF_TARGET_REDIRECT")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (kernel(), []),
        (kernel("MEMCG"), ["CONFIG_MEMCG"]),
        (kernel("EXT4_FS", "CGROUP_BPF"), ["CONFIG_EXT4_FS", "CONFIG_CGROUP_BPF"]),
        (kernel(*V1_ONLY), []),
        (kernel(REDIRECT[0]), []),
        (kernel(REDIRECT[1]), []),
        (kernel(*REDIRECT), ["CONFIG_NETFILTER_XT_TARGET_REDIRECT"]),
        (kernel(*OPTIONS, config=""), []),
    ],
)
def test_what_a_kernel_is_built_with(said: Answers, expected: list[str]) -> None:
    found = check(cluster(), {name: fresh(name) for name in NAMES}, NOW, said)
    assert [(one.name, str(one.severity), one.host, one.message) for one in found] == [
        ("SystemVerification", "error", "cp1", f"its kernel is built without {', '.join(expected)} (/proc/config.gz)")
        for _ in expected[:1]
    ]


@pytest.mark.parametrize(("lacks", "count"), [(V1_ONLY, 1), (V2_ONLY, 0)])
def test_what_a_kernel_is_built_with_for_cgroup_v1(lacks: tuple[str, ...], count: int) -> None:
    base = {name: replace(fresh(name), cgroup=V1) for name in NAMES}
    severities = [severity for _, severity, _ in findings(kernel(*lacks), base, kubelet=CGROUP_OK)]
    assert severities.count("error") == count


def test_a_kernel_is_looked_at_where_cgroups_are_not_mounted() -> None:
    base = {name: fresh(name) for name in NAMES}
    base["cp1"] = replace(base["cp1"], cgroup=CgroupFacts(0, ()))
    assert findings(kernel("CGROUPS"), base) == [("SystemVerification", "error", "cp1")] * 2


# --- the control plane endpoint ---


def serving(authorities: Any = AUTHORITIES) -> bytes:
    """DER of an API server's certificate for the endpoint."""
    entry = next(one for one in CERTIFICATES if one.name == "apiserver")
    made = cluster(**LB)
    wanted = entry.wanted(made, made.hosts[0])
    issued = issue(
        wanted, authorities.ca, now=NOW, lifetime=made.certificate_validity_period, algorithm=made.encryption_algorithm
    )
    return x509.load_pem_x509_certificate(issued.certificate).public_bytes(Encoding.DER)


def at_endpoint(found: Reach | None, **fields: Any) -> Answers:
    good = HostAnswers(images={"a": True}, writes=WriteTimes(0.002, 100, "/var/lib"))
    said = replace(good, endpoint=found, addresses={"lb.example": ("192.0.2.9",)}, **fields)
    return answers(hosts=dict.fromkeys(NAMES, said))


def up() -> dict[str, Facts]:
    return {name: finished(name) for name in NAMES}


EACH = [("ControlPlaneEndpoint", "warning", name) for name in NAMES]
ONE_ERROR = [("ControlPlaneEndpoint", "error", None)]
ONE_WARNING = [("ControlPlaneEndpoint", "warning", None)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (at_endpoint(Reach(Outcome.OPEN)), []),
        (at_endpoint(Reach(Outcome.REFUSED)), []),
        (at_endpoint(Reach(Outcome.FILTERED)), EACH),
        (at_endpoint(Reach(Outcome.UNREACHABLE)), EACH),
        (at_endpoint(Reach(Outcome.FORBIDDEN)), []),
        (at_endpoint(Reach(Outcome.REFUSED), bind_port=Reach(Outcome.OPEN)), EACH),
        (at_endpoint(Reach(Outcome.OPEN, certificate=serving(OTHERS))), ONE_ERROR),
    ],
)
def test_an_endpoint_before_there_is_a_cluster(said: Answers, expected: list[Any]) -> None:
    assert findings(said, **LB) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (at_endpoint(Reach(Outcome.OPEN, certificate=serving())), []),
        (at_endpoint(Reach(Outcome.OPEN, certificate=serving(OTHERS))), ONE_ERROR),
        (at_endpoint(Reach(Outcome.OPEN, certificate=b"x")), ONE_ERROR),
        (at_endpoint(Reach(Outcome.OPEN)), ONE_WARNING),
        (at_endpoint(Reach(Outcome.REFUSED)), ONE_WARNING),
    ],
)
def test_an_endpoint_of_a_cluster_that_is_up(said: Answers, expected: list[Any]) -> None:
    said = replace(said, reach={key: Reach(Outcome.OPEN) for key in said.reach})
    assert findings(said, up(), **LB) == expected


@pytest.mark.parametrize("first", [True, False])
def test_an_endpoint_that_cannot_lead_a_master_back_to_itself(first: bool) -> None:
    good, bad = Reach(Outcome.OPEN, certificate=serving()), Reach(Outcome.FILTERED)
    for again, expected in (((good, bad, good, good, bad, good), EACH), ((good,) * 6, [] if first else EACH)):
        said = at_endpoint(good if first else Reach(Outcome.OPEN), endpoint_again=again)
        said = replace(said, reach={key: Reach(Outcome.OPEN) for key in said.reach})
        assert [one for one in findings(said, up(), **LB) if one[2] is not None] == expected


def test_an_endpoint_whose_name_the_certificate_lacks() -> None:
    good = HostAnswers(images={"a": True}, writes=WriteTimes(0.002, 100), addresses={"other.example": ("192.0.2.9",)})
    hosts = dict.fromkeys(NAMES, replace(good, endpoint=Reach(Outcome.OPEN, certificate=serving())))
    said = answers(dict.fromkeys(product(NAMES, NAMES, PORTS), Outcome.OPEN), hosts)
    assert findings(said, up(), control_plane_endpoint="other.example:6443") == ONE_WARNING


def test_an_endpoint_that_does_not_resolve() -> None:
    good = HostAnswers(images={"a": True}, writes=WriteTimes(0.002, 100, "/var/lib"), addresses={"lb.example": ()})
    assert findings(answers(hosts=dict.fromkeys(NAMES, good)), **LB) == EACH


def test_an_endpoint_that_cannot_be_resolved_for_want_of_a_program() -> None:
    good = HostAnswers(images={"a": True}, writes=WriteTimes(0.002, 100, "/var/lib"), names_problem="there is no getent")
    found = findings(answers(hosts=dict.fromkeys(NAMES, good)), **LB)
    assert found == [("ControlPlaneEndpoint", "unknown", name) for name in NAMES]


# --- together ---


def test_a13_members_of_different_clusters_by_their_ids() -> None:
    said = answers(dict.fromkeys(product(NAMES, NAMES, PORTS), Outcome.OPEN))
    ids = {name: replace(one, cluster_id="1" if name != "cp3" else "2") for name, one in said.hosts.items()}
    assert findings(replace(said, hosts=ids), up()) == [("EtcdData", "error", None)]


def test_results_of_every_check_on_every_host() -> None:
    said = answers({("cp1", "cp2", 2380): Outcome.FILTERED}, hosts={"cp1": HostAnswers(writes=WriteTimes(0.1, 100, "/x"))})
    facts = {name: fresh(name) for name in ("cp1", "cp2")}
    made = report(cluster(), facts, said, NOW, unread={"cp3": "cannot reach cp3"}, ignored=["reach-2380"])
    found = dict(made.found)
    assert made.hosts == NAMES
    assert [made.result(found["Reach, Reach-*"], host) for host in NAMES] == ["pass", "ignored", "unknown"]
    assert [made.result(found["EtcdDisk"], host) for host in NAMES] == ["warn", "pass", "unknown"]
    assert made.fatal == ()
    assert summary(made) == "37 checks on 3 hosts: 72 pass, 1 warn, 1 ignored, 37 unknown"


def test_what_would_keep_init_from_working_is_counted() -> None:
    made = report(cluster(), {name: fresh(name) for name in NAMES}, answers({("cp1", "cp2", 2380): Outcome.FILTERED}), NOW)
    assert summary(made).endswith("110 pass, 1 fail; 1 finding would keep init from working")


def test_read_only_says_where() -> None:
    facts = fresh("cp1")
    facts = replace(facts, disks=tuple(replace(disk, read_only=True) for disk in facts.disks[:2]))
    (found,) = check(cluster(), {"cp1": facts}, NOW)
    assert found.message == "/etc/kubernetes, /var/lib/etcd: the file system / is mounted read-only"

"""What the tool decides itself has no second value in an inventory: a refusal has a line, a field, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bootstrap import components, owned, staticpod
from bootstrap.inventory import show
from tests.unit.inventory_support import GOOD, load, problems, with_host, with_hosts, with_spec
from tests.unit.rendering_samples import NOTHING, a_cluster, context, extra_args

COMPONENTS: dict[str, Mapping[str, str]] = {
    "etcd.local": owned.ETCD_FLAGS,
    "apiServer": owned.API_SERVER_FLAGS,
    "controllerManager": owned.CONTROLLER_MANAGER_FLAGS,
    "scheduler": owned.SCHEDULER_FLAGS,
    "kubelet": owned.KUBELET_FLAGS,
}
EVERY_FLAG = [(place, name, hint) for place, table in COMPONENTS.items() for name, hint in table.items()]


def in_spec(place: str, text: str) -> str:
    """GOOD with `spec.<place>` holding `text`, in line 10."""
    outer, _, inner = place.partition(".")
    return with_spec(f"{outer}: {{{inner}: {{{text}}}}}" if inner else f"{outer}: {{{text}}}")


def arg(name: str, value: str = "x") -> str:
    return f"extraArgs: [{{name: {name}, value: '{value}'}}]"


@pytest.mark.parametrize(
    ("place", "component"),
    [("apiServer", "kube-apiserver"), ("controllerManager", "kube-controller-manager"), ("scheduler", "kube-scheduler")],
)
def test_the_mounts_that_the_tool_owns_are_those_of_its_manifests(place: str, component: str) -> None:
    """Those of the hardening are not among them: a user who brings an audit policy of his own brings its volumes, too."""
    cluster = load(GOOD).model_copy(update={"hardening": NOTHING})
    given = replace(context(cluster), ca_dirs=components.CA_DIRS)
    pod = staticpod.decode(components.manifest(cluster, cluster.hosts[0], component, given))
    mounts = staticpod.main_container(pod)["volumeMounts"]
    assert {mount["name"]: mount["mountPath"] for mount in mounts} == owned.MOUNTS[place]


def test_ordinary_extra_arguments_are_fine() -> None:
    assert problems(show(extra_args())) == ()


@pytest.mark.parametrize(("place", "name", "hint"), EVERY_FLAG)
def test_a_flag_that_the_tool_owns_is_refused(place: str, name: str, hint: str) -> None:
    (problem,) = problems(in_spec(place, arg(name)))
    assert (problem.line, problem.field) == (10, f"spec.{place}.extraArgs[0].name")
    assert f"--{name} " in problem.message
    assert problem.hint == hint != ""


@pytest.mark.parametrize(
    ("place", "name", "hint"),
    [
        ("etcd.local", "data-dir", "spec.etcd.local.dataDir"),
        ("etcd.local", "initial-cluster-token", "etcd CA"),
        ("apiServer", "advertise-address", "host's address"),
        ("apiServer", "bind-address", "all addresses"),
        ("apiServer", "secure-port", "spec.apiServer.bindPort"),
        ("apiServer", "anonymous-auth", "spec.hardening.anonymousRequests"),
        ("apiServer", "etcd-servers", "own host"),
        ("controllerManager", "cluster-cidr", "spec.networking.podSubnet"),
        ("controllerManager", "cluster-name", "spec.clusterName"),
        ("controllerManager", "kubeconfig", "/etc/kubernetes/controller-manager.conf"),
        ("scheduler", "kubeconfig", "/etc/kubernetes/scheduler.conf"),
        ("kubelet", "config", "spec.kubelet.config"),
        ("kubelet", "node-ip", "address"),
        ("kubelet", "hostname-override", "own name"),
        ("kubelet", "register-with-taints", "host's taints"),
    ],
)
def test_the_hint_says_what_to_do_instead(place: str, name: str, hint: str) -> None:
    assert hint in COMPONENTS[place][name]


@pytest.mark.parametrize("name", owned.KUBELET_FLAGS)
def test_a_host_cannot_set_the_kubelets_own_flags_either(name: str) -> None:
    (problem,) = problems(with_host(f"kubelet: {{{arg(name)}}}"))
    assert (problem.line, problem.field) == (10, "spec.hosts[0].kubelet.extraArgs[0].name")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("apiServer", "etcd_servers"),
        ("apiServer", "service_cluster-ip_range"),
        ("controllerManager", "leader_elect"),
        ("controllerManager", "bind_address"),
        ("kubelet", "node_ip"),
    ],
)
def test_underscores_are_dashes(place: str, name: str) -> None:
    (problem,) = problems(in_spec(place, arg(name)))
    assert problem.field.startswith(f"spec.{place}.extraArgs[0].")


def test_one_flag_in_two_spellings_is_given_twice() -> None:
    both = "extraArgs: [{name: audit-log-path, value: x}, {name: audit_log_path, value: x}]"
    (problem,) = problems(in_spec("apiServer", both))
    assert problem.field == "spec.apiServer.extraArgs[1].name"
    assert "already spec.apiServer.extraArgs[0]" in problem.message


@pytest.mark.parametrize("place", ["controllerManager", "scheduler"])
@pytest.mark.parametrize(
    ("address", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("0.0.0.0", True), ("::", True), ("192.0.2.11", False), ("2001:db8::11", False),
     ("127.0.0.2", False), ("localhost", False), ("", False)],
)  # fmt: skip
def test_health_is_asked_on_loopback(place: str, address: str, allowed: bool) -> None:
    found = problems(in_spec(place, arg("bind-address", address)))
    assert ([] if allowed else [(10, f"spec.{place}.extraArgs[0].value")]) == [(one.line, one.field) for one in found]
    assert all("loopback" in one.hint for one in found)


@pytest.mark.parametrize(
    ("urls", "allowed"),
    [
        ("http://127.0.0.1:2381", True),
        ("http://127.0.0.1:2381,http://192.0.2.11:2381", True),
        ("http://0.0.0.0:2381", True),
        ("http://[::]:2381", True),
        ("http://192.0.2.11:2381", False),
        ("https://127.0.0.1:2381", False),
        ("http://127.0.0.1:2382", False),
        ("http://127.0.0.1:x", False),
        ("http://127.0.0.1", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_etcd_always_answers_on_its_own_host(urls: str, allowed: bool) -> None:
    found = problems(in_spec("etcd.local", arg("listen-metrics-urls", urls)))
    assert ([] if allowed else [(10, "spec.etcd.local.extraArgs[0].value")]) == [(one.line, one.field) for one in found]
    assert all("add http://127.0.0.1:2381" in one.hint for one in found)


@pytest.mark.parametrize(
    ("tag", "allowed"),
    [("3.6.16-0", True), ("v3.7.0", True), ("3.10.0", True), ("latest", True), ("", True), ("3.5.24-0", False), ("v2.3", False)],
)
def test_an_etcd_that_does_not_know_our_flags_is_refused(tag: str, allowed: bool) -> None:
    found = problems(in_spec("etcd.local", f"imageTag: '{tag}'"))
    assert ([] if allowed else [(10, "spec.etcd.local.imageTag")]) == [(one.line, one.field) for one in found]
    assert all("is older than 3.6" in one.message and one.hint for one in found)


@pytest.mark.parametrize(("field", "hint"), owned.KUBELET_FIELDS.items())
def test_a_field_of_the_kubelets_configuration_that_the_tool_owns_is_refused(field: str, hint: str) -> None:
    for text, place in (
        (with_spec(f"kubelet: {{config: {{{field}: x}}}}"), "spec.kubelet"),
        (with_host(f"kubelet: {{config: {{maxPods: 1, {field}: x}}}}"), "spec.hosts[0].kubelet"),
    ):
        (problem,) = problems(text)
        assert (problem.line, problem.field, problem.hint) == (10, f"{place}.config.{field}", hint)


def test_other_configuration_of_kubelet_and_kube_proxy_is_the_users() -> None:
    cluster = load(
        with_spec(
            "kubelet: {config: {cgroupDriver: cgroupfs, failCgroupV1: false, failSwapOn: false}}",
            "kubeProxy: {config: {mode: nftables, conntrack: {maxPerCore: 0}}}",
        )
    )
    assert cluster.kubelet.config == {"cgroupDriver": "cgroupfs", "failCgroupV1": False, "failSwapOn": False}
    assert cluster.kube_proxy.config == {"mode": "nftables", "conntrack": {"maxPerCore": 0}}


def test_all_of_them_are_reported_at_once_each_in_its_line() -> None:
    text = with_hosts("name: cp2, role: worker, address: 192.0.2.12, kubelet: {config: {kind: x}}") + """\
  etcd:
    local:
      imageTag: 3.5.9-0
      extraArgs:
      - {name: wal-dir, value: /x}
      - name: listen-metrics-urls
        value: http://192.0.2.11:2381
  scheduler:
    extraArgs:
    - {name: v, value: "2"}
    - name: bind-address
      value: 192.0.2.11
    - {name: secure-port, value: "1"}
  kubelet:
    config:
      maxPods: 1
      staticPodPath: /x
    extraArgs:
    - {name: node_ip, value: x}
"""
    assert [(problem.line, problem.field) for problem in problems(text)] == [
        (10, "spec.hosts[1].kubelet.config.kind"),
        (13, "spec.etcd.local.imageTag"),
        (15, "spec.etcd.local.extraArgs[0].name"),
        (17, "spec.etcd.local.extraArgs[1].value"),
        (22, "spec.scheduler.extraArgs[1].value"),
        (23, "spec.scheduler.extraArgs[2].name"),
        (27, "spec.kubelet.config.staticPodPath"),
        (29, "spec.kubelet.extraArgs[0].name"),
    ]


def env(name: str) -> str:
    return f"extraEnvs: [{{name: {name}, value: 'x'}}]"


@pytest.mark.parametrize("flag", owned.ETCD_FLAGS)
def test_a_variable_that_sets_an_owned_flag_of_etcd_is_refused_like_the_flag(flag: str) -> None:
    (problem,) = problems(in_spec("etcd.local", env(owned.etcd_variable(flag))))
    assert (problem.line, problem.field) == (10, "spec.etcd.local.extraEnvs[0].name")
    assert f"--{flag}," in problem.message
    assert problem.hint == owned.ETCD_FLAGS[flag]


@pytest.mark.parametrize("name", ["ETCD_SNAPSHOT_COUNT", "ETCD_CIPHER_SUITES"])
def test_a_variable_for_a_flag_that_etcd_is_given_is_refused(name: str) -> None:
    (problem,) = problems(in_spec("etcd.local", env(name)))
    assert problem.hint == "set it in extraArgs alone"


def test_a_flag_may_be_set_by_argument_or_variable_but_not_by_both() -> None:
    assert problems(in_spec("etcd.local", env("ETCD_QUOTA_BACKEND_BYTES"))) == ()
    both = f"{env('ETCD_QUOTA_BACKEND_BYTES')}, {arg('quota-backend-bytes', '8589934592')}"
    (problem,) = problems(in_spec("etcd.local", both))
    assert problem.field == "spec.etcd.local.extraEnvs[0].name"


@pytest.mark.parametrize("name", ["GODEBUG", "ETCD_VERBOSE", "ETCD_UNSUPPORTED_ARCH", "etcd_name", "ETCDCTL_API"])
def test_other_variables_of_etcd_are_fine(name: str) -> None:
    assert problems(in_spec("etcd.local", env(name))) == ()


def test_every_flag_that_etcd_is_given_is_known_here() -> None:
    cluster = a_cluster()
    given = {name for name, _ in components.args(cluster, cluster.hosts[0], "etcd", context(cluster))}
    assert given <= {*owned.ETCD_FLAGS, *owned.ETCD_DEFAULTS}

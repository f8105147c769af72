"""Values that are right by themselves and wrong together; and all of an inventory's mistakes at once."""

from __future__ import annotations

import pytest

from bootstrap.errors import ExitCode, InventoryError
from bootstrap.inventory import warnings
from tests.unit.inventory_support import GOOD, load, problems, with_host, with_hosts, with_spec

CP2 = "name: cp2, role: control-plane, address: 192.0.2.12"
DUAL = "networking: {podSubnet: '10.244.0.0/16,fd00:244::/48', serviceSubnet: '10.96.0.0/16,fd00:96::/112'}"


def v6(text: str) -> str:
    return text.replace("192.0.2.11", "2001:db8::11")


def cidrs(pod: str, service: str) -> str:
    return f"networking: {{podSubnet: '{pod}', serviceSubnet: '{service}'}}"


CASES = [
    # names
    (with_hosts("name: cp1, role: worker, address: 192.0.2.12"), 10, "spec.hosts[1].name", "also the name of spec.hosts[0]"),
    # addresses
    (with_hosts("name: cp2, role: worker, address: 192.0.2.11"), 10, "spec.hosts[1].address", "is also spec.hosts[0].address"),
    (with_host("secondaryAddress: 2001:db8::1") + f"  {DUAL}\n", None, "", ""),
    (with_host("secondaryAddress: 192.0.2.12"), 10, "spec.hosts[0].secondaryAddress", "is an IPv4 address, as `address` is"),
    (with_host("secondaryAddress: 2001:db8::1"), 10, "spec.hosts[0].secondaryAddress", "the subnets have one family"),
    (with_spec(DUAL), 7, "spec.hosts[0].secondaryAddress", "missing: the subnets are dual-stack (IPv4 and IPv6)"),
    (v6(GOOD), 9, "spec.hosts[0].address", "is an IPv6 address, but the subnets' first family is IPv4"),
    (with_hosts("name: cp2, role: worker, address: '2001:db8::1'"), 10, "spec.hosts[1].address", "is an IPv6 address"),
    # subnets
    (with_spec(cidrs("10.244.0.0/16", "10.244.128.0/20")), 10, "spec.networking.podSubnet", "overlap"),
    (with_spec("networking: {serviceSubnet: 10.240.0.0/12}"), 10, "spec.networking.serviceSubnet", "overlap"),
    (with_spec("networking: {podSubnet: 192.0.0.0/16}"), 9, "spec.hosts[0].address", "lies in podSubnet 192.0.0.0/16"),
    (with_spec("networking: {serviceSubnet: 192.0.2.0/24}"), 9, "spec.hosts[0].address", "lies in serviceSubnet"),
    (with_spec("networking: {serviceSubnet: 10.96.0.0/31}"), 10, "spec.networking.serviceSubnet", "has only 2 addresses"),
    (with_spec("networking: {serviceSubnet: 10.96.0.0/29}"), 10, "spec.networking.serviceSubnet", "has only 8 addresses"),
    (with_spec("networking: {serviceSubnet: 96.0.0.0/8}"), 10, "spec.networking.serviceSubnet", "larger than kube-apiserver"),
    (v6(with_spec(cidrs("fd00:1::/48", "fd00:2::/64"))), 10, "spec.networking.serviceSubnet", "larger than kube-apiserver"),
    (with_spec("networking: {podSubnet: 10.244.0.0/25}"), 10, "spec.networking.podSubnet", "cannot give a node its /24"),
    (with_spec("networking: {podSubnet: 11.0.0.0/8}"), None, "", ""),
    (with_spec("networking: {podSubnet: 12.0.0.0/7}"), 10, "spec.networking.podSubnet", "more than 16 bits wider"),
    (v6(with_spec(cidrs("fd00:1::/40", "fd00:2::/112"))), 10, "spec.networking.podSubnet", "more than 16 bits wider"),
    (v6(with_spec(cidrs("fd00:1::/80", "fd00:2::/112"))), 10, "spec.networking.podSubnet", "cannot give a node its /64"),
    (with_hosts(CP2) + "  networking: {podSubnet: 10.1.0.0/24}\n", 11, "spec.networking.podSubnet", "room for 1"),
    (with_spec(cidrs("10.1.0.0/16", "10.2.0.0/16,fd00::/112")), 10, "spec.networking.serviceSubnet", "pods have IPv4 and serv"),
    (
        with_spec(cidrs("10.1.0.0/16,fd00:1::/48", "fd00:2::/112,10.2.0.0/16")), 10, "spec.networking.serviceSubnet",
        "services have IPv6 and IPv4",
    ),
    (
        with_spec("controllerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: x}]}"), 10,
        "spec.controllerManager.extraArgs[0].value", "not a prefix length",
    ),
    # endpoint
    (with_spec("controlPlaneEndpoint: 10.96.0.10:6443"), 10, "spec.controlPlaneEndpoint", "lies in serviceSubnet 10.96.0.0/12"),
    (with_hosts(CP2) + "  controlPlaneEndpoint: 192.0.2.12\n", 11, "spec.controlPlaneEndpoint", "is spec.hosts[1] itself"),
    (with_hosts(CP2) + "  controlPlaneEndpoint: cp2:6443\n", 11, "spec.controlPlaneEndpoint", "is spec.hosts[1] itself"),
    # ssh
    (with_spec("ssh: {host: cp1}"), 10, "spec.ssh.host", "same machine for every host"),
    (with_hosts(CP2 + ", ssh: {host: 192.0.2.11}"), 10, "spec.hosts[1].ssh.host", "the same machine as spec.hosts[0]"),
    # lists
    (
        with_spec("apiServer: {extraArgs: [{name: a, value: b}, {name: a, value: c}, {name: a, value: b}]}"), 10,
        "spec.apiServer.extraArgs[2].name", "already spec.apiServer.extraArgs[0]",
    ),
    (with_spec("scheduler: {extraEnvs: [{name: A, value: b}, {name: A, value: c}]}"), 10, "spec.scheduler.extraEnvs[1].name", ""),
    (with_host("taints: [{key: a}, {key: a, value: b}]"), 10, "spec.hosts[0].taints[1].key", "already"),
    (with_spec("addons: [coredns, coredns]"), 10, "spec.addons[1]", "already"),
    # authentication
    (
        with_spec("apiServer: {extraArgs: [{name: oidc-issuer-url, value: 'https://a.example'}]}"), 10,
        "spec.apiServer.extraArgs[0].name", "limits anonymous requests",
    ),
    (
        with_spec(
            "apiServer: {extraArgs: [{name: oidc-issuer-url, value: 'https://a.example'}]}",
            "hardening: {anonymousRequests: all}",
        ), None, "", "",
    ),
    # certificates
    (with_spec("certificateValidityPeriod: 90000h"), 10, "spec.certificateValidityPeriod", "longer than their CA (87600h)"),
    (with_spec("caCertificateValidityPeriod: 24h"), 10, "spec.caCertificateValidityPeriod", "longer than their CA (24h)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "field", "words"), CASES)
def test_values_must_agree(text: str, line: int | None, field: str, words: str) -> None:
    found = problems(text)
    if line is None:
        assert found == ()
        return
    (problem,) = found
    assert (problem.line, problem.field) == (line, field)
    assert words in problem.message
    assert problem.hint


def test_names_that_differ_in_case_only_are_the_same() -> None:
    found = problems(with_hosts("name: CP1, role: worker, address: 192.0.2.12"))
    assert [problem.message[:9] for problem in found] == ['"CP1" has', "is also t"]


def test_two_volumes_of_one_name_or_one_place() -> None:
    pairs = (("a", "/x"), ("a", "/y"), ("c", "/x"))
    volumes = ", ".join(f"{{name: {name}, hostPath: /a, mountPath: {place}}}" for name, place in pairs)
    found = problems(with_spec(f"apiServer: {{extraVolumes: [{volumes}]}}"))
    assert [p.field for p in found] == ["spec.apiServer.extraVolumes[1].name", "spec.apiServer.extraVolumes[2].mountPath"]


@pytest.mark.parametrize(
    "endpoint", ["192.0.2.11:6443", "192.0.2.11", "cp1", "lb.example.com", "192.0.2.100:443", "192.0.2.11:8443"],
)
def test_a_single_control_plane_host_may_be_its_own_endpoint(endpoint: str) -> None:
    assert load(with_spec(f"controlPlaneEndpoint: {endpoint}")).control_plane_endpoint.startswith(endpoint)


def test_a_load_balancer_on_a_control_plane_host_at_another_port_is_fine() -> None:
    assert problems(with_hosts(CP2) + "  controlPlaneEndpoint: 192.0.2.12:8443\n") == ()


def test_a_node_mask_of_the_users_own_is_counted_with() -> None:
    masks = "controllerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: '26'}]}"
    assert problems(with_spec("networking: {podSubnet: 10.244.0.0/25}", masks)) == ()
    off = "controllerManager: {extraArgs: [{name: allocate-node-cidrs, value: 'false'}]}"
    assert problems(with_spec("networking: {podSubnet: 10.244.0.0/25}", off)) == ()


def test_every_mistake_is_reported_at_once_by_line() -> None:
    text = """\
apiVersion: bootstrap/v1
kind: Cluster
metadata: {name: Demo}
spec:
  kubernetesVersion: 1.36
  controlPlaneEndpoint: 192.0.2.12
  networking: {podSubnet: 10.244.0.1/16, servicesubnet: 10.96.0.0/12}
  networking: {}
  hosts:
  - name: cp1
    role: master
    address: 192.0.2.11
    address: 192.0.2.1
  - {name: cp1, role: control-plane, address: 192.0.2.12}
  - {name: yes, role: control-plane, address: 192.0.2.12}
  - {name: cp4, role: control-plane}
  certificateValidityPeriod: 90000h
  addons: [./missing.yaml]
"""
    assert [(problem.line, problem.field) for problem in problems(text)] == [
        (1, "apiVersion"),
        (3, "metadata.name"),
        (5, "spec.kubernetesVersion"),
        (6, "spec.controlPlaneEndpoint"),
        (6, "spec.controlPlaneEndpoint"),
        (7, "spec.networking.podSubnet"),
        (7, "spec.networking.servicesubnet"),
        (8, "spec.networking"),
        (11, "spec.hosts[0].role"),
        (13, "spec.hosts[0].address"),
        (14, "spec.hosts[1].name"),
        (15, "spec.hosts[2].address"),
        (15, "spec.hosts[2].name"),
        (16, "spec.hosts[3].address"),
        (17, "spec.certificateValidityPeriod"),
        (18, "spec.addons[0]"),
    ]


def test_the_error_is_one_of_usage_and_names_the_file() -> None:
    with pytest.raises(InventoryError, match="2 mistakes in the inventory") as caught:
        load(GOOD.replace("cp1", "Cp1").replace("v1.36.3", "v1"))
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.evidence == (
        '/nowhere/demo.yaml:5: spec.kubernetesVersion: "v1" is not a Kubernetes release (vMAJOR.MINOR.PATCH, such as v1.36.3)',
        '/nowhere/demo.yaml:7: spec.hosts[0].name: "Cp1" has upper case letters (in lower case: cp1)',
    )


def test_nobody_is_buried_under_mistakes() -> None:
    found = problems(with_hosts(*(f"name: H{n}, role: worker, address: nowhere" for n in range(5000))))
    assert len(found) == 201
    assert "more than 200 mistakes" in found[-1].message


def test_the_order_of_hosts_means_nothing() -> None:
    one = with_hosts(CP2, "name: a, role: worker, address: 192.0.2.20")
    other = with_hosts("name: a, role: worker, address: 192.0.2.20", CP2)
    assert load(one) == load(other)
    assert [host.name for host in load(one).hosts] == ["a", "cp1", "cp2"]


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, None), (2, "tolerate no failure"), (3, None), (4, "loss of 1, as 3 would"), (5, None), (7, None), (9, "slow")],
)
def test_numbers_of_control_plane_hosts_that_help_nobody_are_warned_about(count: int, words: str | None) -> None:
    more = [f"name: cp{n}, role: control-plane, address: 192.0.2.{10 + n}" for n in range(2, count + 1)]
    found = warnings(load(with_hosts(*more)))
    if words is None:
        assert found == ()
    else:
        (warning,) = found
        assert words in warning


def test_site_local_subnets_are_warned_about() -> None:
    (warning,) = warnings(load(v6(with_spec(cidrs("fec0:1::/48", "fd00:2::/112")))))
    assert "podSubnet fec0:1::/48" in warning

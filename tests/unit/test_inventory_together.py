"""All of an inventory's mistakes at once, and what may go together; single mistakes are in tests/cases/inventories."""

from __future__ import annotations

import pytest

from bootstrap.errors import ExitCode, InventoryError
from bootstrap.inventory import warnings
from tests.unit.inventory_support import GOOD, load, problems, with_hosts, with_spec

CP2 = "name: cp2, role: control-plane, address: 192.0.2.12"
DUAL = "networking: {podSubnet: '10.244.0.0/16,fd00:244::/48', serviceSubnet: '10.96.0.0/16,fd00:96::/112'}"


def v6(text: str) -> str:
    return text.replace("192.0.2.11", "2001:db8::11")


def cidrs(pod: str, service: str) -> str:
    return f"networking: {{podSubnet: '{pod}', serviceSubnet: '{service}'}}"


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


def test_c8_no_machine_may_stand_in_the_inventory_twice() -> None:
    text = with_hosts(
        "name: CP1, role: control-plane, address: 192.0.2.12, ssh: {host: One.example.com}",
        "name: cp3, role: control-plane, address: 192.0.2.11, ssh: {host: two.example.com}",
        "name: cp4, role: control-plane, address: 192.0.2.14, ssh: {host: one.example.com.}",
    )
    assert [(problem.line, problem.field, problem.message) for problem in problems(text)] == [
        (10, "spec.hosts[1].name", '"CP1" has upper case letters'),
        (10, "spec.hosts[1].name", "is also the name of spec.hosts[0]"),
        (11, "spec.hosts[2].address", "is also spec.hosts[0].address"),
        (12, "spec.hosts[3].ssh.host", "reaches one.example.com. port 22, the same machine as spec.hosts[1]"),
    ]


def test_c9_the_order_of_hosts_means_nothing() -> None:
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

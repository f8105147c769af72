"""The node-local load balancer: its configuration, its pod, and the script that makes HAProxy read the configuration again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bootstrap import balancer, components
from bootstrap.cluster import Host, Role
from bootstrap.components import ManifestContext
from bootstrap.render import plain_word
from bootstrap.scripts import script
from bootstrap.staticpod import decode, problems
from tests.unit import rendering_samples as samples

CLUSTER = samples.a_cluster()
MASTERS = CLUSTER.control_plane_hosts
CA = b"-----BEGIN CERTIFICATE-----\n"
WORKER = Host(name="w1", role=Role.WORKER, address="192.0.2.21")


def servers(config: bytes) -> list[str]:
    return [line.strip() for line in config.decode().splitlines() if line.startswith("    server ")]


def test_it_balances_over_every_master_at_its_address_and_verifies_its_name() -> None:
    assert servers(balancer.config(CLUSTER, MASTERS, CA)) == [
        f"server {host.name} {host.address}:6443 verifyhost {host.name}" for host in MASTERS
    ]
    ipv6 = samples.ipv6()
    assert servers(balancer.config(ipv6, ipv6.control_plane_hosts[:1], CA)) == [
        f"server {ipv6.hosts[0].name} [{ipv6.hosts[0].address}]:6443 verifyhost {ipv6.hosts[0].name}"
    ]


def test_the_path_tells_one_configuration_from_another() -> None:
    paths = {
        balancer.serving_path(CLUSTER, MASTERS, CA),
        balancer.serving_path(CLUSTER, MASTERS[:2], CA),
        balancer.serving_path(CLUSTER, MASTERS, CA + b"another"),
        balancer.serving_path(samples.a_cluster(api_server={"bindPort": 8443}), MASTERS, CA),
    }
    assert len(paths) == 4
    assert balancer.serving_path(CLUSTER, MASTERS, CA).encode() in balancer.config(CLUSTER, MASTERS, CA)


def test_the_pod_does_not_change_with_the_list() -> None:
    context = ManifestContext(hashes={})
    one = components.manifest(CLUSTER, WORKER, "balancer", context)
    two = components.manifest(samples.a_cluster(masters=1), WORKER, "balancer", context)
    assert one == two
    assert problems(decode(one), "balancer") == ()
    container = decode(one)["spec"]["containers"][0]
    assert container["command"] == ["haproxy", "-W", "-db", "-f", "/etc/kubernetes/balancer/haproxy.cfg"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
    }  # fmt: skip
    assert decode(one)["spec"]["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("word", ["", "two words", "new\nline", "#", '"', "'", "\\", "$HOME", "{", "a;b", "ü"])
def test_what_haproxy_would_read_as_something_else_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="not a plain word"):
        plain_word(word)


def test_the_signal_goes_to_nobody_who_is_not_first_in_a_container(tmp_path: Path) -> None:
    """A process of that very command line, outside of any pod: it gets no signal, which would end it."""
    name = tmp_path / "haproxy"
    name.symlink_to(sys.executable)
    process = subprocess.Popen(
        [name, "-c", "import sys, time; print('up', flush=True); time.sleep(60)", str(balancer.CONFIG)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        done = subprocess.run(["sh", "-s", "--", str(balancer.CONFIG)], input=script("reload-balancer.sh"), capture_output=True)
        assert (done.returncode, done.stdout) == (0, b"")
        time.sleep(0.05)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

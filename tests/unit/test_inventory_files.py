"""Files that an inventory names, and how its hosts are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.cluster import Ssh, Sudo, ssh_of
from tests.unit.inventory_support import GOOD, load, problems, with_spec


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A directory with one of everything an inventory may name."""
    for name in ("patches", "pki", "cp1-patches"):
        (tmp_path / name).mkdir()
    for name in ("ssh-config", "key", "cni.yaml"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_relative_paths_begin_at_the_inventory(there: Path) -> None:
    text = with_spec(
        "patches: patches",
        "certificateAuthorities: ./pki",
        "addons: [coredns, ./cni.yaml]",
        "ssh: {configFile: ./ssh-config, identityFile: key, knownHostsFile: not-yet}",
    ).replace("192.0.2.11\n", "192.0.2.11\n    patches: ./cp1-patches\n")
    cluster = load(text, there)
    assert cluster.patches == there / "patches"
    assert cluster.certificate_authorities == there / "pki"
    assert cluster.addons == ("coredns", str(there / "cni.yaml"))
    assert cluster.ssh.config_file == there / "ssh-config"
    assert cluster.ssh.identity_file == there / "key"
    assert cluster.ssh.known_hosts_file == there / "not-yet"
    assert cluster.hosts[0].patches == there / "cp1-patches"


def test_home_directories_are_expanded(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(there))
    assert load(with_spec("ssh: {identityFile: ~/key}")).ssh.identity_file == there / "key"


def test_absolute_paths_stay(there: Path) -> None:
    assert load(with_spec(f"patches: {there}/patches")).patches == there / "patches"


def test_a_path_that_cannot_exist_is_a_mistake_and_no_crash(there: Path) -> None:
    (problem,) = problems(with_spec(f"patches: {'x' * 5000}"), there)
    assert problem.field == "spec.patches"


def test_a_host_takes_from_the_cluster_what_it_does_not_say_itself() -> None:
    text = with_spec("ssh: {user: ops, port: 2200, proxyJump: jump, agent: false}").replace(
        "192.0.2.11\n", "192.0.2.11\n    ssh: {user: root, proxyJump: none}\n"
    )
    cluster = load(text)
    assert ssh_of(cluster, cluster.hosts[0]) == Ssh(
        host="192.0.2.11", user="root", port=2200, proxy_jump="none", agent=False, sudo=Sudo.AUTO
    )


def test_where_a_host_is_reached_is_not_its_address() -> None:
    """VirtualBox: every machine is 127.0.0.1 to Vagrant, and has an address of its own on the private network."""
    text = GOOD.replace("  hosts:\n", "  ssh: {user: vagrant}\n  hosts:\n") + "    ssh: {host: 127.0.0.1, port: 2222}\n"
    text += "  - {name: cp2, role: control-plane, address: 192.0.2.12, ssh: {host: 127.0.0.1, port: 2200}}\n"
    text += "  - {name: cp3, role: control-plane, address: 192.0.2.13, ssh: {host: alias_of-cp3}}\n"
    cluster = load(text)
    reached = [(host.address, ssh_of(cluster, host).host, ssh_of(cluster, host).port) for host in cluster.hosts]
    assert reached == [
        ("192.0.2.11", "127.0.0.1", 2222),
        ("192.0.2.12", "127.0.0.1", 2200),
        ("192.0.2.13", "alias_of-cp3", None),
    ]
    (problem,) = problems(text.replace("2200", "2222"))
    assert problem.field == "spec.hosts[1].ssh.host"


def test_two_hosts_behind_different_jump_hosts_may_have_the_same_inner_address() -> None:
    text = GOOD + "    ssh: {host: 198.51.100.1, proxyJump: a}\n"
    text += "  - {name: cp2, role: worker, address: 192.0.2.12, ssh: {host: 198.51.100.1, proxyJump: b}}\n"
    assert problems(text) == ()

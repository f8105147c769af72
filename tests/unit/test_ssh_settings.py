"""Where a connection goes and as whom: inventory, OpenSSH client configuration, defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.cluster import Cluster, Host, Ssh
from bootstrap.errors import UsageError
from bootstrap.ssh.client_config import Jump, parse_jumps
from bootstrap.ssh.settings import GLOBAL_KNOWN_HOSTS, Target, target

VAGRANT = """\
Host cp1
  HostName 127.0.0.1
  User vagrant
  Port 2222
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/srv/my lab/.vagrant/machines/cp1/virtualbox/private_key"
  IdentitiesOnly yes
  LogLevel FATAL

Host cp2
  HostName 127.0.0.1
  User vagrant
  Port 2200
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  IdentityFile /srv/key2
  IdentitiesOnly yes
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def resolve(home: Path, config: str | None = None, host: Ssh | None = None, shared: Ssh | None = None) -> Target:
    """Settings of the host `cp1` at 192.0.2.11, with `config` as its client configuration."""
    settings = shared or Ssh()
    if config is not None:
        (home / "config").write_text(config)
        settings = settings.model_copy(update={"config_file": home / "config"})
    machine = Host(name="cp1", role="control-plane", address="192.0.2.11", ssh=host or Ssh())
    cluster = Cluster(name="test", kubernetes_version="v1.36.3", ssh=settings, hosts=(machine,))
    return target(cluster, machine, home=home, login="operator")


def test_defaults(home: Path) -> None:
    found = resolve(home)
    assert str(found) == "operator@192.0.2.11:22"
    assert found.known_hosts_name == "192.0.2.11"
    assert found.known_hosts == (home / ".ssh/known_hosts", GLOBAL_KNOWN_HOSTS)
    assert [path.name for path in found.identity_files] == ["id_ed25519", "id_ecdsa", "id_rsa"]
    assert (found.required_identity, found.agent, found.jumps, found.notices) == (False, None, (), ())


def test_vagrant_with_two_networks(home: Path) -> None:
    """The node's own address is 192.0.2.11; SSH goes to a forwarded port of the machine that Vagrant runs on."""
    found = resolve(home, VAGRANT)
    assert str(found) == "vagrant@127.0.0.1:2222"
    assert found.known_hosts_name == "[127.0.0.1]:2222"
    assert found.identity_files == (Path("/srv/my lab/.vagrant/machines/cp1/virtualbox/private_key"),)
    assert found.identities_only
    assert found.known_hosts == (home / ".ssh/known_hosts", GLOBAL_KNOWN_HOSTS)
    assert [notice.split("`")[1] for notice in found.notices] == ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"]
    assert all(str(home / "config") in notice for notice in found.notices)


def test_an_alias_in_the_inventory_is_looked_up(home: Path) -> None:
    assert str(resolve(home, VAGRANT, host=Ssh(host="cp2"))) == "vagrant@127.0.0.1:2200"


def test_the_inventory_goes_before_the_configuration(home: Path) -> None:
    shared = Ssh(user="shared", port=2022, known_hosts_file="/k")
    found = resolve(home, VAGRANT, host=Ssh(user="admin", identity_file="/key"), shared=shared)
    assert str(found) == "admin@127.0.0.1:2022"
    assert (found.identity_files, found.required_identity) == ((Path("/key"),), True)
    assert found.known_hosts == (Path("/k"),)


def test_the_default_configuration_is_read(home: Path) -> None:
    (home / ".ssh/config").write_text("Host 192.0.2.*\n  User ubuntu\n")
    assert str(resolve(home)) == "ubuntu@192.0.2.11:22"


def test_a_name_with_settings_but_no_address(home: Path) -> None:
    """`Host cp*` gives the user; the address is the inventory's, names are not asked from DNS."""
    assert str(resolve(home, "Host cp*\n  User ubuntu\nHost *\n  User nobody\n")) == "ubuntu@192.0.2.11:22"


def test_a_block_for_every_host(home: Path) -> None:
    assert str(resolve(home, "Host *\n  User core\n  Port 2022\n")) == "core@192.0.2.11:2022"


def test_includes(home: Path) -> None:
    (home / ".ssh/conf.d").mkdir()
    (home / ".ssh/conf.d/a").write_text("Host cp1\n  User included\n")
    (home / ".ssh/conf.d/b").write_text("Host other\n  Port 1\n")
    found = resolve(home, "Include conf.d/*\nPort 2022\nHost *\n  User late\n")
    assert str(found) == "included@192.0.2.11:2022"


def test_includes_in_a_circle(home: Path) -> None:
    (home / ".ssh/loop").write_text("Include loop\n")
    with pytest.raises(UsageError, match="include each other"):
        resolve(home, "Include loop\n")


@pytest.mark.parametrize("text", ["Match tagged x\n", "Match user a !localnetwork b\n", "Port twenty\n", "Match exec\n"])
def test_a_file_nobody_can_read_is_named(home: Path, text: str) -> None:
    with pytest.raises(UsageError, match=str(home / "config")):
        resolve(home, text)


def test_a_configuration_that_is_not_there(home: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        resolve(home, shared=Ssh(config_file="/absent/ssh-config"))


def test_known_hosts_of_the_configuration(home: Path) -> None:
    found = resolve(home, 'UserKnownHostsFile ~/one "/two"\nHostKeyAlias Alias\nPort 2022\nStrictHostKeyChecking yes\n')
    assert found.known_hosts == (home / "one", Path("/two"), GLOBAL_KNOWN_HOSTS)
    assert found.known_hosts_name == "alias"
    assert found.notices == ()


def test_agents(home: Path) -> None:
    assert resolve(home, "IdentityAgent none\n").agent is False
    assert resolve(home, "IdentityAgent ~/agent.sock\n").agent_socket == str(home / "agent.sock")
    assert resolve(home, "IdentityAgent SSH_AUTH_SOCK\n").agent_socket is None
    assert resolve(home, "IdentitiesOnly yes\n", shared=Ssh(agent=True)).identities_only is False


def test_jump_hosts_have_their_own_settings(home: Path) -> None:
    config = "Host bastion\n  HostName 198.51.100.1\n  User gate\n  IdentityFile /gate\n  UserKnownHostsFile /gate_hosts\n"
    found = resolve(home, config, shared=Ssh(user="core", identity_file="/key", proxy_jump="bastion,deep@inner:2222"))
    assert [str(jump) for jump in found.jumps] == ["gate@198.51.100.1:22", "deep@inner:2222"]
    assert [jump.identity_files for jump in found.jumps] == [(Path("/gate"),), (Path("/key"),)]
    assert [jump.known_hosts[0] for jump in found.jumps] == [Path("/gate_hosts"), home / ".ssh/known_hosts"]
    assert found.user == "core"


def test_a_jump_host_behind_a_jump_host(home: Path) -> None:
    config = "Host cp1\n  ProxyJump inner\nHost inner\n  ProxyJump outer\n"
    assert [jump.address for jump in resolve(home, config).jumps] == ["outer", "inner"]


def test_jump_hosts_in_a_circle(home: Path) -> None:
    with pytest.raises(UsageError, match="jump hosts"):
        resolve(home, "Host *\n  ProxyJump bastion\n")


def test_no_jump_where_the_inventory_says_so(home: Path) -> None:
    assert resolve(home, "ProxyJump bastion\n", host=Ssh(proxy_jump="none")).jumps == ()


def test_proxy_command(home: Path) -> None:
    found = resolve(home, "Host cp1\n  ProxyCommand connect %h %p %r\n  HostName 127.0.0.1\n", host=Ssh(port=2222, user="me"))
    assert found.proxy_command == "connect 127.0.0.1 2222 me"
    assert resolve(home, "ProxyCommand none\n").proxy_command is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("none", ()),
        ("a", (Jump("a"),)),
        ("u@a:1, b", (Jump("a", "u", 1), Jump("b"))),
        ("ssh://u@a:2222/", (Jump("a", "u", 2222),)),
        ("u@[2001:db8::1]:22", (Jump("2001:db8::1", "u", 22),)),
        ("2001:db8::1", (Jump("2001:db8::1"),)),
    ],
)
def test_jump_specifications(text: str, expected: tuple[Jump, ...]) -> None:
    assert parse_jumps(text) == expected


@pytest.mark.parametrize("text", ["@a", "a:b", "a b", "a:1:x"])
def test_jump_specifications_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="ProxyJump"):
        parse_jumps(text)

"""Where to connect for a host of the inventory, as whom, with which keys, trusting what.

Precedence: the host's `ssh` in the inventory, the cluster's `spec.ssh`, the OpenSSH client configuration, defaults.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bootstrap.cluster import Cluster, Host, Ssh, Sudo, ssh_of
from bootstrap.errors import UsageError
from bootstrap.ssh.client_config import ClientConfig, Jump, parse_jumps

DEFAULT_CONNECT_TIMEOUT = timedelta(seconds=10)
GLOBAL_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")
_DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")
_MAX_JUMPS = 8
_OFF = ("no", "off", "false", "accept-new")


@dataclass(frozen=True)
class Target:
    """One SSH server to log in to: a host of the inventory, or a jump host on the way.

    name: what messages call it. address, port: where the connection goes. known_hosts_name: as known_hosts
    has it, `[host]:port` where the port is not 22.
    identity_files: private keys in the order they are tried; required_identity: absent ones are an error.
    agent: None means one is used where there is one; agent_socket overrides SSH_AUTH_SOCK.
    known_hosts: files read; the first is the one `bootstrap trust` writes. pins: from the inventory, for this host only.
    jumps: hosts on the way, nearest to us first.
    """

    name: str
    address: str
    port: int
    user: str
    known_hosts_name: str
    identity_files: tuple[Path, ...]
    required_identity: bool
    identities_only: bool
    agent: bool | None
    agent_socket: str | None
    known_hosts: tuple[Path, ...]
    pins: tuple[str, ...]
    connect_timeout_s: float
    proxy_command: str | None = None
    jumps: tuple[Target, ...] = ()
    sudo: Sudo = Sudo.AUTO
    sudo_password_env: str | None = None
    notices: tuple[str, ...] = ()

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.user}@{address}:{self.port}"


def target(cluster: Cluster, host: Host, *, home: Path | None = None, login: str | None = None) -> Target:
    """The effective settings of `host`. home, login: of the operator; asked from the system when not given."""
    home = Path.home() if home is None else home
    login = getpass.getuser() if login is None else login
    ssh = ssh_of(cluster, host)
    config = ClientConfig.read(_config_file(ssh, home), home=home)
    alias = host.ssh.host or (host.name if config.names(host.name) else host.address)
    options = config.options(alias, user=ssh.user, port=ssh.port)
    address = _text(options, "hostname") or (host.ssh.host or host.address)
    main = _target(host.name, alias, address, options, ssh, config, home, login)
    jumps = parse_jumps(ssh.proxy_jump) if ssh.proxy_jump is not None else parse_jumps(_text(options, "proxyjump") or "")
    if not jumps:
        return main
    return replace(main, proxy_command=None, jumps=_jump_targets(jumps, main, config, home, login, 0))


def _target(
    name: str, alias: str, address: str, options: Mapping[str, object], ssh: Ssh, config: ClientConfig, home: Path, login: str
) -> Target:
    notices: list[str] = []
    identities, required = _identities(ssh, options, home)
    port = ssh.port or _port(options, config) or 22
    plain_name = address if port == 22 else f"[{address}]:{port}"
    return Target(
        name=name,
        address=address,
        port=port,
        user=ssh.user or _text(options, "user") or login,
        known_hosts_name=(_text(options, "hostkeyalias") or plain_name).lower(),
        identity_files=identities,
        required_identity=required,
        identities_only=(_text(options, "identitiesonly") or "").lower() in ("yes", "true") and not ssh.agent,
        agent=False if ssh.agent is None and _text(options, "identityagent") == "none" else ssh.agent,
        agent_socket=_agent_socket(options, home),
        known_hosts=_known_hosts(alias, ssh, options, home, notices, config),
        pins=ssh.host_key,
        connect_timeout_s=_timeout_s(ssh, options),
        proxy_command=_text(options, "proxycommand"),
        sudo=ssh.sudo or Sudo.AUTO,
        sudo_password_env=ssh.sudo_password_env,
        notices=tuple(notices),
    )


def _jump_targets(
    jumps: tuple[Jump, ...], main: Target, config: ClientConfig, home: Path, login: str, depth: int
) -> tuple[Target, ...]:
    """Jump hosts with their own settings from the client configuration; keys and known_hosts of the host where it has none.

    The first hop may have hops of its own, as in OpenSSH.
    """
    if depth + len(jumps) > _MAX_JUMPS:
        raise UsageError(f"more than {_MAX_JUMPS} jump hosts on the way to {main.name}")
    result: list[Target] = []
    for number, jump in enumerate(jumps):
        options = config.options(jump.alias, user=jump.user, port=jump.port)
        address = _text(options, "hostname") or jump.alias
        own = Ssh(user=jump.user, port=jump.port, agent=main.agent, connect_timeout=timedelta(seconds=main.connect_timeout_s))
        hop = _target(f"jump host {jump.alias}", jump.alias, address, options, own, config, home, login)
        if not _text(options, "identityfile"):
            hop = replace(hop, identity_files=main.identity_files, required_identity=main.required_identity)
        if not _text(options, "userknownhostsfile"):
            hop = replace(hop, known_hosts=main.known_hosts)
        if number > 0:
            hop = replace(hop, proxy_command=None)
        elif own_jumps := parse_jumps(_text(options, "proxyjump") or ""):
            result += _jump_targets(own_jumps, main, config, home, login, depth + len(jumps))
            hop = replace(hop, proxy_command=None)
        result.append(hop)
    return tuple(result)


def _config_file(ssh: Ssh, home: Path) -> Path | None:
    if ssh.config_file is not None:
        return _expanded(str(ssh.config_file), home)
    default = home / ".ssh" / "config"
    return default if default.is_file() else None


def _identities(ssh: Ssh, options: Mapping[str, object], home: Path) -> tuple[tuple[Path, ...], bool]:
    """Files to try, and whether their absence is an error (only what the inventory names)."""
    if ssh.identity_file is not None:
        return (_expanded(str(ssh.identity_file), home),), True
    listed = options.get("identityfile")
    if isinstance(listed, list) and listed:
        return tuple(_expanded(_unquoted(str(name)), home) for name in listed if name != "none"), False
    return tuple(home / ".ssh" / name for name in _DEFAULT_IDENTITIES), False


def _known_hosts(
    alias: str, ssh: Ssh, options: Mapping[str, object], home: Path, notices: list[str], config: ClientConfig
) -> tuple[Path, ...]:
    """Files to read; what would switch verification off is ignored, with a notice."""
    default = home / ".ssh" / "known_hosts"
    if (checking := (_text(options, "stricthostkeychecking") or "").lower()) in _OFF:
        notices.append(f"{config.path}: `StrictHostKeyChecking {checking}` for {alias} is ignored: host keys are always verified")
    configured = (_text(options, "userknownhostsfile") or "").split()
    nothing = [name for name in configured if _unquoted(name) in ("/dev/null", "none")]
    for name in nothing:
        notices.append(f"{config.path}: `UserKnownHostsFile {name}` for {alias} is ignored: host keys are always verified")
    if ssh.known_hosts_file is not None:
        return (_expanded(str(ssh.known_hosts_file), home),)
    files = tuple(_expanded(_unquoted(name), home) for name in configured if name not in nothing)
    return (*(files or (default,)), GLOBAL_KNOWN_HOSTS)


def _agent_socket(options: Mapping[str, object], home: Path) -> str | None:
    named = _unquoted(_text(options, "identityagent") or "")
    if named in ("", "none", "SSH_AUTH_SOCK"):
        return None
    return str(_expanded(named, home))


def _port(options: Mapping[str, object], config: ClientConfig) -> int | None:
    text = _text(options, "port")
    if text is None:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UsageError(f"{config.path}: Port {text!r} is not a port")
    return int(text)


def _timeout_s(ssh: Ssh, options: Mapping[str, object]) -> float:
    if ssh.connect_timeout is not None:
        return ssh.connect_timeout.total_seconds()
    text = _text(options, "connecttimeout")
    return float(text) if text is not None and text.isdigit() else DEFAULT_CONNECT_TIMEOUT.total_seconds()


def _text(options: Mapping[str, object], key: str) -> str | None:
    value = options.get(key)
    if isinstance(value, list):
        return str(value[0]) if value else None
    return None if value is None else str(value)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _expanded(name: str, home: Path) -> Path:
    return home / name[2:] if name.startswith("~/") else Path(name)

"""Private keys to log in with: files of the operator and keys that an agent holds."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import UnknownKeyType

from bootstrap.errors import HostUnreachable
from bootstrap.ssh.settings import Target

_MAGIC = b"openssh-key-v1\0"


@dataclass(frozen=True)
class Identity:
    """A key that can sign, and what messages call it."""

    label: str
    key: paramiko.PKey


class Agent(AgentSSH):
    """The keys of an SSH agent, at an explicit socket (paramiko's own knows only SSH_AUTH_SOCK)."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(30.0)
        try:
            connection.connect(path)
            self._connect(connection)      # type: ignore[attr-defined]
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._close()                      # type: ignore[attr-defined]


def open_agent(target: Target) -> Agent | None:
    """The agent that `target` may use; None where there is none. Raises HostUnreachable when one is asked for and absent."""
    path = target.agent_socket or os.environ.get("SSH_AUTH_SOCK")
    if target.agent is False:
        return None
    try:
        if not path:
            raise FileNotFoundError("SSH_AUTH_SOCK is not set")
        return Agent(path)
    except (OSError, paramiko.SSHException) as error:
        if target.agent:
            raise HostUnreachable(
                f"no SSH agent for {target.name}: {error}", host=target.name, hint="eval $(ssh-agent); ssh-add"
            ) from error
        return None


def identities(target: Target, agent: Agent | None, complaints: list[str]) -> Iterator[Identity]:
    """Keys for `target` in the order to try them: its files, then the agent's. complaints: collects why files were left out."""
    held = {key.asbytes(): key for key in (agent.get_keys() if agent is not None else ())}
    offered: set[bytes] = set()
    for path in target.identity_files:
        found = _from_file(path, held, target, complaints)
        if found is not None and found.key.asbytes() not in offered:
            offered.add(found.key.asbytes())
            yield found
    if target.identities_only:
        return
    for blob, key in held.items():
        if blob not in offered:
            yield _agent_identity(key)


def _from_file(
    path: Path, held: dict[bytes, AgentKey], target: Target, complaints: list[str]
) -> Identity | None:
    """The key in `path`, or the agent's key of the same public half when the file is encrypted or holds only that."""
    try:
        if not path.exists():
            public = _public_half(path)
            if public in held:
                return _agent_identity(held[public])
            if target.required_identity:
                raise HostUnreachable(f"identity file of {target.name} not found: {path}", host=target.name)
            return None
        return Identity(str(path), paramiko.PKey.from_path(path))
    except (paramiko.PasswordRequiredException, TypeError):
        public = _public_half(path)
        if public in held:
            return _agent_identity(held[public])
        complaints.append(f"{path}: encrypted, and no agent holds it (ssh-add {path})")
    except (paramiko.SSHException, UnknownKeyType, UnsupportedAlgorithm, ValueError, OSError) as error:
        public = _public_half(path)
        if public in held:
            return _agent_identity(held[public])
        complaints.append(f"{path}: {error}")
    return None


def _agent_identity(key: AgentKey) -> Identity:
    return Identity(f"agent key {getattr(key, 'comment', '') or key.get_name()}", key)


def _public_half(path: Path) -> bytes:
    """Wire form of the public key: from FILE.pub, a public key in the file itself, or the clear part of OpenSSH's own format."""
    for candidate in (path.with_name(path.name + ".pub"), path):
        try:
            text = candidate.read_text()
        except (OSError, UnicodeDecodeError):
            continue
        fields = text.split()
        try:
            if "BEGIN OPENSSH PRIVATE KEY" in text:
                return _openssh_public(base64.b64decode("".join(text.splitlines()[1:-1])))
            if len(fields) > 1 and fields[0].startswith(("ssh-", "ecdsa-", "sk-")):
                return base64.b64decode(fields[1])
        except ValueError:
            continue
    return b""


def _openssh_public(data: bytes) -> bytes:
    """Source: OpenSSH PROTOCOL.key: magic, cipher, kdf, options, number of keys, public key."""
    if not data.startswith(_MAGIC):
        return b""
    message = paramiko.Message(data[len(_MAGIC):])
    for _ in range(3):
        message.get_string()
    message.get_int()
    return message.get_string()

"""Is it the right server, and does it let us in: the check of a host key, and the keys that are offered to log in."""

from __future__ import annotations

from collections.abc import Sequence

import paramiko

from bootstrap.errors import HostNotTrusted, HostUnreachable
from bootstrap.ssh.hostkeys import HostKey, Trust, Verdict
from bootstrap.ssh.identities import identities, open_agent
from bootstrap.ssh.settings import Target


def verify(hop: Target, trust: Trust, key: HostKey) -> None:
    """Raise HostNotTrusted, with what to look at and what to type, unless `key` is the one that is known."""
    judgement = trust.judge(key)
    offered = f"it offers {key.key_type} {key.fingerprint}"
    evidence = [offered]
    match judgement.verdict:
        case Verdict.TRUSTED:
            return
        case Verdict.CHANGED:
            evidence += [f"{line} has {line.key.key_type} {line.key.fingerprint}" for line in judgement.lines]
            lines = ", ".join(str(line) for line in judgement.lines)
            message = f"the host key of {hop.name} ({hop}) has changed: it is not the one in {lines}"
            hint = "if the machine was reinstalled: bootstrap trust --replace INVENTORY; if not, somebody may be in between"
        case Verdict.REVOKED:
            message = f"the host key of {hop.name} ({hop}) is revoked: {judgement.lines[0]}"
            hint = "give the machine a new host key (ssh-keygen -A), then: bootstrap trust INVENTORY"
        case Verdict.NOT_PINNED:
            evidence += [f"inventory: {pin}" for pin in hop.pins]
            message = f"the host key of {hop.name} ({hop}) is none of those pinned in the inventory (ssh.hostKey)"
            hint = "compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on its console"
        case Verdict.UNKNOWN:
            evidence += [f"{line} knows it by {line.key.key_type} only" for line in judgement.lines]
            evidence += [f"{line} names a certificate authority: host certificates are not supported"
                         for line in trust.lines if line.marker == "@cert-authority"]
            files = " or ".join(str(file) for file in hop.known_hosts)
            message = f"the host key of {hop.name} ({hop}) is unknown: no line for {hop.known_hosts_name} in {files}"
            hint = "bootstrap trust INVENTORY"
    raise HostNotTrusted(message, host=hop.name, evidence=evidence, hint=hint)


def log_in(hop: Target, transport: paramiko.Transport) -> None:
    """Offer keys until one is taken. Raises HostUnreachable."""
    agent = open_agent(hop)
    tried: list[str] = []
    complaints: list[str] = []
    try:
        for identity in identities(hop, agent, complaints):
            tried.append(f"{identity.label} ({HostKey('', identity.key.asbytes()).fingerprint})")
            try:
                further = transport.auth_publickey(hop.user, identity.key)
            except paramiko.BadAuthenticationType as error:
                raise _denied(hop, [f"it accepts only: {', '.join(error.allowed_types)}", *complaints]) from error
            except paramiko.AuthenticationException:
                if transport.is_active():
                    continue
                break
            if further:
                raise _denied(hop, [f"{identity.label} was accepted, but it wants more: {', '.join(further)}"])
            return
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _denied(hop, [*tried, *complaints, str(error)]) from error
    finally:
        if agent is not None:
            agent.close()
    evidence = [*(f"refused: {label}" for label in tried), *complaints]
    raise _denied(hop, evidence or ["no key to offer: no identity file, no agent"])


def _denied(hop: Target, evidence: Sequence[str]) -> HostUnreachable:
    return HostUnreachable(
        f"{hop.name} lets nobody in as {hop}",
        host=hop.name,
        evidence=evidence,
        hint=f"ssh-copy-id -p {hop.port} {hop.user}@{hop.address}, or set ssh.user and ssh.identityFile in the inventory",
    )

"""trust: show the fingerprints of the hosts' keys, and record them on purpose."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap import ssh
from bootstrap.cluster import Cluster
from bootstrap.connecting import at_once, raise_all
from bootstrap.console import Console
from bootstrap.console.printable import count
from bootstrap.errors import BootstrapError, ExitCode, HostNotTrusted, UsageError

QUESTION = "Compare them with what the machines show. To record them type yes: "


def trust(cluster: Cluster, names: Sequence[str], accept: bool, replace: bool, console: Console) -> ExitCode:
    """Show what every host offers; record it when told to, on the command line or by the answer `yes`.

    Exit 3 when a key stays unrecorded.
    """
    known = {host.name for host in cluster.hosts}
    for name in names:
        if name not in known:
            raise UsageError(f"{name!r} is no host of {cluster.name}", hint=f"hosts: {', '.join(sorted(known))}")
    hosts = [host for host in cluster.hosts if not names or host.name in names]
    scanned = at_once(lambda host: ssh.scan(cluster, host), hosts, lambda host: host.name)
    keys = [key for found in scanned.values() if not isinstance(found, BootstrapError) for key in found]
    rows = [[key.host, key.name, key.key_type, key.fingerprint, key.verdict.value] for key in keys]
    if rows:
        console.table("Host keys", ["host", "recorded as", "type", "fingerprint", "state"], rows)
    # Where keys are pinned in the inventory they alone decide: recording another one would change nothing.
    unpinned = {key.host for key in keys if key.verdict is ssh.Verdict.NOT_PINNED}
    recordable = (ssh.Verdict.UNKNOWN, ssh.Verdict.CHANGED)
    unknown = [key for key in keys if key.verdict in recordable and key.host not in unpinned]
    lost = sorted(unpinned - {key.host for key in keys if key.verdict is ssh.Verdict.TRUSTED})
    failed = [found for found in scanned.values() if isinstance(found, BootstrapError)]
    failed += [HostNotTrusted(f"{host} offers none of the keys pinned in the inventory", host=host) for host in lost]
    recorded = []
    if unknown and (accept or console.confirm(QUESTION, hint="--accept records them without a question") == "yes"):
        for host in hosts:
            mine = [key for key in unknown if key.host == host.name]
            try:
                recorded += list(ssh.record(ssh.known_hosts_file(cluster, host), mine, replace=replace)) if mine else []
            except BootstrapError as error:
                failed.append(error)
            except OSError as error:
                failed.append(UsageError(f"the keys of {host.name} cannot be recorded: {error}"))
    found = {"recorded": [key.line for key in recorded], "unrecorded": len(unknown) - len(recorded)}
    console.result(found, _summary(len(recorded), len(unknown), len(keys), len(failed)))
    raise_all(failed)
    return ExitCode.UNREACHABLE if len(unknown) > len(recorded) else ExitCode.DONE


def _summary(recorded: int, unknown: int, offered: int, failed: int) -> str:
    """What has come of it; nothing that a host which did not answer could make untrue."""
    if recorded:
        return f"{count(recorded, 'key')} recorded"
    if unknown or not offered:
        return "nothing recorded"
    return "every key that was offered is recorded" if failed else "every key is recorded"

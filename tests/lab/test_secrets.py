"""No secret leaves its place: a real init is watched from both sides, then everything that was seen is searched.

What is searched for is taken from the masters once init is done: the body of every private key, key material inside kubeconfigs,
the key that encrypts Secrets, and the bootstrap tokens.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab.conftest import MASTERS, Lab

# Samples /proc as fast as a shell can: every command line and environment, and the names of temporary files.
WATCHER = r"""
systemctl stop seen.service 2>/dev/null
: >/run/seen
systemd-run --quiet --collect --unit=seen sh -c '
    while [ "$(stat -c %s /run/seen)" -lt 400000000 ]; do
        cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n" | sort -u >>/run/seen
        ls -A /tmp /var/tmp >>/run/seen
    done'
"""


def test_no_secret_is_seen_anywhere_but_in_its_file(lab: Lab) -> None:
    lab.reset()
    inventory = lab.inventory("canary")
    plan = lab.bootstrap("init", inventory, "-vvv", "--dry-run", "--kubeconfig", lab.kubeconfig)
    assert plan.returncode == 0, plan.stderr
    seen = {"the plan": plan.stdout + plan.stderr}
    for node in MASTERS:
        lab.sh(node, WATCHER)
    with local_commands() as local:
        done = lab.bootstrap("init", inventory, "-vvv", "--output", "json", "--kubeconfig", lab.kubeconfig)
    for node in MASTERS:
        lab.sh(node, "systemctl stop seen.service")
    assert done.returncode == 0, done.stderr
    seen["JSON events and log at -vvv"] = done.stdout + done.stderr
    seen["command lines on this machine"] = "\n".join(sorted(local))
    for node in MASTERS:
        seen[f"processes and names of temporary files on {node}"] = lab.sh(node, "sort -u /run/seen; rm /run/seen")
        seen[f"journal of {node}"] = lab.sh(node, "journalctl -b --no-pager -o cat | tail -n 200000")
        seen[f"temporary files of {node}"] = lab.sh(node, "find /tmp /var/tmp -type f -exec cat {} + 2>/dev/null; true")
    seen["objects of the cluster"] = lab.kubectl("get", "all,cm,nodes,csr,serviceaccounts,leases,events", "-A", "-o", "yaml")
    for words in (("verify",), ("status",), ("facts",), ("verify", "--output", "json"), ("facts", "--output", "json")):
        said = lab.bootstrap(words[0], inventory, "-vvv", *words[1:])
        seen[f"bootstrap {' '.join(words)}"] = said.stdout + said.stderr
    secrets = {secret for node in MASTERS for secret in secrets_of(lab, node)}
    assert len(secrets) > 30
    assert not re.search(r"PRIVATE KEY-----\s*[+ ]*[A-Za-z0-9/]{20}", seen["the plan"])     # its keys were written nowhere
    assert "key-data: LS0" not in seen["the plan"]
    assert [f"{where}: {secret[:12]}..." for where, text in seen.items() for secret in secrets if secret in text] == []
    assert [where for where, text in seen.items() if not text and not where.startswith("temporary files")] == []
    lab.reset()


def secrets_of(lab: Lab, node: str) -> set[str]:
    """Lines that give a secret of a master away, as they are and in base64."""
    files = lab.sh(node, "find /etc/kubernetes /var/lib/kubelet/pki -type f -perm 0600 -o -type f -perm 0400 | xargs -r cat")
    keys = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", files, re.S)
    found = {line for key in keys for line in key.splitlines() if len(line) > 30}
    for data in re.findall(r"client-key-data: (\S+)", files):
        found.add(data)
        found |= {line for line in base64.b64decode(data).decode().splitlines() if len(line) > 30 and "KEY" not in line}
    found |= set(re.findall(r"secret: ([A-Za-z0-9+/]{43}=)", files))
    return found


@contextlib.contextmanager
def local_commands() -> Iterator[set[str]]:
    """Command lines and environments of this machine's processes, sampled while the block runs."""
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        seen.update((process / name).read_bytes().decode(errors="replace").split("\0"))
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()

"""No secret leaves its place: a real cluster is made, mended and looked at, and all that can be seen of it is searched.

What is searched for is taken from the masters in the end: the body of every private key, key material inside kubeconfigs, the key
that encrypts Secrets. So is the secret half of a bootstrap token: standard output of the command that makes it, and of the one
that says how to join with it, is where it is meant to be, and nowhere else. What is in no file (keys that a dry run or a failed
run made, pods' tokens) is known by its looks.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab.conftest import CP1, CP3, MASTERS, Lab

# Samples /proc some times a second: every command line and environment, and the names of temporary files.
WATCHER = r"""
systemctl stop seen.service 2>/dev/null
: >/run/seen
systemd-run --quiet --collect --unit=seen --nice=19 sh -c '
    while [ "$(stat -c %s /run/seen)" -lt 400000000 ]; do
        cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n" | sort -u >>/run/seen
        ls -A /tmp /var/tmp >>/run/seen
        sleep 0.1
    done'
"""
HERE = "command lines on this machine"
KEY = "/etc/kubernetes/pki/front-proxy-client.key"
LOOKS_LIKE_A_SECRET = re.compile(
    r"PRIVATE KEY-----(?:\\n|[\s+])*[A-Za-z0-9/]{20}|key-data: LS0|secret: [A-Za-z0-9+/]{43}=|\beyJhbGciOi[\w-]+\.eyJ"
)
"""Bodies of keys, also as JSON or as a difference, keys in kubeconfigs, the key that encrypts Secrets, tokens of pods."""


def test_no_secret_is_seen_anywhere_but_in_its_file(lab: Lab) -> None:
    lab.reset()
    inventory, rendered, picture = lab.inventory("canary"), lab.directory / "rendered", lab.directory / "canary.svg"
    token_file = lab.directory / "token"
    kubeconfig = ("--kubeconfig", lab.kubeconfig)
    seen: dict[str, str] = {}

    def say(*words: str | Path, ends: tuple[int, ...] = (0, 8), meant: bool = False) -> str:
        """Standard output. meant: a secret is meant to stand there, so it is not searched."""
        done = lab.bootstrap(*words, "-vvv")
        name = f"bootstrap {' '.join(map(str, words))} ({done.returncode})"
        assert done.returncode in ends, f"{name}\n{done.stdout}\n{done.stderr}"
        seen[name] = done.stderr if meant else done.stdout + done.stderr
        return done.stdout

    with watched(lab, seen):
        say("init", inventory, "--dry-run", *kubeconfig)
        say("render", inventory, "--out", rendered)
        say("init", inventory, "--output", "json", "--timeline", picture, *kubeconfig)
        lab.sh(CP3, f"rm {KEY}; mkdir {KEY}")
        say("init", inventory, *kubeconfig, ends=(5,))      # it has made a new one, and cannot write it
        lab.sh(CP3, f"rmdir {KEY}")
        say("init", inventory, *kubeconfig, ends=(0,))
        token = say("token", "create", inventory, meant=True).strip()
        token_file.touch(mode=0o600)
        token_file.write_text(token)
        assert f" --token {token} " in f"{say('join-command', inventory, '--token-file', token_file, meant=True).strip()} "
        assert f"{token[:6]}.***" in say("token", "list", inventory)
        for command in ("verify", "facts"):
            say(command, inventory)
            say(command, inventory, "--output", "json")
        say("verify", inventory, "--profile", "cis")
        say("status", inventory)
        say("preflight", inventory)
        say("logs", inventory, CP1, "kube-apiserver", "--tail", "2000")
        say("reset", inventory, "--dry-run")
    seen["the picture of a run"] = picture.read_text()
    seen["what was rendered"] = "\n".join(path.read_text() for path in sorted(rendered.rglob("*")) if path.is_file())
    for node in MASTERS:
        seen[f"journal of {node}"] = lab.sh(node, "journalctl -b --no-pager -o cat | tail -n 200000")
        seen[f"logs of {node}"] = lab.sh(node, "find /var/log/pods /var/log/kubernetes -type f -exec cat {} + 2>/dev/null; true")
        seen[f"temporary files of {node}"] = lab.sh(node, "find /tmp /var/tmp -type f -exec cat {} + 2>/dev/null; true")
    kinds = [kind for kind in lab.kubectl("api-resources", "--verbs=list", "-o", "name").split() if kind != "secrets"]
    seen["objects of the cluster"] = lab.kubectl("get", ",".join(kinds), "-A", "-o", "yaml")
    secrets = {secret for node in MASTERS for secret in secrets_of(lab, node)}
    assert len(secrets) > 30
    half = token.partition(".")[2]
    assert re.fullmatch("[a-z0-9]{16}", half)
    secrets |= {half, base64.b64encode(half.encode()).decode()}
    assert [where for where, text in seen.items() if where != HERE and LOOKS_LIKE_A_SECRET.search(text)] == []
    runs = {where: runs_of(text) for where, text in seen.items()}
    assert [f"{where}: {secret[:12]}..." for where, text in runs.items() for secret in secrets if secret in text] == []
    assert [where for where, text in seen.items() if not text and not where.startswith("temporary files")] == []
    lab.reset()


def runs_of(text: str) -> str:
    """Whatever in a text could hold a secret, each once: much is said a thousand times, and there are a hundred secrets."""
    return "\n".join(set(re.findall("[A-Za-z0-9+/=]{16,}", text)))


@contextlib.contextmanager
def watched(lab: Lab, seen: dict[str, str]) -> Iterator[None]:
    """What the processes of all machines show of themselves meanwhile comes to what was seen."""
    for node in MASTERS:
        lab.sh(node, WATCHER)
    try:
        with local_commands() as local:
            yield
    finally:
        for node in MASTERS:
            lab.sh(node, "systemctl stop seen.service")
    seen[HERE] = "\n".join(sorted(local))
    for node in MASTERS:
        seen[f"processes and names of temporary files on {node}"] = lab.sh(node, "sort -u /run/seen; rm /run/seen")


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
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()

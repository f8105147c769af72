"""A host that never stops talking is cut off: with an error that names it, in bounded memory, and the connection stays usable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.ssh import http, remote
from tests.ssh.servers import Sshd, Users

ROOT = Path(__file__).parents[2]
MOST_MIB = 150     # by which a process may grow: less than 200 MiB with what it begins with


def outcome(mode: str, sshd: Sshd, users: Users, identity: Path, known_hosts: Path, **more: str) -> dict[str, object]:
    """What a process said that asked such a host. Takes the second or two that a new process and so many bytes take."""
    settings = {
        "port": sshd.port, "user": users.names["sudo"], "identity": str(identity), "known_hosts": str(known_hosts), **more
    }
    argv = [sys.executable, "-m", "tests.ssh.endless", mode, json.dumps(settings)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("facts", f"sent too much output while reading facts: more than {remote.FACTS_CAP >> 10} KiB"),
        ("facts in lines", "sent too much output while reading facts"),
        ("facts on stderr", "sent too much output while reading facts"),
        ("facts on both", "sent too much output while reading facts"),
        ("status", "the root shell on cp1 ended while reading facts"),
        ("body", f"sent more than {http.BODY_CAP >> 20} MiB"),
    ],
)
def test_endless_output_is_cut_off(
    mode: str, says: str, sshd: Sshd, users: Users, identity: Path, known_hosts: Path
) -> None:
    found = outcome(mode, sshd, users, identity, known_hosts)
    assert says in str(found["said"])
    assert (found["host"], found["usable"]) == ("cp1", True)
    assert int(str(found["grown_mib"])) < MOST_MIB


def test_a_file_of_ten_gibibytes_is_not_read(sshd: Sshd, users: Users, identity: Path, known_hosts: Path, on_host: Path) -> None:
    with (on_host / "huge").open("wb") as file:
        file.truncate(10 << 30)
    found = outcome("file", sshd, users, identity, known_hosts, file=str(on_host / "huge"))
    assert "sent too much output while reading files" in str(found["said"])
    assert (found["host"], found["usable"]) == ("cp1", True)
    assert int(str(found["grown_mib"])) < MOST_MIB


def test_of_a_command_only_the_beginning_is_kept(sshd: Sshd, users: Users, identity: Path, known_hosts: Path) -> None:
    """Runs into the command's time-out of 2 s: what it prints meanwhile is thrown away."""
    found = outcome("command", sshd, users, identity, known_hosts)
    assert "cat /dev/zero did not end within 2 s on cp1" in str(found["said"])
    assert (found["host"], found["usable"]) == ("cp1", True)
    assert int(str(found["grown_mib"])) < 50

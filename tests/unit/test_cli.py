"""The command line itself: exit codes, hints, closed pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bootstrap import cli, inventory, queries
from bootstrap.errors import HostUnreachable, SeveralErrors


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    path = tmp_path / "my demo.yaml"
    path.write_text(inventory.example("single"), encoding="utf-8")
    return path


def test_hints_name_the_inventory_that_was_given(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SeveralErrors([HostUnreachable("no", host=name, hint="bootstrap trust INVENTORY") for name in ("cp1", "cp2")])

    monkeypatch.setattr(queries, "verify", fail)
    done = CliRunner().invoke(cli.main, ["verify", str(demo)])
    assert done.exit_code == 3
    assert done.stderr.count(f"hint: bootstrap trust '{demo}'\n") == 2


def test_sudo_password_is_asked_for_before_any_host_is_reached(demo: Path) -> None:
    done = CliRunner().invoke(cli.main, ["verify", str(demo), "--ask-sudo-password"])
    assert (done.exit_code, "cannot ask" in done.stderr) == (2, True)


def test_a_closed_pipe_is_no_bug() -> None:
    """Starts a process: the exit of the interpreter is part of it."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "bootstrap", "config", "schema"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (130, b"")

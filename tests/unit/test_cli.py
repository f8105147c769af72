"""The command line itself: exit codes, hints, closed pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bootstrap import cli, inventory, queries, runner
from bootstrap.console import Console
from bootstrap.errors import HostUnreachable, SeveralErrors
from bootstrap.events import Event, Kind


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


def test_a_file_whose_name_is_too_long_is_no_inventory() -> None:
    done = CliRunner().invoke(cli.main, ["config", "show", "a" * 300])
    assert (done.exit_code, done.stderr.startswith("error: cannot read aaa")) == (2, True)
    assert "File name too long" in done.stderr


@pytest.mark.parametrize("words", ["config schema", "config show nosuch.yaml", "config example -o json", "--help"])
@pytest.mark.parametrize("both", [False, True])
def test_a_disk_that_is_full_is_no_bug(words: str, both: bool) -> None:
    """Starts a process, as above: what could not be written must not be tried again at the exit of the interpreter."""
    command = [sys.executable, "-m", "bootstrap", *words.split()]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=full if both else subprocess.PIPE, text=True, check=False)
    wrong = "nosuch.yaml" in words      # which is told on standard error alone
    assert done.returncode == (2 if wrong else 5), done.stderr
    if not wrong and not both:
        assert done.stderr.startswith("error: standard output cannot be written: No space left on device\n  hint: make room ")
        assert "Traceback" not in done.stderr


def test_init_draws_its_timeline_also_when_it_fails(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cluster: object, request: object, connect: object, console: Console) -> None:
        console.event(Event(Kind.FAILED, 1.0, "certs", "cp1", "disk full"))
        raise HostUnreachable("no", host="cp1")

    monkeypatch.setattr(runner, "init", fail)
    target = demo.parent / "run.svg"
    done = CliRunner().invoke(cli.main, ["init", str(demo), "--timeline", str(target)])
    assert done.exit_code == 3
    assert f"timeline: {target}\n" in done.stderr
    assert "disk full" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["run.png", "nowhere/run.svg", "taken.svg"])
def test_a_timeline_that_cannot_be_written_is_refused_before_anything_starts(
    demo: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(runner, "init", lambda *_: pytest.fail("it has begun"))
    (demo.parent / "taken.svg").mkdir()
    done = CliRunner().invoke(cli.main, ["init", str(demo), "--timeline", str(demo.parent / name)])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: cannot ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init", "nope.yaml"], "error: there is no file nope.yaml\n"
                                "  hint: one to start from: bootstrap config example > nope.yaml\n"),
        (["init"], "error: missing argument 'INVENTORY'\n  hint: bootstrap init --help\n"),
        (["inti"], "error: no such command 'inti'. Did you mean 'init'?\n  hint: bootstrap --help\n"),
    ],
)  # fmt: skip
def test_mistakes_of_the_command_line_are_a_line_and_a_hint(words: list[str], said: str) -> None:
    done = CliRunner().invoke(cli.main, words, prog_name="bootstrap")
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", said)


@pytest.fixture
def signals_restored() -> Iterator[None]:
    """A command that was interrupted leaves its handlers in place, for it is about to end; the tests are not."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_restored")
def test_a_process_that_is_ended_says_that_it_was_interrupted(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "verify", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    done = CliRunner().invoke(cli.main, ["verify", str(demo)])
    assert done.exit_code == 130
    assert done.stderr == "error: interrupted\n  hint: the same command carries on where this one stopped\n"

"""A real terminal: what is drawn over, what is coloured, and what asks for neither. Slower than 100 ms: each starts a process."""

from __future__ import annotations

import os
import pty
import re
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, ExitCode
from bootstrap.events import Event, Kind
with Console("text", 0, sys.argv[1], plain=sys.argv[2] == "plain") as console:
    console.event(Event(Kind.PHASE_STARTED, 0.0, "wait", "", "Components healthy", {"hosts": ["cp1", "cp2"]}))
    console.event(Event(Kind.WAITING, 0.1, "wait", "cp1", "etcd healthy", {"answer": "503 " + "x" * 100}))
    console.event(Event(Kind.WAITING, 11.0, "wait", "cp1", "etcd healthy", {"answer": "504"}))
    console.note("by the way")
    console.table("", ["host", "node", "version"], [["cp1", "Ready", "v1.36.3 " * 4]])
    console.error(BootstrapError("no", evidence=["why"], hint="what to type"))
    console.end(ExitCode.STOPPED)
"""
COLOUR = re.compile(r"\x1b\[[0-9;]+m")


def seen(environ: dict[str, str], color: str = "auto", plain: str = "", width: int = 40) -> str:
    """What a terminal of that width is sent."""
    child, terminal = pty.fork()
    if child == 0:
        termios.tcsetwinsize(1, (24, width))
        # An environment of its own: readline has set COLUMNS in this one, where Python does not see it.
        environ = {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "TERM": "xterm", **environ}
        os.execve(sys.executable, [sys.executable, "-c", PROGRAM, color, plain], environ)
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:     # the other end is closed
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, said.decode()
    return said.decode()


LINES = """[wait] cp1: waiting for etcd healthy: 504 (11 s)
by the way
cp1
  node:    Ready
  version: v1.36.3 v1.36.3 v1.36.3 v1.36.3 
error: no
  why
  hint: what to type
"""  # noqa: W291


@pytest.mark.parametrize(
    ("environ", "color", "plain"),
    [({}, "auto", "plain"), ({"TERM": "dumb"}, "auto", ""), ({"CI": "true", "NO_COLOR": "1"}, "auto", ""),
     ({"CI": "true"}, "never", "")],
    ids=["--plain", "dumb terminal", "CI without colour", "CI --color never"],
)  # fmt: skip
def test_lines_only(environ: dict[str, str], color: str, plain: str) -> None:
    said = seen(environ, color, plain)
    expected = LINES
    if environ.get("TERM") == "dumb":   # its width is not known
        expected = re.sub(r"cp1\n.*?(?=error)", "HOST  NODE   VERSION\ncp1   Ready  v1.36.3 v1.36.3 v1.36.3 v1.36.3\n", LINES,
                          flags=re.DOTALL)  # fmt: skip
    assert said.replace("\r\n", "\n") == expected
    assert said.isascii()


def test_a_terminal_is_drawn_over_and_left_clean() -> None:
    said = seen({})
    assert "\x1b[?25l" in said
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")
    assert COLOUR.search(said)
    drawn = [line for line in re.split(r"[\r\n]|\x1b\[[0-9;?]*[A-Za-z]", said) if line.startswith("  cp") or "503" in line]
    assert drawn
    assert all(len(line) <= 40 for line in drawn)


def test_no_color_is_drawn_over_without_colour() -> None:
    said = seen({"NO_COLOR": "1"})
    assert "\x1b[?25l" in said
    assert not COLOUR.search(said)
    assert COLOUR.search(seen({"NO_COLOR": "1"}, "always"))


@pytest.mark.parametrize("name", ["FORCE_COLOR", "CLICOLOR_FORCE"])
def test_colour_can_be_forced_into_a_pipe(name: str) -> None:
    from tests.unit.console_samples import Made

    captured = Made(environ={name: "1", "TERM": "dumb"})()
    captured.console.note("plain")
    captured.console.result({}, "bold")
    assert captured.out == "\x1b[1mbold\x1b[0m\n"
    assert Made(environ={name: "0"})().out == ""

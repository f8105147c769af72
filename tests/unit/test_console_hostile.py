"""What hosts say is shown by every view, and none of it reaches the terminal as anything but text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.console import Console
from bootstrap.errors import BootstrapError, InventoryError, Problem, RemoteError, SeveralErrors
from bootstrap.events import Event, Kind
from bootstrap.files import Secret
from bootstrap.preflight.finding import Finding, Severity
from tests.unit.console_samples import Made, api, everywhere, observed, plan, step, write

PIECES = (
    "\x1b[2J", "\x1b]0;owned\x07", "\x1b]8;;http://x\x1b\\", "\x9b2J", "\x1b", "\x07", "\x08", "\r", "\0", "\x7f", "\x85",
    "\u2028", "\u202e", "\u200b", "\n", "\t", "[red]", "[/]", "\ud800", "error: ", "a word", "\x1bP", "\x1b[", "\x1b(0", "\ufeff",
)  # fmt: skip
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.text(max_size=20))
CONTROL = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]|[\x7f\u2028\u2029\u202a-\u202e]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Differs:
    host: str
    what: str
    expected: object
    actual: object


def views(text: str) -> dict[str, Callable[[Console], None]]:
    """Every way there is to show something, with a host's text wherever a host's text may stand."""
    raw = text.encode(errors="replace")
    change = write("/etc/x", raw + b"\n", b"before " + raw)
    failed = RemoteError(text, host="cp1", evidence=[text, f"x{text}y"], hint=text)
    named = InventoryError([Problem(text, 1, text, text, text)])
    return {
        "plan": lambda console: console.plan(plan(step("certs", everywhere(change, api("ConfigMap", "x", data={"a": text}))))),
        "error": lambda console: console.error(failed),
        "errors": lambda console: console.error(SeveralErrors([failed, named, BootstrapError(text)])),
        "bug": lambda console: console.bug(ValueError(text)),
        "note": lambda console: console.note(text),
        "table": lambda console: console.table(text, ["host", "state"], [["cp1", text], [text, 1]]),
        "findings": lambda console: console.findings([Finding("Port", "cp1", Severity.ERROR, text, text)]),
        "differences": lambda console: console.differences([Differs("cp1", text, text, observed("/etc/x", raw))]),
        "lines": lambda console: console.lines(text),
        "result": lambda console: console.result({"text": text, "bytes": raw, "secret": Secret(raw)}, text),
        **{
            f"event {kind}": lambda console, kind=kind: console.event(  # type: ignore[misc]
                Event(kind, 100.0, "certs", "cp1", text, {"seen": text})
            )
            for kind in Kind
        },
    }


@settings(max_examples=40)
@given(TEXTS)
def test_as_text_nothing_but_text_is_written(text: str) -> None:
    for name, show in views(text).items():
        found = Made()(verbosity=2)
        show(found.console)
        found.console.close()
        assert CONTROL.findall(found.out + found.err) == [], name


@settings(max_examples=15)
@given(TEXTS)
def test_on_a_terminal_there_are_colours_and_no_other_sequences(text: str) -> None:
    for name, show in views(text).items():
        found = Made(terminal=True, environ={"TERM": "xterm", "CI": "1"})(verbosity=2, width=200)
        show(found.console)
        found.console.close()
        assert CONTROL.findall(STYLE.sub("", found.out + found.err)) == [], name


@settings(max_examples=15)
@given(TEXTS)
def test_as_json_every_line_is_an_object_and_its_texts_are_printable(text: str) -> None:
    for name, show in views(text).items():
        found = Made()("json")
        show(found.console)
        for line in found.out.splitlines():
            assert line.isascii(), name
            assert CONTROL.findall("\n".join(strings(json.loads(line)))) == [], name


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in (str(key), *strings(inner))]
    if isinstance(value, list):
        return [found for inner in value for found in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_by_itself_and_between_words(piece: str) -> None:
    for text in (piece, f"before{piece}after", piece * 3):
        for show in views(text).values():
            found = Made()(verbosity=2)
            show(found.console)
            assert CONTROL.findall(found.out + found.err) == []

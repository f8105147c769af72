"""Errors, tables, findings, differences, facts, questions: what a command says when it is done."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest

from bootstrap.errors import BootstrapError, ExitCode, HostUnreachable, InventoryError, Problem, SeveralErrors, UsageError
from bootstrap.events import Kind
from bootstrap.facts import Facts, OsFacts
from bootstrap.files import Observed
from tests.unit.console_samples import Captured, Made, event


@dataclass(frozen=True)
class Finding:
    name: str
    host: str | None
    severity: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Difference:
    host: str
    what: str
    expected: str
    actual: str


def error_text(error: BootstrapError) -> str:
    captured = Made()()
    captured.console.error(error)
    assert captured.out == ""
    return captured.err


def error_json(error: BootstrapError) -> dict[str, object]:
    captured = Made()("json")
    captured.console.error(error)
    captured.console.end(error.exit_code)
    (line,) = captured.out.splitlines()
    found = json.loads(line)
    assert (found["kind"], found["exitCode"]) == ("error", error.exit_code)
    return dict(found["error"])


NOT_HEALTHY = BootstrapError(
    "etcd did not become healthy on cp2 within 240 s",
    host="cp2",
    evidence=["last answer: connection refused", "two\nlines"],
    hint="bootstrap logs demo.yaml cp2 etcd",
)


def test_an_error_has_evidence_and_a_hint() -> None:
    assert error_text(NOT_HEALTHY) == (
        "error: etcd did not become healthy on cp2 within 240 s\n"
        "  last answer: connection refused\n"
        "  two\n"
        "  lines\n"
        "  hint: bootstrap logs demo.yaml cp2 etcd\n"
    )


def test_an_error_for_programs() -> None:
    assert error_json(NOT_HEALTHY) == {
        "type": "BootstrapError",
        "message": "etcd did not become healthy on cp2 within 240 s",
        "host": "cp2",
        "component": "",
        "evidence": ["last answer: connection refused", "two", "lines"],
        "hint": "bootstrap logs demo.yaml cp2 etcd",
        "exitCode": 5,
    }


def test_an_error_names_its_host_once() -> None:
    assert error_text(HostUnreachable("connection refused", host="cp1")) == "error: cp1: connection refused\n"


def test_several_errors_are_each_shown() -> None:
    several = SeveralErrors([HostUnreachable("refused", host="cp1", hint="ssh cp1"), HostUnreachable("timed out", host="cp3")])
    assert error_text(several) == "error: cp1: refused\n  hint: ssh cp1\nerror: cp3: timed out\n"
    found = error_json(several)
    assert found["exitCode"] == 3
    assert [each["host"] for each in found["errors"]] == ["cp1", "cp3"]  # type: ignore[attr-defined]


def test_every_mistake_of_an_inventory_is_shown_with_its_place() -> None:
    problems = [
        Problem("demo.yaml", 7, "spec.hosts[1].address", "is no IP address", "192.0.2.12"),
        Problem("missing.yaml", None, "", "no such file"),
    ]
    assert error_text(InventoryError(problems)) == (
        "error: 2 mistakes in the inventory\n"
        "  demo.yaml:7: spec.hosts[1].address: is no IP address (192.0.2.12)\n"
        "  missing.yaml: no such file\n"
    )
    found = error_json(InventoryError(problems))
    assert found["problems"] == [
        {"file": "demo.yaml", "line": 7, "field": "spec.hosts[1].address", "message": "is no IP address", "hint": "192.0.2.12"},
        {"file": "missing.yaml", "line": None, "field": "", "message": "no such file", "hint": ""},
    ]


def test_control_characters_are_stripped_from_evidence() -> None:
    error = BootstrapError("a\x1b[2Jb", evidence=["\x1b]8;;http://evil\x07click\x1b]8;;\x07", "right\u202eleft", "bell\x07\r"])
    assert error_text(error) == "error: ab\n  click\n  rightleft\n  bell\n"
    assert error_json(error)["evidence"] == ["click", "rightleft", "bell"]


def test_markup_is_no_markup() -> None:
    captured = Made(terminal=True)("text", width=80)
    captured.console.error(BootstrapError("[red]x[/red] :smile:"))
    assert "error: [red]x[/red] :smile:" in captured.err


def test_a_bug_shows_its_traceback() -> None:
    captured = Made()()
    try:
        raise KeyError("surprise")
    except KeyError as error:
        captured.console.bug(error)
    assert captured.err.startswith("Traceback (most recent call last):\n")
    assert "error: a bug in bootstrap: 'surprise'\n" in captured.err


def test_a_table_in_a_pipe_is_never_cut() -> None:
    captured = Made()()
    captured.console.table("demo", ["host", "node"], [["cp1", "Ready"], ["cp2", "x" * 300]])
    assert captured.out == f"demo\nHOST  NODE\ncp1   Ready\ncp2   {'x' * 300}\n"


def test_a_table_without_rows_is_its_title_alone() -> None:
    captured = Made()()
    captured.console.table("worker1: 23 PASS, 0 FAIL", ["check", "status"], [])
    assert captured.out == "worker1: 23 PASS, 0 FAIL\n"


def test_a_table_that_does_not_fit_a_terminal_is_shown_row_by_row() -> None:
    captured = Made(terminal=True, environ={"TERM": "xterm", "NO_COLOR": "1"})("text", width=40)
    rows = [["cp1", "v1.36.3", "container runtime network not ready"], ["cp2", "v1.36.3", "Ready"]]
    captured.console.table("demo", ["host", "version", "node"], rows)
    assert captured.out == (
        "demo\ncp1\n  version: v1.36.3\n  node:    container runtime network not ready\n"
        "cp2\n  version: v1.36.3\n  node:    Ready\n"
    )


def findings(as_result: bool) -> Captured:
    captured = Made()()
    found = [
        Finding("cpus", "cp1", "warning", "1 CPU, 2 are wanted"),
        Finding("swap", "cp2", "error", "swap is on", "swapoff -a"),
        Finding("swap", "cp1", "error", "swap is on", "swapoff -a"),
        Finding("two-masters", None, "info", "two masters tolerate no failure"),
    ]
    captured.console.findings(found, as_result=as_result)
    return captured


def test_findings_come_gravest_first_and_hosts_together() -> None:
    assert findings(as_result=True).out == (
        "error [swap] cp1, cp2: swap is on\n"
        "  hint: swapoff -a\n"
        "warning [cpus] cp1: 1 CPU, 2 are wanted\n"
        "info [two-masters] two masters tolerate no failure\n"
    )
    assert findings(as_result=False).out == ""


def test_findings_for_programs() -> None:
    captured = Made()("json")
    captured.console.findings([Finding("swap", "cp2", "error", "swap is on")])
    captured.console.findings([])
    assert [json.loads(line) for line in captured.out.splitlines()] == [
        {
            "apiVersion": "output.bootstrap/v1alpha1",
            "kind": "findings",
            "findings": [{"name": "swap", "host": "cp2", "severity": "error", "message": "swap is on", "hint": ""}],
        }
    ]


def test_differences_stand_by_host() -> None:
    captured = Made()()
    nodes = Difference("", "nodes", "all there", "not registered: cp2\nand more")
    captured.console.differences([Difference("cp1", "file /a", "present", "missing"), nodes])
    assert captured.out == (
        "cp1\n"
        "  file /a\n"
        "    expected: present\n"
        "    actual:   missing\n"
        "cluster\n"
        "  nodes\n"
        "    expected: all there\n"
        "    actual:   not registered: cp2\n"
        "              and more\n"
    )


def test_hosts_with_the_same_difference_stand_together() -> None:
    captured = Made()()
    captured.console.differences([
        *(Difference(host, "file /a", "present", "missing") for host in ("cp1", "cp2", "cp3")),
        Difference("cp2", "health of etcd", "healthy", "connection refused"),
    ])  # fmt: skip
    assert captured.out == (
        "cp1, cp2, cp3\n  file /a\n    expected: present\n    actual:   missing\n"
        "cp2\n  health of etcd\n    expected: healthy\n    actual:   connection refused\n"
    )


def test_facts_are_sections_of_a_host() -> None:
    path = PurePosixPath("/etc/kubernetes/manifests/etcd.yaml")
    seen = Observed(path, "file", 0o600, "root", "root", 3, "c0ffee" * 10)
    facts = Facts("cp1", "cp1", OsFacts(pretty_name="Debian \x1b[1m12"), cpus=2, memory_bytes=4 << 30, owned={path: seen})
    captured = Made()("text", 1)
    captured.console.facts(facts)
    lines = captured.out.splitlines()
    assert lines[:3] == ["cp1", "  system        Debian 12, 2 CPUs, 4.0 GiB of memory", "  host name     cp1"]
    assert f"{path}: file 0600 root:root, sha256 c0ffeec0ffee" in lines[-1]


def test_a_result_is_text_or_an_object() -> None:
    text, lines = Made()(), Made()("json")
    for captured in (text, lines):
        captured.console.result({"path": PurePosixPath("/a"), "seconds": 1.5}, "all good\nnext: kubectl")
        captured.console.end(ExitCode.DRIFT)
    assert text.out == "all good\nnext: kubectl\n"
    assert json.loads(lines.out) == {
        "apiVersion": "output.bootstrap/v1alpha1", "kind": "result", "command": "", "exitCode": 8, "path": "/a", "seconds": 1.5,
    }  # fmt: skip


def test_lines_are_printed_as_they_are() -> None:
    captured = Made()("text")
    captured.console.lines("a:\n\tb  \n\x1b[31mc")
    assert captured.out == "a:\n\tb  \nc\n"


def test_a_question_is_asked_on_the_error_stream() -> None:
    captured = Made()(typed="demo\n")
    assert captured.console.confirm("Type the cluster's name (demo) to go on: ") == "demo"
    assert captured.console.secret_prompt("sudo password: ") == "demo"
    assert captured.out == ""
    assert captured.err == "Type the cluster's name (demo) to go on: "


def test_no_question_without_a_terminal() -> None:
    captured = Made()()
    with pytest.raises(UsageError, match="no terminal") as caught:
        captured.console.confirm("Sure?", hint="--confirm demo")
    assert caught.value.hint == "--confirm demo"
    with pytest.raises(UsageError, match="no terminal"):
        captured.console.secret_prompt("sudo password: ")


def test_importing_the_console_is_cheap() -> None:
    """Slower than 100 ms: only a fresh interpreter shows what an import brings along."""
    heavy = "[m for m in ('rich', 'pydantic', 'yaml', 'cryptography', 'paramiko') if m in sys.modules]"
    code = f"import sys, bootstrap.console; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_plain_lines_need_no_rich() -> None:
    """Slower than 100 ms: as above."""
    code = (
        "import sys\nfrom bootstrap.console import Console\nfrom bootstrap.errors import BootstrapError\n"
        "c = Console(environ={})\nc.error(BootstrapError('x'))\nc.result({}, 'y')\nprint('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "y\nFalse\n"


def test_an_ascii_stream_gets_escapes_instead_of_an_exception() -> None:
    """Slower than 100 ms: as above."""
    code = "from bootstrap.console import Console\nConsole(environ={}).lines('f\\u00fcr')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout == "f\\xfcr\n"


def test_events_after_a_close_are_still_shown() -> None:
    captured = Made(terminal=True)("text", width=80)
    captured.console.close()
    captured.console.event(event(Kind.NOTE, 1, "cp1", "by the way"))
    captured.console.close()
    assert "[certs] cp1: by the way" in captured.err

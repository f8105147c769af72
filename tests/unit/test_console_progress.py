"""Progress: plain lines, a live view, JSON lines."""

from __future__ import annotations

import json
import logging
import re
import threading

import pytest

from bootstrap.console.live import LiveView
from bootstrap.console.terminal import Terminal
from bootstrap.errors import ExitCode
from bootstrap.events import Event, Kind
from tests.unit.console_samples import HOSTS, Captured, Made, Stream, event

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def certs() -> list[Event]:
    """A phase in which cp3 does one thing more."""
    return [
        event(Kind.PHASE_STARTED, 1.0, message="Certificates and keys", hosts=list(HOSTS)),
        *(event(Kind.CHANGED, 1.1, host, f"wrote /etc/kubernetes/pki/{n}") for host in HOSTS for n in range(22)),
        event(Kind.CHANGED, 1.2, "cp3", "started the kubelet"),
        event(Kind.PHASE_DONE, 1.3),
    ]


def waiting() -> list[Event]:
    refused = "connection refused (etcd http://127.0.0.1:2381/readyz)"
    return [
        event(Kind.PHASE_STARTED, 0.0, phase="wait", message="Waiting", hosts=["cp1"]),
        event(Kind.WAITING, 0.0, "cp1", "etcd healthy", phase="wait"),
        event(Kind.WAITING, 0.1, "cp1", "etcd healthy", phase="wait", answer=refused),
        event(Kind.WAITING, 12.0, "cp1", "etcd healthy", phase="wait", answer="503"),
        event(Kind.WAITING, 13.0, "cp1", "etcd healthy", phase="wait", answer="504"),
        event(Kind.READY, 125.0, "cp1", "etcd healthy", phase="wait"),
        event(Kind.PHASE_DONE, 125.0, phase="wait"),
    ]


def shown(events: list[Event], verbosity: int = 0) -> str:
    captured = Made()("text", verbosity)
    for each in events:
        captured.console.event(each)
    assert captured.out == ""
    return captured.err


def test_a_phase_is_one_line_for_hosts_that_did_the_same() -> None:
    assert shown(certs()) == (
        "[certs] cp1, cp2: 22 files written (0.3 s)\n[certs] cp3: 22 files written, started the kubelet (0.3 s)\n"
    )


def test_v_shows_every_change() -> None:
    lines = shown(certs(), 1).splitlines()
    assert lines[0] == "[certs] Certificates and keys"
    assert lines[1] == "[certs] cp1: wrote /etc/kubernetes/pki/0"
    assert len(lines) == 1 + 3 * 22 + 1 + 2


def test_a_single_change_is_named_and_phases_without_any_are_silent() -> None:
    events = [
        event(Kind.PHASE_STARTED, 0, hosts=["cp1"]),
        event(Kind.CHANGED, 0, "cp1", "wrote /etc/kubernetes/manifests/etcd.yaml"),
        event(Kind.CHANGED, 0, "cp1", "wrote demo.kubeconfig on this machine"),
        event(Kind.PHASE_DONE, 0.5),
        event(Kind.PHASE_STARTED, 1, phase="preflight"),
        event(Kind.PHASE_DONE, 2, phase="preflight"),
    ]
    assert shown(events) == (
        "[certs] cp1: wrote /etc/kubernetes/manifests/etcd.yaml, wrote demo.kubeconfig on this machine (0.5 s)\n"
    )
    assert shown(events, 1).endswith("[preflight] done (1.0 s)\n")


def test_many_hosts_are_counted() -> None:
    events = [event(Kind.CHANGED, 0, f"cp{n}", "wrote /a") for n in range(50)]
    assert shown([*events, event(Kind.PHASE_DONE, 1)]) == "[certs] 50 hosts: wrote /a (1.0 s)\n"


def test_answers_of_a_wait_are_told_seldom_unless_asked_for() -> None:
    assert shown(waiting()) == (
        "[wait] cp1: waiting for etcd healthy: 503 (12 s)\n[wait] cp1: etcd healthy (2 min 05 s)\n"
    )
    assert "waiting for etcd healthy: 503" not in shown(waiting(), 1)
    assert [line for line in shown(waiting(), 2).splitlines() if "waiting" in line] == [
        "[wait] cp1: waiting for etcd healthy",
        "[wait] cp1: waiting for etcd healthy: connection refused (etcd http://127.0.0.1:2381/readyz)",
        "[wait] cp1: waiting for etcd healthy: 503",
        "[wait] cp1: waiting for etcd healthy: 504",
    ]


def test_what_was_done_before_a_failure_is_told_at_the_end() -> None:
    captured = Made()()
    captured.console.event(event(Kind.CHANGED, 1, "cp1", "wrote /a"))
    captured.console.event(event(Kind.FAILED, 2, "cp2", "disk full"))
    captured.console.close()
    captured.console.close()
    assert captured.err == "[certs] cp2: failed: disk full\n[certs] cp1: wrote /a; not finished\n"


def test_quiet_says_only_failures() -> None:
    assert shown([*certs(), event(Kind.NOTE, 5, message="by the way"), event(Kind.FAILED, 6, "cp1", "no")], -1) == (
        "[certs] cp1: failed: no\n"
    )


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"TERM": "xterm", "CI": "true"}])
def test_nothing_is_drawn_over_on_dumb_terminals_and_in_ci(environ: dict[str, str]) -> None:
    captured = Made(terminal=True, environ=environ)("text", width=80)
    for each in certs():
        captured.console.event(each)
    captured.console.close()
    assert "[certs] cp1, cp2: 22 files written (0.3 s)\n" in captured.err
    assert "\x1b[2K" not in captured.err


def test_a_terminal_has_a_live_view_that_leaves_no_trace() -> None:
    captured = Made(terminal=True)("text", width=80)
    console = captured.console
    for each in waiting()[:4]:
        console.event(each)
    console.result({}, "done")
    assert "\x1b[?25l" in captured.err
    assert "\x1b[?25h" in captured.err
    assert "waiting for" not in captured.out
    assert captured.out == "\x1b[1mdone\x1b[0m\n"
    assert captured.err.rstrip().endswith("\x1b[2K")


def test_without_colour_a_terminal_gets_no_colour() -> None:
    captured = Made(terminal=True, environ={"TERM": "xterm", "NO_COLOR": "1"})("text", width=80)
    captured.console.event(event(Kind.FAILED, 1, "cp1", "no"))
    captured.console.result({}, "done")
    assert "\x1b[31m" not in captured.err
    assert captured.out == "done\n"


def view_at(width: int, events: list[Event], at: float, *, height: int = 25, encoding: str = "utf-8") -> list[str]:
    """Lines of the live view `at` seconds after the command began."""
    now = [0.0]
    stream = Stream(terminal=True, encoding=encoding)
    terminal = Terminal(stream, color=False, live=True, is_terminal=True, width=width)
    live = LiveView(terminal, lambda: now[0])
    terminal.rich.height = height
    for each in events:
        now[0] = each.at
        live.update(each)
    live.stop()
    now[0] = at
    with terminal.rich.capture() as capture:
        terminal.rich.print(live.text())
    lines = capture.get().splitlines()
    assert all(len(line) <= width for line in lines)
    assert lines == [text for text, _ in live.lines()]
    return lines


def apis(names: tuple[str, ...] = HOSTS) -> list[Event]:
    """Three hosts that wait for their API servers: one ready, one refused, one with a long answer."""
    phase, waited = "wait-control-plane/api", "kubelet, etcd, kube-apiserver healthy"
    answer = "kube-apiserver: connection refused or no way there (https://[2001:db8::11]:6443/readyz)"
    return [
        event(Kind.PHASE_STARTED, 13.0, phase=phase, message="API servers ready", hosts=list(names)),
        *(event(Kind.WAITING, 13.0, name, waited, phase=phase) for name in names),
        event(Kind.WAITING, 13.1, names[0], waited, phase=phase, answer=answer),
        event(Kind.WAITING, 13.1, names[1], waited, phase=phase, answer="etcd: 503 \x1b[2Jrafthttp\nfailed"),
        event(Kind.READY, 20.0, names[2], waited, phase=phase),
    ]


def test_the_live_view_at_80_columns() -> None:
    assert view_at(80, apis(), 22.0) == [
        "[wait-control-plane/api] API servers ready: 9.0 s, 22 s in all",
        "  cp1  9.0 s    waiting for kubelet, etcd, kube-apiserver healthy",
        "                kube-apiserver: connection refused or no way there (https://[20…",
        "  cp2  9.0 s    waiting for kubelet, etcd, kube-apiserver healthy",
        "                etcd: 503 rafthttp failed",
        "  cp3  9.0 s    kubelet, etcd, kube-apiserver healthy",
    ]


def test_the_live_view_at_40_columns_without_unicode() -> None:
    assert view_at(40, apis(), 150.0, encoding="iso8859-1") == [
        "[wait-control-plane/api] API servers ...",
        "  cp1  2 min 17 s  waiting for kubele...",
        "                kube-apiserver: conne...",
        "  cp2  2 min 17 s  waiting for kubele...",
        "                etcd: 503 rafthttp fa...",
        "  cp3  2 min 17 s  kubelet, etcd, kub...",
    ]


def test_long_names_stand_on_lines_of_their_own() -> None:
    names = tuple(f"control-plane-{n}.europe-west.prod.example.com" for n in (1, 2, 3))
    assert view_at(80, apis(names), 22.0)[:4] == [
        "[wait-control-plane/api] API servers ready: 9.0 s, 22 s in all",
        "  control-plane-1.europe-west.prod.example.com  9.0 s",
        "    waiting for kubelet, etcd, kube-apiserver healthy",
        "    kube-apiserver: connection refused or no way there (https://[2001:db8::11]:…",
    ]


def test_where_hosts_do_not_fit_those_at_work_come_first() -> None:
    hosts = [f"cp{n}" for n in range(50)]
    events = [
        event(Kind.PHASE_STARTED, 0, message="Certificates", hosts=hosts),
        event(Kind.FAILED, 1, "cp0", "disk full"),
    ]
    assert view_at(80, events, 3.0, height=7) == [
        "[certs] Certificates: 3.0 s, 3.0 s in all",
        "  cp1   3.0 s",
        "  cp10  3.0 s",
        "  cp11  3.0 s",
        "  and 47 hosts more",
    ]


def test_hosts_that_are_done_or_failed_say_so() -> None:
    events = [
        event(Kind.PHASE_STARTED, 0, message="Certificates", hosts=["cp1", "cp2"]),
        event(Kind.FAILED, 1, "cp2", "disk full"),
        event(Kind.PHASE_DONE, 2),
    ]
    assert view_at(200, events, 3.0) == [
        "[certs] Certificates: 3.0 s, 3.0 s in all",
        "  cp1  done",
        "  cp2  failed   disk full",
    ]


def test_events_are_json_lines() -> None:
    captured = Made()("json")
    for each in waiting():
        captured.console.event(each)
    captured.console.result({"cluster": "demo", "changed": False})
    captured.console.end(ExitCode.DONE)
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    assert lines[2] == {
        "apiVersion": "output.bootstrap/v1alpha1", "kind": "event",
        "event": "waiting", "at": 0.1, "phase": "wait", "host": "cp1", "message": "etcd healthy",
        "detail": {"answer": "connection refused (etcd http://127.0.0.1:2381/readyz)"},
    }  # fmt: skip
    assert lines[-1] == {
        "apiVersion": "output.bootstrap/v1alpha1", "kind": "result", "command": "", "exitCode": 0, "cluster": "demo",
        "changed": False,
    }  # fmt: skip


def test_events_of_many_threads_do_not_mix() -> None:
    captured = Made()("json")
    hosts = [f"cp{n}" for n in range(8)]

    def work(host: str) -> None:
        for n in range(50):
            captured.console.event(event(Kind.CHANGED, 0, host, f"wrote /{n}"))

    threads = [threading.Thread(target=work, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([json.loads(line) for line in captured.out.splitlines()]) == 400


def test_control_characters_of_answers_are_stripped() -> None:
    captured = Made()("text", 2)
    captured.console.event(event(Kind.WAITING, 0, "cp1", "etcd", answer="\x1b[31mred\x07\x1b]0;title\x07 \x9b2Jtext"))
    assert captured.err == "[certs] cp1: waiting for etcd: red text\n"


def test_log_records_become_notes() -> None:
    captured: Captured = Made()()
    handler = captured.console.log_handler()
    handler.handle(logging.LogRecord("bootstrap.ssh", logging.INFO, "", 0, "connected to %s", ("cp1",), None))
    assert captured.err == "bootstrap.ssh: connected to cp1\n"
    assert not CONTROL.search(captured.err)

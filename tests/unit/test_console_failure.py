"""What is said of a run that failed: one screen, the most telling first."""

from __future__ import annotations

import json

import pytest

from bootstrap.console.errortext import error_lines
from bootstrap.console.loglines import most_telling, readable, unwrapped
from bootstrap.errors import BootstrapError, HostUnreachable, SeveralErrors
from tests.unit.console_samples import Made

CRI = "2026-11-24T02:28:59.123456789Z stderr F "
REFUSED = "last answer: kube-apiserver: connection refused or no way there (https://192.0.2.11:6443/readyz)"
FATAL = {
    "level": "fatal", "ts": "2026-11-24T02:28:59Z", "caller": "etcdmain/etcd.go:204", "msg": "discovery failed",
    "error": "error setting up initial cluster: URL scheme must be http, https, unix, or unixs", "stacktrace": "go.etcd.io\nx",
}  # fmt: skip
WARNINGS = [f'{CRI}W1124 02:28:5{n}.000000       1 logging.go:55] grpc: addrConn.createTransport failed {n}' for n in range(9)]
COMMAND_FAILED = f'{CRI}E1124 02:28:59.987654       1 run.go:72] "command failed" err="context deadline exceeded"'


def failed(host: str, component: str, answer: str, log: list[str]) -> BootstrapError:
    return BootstrapError(
        f"{component} on {host} did not become healthy within 240 s",
        host=host,
        component=component,
        evidence=[answer, f"last lines of {component} on {host}:", *(f"  {line}" for line in log)],
        hint=f"bootstrap logs demo.yaml {host} {component}",
    )


def three() -> SeveralErrors:
    """etcd is down on cp2; the API servers of the others fail because of it."""
    return SeveralErrors([
        failed("cp1", "kube-apiserver", REFUSED, [*WARNINGS, COMMAND_FAILED]),
        failed("cp3", "etcd", "last answer: 503 [-]linearizable_read failed (etcd http://127.0.0.1:2381/readyz)", WARNINGS),
        failed("cp2", "etcd", "last answer: etcd: connection refused (http://127.0.0.1:2381/readyz)",
               [*WARNINGS, CRI + json.dumps(FATAL)]),
    ])  # fmt: skip


def test_the_root_cause_comes_first_and_the_rest_in_a_line_or_two() -> None:
    lines = [line for line, _ in error_lines(three(), 80)]
    assert lines == [
        "error: etcd on cp2 did not become healthy within 240 s",
        "  last answer: etcd: connection refused (http://127.0.0.1:2381/readyz)",
        "  last lines of etcd on cp2:",
        "    W logging.go:55] grpc: addrConn.createTransport failed 8  (9 times)",
        "    fatal  discovery failed  error=error setting up initial cluster: URL scheme",
        "      must be http, https, unix, or unixs",
        "  hint: bootstrap logs demo.yaml cp2 etcd",
        "also failed, perhaps because of it:",
        "  etcd on cp3 did not become healthy within 240 s",
        "    last answer: 503 [-]linearizable_read failed (etcd http://127.0.0.1:2381/...",
        "    bootstrap logs demo.yaml cp3 etcd",
        "  kube-apiserver on cp1 did not become healthy within 240 s",
        "    last answer: kube-apiserver: connection refused or no way there (https://...",
        "    bootstrap logs demo.yaml cp1 kube-apiserver",
    ]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_it_is_one_screen_at_any_width(width: int) -> None:
    log = [f"{CRI}{word} {'x' * 300}" for word in ("panic: a", "fatal b", "c", "panic d", "e", "f", "g", "h", "i", "j", "k", "l")]
    several = SeveralErrors([failed(f"cp{n}", "etcd", REFUSED, log) for n in range(1, 4)])
    lines = [line for line, _ in error_lines(several, width)]
    assert sum(-(-len(line) // width) for line in lines) <= 24
    assert "  hint: bootstrap logs demo.yaml cp1 etcd" in lines


def test_fifty_hosts_are_not_fifty_screens() -> None:
    lines = [line for line, _ in error_lines(SeveralErrors([failed(f"n{n}", "etcd", REFUSED, WARNINGS) for n in range(50)]), 80)]
    assert len(lines) <= 24
    assert lines[-1] == "  and 45 hosts more"


def test_a_host_that_was_lost_comes_before_components_and_one_that_was_given_up_comes_last() -> None:
    lost = HostUnreachable("the connection to cp3 is gone", host="cp3", hint="run the same command again")
    given_up = BootstrapError("not waited any longer", host="cp1")
    lines = error_lines(SeveralErrors([given_up, failed("cp2", "kubelet", REFUSED, []), lost]), 80)
    assert [line for line, _ in lines if line.startswith(("error", "  k", "  cp"))] == [
        "error: the connection to cp3 is gone",
        "  kubelet on cp2 did not become healthy within 240 s",
        "  cp1: not waited any longer",
    ]


def test_a_log_in_ci_is_not_cut() -> None:
    captured = Made()()
    captured.console.error(three())
    assert "URL scheme must be http, https, unix, or unixs\n" in captured.err
    assert "(https://192.0.2.11:6443/readyz)" in captured.err


def test_programs_are_told_of_every_host_and_its_component() -> None:
    captured = Made()("json")
    captured.console.error(three())
    error = json.loads(captured.out)["error"]
    assert [(each["host"], each["component"]) for each in error["errors"]] == [
        ("cp1", "kube-apiserver"), ("cp3", "etcd"), ("cp2", "etcd"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (COMMAND_FAILED, 'E run.go:72] "command failed" err="context deadline exceeded"'),
        (CRI + '{"level":"warn","msg":"a","n":1}', "warn   a  n=1"),
        (CRI + '{"level": cut', '{"level": cut'),
        (CRI + '["no", "entry"]', '["no", "entry"]'),
        ("Nov 24 02:28:59 cp1 kubelet[1]: plain", "Nov 24 02:28:59 cp1 kubelet[1]: plain"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_log_line_as_a_person_reads_it(line: str, said: str) -> None:
    assert readable(line) == said


def test_a_line_that_the_runtime_split_is_one_line_again() -> None:
    assert unwrapped(f"{CRI.replace(' F ', ' P ')}one \n{CRI}line\n{CRI}\n{CRI}next\n") == "one line\n\nnext\n"
    assert unwrapped("no such format\n") == "no such format\n"


def test_lines_that_say_the_same_are_told_once() -> None:
    assert most_telling(["a 1", "b", "a 2", "a 3"], 80) == ["b", "a 3  (3 times)"]

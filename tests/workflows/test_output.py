"""`--output json` of whole commands on model hosts: every line is as docs/output.schema.json says, and one line ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from bootstrap import cli, ssh
from bootstrap.errors import ExitCode
from bootstrap.events import Kind
from bootstrap.facts import Facts
from bootstrap.testing import FakeFleet
from tests.workflows.support import ADDRESSES, TIME, a_cluster

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "output.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """The schema without room for what it does not name: what is new must be written down."""
    if isinstance(schema, dict):
        shut = {"additionalProperties": False} if "properties" in schema and "oneOf" not in schema else {}
        return shut | {key: closed(value) for key, value in schema.items()}
    return [closed(value) for value in schema] if isinstance(schema, list) else schema


VALIDATOR = jsonschema.Draft202012Validator(closed(SCHEMA))


class Demo:
    """Three model masters, the command line, and what it printed."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(directory)
        self.fleet = TIME.fleet = FakeFleet.of(a_cluster())
        hosts = "".join(f"  - {{name: {n}, role: control-plane, address: {a}}}\n" for n, a in ADDRESSES.items())
        self.path = directory / "demo.yaml"
        self.path.write_text(
            "apiVersion: bootstrap/v1alpha1\nkind: Cluster\nmetadata: {name: demo}\n"
            f"spec:\n  kubernetesVersion: v1.36.3\n  hosts:\n{hosts}"
        )
        monkeypatch.setattr(ssh, "connect", lambda cluster, host, **_: self.fleet.connect(host))

    def run(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and lines of a command, each checked."""
        done = CliRunner().invoke(cli.main, [*words, "--output", "json"])
        assert done.stderr == ""
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for line in lines:
            VALIDATOR.validate(line)
        assert [line["kind"] in ("result", "error") for line in lines] == [False] * (len(lines) - 1) + [True]
        assert lines[-1]["exitCode"] == done.exit_code
        return done.exit_code, lines


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    return Demo(tmp_path, monkeypatch)


def kinds(lines: list[dict[str, Any]]) -> set[str]:
    return {line.get("event", line["kind"]) for line in lines}


def test_the_life_of_a_cluster(demo: Demo) -> None:
    """Slower than 100 ms: a dozen whole commands."""
    code, lines = demo.run("init", "demo.yaml", "--dry-run")
    assert (code, lines[-1]["kind"], lines[-1]["changed"], lines[-1]["dryRun"]) == (0, "result", False, True)
    assert lines[-2]["kind"] == "plan"
    assert not lines[-2]["empty"]

    code, lines = demo.run("init", "demo.yaml")
    assert (code, lines[-1]["command"], lines[-1]["changed"]) == (0, "init", True)
    assert {"phase-started", "changed", "waiting", "ready", "phase-done"} <= kinds(lines)
    assert lines[-1]["seconds"] > 0

    assert demo.run("init", "demo.yaml")[1][-1]["changed"] is False
    for command in (("status",), ("verify",), ("preflight",), ("facts",), ("logs", "cp1", "etcd"), ("kubeconfig",)):
        code, lines = demo.run(command[0], "demo.yaml", *command[1:])
        assert (code, lines[-1]["kind"]) == (0, "result"), lines
    assert len(demo.run("verify", "demo.yaml", "--profile", "cis")[1][-1]["results"]["cp3"]["checks"]) > 90

    demo.fleet.host("cp2").crashes["etcd"] = ["disk full"]
    demo.fleet.advance(5)
    code, lines = demo.run("verify", "demo.yaml")
    assert (code, lines[-1]["kind"]) == (8, "result")
    demo.fleet.host("cp3").reachable = False
    code, lines = demo.run("facts", "demo.yaml")
    assert (code, lines[-1]["kind"], lines[-1]["unreachable"]) == (3, "result", ["cp3"])


def test_static_pods_of_the_users_own(demo: Demo, tmp_path: Path) -> None:
    """Slower than 100 ms: whole commands."""
    demo.run("init", "demo.yaml")
    code, lines = demo.run("pods", "new", "web", "--image", "registry.example/web:1")
    assert (code, lines[0]["kind"]) == (0, "text")
    (tmp_path / "web.yaml").write_text(lines[0]["text"])
    where = ("-f", "web.yaml", "--role", "control-plane")
    code, lines = demo.run("pods", "apply", "demo.yaml", *where, "--dry-run")
    assert (code, lines[-1]["changed"], {pod["changed"] for pod in lines[-1]["pods"]}) == (0, False, {True})
    code, lines = demo.run("pods", "apply", "demo.yaml", *where, "--stable", "5")
    assert (code, lines[-1]["changed"], [pod["host"] for pod in lines[-1]["pods"]]) == (0, True, ["cp1", "cp2", "cp3"])
    demo.fleet.host("cp3").reachable = False
    code, lines = demo.run("pods", "list", "demo.yaml", "--all")
    assert (code, lines[-1]["unreachable"]) == (3, ["cp3"])
    demo.fleet.host("cp3").reachable = True
    code, lines = demo.run("pods", "logs", "demo.yaml", "cp1", "web")
    assert (code, "web started" in lines[0]["text"]) == (0, True)
    code, lines = demo.run("pods", "delete", "demo.yaml", "web", "--host", "cp1")
    assert (code, lines[-1]["removed"]) == (0, [{"host": "cp1", "file": "/etc/kubernetes/manifests/web.yaml"}])
    code, lines = demo.run("pods", "delete", "demo.yaml", "etcd", "--host", "cp1")
    assert (code, lines[-1]["error"]["type"]) == (4, "Refused")
    code, lines = demo.run("pods", "apply", "demo.yaml", "-f", "web.yaml")
    assert (code, lines[-1]["error"]["hint"]) == (2, "--host NAME, or --role control-plane, worker or all")


def test_reset_and_reset_again(demo: Demo) -> None:
    """Slower than 100 ms: whole commands."""
    demo.run("init", "demo.yaml")
    code, lines = demo.run("reset", "demo.yaml", "--dry-run")
    assert (code, lines[-1]["changed"]) == (0, False)
    assert kinds(lines) == {"phase-started", "phase-done", "plan", "note", "result"}
    code, lines = demo.run("reset", "demo.yaml")
    assert (code, lines[-1]["kind"], lines[-1]["error"]["hint"]) == (2, "error", "--confirm demo")
    code, lines = demo.run("reset", "demo.yaml", "--confirm", "demo")
    assert (code, lines[-1]["reset"], lines[-1]["changed"]) == (0, ["cp1", "cp2", "cp3"], True)
    code, lines = demo.run("reset", "demo.yaml", "--confirm", "demo")
    assert (code, lines[-1]["kind"], lines[-1]["changed"]) == (0, "result", False)


def test_a_failing_init_ends_with_an_error_for_every_host(demo: Demo) -> None:
    for host in demo.fleet.hosts.values():
        host.crashes["etcd"] = ["member data of another cluster"]
    code, lines = demo.run("init", "demo.yaml")
    assert (code, lines[-1]["kind"], len(lines[-1]["error"]["errors"])) == (5, "error", 3)
    assert "failed" in kinds(lines)


def test_an_interrupted_init_ends_with_an_error(demo: Demo) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    demo.fleet.before_each = interrupt
    code, lines = demo.run("init", "demo.yaml")
    assert (code, lines[-1]["error"]["type"]) == (130, "Interrupted")


def test_a_refused_init_ends_with_an_error(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Facts] = demo.fleet.connect("cp1").__class__.look

    def one_cpu(connection: Any, directory: Any, *, security: bool = False) -> Facts:
        facts = real(connection, directory, security=security)
        return facts.__class__(**{**vars(facts), "cpus": 1})

    monkeypatch.setattr(demo.fleet.connect("cp1").__class__, "look", one_cpu)
    code, lines = demo.run("init", "demo.yaml")
    assert (code, lines[-1]["error"]["type"]) == (4, "Refused")
    assert lines[-2]["kind"] == "findings"
    code, lines = demo.run("preflight", "demo.yaml")
    assert (code, lines[-1]["kind"], lines[-1]["refused"]) == (4, "result", 3)


def test_nothing_is_printed_to_standard_error_where_no_host_answers(demo: Demo) -> None:
    for host in demo.fleet.hosts.values():
        host.reachable = False
    for command in ("init", "status", "verify", "facts"):
        code, lines = demo.run(command, "demo.yaml")
        assert (code, lines[-1]["kind"]) == (3, "error")


@pytest.mark.parametrize(
    "words",
    [("init", "nope.yaml"), ("init", "."), ("init", "demo.yaml", "--dryrun"), ("inti",), ("logs", "demo.yaml", "cp9", "etcd"),
     ("init", "demo.yaml", "--only", "nope"), ("config", "example", "nope"), ("status",)],
)  # fmt: skip
def test_mistakes_of_the_command_line_are_errors_too(demo: Demo, words: tuple[str, ...]) -> None:
    code, lines = demo.run(*words)
    assert (code, len(lines), lines[-1]["kind"]) == (2, 1, "error")


def test_mistakes_of_the_inventory_are_in_the_error(demo: Demo) -> None:
    demo.path.write_text(demo.path.read_text().replace("192.0.2.12", "192.0.2.11"))
    code, lines = demo.run("config", "validate", "demo.yaml")
    assert (code, [problem["line"] for problem in lines[-1]["error"]["problems"]]) == (2, [8])


def test_local_commands(demo: Demo) -> None:
    for words in (("config", "validate", "demo.yaml"), ("config", "show", "demo.yaml"), ("config", "schema"),
                  ("config", "example", "three"), ("render", "demo.yaml", "--out", "rendered")):  # fmt: skip
        assert demo.run(*words)[0] == 0


def test_a_bug_ends_with_an_error(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "connect", lambda *_, **__: {}["surprise"])  # type: ignore[index]
    code, lines = demo.run("status", "demo.yaml")
    assert (code, lines[-1]["error"]["type"]) == (1, "Bug")
    assert lines[-1]["error"]["traceback"]


def test_the_schema_names_exactly_the_events_and_exit_codes_that_there_are() -> None:
    definitions = SCHEMA["$defs"]
    assert definitions["event"]["properties"]["event"]["enum"] == [kind.value for kind in Kind]
    assert definitions["exitCode"]["enum"] == [int(code) for code in ExitCode]
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

"""`--output json`: one JSON object a line on standard output, each with a `kind`; docs/output.schema.json has them all.

The last line is the only one of kind `result` or `error`: a result waits for the end of its command, which knows the exit code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from bootstrap.console.printable import jsonable, shown, stripped
from bootstrap.console.protocol import Difference, Finding
from bootstrap.console.streams import writing

if TYPE_CHECKING:
    from bootstrap.errors import BootstrapError, ExitCode
    from bootstrap.events import Event
    from bootstrap.facts import Facts
    from bootstrap.plan import Plan
    from bootstrap.preflight import Report


API_VERSION = "output.bootstrap/v1alpha1"
"""Changes when a reader of these lines would have to; new kinds and members are no such change."""


class JsonLines:
    """Writes objects to one stream. command: its name, for the last line."""

    def __init__(self, stream: TextIO, command: str = "") -> None:
        self._stream = stream
        self._command = command
        self._result: dict[str, Any] = {}
        self._ended = False

    def event(self, event: Event) -> None:
        where = {"phase": event.phase, "host": event.host, "message": event.message}
        self._write("event", event=event.kind.value, at=round(event.at, 3), **where, detail=event.detail)

    def working(self, event: Event) -> None:
        """Nothing."""

    def plan(self, plan: Plan) -> None:
        from bootstrap.console.view import plan_object, view

        self._write("plan", **plan_object(view(plan)))

    def error(self, error: BootstrapError) -> None:
        from bootstrap.console.errortext import error_object

        self._finish("error", int(error.exit_code), {"error": jsonable(error_object(error))})

    def bug(self, error: BaseException) -> None:
        from bootstrap.console.errortext import bug_object

        self._finish("error", 1, {"error": jsonable(bug_object(error))})

    def note(self, text: str) -> None:
        self._write("note", message=shown(text))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Nothing."""

    def remedies(self, remedies: Iterable[tuple[str, str]]) -> None:
        """Nothing."""

    def facts(self, facts: Facts) -> None:
        """Nothing."""

    def findings(self, findings: Iterable[Finding], as_result: bool) -> None:
        """A line, unless the command's result is to hold them."""
        names = ("name", "host", "severity", "message", "hint")
        found = [{name: getattr(finding, name) for name in names} for finding in findings]
        if found and not as_result:
            self._write("findings", findings=found)

    def preflight(self, report: Report) -> None:
        """Nothing."""

    def differences(self, differences: Iterable[Difference]) -> None:
        """Nothing."""

    def lines(self, text: str) -> None:
        self._dump("text", {"text": stripped(text)})

    def result(self, result: Mapping[str, Any], text: str) -> None:
        self._result |= jsonable(result, clean=False)

    def settle(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing to leave."""

    def end(self, code: ExitCode) -> None:
        """The last line, unless an error was it."""
        self._finish("result", int(code), self._result)

    def _finish(self, kind: str, code: int, members: Mapping[str, Any]) -> None:
        if not self._ended:
            self._ended = True
            self._dump(kind, {"command": self._command, "exitCode": code, **members})

    def _write(self, kind: str, **members: Any) -> None:
        self._dump(kind, jsonable(members))

    def _dump(self, kind: str, members: Mapping[str, Any]) -> None:
        with writing(self._stream):
            self._stream.write(json.dumps({"apiVersion": API_VERSION, "kind": kind, **members}) + "\n")
            self._stream.flush()

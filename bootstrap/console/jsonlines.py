"""`--output json`: one JSON object a line on standard output, each with a `kind`; see the package for the list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from bootstrap.console.printable import jsonable, shown, stripped
from bootstrap.console.protocol import Difference, Finding

if TYPE_CHECKING:
    from bootstrap.errors import BootstrapError
    from bootstrap.events import Event
    from bootstrap.facts import Facts
    from bootstrap.plan import Plan


class JsonLines:
    """Writes objects to one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def event(self, event: Event) -> None:
        where = {"phase": event.phase, "host": event.host, "message": event.message}
        self._write("event", event=event.kind.value, at=round(event.at, 3), **where, detail=event.detail)

    def plan(self, plan: Plan) -> None:
        from bootstrap.console.view import plan_object, view

        self._write("plan", **plan_object(view(plan)))

    def error(self, error: BootstrapError) -> None:
        from bootstrap.console.errortext import error_object

        self._write("error", error=error_object(error))

    def bug(self, error: BaseException) -> None:
        from bootstrap.console.errortext import bug_object

        self._write("error", error=bug_object(error))

    def note(self, text: str) -> None:
        self._write("note", message=shown(text))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Nothing."""

    def facts(self, facts: Facts) -> None:
        """Nothing."""

    def findings(self, findings: Iterable[Finding], as_result: bool) -> None:
        """A line, unless the command's result is to hold them."""
        names = ("name", "host", "severity", "message", "hint")
        found = [{name: getattr(finding, name) for name in names} for finding in findings]
        if found and not as_result:
            self._write("findings", findings=found)

    def differences(self, differences: Iterable[Difference]) -> None:
        """Nothing."""

    def lines(self, text: str) -> None:
        self._dump({"kind": "text", "text": stripped(text)})

    def result(self, result: Mapping[str, Any], text: str) -> None:
        self._dump({"kind": "result", **jsonable(result, clean=False)})

    def settle(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing to leave."""

    def _write(self, kind: str, **members: Any) -> None:
        self._dump({"kind": kind, **jsonable(members)})

    def _dump(self, line: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

"""How plans, progress and errors look: text, or with `--output json` one JSON object a line. The only place that prints.

As text, results go to standard output; progress, notes, errors and questions to standard error. On a terminal progress is a
live view of the phase under way; elsewhere, in CI, with TERM=dumb and with --plain it is lines `[phase] host: message`. NO_COLOR,
CLICOLOR, CLICOLOR_FORCE and FORCE_COLOR are honoured.

As JSON, everything but questions goes to standard output, one object a line with `apiVersion` and `kind`. docs/output.schema.json
describes each:

* `event`: progress as it happens: `event` (phase-started, changed, waiting, ...), `at` (seconds), `phase`, `host`, `message`,
  `detail`
* `note`: `message`          * `findings`: `findings`          * `text`: `text`
* `plan`: the whole plan, secrets masked
* `result` or `error`: the last line of every command, with `command` and `exitCode`; what the command found, or `error`

Tables, facts and differences have no line of their own: a command puts what it found into its result.
Nothing here is imported before it is needed, so that `bootstrap --help` stays fast.
"""

from __future__ import annotations

import getpass
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from bootstrap.console.protocol import Difference, Finding, Form
from bootstrap.console.streams import Unwritable

if TYPE_CHECKING:
    import logging

    from bootstrap.console.terminal import Color
    from bootstrap.errors import BootstrapError, ExitCode
    from bootstrap.events import Event
    from bootstrap.facts import Facts
    from bootstrap.plan import Plan
    from bootstrap.preflight import Report

__all__ = ["Console", "Difference", "Finding", "Unwritable"]


class Console:
    """Shows everything. Every method may be called from any thread.

    output: `text` or `json`. verbosity: -1 failures only, 0 a line per phase, 1 each change, 2 each answer of a wait, too.
    plain: nothing is drawn over, no colours, only ASCII drawn. command: `init`, for the last of the JSON lines.
    The streams default to the process's own, width to the terminal's, environ to os.environ.
    """

    def __init__(
        self,
        output: str = "text",
        verbosity: int = 0,
        color: Color = "auto",
        *,
        plain: bool = False,
        command: str = "",
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        stdin: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        width: int | None = None,
        read_secret: Callable[[str], str] = getpass.getpass,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        out, err = stdout or sys.stdout, stderr or sys.stderr
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Event], None]] = []
        self._stdin, self._stderr, self._read_secret = stdin or sys.stdin, err, read_secret
        self._form: Form
        if output == "json":
            from bootstrap.console.jsonlines import JsonLines

            self._form = JsonLines(out, command)
        else:
            from bootstrap.console.terminal import terminal_for
            from bootstrap.console.text import Text

            env = os.environ if environ is None else environ
            terminals = [terminal_for(stream, color, env, width, plain=plain) for stream in (out, err)]
            self._form = Text(terminals[0], terminals[1], verbosity, clock)

    def event(self, event: Event) -> None:
        """Show progress."""
        with self._lock:
            for listener in self._listeners:
                listener(event)
            self._form.event(event)

    def working(self, event: Event) -> None:
        """Show progress where it can be wiped off again: of commands whose result alone counts."""
        with self._lock:
            self._form.working(event)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Give every event to a listener, too."""
        self._listeners.append(listener)

    def plan(self, plan: Plan) -> None:
        """Show a whole plan, secrets masked; a result."""
        with self._lock:
            self._form.plan(plan)

    def outline(self, plan: Plan) -> None:
        """Show in a line how much a plan will do; no result."""
        from bootstrap.console.view import view

        self.note(f"plan: {view(plan).summary} (--dry-run shows all of it)")

    def error(self, error: BootstrapError) -> None:
        """Show an error with its evidence and hint; of several at once, each."""
        with self._lock:
            self._form.error(error)

    def bug(self, error: BaseException) -> None:
        """Show an exception that nobody foresaw, with its traceback."""
        with self._lock:
            self._form.bug(error)

    def note(self, text: str) -> None:
        """Show something to know that is no result."""
        with self._lock:
            self._form.note(text)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show rows under headings; a result. As JSON nothing: the rows belong into the command's result."""
        with self._lock:
            self._form.table(title, columns, rows)

    def remedies(self, remedies: Iterable[tuple[str, str]]) -> None:
        """Show what to do, each with what it is for; a result. As JSON nothing: it belongs into the command's result."""
        with self._lock:
            self._form.remedies(remedies)

    def facts(self, facts: Facts) -> None:
        """Show what was read of one host; a result. As JSON nothing: it belongs into the command's result."""
        with self._lock:
            self._form.facts(facts)

    def findings(self, findings: Iterable[Finding], *, as_result: bool = False) -> None:
        """Show findings of preflight, the gravest first. as_result: they are what the command was asked for."""
        with self._lock:
            self._form.findings(findings, as_result)

    def preflight(self, report: Report) -> None:
        """Show what every check said of every host; a result. As JSON nothing: it belongs into the command's result."""
        with self._lock:
            self._form.preflight(report)

    def differences(self, differences: Iterable[Difference]) -> None:
        """Show what `verify` found, by host; a result. As JSON nothing: it belongs into the command's result."""
        with self._lock:
            self._form.differences(differences)

    def lines(self, text: str) -> None:
        """Show text less its control characters; a result. Nothing in it is masked: a kubeconfig is printed by this."""
        with self._lock:
            self._form.lines(text)

    def result(self, result: Mapping[str, Any], text: str = "") -> None:
        """What a command that went well found: `text` as text (nothing where empty), `result` as JSON, shown by `end`.

        Nothing in them is masked.
        """
        with self._lock:
            self._form.result(result, text)

    def confirm(self, question: str, *, hint: str = "") -> str:
        """What was typed at the terminal. Raises UsageError, with `hint`, where there is no terminal."""
        from bootstrap.console.ask import Ask

        with self._lock:
            self._form.settle()
            return Ask(self._stdin, self._stderr, self._read_secret).answer(question, hint)

    def secret_prompt(self, text: str, *, hint: str = "") -> str:
        """What was typed at the terminal, unseen. Raises UsageError, with `hint`, where there is no terminal."""
        from bootstrap.console.ask import Ask

        with self._lock:
            self._form.settle()
            return Ask(self._stdin, self._stderr, self._read_secret).secret(text, hint)

    def log_handler(self) -> logging.Handler:
        """A handler that shows log records as notes, so that they and the live view keep out of each other's way."""
        from bootstrap.console.logs import NoteHandler

        return NoteHandler(self.note)

    def end(self, code: ExitCode) -> None:
        """End the command: the terminal is as it was found, the last of the JSON lines is written."""
        with self._lock:
            self._form.end(code)

    def close(self) -> None:
        """Leave the terminal as it was found; idempotent."""
        with self._lock:
            self._form.close()

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

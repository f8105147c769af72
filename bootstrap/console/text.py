"""`--output text`: for people. Results on one stream, everything else on the other; neither garbles the other on one terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bootstrap.console.live import LiveView
from bootstrap.console.printable import shown, shown_lines, stripped
from bootstrap.console.progress import Progress, host_list
from bootstrap.console.protocol import Difference, Finding
from bootstrap.console.terminal import Terminal

if TYPE_CHECKING:
    from bootstrap.errors import BootstrapError, ExitCode
    from bootstrap.events import Event
    from bootstrap.facts import Facts
    from bootstrap.plan import Plan
    from bootstrap.preflight import Report

Line = tuple[str, str]
SEVERITIES = {"error": (0, "red"), "warning": (1, "yellow")}
MILDER = (2, "")


class Text:
    """Writes lines and tables; draws progress over where the error stream is a terminal."""

    def __init__(self, out: Terminal, err: Terminal, verbosity: int, clock: Callable[[], float]) -> None:
        self._out = out
        self._err = err
        self._verbosity = verbosity
        self._live = LiveView(err, clock) if err.live and verbosity >= 0 else None
        self._progress = Progress(verbosity, seen_live=self._live is not None)

    def event(self, event: Event) -> None:
        """Lines stand above the live view, which follows."""
        self._show(self._err, self._progress.lines(event))
        if self._live is not None:
            self._live.update(event)

    def working(self, event: Event) -> None:
        if self._live is not None:
            self._live.update(event)

    def plan(self, plan: Plan) -> None:
        from bootstrap.console.plantext import plan_lines
        from bootstrap.console.view import view

        self.settle()
        self._show(self._out, plan_lines(view(plan), self._verbosity))

    def error(self, error: BootstrapError) -> None:
        from bootstrap.console.errortext import error_lines

        self.close()
        self._show(self._err, error_lines(error, self._err.columns))

    def bug(self, error: BaseException) -> None:
        from bootstrap.console.errortext import bug_lines

        self.close()
        self._show(self._err, bug_lines(error))

    def note(self, text: str) -> None:
        self._show(self._err, [(shown(text), "")])

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Headings above no rows say nothing: then the title stands alone."""
        self.settle()
        if title:
            self._out.line(stripped(title), "bold")
        if cells := [[shown(cell) for cell in row] for row in rows]:
            self._out.table(columns, cells)

    def remedies(self, remedies: Iterable[tuple[str, str]]) -> None:
        """One line each, never folded: they are there to be copied."""
        self.settle()
        self._show(self._out, [(f"  remedy {purpose}: {shown(remedy)}", "cyan") for purpose, remedy in remedies])
        self._out.line("")

    def facts(self, facts: Facts) -> None:
        from bootstrap.console.factstext import facts_lines

        self.settle()
        self._show(self._out, facts_lines(facts, self._verbosity))

    def findings(self, findings: Iterable[Finding], as_result: bool) -> None:
        """Hosts with the same finding together: `error [name] cp1, cp2: message`, and its hint."""
        self.settle()
        together: dict[tuple[str, str, str, str], list[str]] = {}
        for finding in sorted(findings, key=lambda f: (_severity(f.severity)[0], f.name, f.host or "")):
            key = (str(finding.severity), finding.name, shown(finding.message), finding.hint)
            together.setdefault(key, []).extend([finding.host] if finding.host else [])
        for (severity, name, message, hint), hosts in together.items():
            where = f" {host_list(hosts)}:" if hosts else ""
            lines = [(f"{severity} [{name}]{where} {message}".replace("\n", "\n  "), _severity(severity)[1])]
            lines += [(f"  hint: {line}", "cyan") for line in shown_lines(hint)]
            self._show(self._out if as_result else self._err, lines)

    def preflight(self, report: Report) -> None:
        """A table of checks and hosts; with -v what was measured, too; then what was found."""
        from bootstrap.console.preflighttext import tables

        self.settle()
        for title, columns, rows in tables(report, self._verbosity):
            self.table(title, columns, rows)
            self._out.line("")
        for host, reason in report.unread.items():
            self._show(self._out, [(f"unknown {shown(host)}: {shown(reason)}", "yellow")])
        self.findings(report.findings, as_result=True)

    def differences(self, differences: Iterable[Difference]) -> None:
        """Hosts with the same difference together; what is expected and what is there below each other."""
        self.settle()
        together: dict[tuple[str, str, str], list[str]] = {}
        for each in differences:
            together.setdefault((shown(each.what), shown(each.expected), shown(each.actual)), []).append(each.host or "")
        by_hosts: dict[tuple[str, ...], list[tuple[str, str, str]]] = {}
        for difference, hosts in together.items():
            by_hosts.setdefault(tuple(dict.fromkeys(hosts)), []).append(difference)
        for names, found in by_hosts.items():
            self._out.line(host_list([name or "cluster" for name in names]), "bold")
            for what, expected, actual in found:
                self._out.line(f"  {what}")
                for label, value, style in (("expected", expected, "green"), ("actual", actual, "red")):
                    first, *rest = value.split("\n")
                    self._out.line(f"    {label + ':':<10}{first}".rstrip(), style)
                    self._show(self._out, [(f"{'':14}{line}", style) for line in rest])

    def lines(self, text: str) -> None:
        self.settle()
        self._out.line(stripped(text).rstrip("\n"))

    def result(self, result: Mapping[str, Any], text: str) -> None:
        self.close()
        for number, line in enumerate(stripped(text).splitlines()):
            self._out.line(line, "" if number else "bold")

    def settle(self) -> None:
        """Take the live view off; the next event brings it back."""
        if self._live is not None:
            self._live.stop()

    def close(self) -> None:
        """Also say what was done in phases that did not come to their end."""
        self.settle()
        self._show(self._err, self._progress.unfinished())

    def end(self, code: ExitCode) -> None:
        self.close()

    @staticmethod
    def _show(terminal: Terminal, lines: Iterable[Line]) -> None:
        for text, style in lines:
            terminal.line(text, style)


def _severity(severity: str) -> tuple[int, str]:
    return SEVERITIES.get(str(severity), MILDER)

"""A plan as text: every phase, every host, every file with its diff, every command, wait and API object."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.console.filediff import unified
from bootstrap.console.printable import escaped
from bootstrap.console.view import ChangeView, PhaseView, PlanView

Line = tuple[str, str]
"""Text and style."""

STYLES = {"+": "green", "-": "red", "@": "cyan", "\\": "dim"}
INDENT = "    "


def plan_lines(plan: PlanView, verbosity: int) -> Iterator[Line]:
    """The lines of a plan. verbosity: from 1 on API objects are written out, and an empty plan's checks are listed."""
    if plan.is_empty:
        yield f"Nothing to do: {plan.workflow} finds everything in place.", "green"
        if not plan.phases or verbosity < 1:
            return
    for phase in plan.phases:
        yield f"[{phase.name}] {phase.title} ({phase.spread})", "bold"
        yield from _phase_lines(phase, verbosity)
        yield "", ""
    if not plan.is_empty:
        yield f"Plan of {plan.workflow}: {plan.summary}.", "bold"


def _phase_lines(phase: PhaseView, verbosity: int) -> Iterator[Line]:
    whole: dict[str, ChangeView] = {}
    for change in phase.changes:
        head = f"  {_sentence(change)}"
        like = whole.get(change.subject) if change.action == "create" else None
        variation = _variation(like, change) if like is not None else None
        if like is not None and variation is not None:
            yield f"{head}, as on {like.hosts[0]} but for:", ""
            yield from _diff_lines(variation)
        else:
            yield head, ""
            yield from _diff_lines(change.diff)
            whole.setdefault(change.subject, change)
        if change.action == "apply" and verbosity >= 1:
            yield from ((f"{INDENT}{line}", "dim") for line in _yaml_lines(change))


def _sentence(change: ChangeView) -> str:
    """`create /etc/x on cp1, cp2 (0600, root:root)`."""
    remarks = f" ({', '.join(change.remarks)})" if change.remarks else ""
    hosts = ", ".join(change.hosts)
    match change.action:
        case "run":
            return f"run on {hosts}: {change.subject}{remarks}"
        case "wait":
            return f"wait on {hosts}: {change.subject}{remarks}"
        case "add-learner":
            return f"add etcd learner {change.subject}{remarks}"
        case "promote":
            return f"promote etcd learner {change.subject} to a voter{remarks}"
        case "move-leader":
            return f"move etcd's leadership {change.subject}"
        case "remove-member":
            return f"remove etcd member {change.subject}"
        case "remove-node":
            return f"remove node {change.subject}"
        case "taint" | "cordon" | "drain":
            return f"{change.action} node {change.subject}{remarks}"
        case "save":
            return f"save {escaped(change.subject)} on this machine{remarks}"
        case "apply":
            return f"apply {change.subject}"
        case "delete":
            return f"delete {change.subject}{remarks}"
        case "set mode":
            return f"set mode of {escaped(change.subject)} on {hosts}{remarks}"
        case _:
            return f"{change.action} {escaped(change.subject)} on {hosts}{remarks}"


def _variation(like: ChangeView, change: ChangeView) -> tuple[str, ...] | None:
    """The difference between two hosts' new files, where that is shorter than the file. Both are additions only."""
    if like.action != "create" or not like.diff or not change.diff or like.remarks[:-1] != change.remarks[:-1]:
        return None
    lines = unified([line[1:] for line in like.diff], [line[1:] for line in change.diff], context=0)
    return lines if len(lines) < len(change.diff) else None


def _diff_lines(diff: tuple[str, ...]) -> Iterator[Line]:
    for line in diff:
        yield f"{INDENT}{line}", STYLES.get(line[:1], "")


def _yaml_lines(change: ChangeView) -> list[str]:
    """The object as one would write it: texts of several lines as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    found = yaml.dump(change.details["object"], Dumper=Dumper, sort_keys=False, default_flow_style=False, width=1000)
    return [escaped(line) for line in found.splitlines()]

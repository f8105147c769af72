"""A plan as it is shown: what every phase does, hosts with the same change together, secrets already masked.

Text and JSON are both made of this. Nothing behind it can show a secret, because nothing in it holds one.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from bootstrap.changes import (
    AddTaints,
    ApiApply,
    ApiDelete,
    ApiPrune,
    Change,
    Cordon,
    Drain,
    EtcdAddLearner,
    EtcdMoveLeader,
    EtcdPromote,
    EtcdRemove,
    MovePath,
    NodeRemove,
    RemovePath,
    Run,
    SaveLocal,
    SetMode,
    WaitFor,
    WriteFile,
)
from bootstrap.console.filediff import FileDiff, attributes, content_diff
from bootstrap.console.printable import count, escaped, fingerprint, jsonable, masked, masked_object, redacted
from bootstrap.files import Directory, File
from bootstrap.plan import Plan, Step

NOUNS = {
    "create": "file", "change": "file", "set mode": "file", "remove": "removal", "move": "move", "run": "command", "wait": "wait",
    "apply": "API object", "delete": "API object to delete", "taint": "tainted node",
    "add-learner": "etcd learner to add", "promote": "etcd learner to promote", "move-leader": "move of etcd's leadership",
    "remove-member": "etcd member to remove", "remove-node": "node to remove",
    "cordon": "node to cordon", "drain": "node to drain", "save": "local file",
}  # fmt: skip
"""What a summary counts each action as. The order is the summary's."""

MAY_RESTART = "restarts a kubelet once that refused one of these pods"


@dataclass(frozen=True)
class ChangeView:
    """One change, on every host that has exactly this one.

    subject: path, command line, question of a wait, API object. remarks: short facts about it. diff: of a file's content.
    details: the same, and more, for JSON. on_host: False for what is done through the API or on this machine.
    """

    action: str
    subject: str
    remarks: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    on_host: bool = True
    hosts: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Equal for changes that are shown as one."""
        return json.dumps([self.action, self.subject, self.remarks, self.diff, self.details], sort_keys=True, default=str)


@dataclass(frozen=True)
class PhaseView:
    name: str
    title: str
    spread: str
    changes: tuple[ChangeView, ...]


@dataclass(frozen=True)
class PlanView:
    """counts: by noun, every host's change counted."""

    workflow: str
    is_empty: bool
    phases: tuple[PhaseView, ...]
    counts: Mapping[str, int]
    hosts: tuple[str, ...]

    @property
    def summary(self) -> str:
        """`6 files, 2 commands, 3 waits on 3 hosts`."""
        parts = [_counted(self.counts[noun], noun) for noun in self.counts]
        return f"{', '.join(parts) or 'nothing'} on {count(len(self.hosts), 'host')}"


def view(plan: Plan) -> PlanView:
    """A plan as it is shown."""
    phases = tuple(PhaseView(s.phase.name, s.phase.title, s.phase.spread.value, _merged(s)) for s in plan.steps)
    found: Counter[str] = Counter()
    for phase in phases:
        for change in phase.changes:
            found[NOUNS[change.action]] += len(change.hosts)
    counts = {noun: found[noun] for noun in dict.fromkeys(NOUNS.values()) if found[noun]}
    hosts = tuple(dict.fromkeys(host for step in plan.steps for host in step.changes))
    return PlanView(plan.workflow, plan.is_empty, phases, counts, hosts)


def change_view(change: Change) -> ChangeView:
    """One change as it is shown, of no host yet."""
    remarks: tuple[str, ...]
    details: dict[str, Any]
    match change:
        case WriteFile():
            return _write_view(change)
        case SetMode(path, mode, owner, group):
            details = {"path": str(path), "mode": f"{mode:04o}", "owner": owner, "group": group}
            return ChangeView("set mode", str(path), (f"{mode:04o}", f"{owner}:{group}"), details=details)
        case RemovePath(path, recursive):
            remarks = ("and everything below",) if recursive else ()
            return ChangeView("remove", str(path), remarks, details={"path": str(path), "recursive": recursive})
        case MovePath(source, target):
            return ChangeView("move", f"{source} to {target}", details={"source": str(source), "target": str(target)})
        case Run(argv, title, stdin, timeout):
            argv = tuple(escaped(redacted(word)) for word in argv)
            remarks = (title, *((f"stdin {masked(stdin)}",) if stdin else ()))
            details = {"argv": list(argv), "title": title, "stdinSize": len(stdin), "timeoutSeconds": timeout.total_seconds()}
            return ChangeView("run", shlex.join(argv), remarks, details=details)
        case WaitFor(probe, timeout, _, restart):
            seconds = timeout.total_seconds()
            details = {"probe": type(probe).__name__, "timeoutSeconds": seconds, "mayRestartKubelet": restart}
            remarks = (f"at most {seconds:.0f} s", *((MAY_RESTART,) if restart else ()))
            return ChangeView("wait", str(probe), remarks, details=details)
        case ApiApply(manifest):
            details = {"object": jsonable(masked_object(manifest))}
            return ChangeView("apply", escaped(change.ref), details=details, on_host=False)
        case ApiDelete(thing):
            details = {"object": jsonable(masked_object(thing))}
            return ChangeView("delete", escaped(change.ref), details=details, on_host=False)
        case ApiPrune(leftover):
            remarks = tuple(escaped(text) for text in ("no longer in the inventory", leftover.takes) if text)
            details = {"object": jsonable(leftover.head)}
            return ChangeView("delete", escaped(leftover.ref), remarks, details=details, on_host=False)
        case AddTaints(node, taints):
            remarks = tuple(_taint_text(taint) for taint in taints)
            return ChangeView("taint", node, remarks, details={"taints": jsonable(taints)}, on_host=False)
        case EtcdAddLearner(member, peer_url, others, journal):
            beside = ", ".join(name for name, _ in others)
            details = {"member": member, "peerURL": peer_url, "others": dict(others), "journal": str(journal)}
            remarks = (f"at {peer_url}", f"beside {beside}", f"ID noted in {journal}")
            return ChangeView("add-learner", member, remarks, details=details)
        case EtcdPromote(member, peer_url, _, timeout):
            seconds = timeout.total_seconds()
            details = {"member": member, "peerURL": peer_url, "timeoutSeconds": seconds}
            return ChangeView("promote", member, (f"at most {seconds:.0f} s",), details=details, on_host=False)
        case EtcdMoveLeader(away_from):
            details = {"awayFrom": list(away_from)}
            return ChangeView("move-leader", f"away from {', '.join(away_from)}", details=details, on_host=False)
        case EtcdRemove(member, number):
            details = {"member": member, "id": number}
            return ChangeView("remove-member", member, details=details, on_host=False)
        case NodeRemove(node):
            return ChangeView("remove-node", node, details={"node": node}, on_host=False)
        case Cordon(node):
            return ChangeView("cordon", node, details={"node": node}, on_host=False)
        case Drain(node, timeout, force, delete_emptydir_data):
            seconds = timeout.total_seconds()
            details = {"node": node, "timeoutSeconds": seconds, "force": force, "deleteEmptydirData": delete_emptydir_data}
            remarks = tuple(
                text for text, said in (
                    (f"at most {seconds:.0f} s", True), ("also pods without a controller", force),
                    ("also pods with emptyDir data", delete_emptydir_data),
                ) if said
            )  # fmt: skip
            return ChangeView("drain", node, remarks, details=details, on_host=False)
        case SaveLocal(path, content, previous):
            was = f", was {masked(previous.reveal())}" if previous is not None else ""
            remarks = ("0600", f"content {masked(content.reveal())}{was}")
            return ChangeView("save", str(path), remarks, details={"path": str(path), "mode": "0600"}, on_host=False)
        case _:
            assert_never(change)


def _write_view(change: WriteFile) -> ChangeView:
    entry, previous = change.entry, change.previous
    diff = content_diff(entry, previous) if isinstance(entry, File) else FileDiff()
    remarks = attributes(entry, previous) + ((diff.note,) if diff.note else ())
    details: dict[str, Any] = {"path": str(entry.path), "type": type(entry).__name__.lower()}
    if isinstance(entry, File | Directory):
        details |= {"mode": f"{entry.mode:04o}", "owner": entry.owner, "group": entry.group}
    else:
        details["target"] = entry.target
    if isinstance(entry, File):
        remarks = (*remarks, f"{len(entry.bytes)} bytes") if diff.lines else remarks
        digest = {"sha256Prefix": fingerprint(entry.bytes)} if diff.secret else {"sha256": entry.sha256}
        details |= {"size": len(entry.bytes), "secret": diff.secret, **digest}
    subject = f"{entry.path}/" if isinstance(entry, Directory) else str(entry.path)
    return ChangeView("create" if previous is None else "change", subject, remarks, diff.lines, details)


def _taint_text(taint: Mapping[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint.get('effect', '')}"


def _merged(step: Step) -> tuple[ChangeView, ...]:
    """Changes of all hosts in one order that keeps each host's own; equal ones become one.

    A host's further change goes behind the one before it, and behind what other hosts have for the same path.
    """
    order: list[ChangeView] = []
    keys: list[str] = []
    for host, changes in step.changes.items():
        place = -1
        for change in changes:
            seen = change_view(change)
            try:
                place = keys.index(seen.key, place + 1)
                order[place] = replace(order[place], hosts=(*order[place].hosts, host))
                continue
            except ValueError:
                place += 1
            while place < len(order) and (order[place].action, order[place].subject) == (seen.action, seen.subject):
                place += 1
            order.insert(place, replace(seen, hosts=(host,)))
            keys.insert(place, seen.key)
    return tuple(order)


def _counted(number: int, noun: str) -> str:
    what, to, verb = noun.partition(" to ")
    return f"{count(number, what)}{to}{verb}"


def plan_object(plan: PlanView) -> dict[str, Any]:
    """A plan for programs."""
    phases = [
        {
            "name": phase.name, "title": phase.title, "spread": phase.spread,
            "changes": [
                {"action": c.action, "subject": c.subject, "hosts": c.hosts if c.on_host else (), "remarks": c.remarks,
                 "diff": c.diff, **c.details}
                for c in phase.changes
            ],
        }
        for phase in plan.phases
    ]  # fmt: skip
    return {
        "workflow": plan.workflow, "empty": plan.is_empty, "summary": plan.summary, "counts": plan.counts, "hosts": plan.hosts,
        "phases": phases,
    }  # fmt: skip

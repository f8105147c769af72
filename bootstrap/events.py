"""What happened, as values: the console, the JSON lines and the timeline are made of these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    PHASE_STARTED = "phase-started"
    PHASE_DONE = "phase-done"
    CHANGED = "changed"             # a change was made
    WAITING = "waiting"             # what is waited for, and the last answer
    READY = "ready"                 # a wait has ended well
    FAILED = "failed"               # a host failed in a phase
    NOTE = "note"                   # something to know


@dataclass(frozen=True)
class Event:
    """at: seconds since the command began. host: empty where the event is of no host."""

    kind: Kind
    at: float
    phase: str = ""
    host: str = ""
    message: str = ""
    detail: dict[str, Any] = field(default_factory=dict, hash=False)

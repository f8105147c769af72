"""The operator's lock of a model host: one at a time, freed when the tool ends, when its connection breaks, and by a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.errors import HoldLost

if TYPE_CHECKING:
    from bootstrap.testing.connection import FakeConnection
    from bootstrap.testing.fleet import FakeFleet


class FakeHold:
    """A `Hold`. heard_at: when the host last heard of the tool, which gives signs of life for as long as it lives."""

    def __init__(self, connection: FakeConnection, fleet: FakeFleet, owner: str, before: str, free_after_s: float) -> None:
        self.owner = owner
        self.before = before
        self.since = self.heard_at = fleet.now
        self._connection = connection
        self._fleet = fleet
        self._free_after_s = free_after_s
        self._released = False

    def tick(self) -> None:
        """Let the host hear of the tool, if that lives and can reach it."""
        if self._connection.host.reachable:
            self.heard_at = self._fleet.now

    def is_held(self) -> bool:
        """Whether the host still has it locked, as far as the host can know."""
        connection = self._connection
        if self._released or connection.closed or connection.broken or connection.host.boots != connection.boots:
            return False
        if connection.life != self._fleet.life or all(connection is not other for other in self._fleet.connections):
            return False    # the tool was killed, or this is a copy of the fleet
        return self._fleet.now - self.heard_at < self._free_after_s

    def prove(self) -> None:
        if not self.is_held() or not self._connection.host.reachable:
            name = self._connection.name
            raise HoldLost(f"the operator's lock on {name} is held no longer: the connection was lost", host=name)

    def release(self) -> None:
        self._released = True

"""Model hosts for tests, ours and those of authors of phases: an in-memory Connection with files, systemd, kubelet, etcd and API.

`FakeFleet.of(cluster)` makes the machines, `fleet.connect(host)` logs in, `fleet.host(name)` is the machine to break or look at,
`fleet.kill_before(n)` kills the tool before its n-th change, `fleet.tree(host)` is what to compare.
"""

from bootstrap.testing.commands import Command
from bootstrap.testing.connection import FakeConnection
from bootstrap.testing.containers import Container
from bootstrap.testing.etcd import Member
from bootstrap.testing.fleet import FakeFleet, Killed, Operation
from bootstrap.testing.host import FakeHost
from bootstrap.testing.store import ObjectStore, Refusal

__all__ = [
    "Command",
    "Container",
    "FakeConnection",
    "FakeFleet",
    "FakeHost",
    "Killed",
    "Member",
    "ObjectStore",
    "Operation",
    "Refusal",
]

"""From an inventory to open connections, all hosts at once; for whoever changes something, also to the operator's locks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from bootstrap.access import Access
from bootstrap.apply import MAX_HOSTS_AT_ONCE
from bootstrap.cluster import Cluster, Host
from bootstrap.connection import Connection
from bootstrap.console import Console
from bootstrap.errors import BootstrapError, SeveralErrors
from bootstrap.events import Event, Kind
from bootstrap.holding import alone
from bootstrap.parallel import each

Connect = Callable[[Cluster, Host], Connection]
T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def connected(
    cluster: Cluster,
    hosts: Sequence[Host],
    connect: Connect,
    *,
    tolerate: Callable[[str], bool] = lambda name: False,
    console: Console | None = None,
    tell: Callable[[Event], None] = lambda event: None,
    failed: dict[str, BootstrapError] | None = None,
) -> Iterator[Access]:
    """Connections to all hosts, made at once and closed at the end. tell: hears that they are being made.

    tolerate: says of a host's name whether the command goes on without it (with a note on `console`). Raises the others' errors.
    failed: takes the errors of those that it goes on without.
    """
    began = time.monotonic()
    names = [host.name for host in hosts]
    tell(Event(Kind.PHASE_STARTED, 0.0, "connect", "", "Connecting to the hosts", {"hosts": names}))
    results = at_once(lambda host: connect(cluster, host), hosts, lambda host: host.name)
    connections = {name: found for name, found in results.items() if not isinstance(found, BootstrapError)}
    failed = {} if failed is None else failed
    failed |= {name: found for name, found in results.items() if isinstance(found, BootstrapError)}
    try:
        raise_all([error for name, error in failed.items() if not tolerate(name)])
        if not connections:
            raise_all(list(failed.values()))
        tell(Event(Kind.PHASE_DONE, time.monotonic() - began, "connect"))
        for error in failed.values():
            if console is not None:
                console.note(f"going on without {error.host}: {error.message}")
        yield Access(cluster, connections, lambda name: connect(cluster, cluster.host(name)))
    finally:
        for connection in connections.values():
            connection.close()


@contextmanager
def changing(
    cluster: Cluster,
    command: str,
    connect: Connect,
    *,
    dry_run: bool,
    workers: Sequence[Host] = (),
    tolerate: Callable[[str], bool] = lambda name: False,
    few_will_do: bool = False,
    console: Console | None = None,
    tell: Callable[[Event], None] = lambda event: None,
    failed: dict[str, BootstrapError] | None = None,
) -> Iterator[Access]:
    """Connections to every master, with the operator's locks: for commands that change something, before they look.

    dry_run: without locks, for nothing is changed. workers: reached beside the masters, whose locks are theirs, too.
    few_will_do: as `holding.alone` has it. The rest: as of `connected`. Raises HeldByAnother.
    """
    began, hosts = time.monotonic(), (*cluster.control_plane_hosts, *workers)
    with connected(cluster, hosts, connect, tolerate=tolerate, console=console, tell=tell, failed=failed) as access:
        if dry_run:
            yield access
            return
        detail = {"hosts": list(access.masters)}
        tell(Event(Kind.PHASE_STARTED, time.monotonic() - began, "lock", "", "Taking the operator's lock, host by host", detail))
        with alone(cluster, access.connections, command, few_will_do=few_will_do, again=access.connect_again) as access.holds:
            tell(Event(Kind.PHASE_DONE, time.monotonic() - began, "lock"))
            yield access


def at_once(deed: Callable[[T], R], things: Sequence[T], name: Callable[[T], str]) -> dict[str, R | BootstrapError]:
    """Do a deed for all things at once; errors the operator can mend become results."""

    def tried(thing: T) -> R | BootstrapError:
        try:
            return deed(thing)
        except BootstrapError as error:
            error.host = error.host or name(thing)
            return error

    return dict(zip(map(name, things), each(tried, things, MAX_HOSTS_AT_ONCE), strict=True))


def raise_all(errors: Sequence[BootstrapError]) -> None:
    """Raise the one error, or all of them as one; nothing where there is none."""
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)

"""The model kubelet makes of a manifest directory what real ones make of it (tests/lab/test_manifest_scenarios.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from bootstrap.files import Directory, File, Link
from bootstrap.testing import FakeHost
from tests.manifest_scenarios import SCENARIOS, Deed, How, Scenario, outcome
from tests.unit.fakehost_samples import MANIFESTS, a_fleet, with_kubelet

Seen = dict[str, tuple[str, str, int]]


def do(host: FakeHost, deeds: tuple[Deed, ...]) -> None:
    """Each deed is seen by itself, as inotify tells of each."""
    files, now = host.files, host.now()
    for deed in deeds:
        path = PurePosixPath(MANIFESTS) / deed.name
        match deed.how:
            case How.PUT | How.IN_PLACE:
                files.put(File(path, deed.content), now)
            case How.LINK:
                files.put(Link(path, deed.content.decode()), now)
            case How.REMOVE:
                files.remove(path, recursive=False)
            case How.RENAME:
                files.rename(path, path.with_name(deed.content.decode()))
            case How.DIRECTORY:
                files.put(Directory(path), now)
            case How.MODE:
                files.change(path, replace(files.nodes[path], mode=int(deed.content, 8)))
        host.tick()


def running(host: FakeHost) -> Seen:
    return {
        one.pod.pod["metadata"]["name"]: (one.pod.pod["metadata"]["labels"]["which"], one.pod.uid, one.pid)
        for one in host.runtime.containers.values()
        if one.running
    }


def fates(before: Seen, now: Seen) -> dict[str, tuple[str, str]]:
    found = {}
    for name, (which, uid, pid) in now.items():
        _, old_uid, old_pid = before.get(name, ("", "", 0))
        found[name] = (which, "same" if (uid, pid) == (old_uid, old_pid) else "again" if uid == old_uid else "new")
    return found


@pytest.mark.parametrize("listing", ["restart", "periodic"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_manifest_directory(scenario: Scenario, listing: str) -> None:
    fleet = a_fleet("cp1")
    host = with_kubelet(fleet.host("cp1"))
    fleet.advance(1)
    do(host, scenario.first)
    started = running(host)
    assert fates({}, started) == outcome(scenario, "started")
    if not scenario.down:
        do(host, scenario.then)
    watched = running(host)
    assert fates(started, watched) == outcome(scenario, "watched")
    said = len(host.kubelet.journal)
    if listing == "restart" or scenario.down:
        host.kubelet.stop()
        if scenario.down:
            do(host, scenario.then)
        host.kubelet.start(host.now())
    fleet.advance(20)
    assert fates(watched, running(host)) == outcome(scenario, "listed")
    complaints = [line for line in host.kubelet.journal[said:] if MANIFESTS in line]
    assert bool(complaints) == bool(scenario.says)
    assert all(scenario.says in line for line in complaints)

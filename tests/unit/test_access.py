"""Clients by host: one that is slow to make, or whose host is gone, is in nobody else's way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

import pytest

from bootstrap.access import Access
from bootstrap.connection import Answer, NoAnswer, Request
from bootstrap.errors import HostUnreachable
from tests.unit.test_waiting import CLUSTER

KUBECONFIG = b"""
users: [{user: {client-certificate-data: "", client-key-data: ""}}]
clusters: [{cluster: {certificate-authority-data: ""}}]
"""


class Stub:
    """A host with an admin.conf; `read` does first what it is told to."""

    def __init__(self, name: str, first: Callable[[], object] = lambda: None) -> None:
        self.name = name
        self.first = first
        self.reads = 0

    def read(self, paths: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, bytes]:
        self.reads += 1
        self.first()
        return {path: KUBECONFIG for path in paths if path.name == "admin.conf"}

    def request(self, request: Request, *, timeout_s: float = 5.0) -> Answer:
        return Answer(200, b"ok")


def access(*hosts: Stub) -> Access:
    return Access(CLUSTER, {host.name: host for host in hosts})  # type: ignore[misc]


def lost() -> None:
    raise HostUnreachable("lost the connection to cp1", host="cp1")


def test_who_waits_for_one_hosts_files_keeps_nobody_from_another_host() -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        reading.set()
        assert go_on.wait(5)

    found = access(Stub("cp1", slow), Stub("cp2"))
    thread = threading.Thread(target=found.api, args=("cp1",))
    thread.start()
    try:
        assert reading.wait(5)
        other = threading.Thread(target=found.api, args=("cp2",))
        other.start()
        other.join(5)
        assert not other.is_alive()
    finally:
        go_on.set()
        thread.join(5)


def test_a_client_is_made_once_for_each_connection() -> None:
    host = Stub("cp1")
    found = access(host)
    assert found.api("cp1") is found.api("cp1")
    assert host.reads == 1


def test_a_host_that_is_gone_is_passed_over() -> None:
    found = access(Stub("cp1", lost), Stub("cp2"))
    assert found.any_api() is found.api("cp2")


def no_identity() -> None:
    raise NoAnswer("cp2 has no admin.conf")


def test_without_any_api_server_each_host_says_why() -> None:
    with pytest.raises(NoAnswer, match=r"cp2 has no admin\.conf; lost the connection to cp1"):
        access(Stub("cp1", lost), Stub("cp2", no_identity)).any_api()


def test_without_any_host_it_is_no_matter_of_the_api() -> None:
    with pytest.raises(HostUnreachable, match="lost the connection to cp1"):
        access(Stub("cp1", lost)).any_api()


def test_an_api_server_that_was_ready_a_moment_ago_is_not_asked_again_where_that_will_do() -> None:
    asked: list[str] = []

    class Counting(Stub):
        def request(self, request: Request, *, timeout_s: float = 5.0) -> Answer:
            asked.append(self.name)
            return Answer(200 if self.name == "cp2" else 500, b"")

    found = access(Counting("cp1"), Counting("cp2"))
    first = found.any_api(ready_within_s=60)
    assert (asked, found.any_api(ready_within_s=60)) == (["cp1", "cp2"], first)
    assert asked == ["cp1", "cp2"]
    assert found.any_api() is first
    assert asked == ["cp1", "cp2", "cp1", "cp2"]
    found.forget_clients()
    assert found.any_api(ready_within_s=60) is not first

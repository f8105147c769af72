"""Connections that are cut: every file is the old one or the new one, and everybody hears of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.connection import NoAnswer, Request
from bootstrap.errors import HostUnreachable
from bootstrap.files import File
from bootstrap.ssh import transport
from tests.ssh.conftest import Connect
from tests.ssh.servers import CuttingProxy, Sshd

SIZE = 200_000
FRAME = SIZE + 8_000    # the script around the content, and what SSH adds


@pytest.fixture
def proxy(sshd: Sshd, known_hosts: Path) -> Iterator[CuttingProxy]:
    made = CuttingProxy(sshd.port)
    known_hosts.write_text(known_hosts.read_text().replace(str(sshd.port), str(made.port)))
    yield made
    made.close()


@pytest.mark.parametrize("after", [0, 1, 100, FRAME // 2, SIZE - 1, SIZE, SIZE + 2_000, SIZE + 3_000, SIZE + 4_000, FRAME])
def test_an_upload_that_is_cut(connect: Connect, proxy: CuttingProxy, on_host: Path, after: int) -> None:
    old, new = b"old\n" * 10, b"new\n" * (SIZE // 4)
    paths = [on_host / "first", on_host / "second"]
    for path in paths:
        path.write_bytes(old)
    connection = connect(port=proxy.port)
    proxy.limit = proxy.passed + after
    with contextlib.suppress(HostUnreachable):
        connection.write([File(PurePosixPath(paths[0]), new), File(PurePosixPath(paths[1]), b"new\n")])
        proxy.cut()
    with pytest.raises(HostUnreachable, match="lost the connection to cp1"):
        connection.run(["true"])
    settle(on_host)
    assert paths[0].read_bytes() in (old, new)
    assert paths[1].read_bytes() in (old, b"new\n")
    assert all(path.name.startswith(".") for path in on_host.iterdir() if path not in paths)
    if after < SIZE:
        assert [path.read_bytes() for path in paths] == [old, old]
        assert len(list(on_host.iterdir())) == 2


def test_stdin_that_is_cut_runs_nothing(connect: Connect, proxy: CuttingProxy, on_host: Path) -> None:
    connection = connect(port=proxy.port)
    proxy.limit = proxy.passed + SIZE // 2
    with pytest.raises(HostUnreachable):
        connection.run(["tee", str(on_host / "file")], stdin=b"x" * SIZE)
    settle(on_host)
    assert list(on_host.iterdir()) == []


def test_a_cut_while_a_command_runs(connect: Connect, proxy: CuttingProxy) -> None:
    connection = connect(port=proxy.port)
    with later(0.3, proxy.cut), pytest.raises(HostUnreachable, match="while running sleep"):
        connection.run(["sleep", "2"])
    with pytest.raises(HostUnreachable):
        connection.read([PurePosixPath("/etc/passwd")])


def test_a_cut_during_a_request(connect: Connect, proxy: CuttingProxy) -> None:
    connection = connect(port=proxy.port)
    proxy.cut()
    with pytest.raises((HostUnreachable, NoAnswer)):
        connection.request(Request("GET", "127.0.0.1", 1, "/"))
    with pytest.raises(HostUnreachable):
        connection.request(Request("GET", "127.0.0.1", 1, "/"))


def test_a_network_that_swallows_everything_is_noticed(
    connect: Connect, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sign of life is asked for after 0.3 s and waited for 0.5 s here."""
    monkeypatch.setattr(transport, "KEEPALIVE_S", 0.3)
    monkeypatch.setattr(transport, "DEAD_AFTER_S", 0.8)
    connection = connect(port=proxy.port)
    time.sleep(1.2)
    assert connection.run(["true"]).status == 0
    proxy.swallow = True
    started = time.monotonic()
    with pytest.raises(HostUnreachable, match="no sign of life"):
        connection.run(["sleep", "60"])
    assert time.monotonic() - started < 5


def test_a_cut_connection_can_be_made_again(connect: Connect, proxy: CuttingProxy) -> None:
    connect(port=proxy.port)
    proxy.cut()
    assert connect(port=proxy.port).run(["true"]).status == 0


def settle(directory: Path) -> None:
    """What arrived whole still finishes on the host; wait until it has."""
    before: object = None
    for _ in range(40):
        now = sorted((path.name, path.stat().st_mtime_ns) for path in directory.iterdir())
        if now == before and not any(name.startswith(".") for name, _ in now):
            return
        before = now
        time.sleep(0.05)


class later:  # noqa: N801 - reads as a statement
    """Does something some seconds after the block was entered."""

    def __init__(self, delay_s: float, action: Callable[[], None]) -> None:
        import threading

        self._timer = threading.Timer(delay_s, action)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *unused: object) -> None:
        self._timer.join()

"""What becomes of a TCP connection that a real sshd is asked to open."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootstrap.connection import Outcome
from bootstrap.errors import HostUnreachable
from bootstrap.ssh import SshConnection
from tests.ssh.conftest import Connect
from tests.ssh.servers import free_port, start_sshd


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_port_where_somebody_listens(connection: SshConnection, listening: socket.socket) -> None:
    found = connection.reach("127.0.0.1", listening.getsockname()[1])
    assert (found.outcome, found.certificate) == (Outcome.OPEN, b"")
    assert 0 < found.seconds < 2.5
    listening.settimeout(2)
    accepted, _ = listening.accept()
    with accepted:
        accepted.settimeout(2)
        assert accepted.recv(100) == b""


def test_a_port_where_nobody_listens(connection: SshConnection) -> None:
    found = connection.reach("127.0.0.1", free_port())
    assert (found.outcome, found.detail) == (Outcome.REFUSED, "Connection refused")


def test_a_port_that_swallows_everything(connection: SshConnection) -> None:
    """Takes its time-out of 0.3 s. A full queue of connections drops them as a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        found = connection.reach("127.0.0.1", full.getsockname()[1], timeout_s=0.3)
        for sock in waiting:
            sock.close()
    assert found.outcome is Outcome.FILTERED
    assert connection.reach("127.0.0.1", 1).outcome is Outcome.REFUSED


def test_a_network_that_there_is_no_way_to(connection: SshConnection) -> None:
    """Class E, which a kernel does not send to."""
    found = connection.reach("255.255.255.255", 2380)
    assert found.outcome is Outcome.UNREACHABLE, found


def test_an_sshd_that_does_not_forward(
    connect: Connect, open_directory: Path, identity: Path, known_hosts: Path, tmp_path: Path, listening: socket.socket
) -> None:
    server = start_sshd(open_directory / f"reach-{tmp_path.name}", identity.with_suffix(".pub"), extra="AllowTcpForwarding no")
    try:
        known_hosts.write_text(server.known_line() + "\n")
        connection = connect(port=server.port)
        assert connection.reach("127.0.0.1", listening.getsockname()[1]).outcome is Outcome.FORBIDDEN
        assert connection.run(("true",)).status == 0
    finally:
        server.stop()


def test_an_sshd_that_forwards_to_some_ports(
    connect: Connect, open_directory: Path, identity: Path, known_hosts: Path, tmp_path: Path, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]
    extra = f"PermitOpen 127.0.0.1:{port}"
    server = start_sshd(open_directory / f"some-{tmp_path.name}", identity.with_suffix(".pub"), extra=extra)
    try:
        known_hosts.write_text(server.known_line() + "\n")
        connection = connect(port=server.port)
        found = [connection.reach("127.0.0.1", one).outcome for one in (port, free_port())]
        assert found == [Outcome.OPEN, Outcome.FORBIDDEN]
    finally:
        server.stop()


def test_each_of_many_at_once_has_its_own_answer(connection: SshConnection, listening: socket.socket) -> None:
    places = [("127.0.0.1", listening.getsockname()[1]), ("127.0.0.1", free_port()), ("255.255.255.255", 2380)]
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda place: connection.reach(*place).outcome, places * 8))
    assert found == [Outcome.OPEN, Outcome.REFUSED, Outcome.UNREACHABLE] * 8


def test_a_connection_that_is_gone(connection: SshConnection) -> None:
    connection.close()
    with pytest.raises(HostUnreachable):
        connection.reach("127.0.0.1", 1)

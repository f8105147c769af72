"""`bootstrap trust`: what a host offers, and putting it on record."""

from __future__ import annotations

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootstrap import ssh
from bootstrap.cluster import Cluster
from bootstrap.errors import HostNotTrusted
from bootstrap.ssh.hostkeys import Verdict
from tests.ssh.conftest import Connect
from tests.ssh.servers import Sshd, Users, inventory, start_sshd


@pytest.fixture
def cluster(sshd: Sshd, identity: Path, known_hosts: Path, users: Users) -> Cluster:
    return inventory(sshd.port, user=users.names["sudo"], identity_file=identity, known_hosts_file=known_hosts)


def test_scan_shows_every_key(cluster: Cluster, sshd: Sshd) -> None:
    keys = ssh.scan(cluster, cluster.hosts[0])
    assert [key.fingerprint for key in keys] == [sshd.fingerprint(kind) for kind in ("ed25519", "ecdsa", "rsa")]
    assert [key.verdict for key in keys] == [Verdict.TRUSTED, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert {key.name for key in keys} == {f"[127.0.0.1]:{sshd.port}"}


def test_record_then_connect(connect: Connect, cluster: Cluster, known_hosts: Path, sshd: Sshd) -> None:
    known_hosts.unlink()
    file = ssh.known_hosts_file(cluster, cluster.hosts[0])
    assert file == known_hosts
    keys = ssh.scan(cluster, cluster.hosts[0])
    assert ssh.record(file, keys) == keys
    assert ssh.record(file, keys) == ()
    assert file.read_text().splitlines() == [sshd.known_line(kind) for kind in ("ed25519", "ecdsa", "rsa")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["known_hosts"]
    assert connect().run(["true"]).status == 0


def test_what_is_there_stays(cluster: Cluster, known_hosts: Path, sshd: Sshd) -> None:
    known_hosts.write_text(f"# mine\n\nother ssh-ed25519 AAAA\n{sshd.known_line()}")
    ssh.record(known_hosts, ssh.scan(cluster, cluster.hosts[0]))
    assert known_hosts.read_text().splitlines()[:4] == ["# mine", "", "other ssh-ed25519 AAAA", sshd.known_line()]
    assert len(known_hosts.read_text().splitlines()) == 6


def test_a_changed_key_is_replaced_only_when_told(cluster: Cluster, known_hosts: Path, sshd: Sshd, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    before = f"friend,[127.0.0.1]:{sshd.port} {other}\n# comment\n"
    known_hosts.write_text(before)
    keys = ssh.scan(cluster, cluster.hosts[0])
    assert keys[0].verdict is Verdict.CHANGED
    with pytest.raises(HostNotTrusted) as caught:
        ssh.record(known_hosts, keys)
    assert f"{known_hosts}:1" in caught.value.message
    assert known_hosts.read_text() == before
    ssh.record(known_hosts, keys, replace=True)
    assert known_hosts.read_text().splitlines()[:3] == [f"friend {other}", "# comment", sshd.known_line()]


def test_a_hashed_changed_key_is_replaced(cluster: Cluster, known_hosts: Path, sshd: Sshd, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {' '.join((tmp_path / 'other.pub').read_text().split()[:2])}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", known_hosts], check=True, capture_output=True)
    ssh.record(known_hosts, ssh.scan(cluster, cluster.hosts[0])[:1], replace=True)
    assert known_hosts.read_text() == sshd.known_line() + "\n"


def test_two_at_once_lose_nothing(cluster: Cluster, tmp_path: Path) -> None:
    keys = ssh.scan(cluster, cluster.hosts[0])
    file = tmp_path / "new" / "known_hosts"
    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(lambda n: ssh.record(file, keys[n % 3 : n % 3 + 1]), range(24)))
    assert sorted(file.read_text().splitlines()) == sorted(key.line for key in keys)
    assert sum(len(new) for new in recorded) == 3


def test_scan_through_a_jump_host(
    sshd: Sshd, open_directory: Path, identity: Path, known_hosts: Path, users: Users, tmp_path: Path
) -> None:
    jump = start_sshd(open_directory / f"jump-{tmp_path.name}", identity.with_suffix(".pub"))
    try:
        cluster = inventory(
            sshd.port, identity_file=identity, known_hosts_file=known_hosts,
            proxy_jump=f"{users.names['nothing']}@127.0.0.1:{jump.port}",
        )
        with pytest.raises(HostNotTrusted, match="jump host"):
            ssh.scan(cluster, cluster.hosts[0])
        known_hosts.write_text(jump.known_line() + "\n")
        assert len(ssh.scan(cluster, cluster.hosts[0])) == 3
    finally:
        jump.stop()

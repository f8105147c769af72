"""trust: what it says has come of it, whatever hosts did not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap import ssh
from bootstrap.cluster import Cluster, Host
from bootstrap.errors import HostUnreachable, SeveralErrors
from bootstrap.ssh import ScannedKey, Verdict
from bootstrap.ssh.hostkeys import HostKey
from bootstrap.trusting import trust
from tests.unit.console_samples import Made

HOSTS = [{"name": f"cp{n}", "role": "control-plane", "address": f"192.0.2.1{n}"} for n in (1, 2)]
CLUSTER = Cluster.model_validate({"name": "demo", "kubernetesVersion": "v1.36.3", "hosts": HOSTS})


def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdicts: dict[str, Verdict]) -> str:
    """The last line of `trust --accept`. verdicts: of each host's one key; hosts that are not in it do not answer."""

    def scan(cluster: Cluster, host: Host) -> tuple[ScannedKey, ...]:
        if host.name not in verdicts:
            raise HostUnreachable("cannot reach it", host=host.name)
        return (ScannedKey(host.name, host.address, HostKey("ssh-ed25519", host.name.encode()), verdicts[host.name]),)

    monkeypatch.setattr(ssh, "scan", scan)
    monkeypatch.setattr(ssh, "known_hosts_file", lambda cluster, host: tmp_path / "known_hosts")
    captured = Made()()
    if len(verdicts) < len(HOSTS):
        with pytest.raises((HostUnreachable, SeveralErrors)):
            trust(CLUSTER, (), True, False, captured.console)
    else:
        trust(CLUSTER, (), True, False, captured.console)
    return captured.out.splitlines()[-1]


TRUSTED, UNKNOWN = Verdict.TRUSTED, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ({}, "nothing recorded"),
        ({"cp1": TRUSTED}, "every key that was offered is recorded"),
        ({"cp1": TRUSTED, "cp2": TRUSTED}, "every key is recorded"),
        ({"cp1": TRUSTED, "cp2": UNKNOWN}, "1 key recorded"),
        ({"cp1": UNKNOWN, "cp2": UNKNOWN}, "2 keys recorded"),
    ],
    ids=["nobody answers", "one answers", "all known", "one new", "all new"],
)
def test_it_says_no_more_than_what_hosts_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdicts: dict[str, Verdict], line: str
) -> None:
    assert said(monkeypatch, tmp_path, verdicts) == line

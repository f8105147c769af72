"""The lab's bridge, which all labs of a machine share: made by whoever comes first, removed with the last one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vagrant"))

from kubelab import cli, network, nodes
from kubelab.lab import BRIDGE, planned
from kubelab.paths import Cache
from kubelab.shell import LabError


class Ip:
    """Stands in for run(["ip", ...]). exists: the bridge is there; makes: whether `ip link add` works."""

    def __init__(self, *, exists: bool, makes: bool) -> None:
        self.exists, self.makes = exists, makes

    def __call__(self, argv: list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
        if argv[1:3] == ["link", "add"]:
            status = 0 if self.makes and not self.exists else 2
            self.exists = self.exists or self.makes
        elif argv[1:3] == ["link", "show"]:
            status = 1      # whoever looked before making it saw nothing
        else:
            status = 0 if self.exists else 1
        if check and status:
            raise LabError(f"{' '.join(argv)} failed with {status}")
        return subprocess.CompletedProcess(argv, status, "", "")


@pytest.mark.parametrize("exists", [False, True], ids=["not there", "another lab made it meanwhile"])
def test_the_bridge_is_there_afterwards(monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    ip = Ip(exists=exists, makes=True)
    monkeypatch.setattr(network, "run", ip)
    network.ensure_bridge()
    assert ip.exists


def test_a_bridge_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "run", Ip(exists=False, makes=False))
    with pytest.raises(LabError, match=BRIDGE):
        network.ensure_bridge()


def test_the_bridge_goes_with_the_last_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The other lab is only coming up: it is on the list, and nothing of it is plugged in yet."""
    cache, removed = Cache(tmp_path), []
    monkeypatch.setattr(nodes, "down", lambda *_: None)
    monkeypatch.setattr(network, "remove_bridge", lambda: removed.append(BRIDGE))
    for name in ("one", "two"):
        planned(name, 1, 0, None, cache)
    cli.dispatch(cli.parser().parse_args(["down", "--name", "one"]), cache)
    assert removed == []
    cli.dispatch(cli.parser().parse_args(["down", "--name", "two"]), cache)
    assert removed == [BRIDGE]

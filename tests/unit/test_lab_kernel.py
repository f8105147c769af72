"""Kernel limits of the lab: raised where they are too low, left where they are higher."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vagrant"))

from kubelab.kernel import LEAST, ensure_limits


def test_low_limits_are_raised_and_higher_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "max_user_instances").write_text("128\n")
    (tmp_path / "max_user_watches").write_text("9999999\n")
    ensure_limits(tmp_path)
    assert int((tmp_path / "max_user_instances").read_text()) == LEAST["max_user_instances"]
    assert int((tmp_path / "max_user_watches").read_text()) == 9999999

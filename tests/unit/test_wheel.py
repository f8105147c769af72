"""A wheel carries what the code reads beside itself: templates, scripts, examples. Building one takes some seconds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_wheel_has_every_file_that_is_read_at_run_time(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(argv, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = [path.relative_to(ROOT) for path in (ROOT / "templates").rglob("*.*") if path.is_file()]
    wanted = {f"bootstrap/{path}" for path in templates}
    wanted |= {f"bootstrap/inventory_examples/{p.name}" for p in (ROOT / "inventory").glob("*.yaml")}
    wanted |= {str(p.relative_to(ROOT)) for p in (ROOT / "bootstrap").rglob("*.sh")}
    wanted -= {name for name in wanted if Path(name).name.startswith(".")}
    assert len(wanted) > 15
    assert wanted <= names

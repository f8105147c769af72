"""CONTRIBUTING.md names what there is: the make targets, and every module in its place on the map."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_map_has_every_module_and_package_and_no_other() -> None:
    the_map = TEXT.partition("\n## The map\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in the_map.splitlines() if line.startswith("| `")]
    named = [name for cell in cells for name in re.findall("`([^`]+)`", cell)]
    modules = {path.name for path in (ROOT / "bootstrap").glob("*.py") if not path.name.startswith("__")}
    packages = {f"{path.parent.name}/" for path in (ROOT / "bootstrap").glob("*/__init__.py")}
    assert sorted(named) == sorted(modules | packages)


def test_the_targets_are_those_of_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [f"  {name:12} {text}" for name, text in re.findall(r"^([a-z-]+):.*## (.+)$", makefile, re.M)]
    assert TEXT.partition("$ make help\n")[2].partition("\n```")[0].splitlines() == targets

"""Every wrong inventory of tests/cases/inventories is refused for exactly what is wrong with it; every twin is accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import yaml

from bootstrap import named_files
from bootstrap.errors import Problem
from bootstrap.inventory import show
from tests.unit.inventory_cases import Case, cases, value_at
from tests.unit.inventory_support import load, problems

NOW = datetime(2030, 1, 2, tzinfo=UTC)
CASES = cases()
TWINS = [case for case in CASES if case.twin is not None]


def laid_out(files: dict[str, str | None], directory: Path) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir(exist_ok=True)
        elif content != "~absent":
            path.write_text(content)
    return directory


def everything_wrong(text: str, directory: Path) -> list[Problem]:
    """Of the inventory; where it is sound, of the files that it names."""
    return list(problems(text, directory)) or list(named_files.problems(load(text, directory), NOW))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_inventory_is_refused_for_what_is_wrong_and_nothing_else(case: Case, tmp_path: Path) -> None:
    directory = laid_out(case.files, tmp_path) if case.files else Path("/nowhere")
    inventory = str(directory / "demo.yaml")
    found = [
        (problem.line, problem.field or problem.file.removeprefix(inventory).removeprefix(f"{directory}/"), problem)
        for problem in everything_wrong(case.wrong, directory)
    ]
    expected = sorted((each.line or 0, each.field) for each in case.mistakes)
    assert expected == sorted((line or 0, field) for line, field, _ in found)
    for each in case.mistakes:
        assert any(
            (line, field) == (each.line, each.field) and each.says in problem.message and each.right in problem.hint
            for line, field, problem in found
        ), [str(problem) for _, _, problem in found]
    for _, _, problem in found:
        assert problem.hint, "what would be right?"
        assert str(problem).isprintable()


@pytest.mark.parametrize("case", TWINS, ids=lambda case: case.name)
def test_the_valid_twin_is_accepted_and_means_what_it_says(case: Case, tmp_path: Path) -> None:
    assert case.twin is not None
    directory = laid_out(case.twin_files, tmp_path) if case.twin_files else Path("/nowhere")
    assert [str(problem) for problem in everything_wrong(case.twin, directory)] == []
    shown = yaml.load(show(load(case.twin, directory)), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert {place: value_at(shown, place) for place in case.loads} == case.loads


def test_a_twin_differs_from_its_sister_in_one_place_only() -> None:
    for case in TWINS:
        assert case.twin is not None
        one, other = case.wrong.splitlines(), case.twin.splitlines()
        changes = [code for code in SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if code[0] != "equal"]
        assert len(changes) <= 1, case.name
        assert all(max(to - at, end - begin) <= 2 for _, at, to, begin, end in changes), case.name


def test_no_case_is_there_twice() -> None:
    texts = [(case.wrong, tuple(sorted(case.files.items(), key=str))) for case in CASES]
    assert len(texts) == len(set(texts))

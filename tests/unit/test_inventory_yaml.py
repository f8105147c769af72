"""Files that are no YAML, or YAML that nobody should have to guess about."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from bootstrap.errors import InventoryError
from bootstrap.inventory import document
from bootstrap.inventory import load as load_file
from tests.unit.inventory_support import GOOD, load, problems, with_spec


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"", None, "empty"),
        (b"# only a comment\n", None, "empty"),
        (b"\xef\xbb\xbf" + GOOD.encode(), 1, "byte order mark"),
        (GOOD.encode("utf-16"), 1, "not UTF-8"),
        (GOOD.replace("demo", "d\u00e9mo").encode("latin-1"), 3, "not UTF-8: byte 0xe9"),
        (GOOD.replace("cp1", "cp\0001").encode(), 7, "control character U+0000"),
        (GOOD.replace("cp1", "cp\u2028").encode(), 7, "control character U+2028"),
        (GOOD.replace("  hosts", "\thosts").encode(), 6, "tab in the indentation"),
        (GOOD.encode() + b"---\n" + GOOD.encode(), 10, "second YAML document"),
        (GOOD.replace("role: ", "role: a: b").encode(), 8, "not valid YAML"),
        (b"a: [1, 2\n", 2, "not valid YAML"),
        (b"a: *b\n", 1, "undefined alias"),
        (b"a: %b\n", 1, "not valid YAML"),
        (b"a: " + b"[" * 40 + b"]" * 40, 1, "nested deeper"),
        (b"a: " + b"[" * 500_000, 1, "nested deeper"),
        (b"- x\n" * 120_000, "any", "more than 100000 values"),
        (b"# " + b"x" * (1 << 20), None, "larger than 1 MiB"),
        (b"just words", 1, "is not an inventory"),
        (b"[1]", 1, "is not an inventory"),
    ],
)
def test_a_file_that_cannot_be_read_has_one_clear_mistake(text: bytes, line: int | str | None, words: str) -> None:
    (problem,) = problems(text)
    assert words in problem.message
    if line != "any":
        assert problem.line == line


@pytest.mark.parametrize(
    "text",
    [bomb(20, 10), bomb(30, 2), with_spec("kubelet: {config: {a: &a [" + "x," * 5000 + "], b: [" + "*a," * 500 + "]}}")],
)
def test_aliases_cannot_blow_a_file_up(text: str) -> None:
    start = time.process_time()
    (problem,) = problems(text)
    assert time.process_time() - start < 5
    assert "written out" in problem.message


def test_aliases_nest_no_deeper_than_brackets() -> None:
    chain = "".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else 'x'}]\n" for n in range(100))
    (problem,) = problems(chain)
    assert "nested deeper" in problem.message


def test_aliases_are_followed() -> None:
    cluster = load(with_spec("controllerManager: {extraArgs: &args [{name: v, value: '4'}]}", "scheduler: {extraArgs: *args}"))
    assert cluster.scheduler.extra_args == cluster.controller_manager.extra_args != ()


def test_a_mistake_in_an_alias_is_shown_where_the_alias_stands() -> None:
    text = with_spec("controllerManager: &x", "  wrong: 1", "scheduler: *x")
    assert [problem.field for problem in problems(text)] == ["spec.controllerManager.wrong", "spec.scheduler.wrong"]


@pytest.mark.parametrize(
    "good", [GOOD.replace("\n", "\r\n"), GOOD.replace("\n", "\r"), "%YAML 1.1\n---\n" + GOOD, GOOD + "...\n"]
)
def test_line_ends_and_document_marks_are_fine(good: str) -> None:
    assert load(good) == load(GOOD)


@pytest.mark.parametrize("word", ['"yes"', "'0x10'", '"1e3"', '"12"', '"010"', '"null"'])
def test_quoted_text_is_text(word: str) -> None:
    assert load(GOOD.replace("cp1", word)).hosts[0].name == word.strip("\"'")


def test_the_parser_in_python_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = GOOD.replace("cp1", "yes") + "  hosts: 1\n  scheduler: {extraArgs: 1, wrong: !x 2, 'quoted': 010}\n"
    in_c = problems(spoilt)
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert problems(spoilt) == in_c
    assert len(in_c) == 7
    assert load(GOOD).name == "demo"


def test_surrogates_are_refused_by_both_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CSafeLoader", "SafeLoader"):
        monkeypatch.setattr(document, "_LOADER", getattr(yaml, name))
        assert problems(with_spec('kubelet: {config: {a: "\\ud800"}}'))
        assert problems(with_spec('kubelet: {config: {"\\ud800": a}}'))


@pytest.mark.parametrize("name", ["missing.yaml", ".", "a\0b"])
def test_a_path_that_is_no_file_is_a_mistake_of_the_inventory(tmp_path: Path, name: str) -> None:
    with pytest.raises(InventoryError) as caught:
        load_file(tmp_path / name)
    assert "cannot be read" in caught.value.problems[0].message


def test_a_symbolic_link_to_an_inventory_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(GOOD)
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert load_file(tmp_path / "link.yaml") == load(GOOD)


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InventoryError, match="1 mistake"):
        load_file(tmp_path / "huge.yaml")

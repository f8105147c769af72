"""The outer form of the script's answer: nothing that a host sends may do more than be refused."""

from __future__ import annotations

import base64
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.errors import BootstrapError
from bootstrap.facts import parse
from bootstrap.facts.frame import BEGIN, END, MOST_TEXT, decode
from tests.unit.facts_support import MARK, body, facts_of, path_line, records, text


def test_what_a_login_prints_around_it_does_not_matter() -> None:
    noisy = f"Welcome to cp1!\nLast login: today\n{text(body())}logout\n"
    assert parse("cp1", noisy, 0.0).hostname == "cp1"


def test_lines_may_end_as_a_terminal_ends_them() -> None:
    assert parse("cp1", text(body()).replace("\n", "\r\n"), 0.0).hostname == "cp1"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "did not run the script"),
        ("bash: \x1b[31msh\x1b[0m: command not found", "did not run the script"),
        (f"{BEGIN}\n", "cut short"),
        (text(body())[:-60], "cut short"),
        (text(body(end=False)), "cut short"),
        (text(body()[:-40]), "cut short"),
        (f"{BEGIN}\n!!!!\n{END}\n", "damaged"),
        (f"{BEGIN}\nÄÖÜ\n{END}\n", "damaged"),
        (f"{BEGIN}\n{END}\n", "not in the script's form"),
        (text(b"bootstrap facts 2 x\n"), "not in the script's form"),
        (text(b'{"hostname": "cp1"}'), "not in the script's form"),
        ("x" * (MOST_TEXT + 1), "more than 16 MiB"),
        (text(body(segments=[("too many paths", "")])), "more than 2000 files"),
        (text(body({"clock": "soon", "data_dir": "/x"})), "lacks the first facts"),
        (text(body({"clock": "1795477238"})), "lacks the first facts"),
        (text(body().replace(b"contents\n", b"contents\n/a\0/b\0/c\0/d\0/e\0")), "cut short"),
        (text(f"bootstrap facts 1 {MARK}\n".encode() + f"B={MARK}\0x\n".encode() * 30_000), "more than 20000 segments"),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_refused(answer: str, said: str) -> None:
    with pytest.raises(BootstrapError, match=said) as caught:
        parse("cp1", answer, 0.0)
    assert caught.value.host == "cp1"
    assert "cp1" in caught.value.message
    assert all(c.isprintable() for line in caught.value.evidence for c in line)


def test_every_cut_is_noticed() -> None:
    whole = text(body(files={"/proc/stat": "btime 1\n", "/etc/os-release": "ID=debian\n"}))
    for length in range(len(whole) - len(END) - 1):
        with pytest.raises(BootstrapError):
            parse("cp1", whole[:length], 0.0)


def test_a_file_cannot_forge_a_segment_without_knowing_the_separator() -> None:
    forged = "B=00000000-0000-0000-0000-000000000000\0host\nsys/kernel/hostname=evil\0"
    assert facts_of(files={"/etc/os-release": forged}).hostname == "cp1"


def test_names_with_line_feeds_and_sequences_stay_one_name() -> None:
    name = "/etc/kubernetes/a\nb\x1b[2J"
    facts = facts_of(segments=[("paths", records([path_line(name), path_line("/etc/kubernetes/z")]))])
    assert [PurePosixPath(name), PurePosixPath("/etc/kubernetes/z")] == list(facts.owned)


def test_bytes_that_are_no_text_become_escapes() -> None:
    segments = decode("cp1", text(body(files={"/x": b"\xff\xfe"})))
    assert segments.file("/x") == "\\xff\\xfe"


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    for answer in (raw.decode("latin-1"), text(raw)):
        with pytest.raises(BootstrapError):
            parse("cp1", answer, 0.0)


def test_a_bomb_of_aliases_costs_nothing() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    facts = facts_of(files={"/var/lib/kubelet/config.yaml": bomb})
    assert "/var/lib/kubelet/config.yaml is not YAML" in facts.kubelet.problem


def test_variables_that_grow_are_cut_off() -> None:
    lines = ["[Service]", f"Environment=A={'x' * 60_000}", "ExecStart=/usr/bin/kubelet " + " ".join(["${A}"] * 1000)]
    unit = "/etc/systemd/system/kubelet.service"
    facts = facts_of(files={unit: "\n".join(lines)}, segments=[("paths", records([path_line(unit)]))])
    assert "ExecStart is too long" in facts.kubelet.problem


def test_base64_is_what_carries_it() -> None:
    assert base64.b64decode("".join(text(body()).splitlines()[1:-1])) == body()

"""The outer form of the script's answer: nothing that a host sends may do more than be refused."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.errors import BootstrapError
from bootstrap.facts import parse
from bootstrap.facts.frame import BEGIN, END, MOST_TEXT, decode
from tests.unit.facts_support import MARK, VALUES, body, facts_of, path_line, records, text


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
    for length in range(0, len(whole) - len(END) - 1, 7):
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


_SEGMENTS = (
    "host", "units", "digests", "listeners", "paths", "sums", "link", "kubeconfig", "pem", "disks", "filesystems", "mounts",
    "logs", "versions",
)  # fmt: skip
_FILES = (
    "/proc/stat", "/proc/swaps", "/proc/cgroups", "/proc/modules", "/proc/net/fib_trie", "/proc/net/if_inet6",
    "/etc/os-release", "/etc/containerd/config.toml", "/etc/crio/crio.conf", "/var/lib/kubelet/config.yaml",
    "/proc/7/cmdline", "/proc/7/stat", "/proc/7/cgroup", "/proc/7/comm", "/etc/systemd/system/kubelet.service",
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "/etc/default/kubelet", "/etc/kubernetes/pki/ca.crt",
)  # fmt: skip
_SNIPPETS = (
    f"{MARK} ", "81a4 root 0 root 0 5 1795477000 2026-11-23 23:36:40.25 +0000 /etc/kubernetes/pki/ca.crt\n", "\0", "\n",
    "listen 0100007F:18EB 12\n", "owner 12 7\n", "next\nBOOTSTRAP_DIGEST=x\n", "Id=kubelet.service\nMainPID=7\n\n",
    "Kubernetes v1.36.3\n", "staticPodPath: /x\n", "a: &a [*a]\n", "!!int ''\n", "[[[[[[", "{{{{", "[Service]\nExecStart=${A}\n",
    "Environment=A=${A}\n", "--config=/var/lib/kubelet/config.yaml\0", "kubelet\0", "etcd\0", "server: x\n",
    "certificate-authority-data: eA==\n", "-----BEGIN CERTIFICATE-----\n", "9" * 5000, "-1", "nan", "1e999", "\x1b[2J",
    "|-- 999.0.0.1\n   /32 host LOCAL\n", "version = 3\nplugins = 3\n", "imports = ['*']\n", "0::/kubepods/pod" + "a" * 32,
)  # fmt: skip
_PAYLOAD = st.lists(st.one_of(st.sampled_from(_SNIPPETS), st.text(max_size=30)), max_size=6).map("".join)


@settings(max_examples=150, deadline=None)  # the slowest of our fuzz tests: it goes through every parser there is
@given(
    st.lists(st.tuples(st.sampled_from(_SEGMENTS), _PAYLOAD), max_size=8),
    st.dictionaries(st.sampled_from(_FILES), _PAYLOAD, max_size=8),
    st.dictionaries(st.sampled_from((*VALUES, "kubelet_pid", "process/7", "manifests//x", "socket//run/x", "ca/x")), _PAYLOAD),
)
def test_hostile_segments_are_refused_or_read(
    segments: list[tuple[str, str]], files: dict[str, str], values: dict[str, str]
) -> None:
    encoded = [(name, payload.encode("utf-8", "surrogatepass")) for name, payload in segments]
    contents: dict[str, str | bytes] = {name: payload.encode("utf-8", "surrogatepass") for name, payload in files.items()}
    clean = {key: value.encode("utf-8", "replace").decode() for key, value in values.items()}
    with suppress(BootstrapError):
        parse("cp1", text(body({**VALUES, "kubelet_pid": "7", "process/7": "yes", **clean}, contents, encoded)), 0.0)


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

"""Whatever a host answers, reading it gives an error that names the host, or Facts in which nothing is hostile any more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from io import StringIO
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap import preflight
from bootstrap.console import Console
from bootstrap.errors import BootstrapError
from bootstrap.facts import Facts, as_dict, parse
from bootstrap.facts.plain import MOST_TEXT
from tests.unit.facts_support import MARK, VALUES, body, path_line, records, text
from tests.unit.pki_samples import NOW, a_cluster
from tests.unit.test_facts_parse import CGROUPFS, PEM, process_files

CLUSTER = a_cluster()

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
    "Kubernetes v1.36.3-\u00b2.\x1b]0;x\x07\n", "ID=\x1b[31m\nPRETTY_NAME=\u202ex\nVERSION_ID=\x9b2J\n", "\ud800", "\u2028",
    "-----END BOOTSTRAP FACTS-----\n", f"B={MARK}\0end\n", "$(reboot)", "{{ 7*7 }}", "x" * 200_000,
)  # fmt: skip
_PAYLOAD = st.lists(st.one_of(st.sampled_from(_SNIPPETS), st.text(max_size=30)), max_size=6).map("".join)
_NAMES = ("kubelet_pid", "process/7", "manifests//x", "socket//run/x", "ca/x", "kubelet_binary", "command/\x1b[2J", "sys/a\nb")


def check(answer: str) -> None:
    """Read an answer. Facts must be fit to be shown, to be JSON, and to be judged by preflight."""
    refused: BootstrapError | None = None
    try:
        facts = parse("cp1", answer, 0.0)
    except BootstrapError as error:
        refused = error
    if refused is not None:
        assert refused.host == "cp1"
        assert all(line.isprintable() for line in (refused.message, refused.hint, *refused.evidence))
        return
    for found in texts(facts):
        assert found.isprintable()
        assert len(found) <= MOST_TEXT
    json.dumps(as_dict(facts), allow_nan=False)
    shown = StringIO()
    Console(verbosity=2, stdout=shown, stderr=shown, environ={}).facts(facts)
    assert all(c.isprintable() or c in "\n\t" for c in shown.getvalue())  # tabs stay, by design (console/printable.py)
    assert all(finding.message.replace("\n", "").isprintable() for finding in preflight.check(CLUSTER, {"cp1": facts}, NOW))


def texts(value: Any) -> list[str]:
    """Every text in facts but paths, of which only the bytes are known."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [found for item in value.items() for part in item for found in texts(part)]
    if isinstance(value, tuple | list):
        return [found for part in value for found in texts(part)]
    if is_dataclass(value) and not isinstance(value, type):
        return [found for field in fields(value) for found in texts(getattr(value, field.name))]
    assert value is None or isinstance(value, int | float | bytes | PurePath)
    return []


def real() -> bytes:
    """What an honest master answers, in short."""
    files: dict[str, str | bytes] = {
        **process_files(11, "etcd --name=cp1", CGROUPFS), "/etc/os-release": 'ID=debian\nPRETTY_NAME="Debian 13"\n',
        "/var/lib/kubelet/config.yaml": "staticPodPath: /etc/kubernetes/manifests\ncgroupDriver: systemd\n",
        "/etc/kubernetes/pki/ca.crt": PEM,
    }  # fmt: skip
    segments: list[tuple[str, str | bytes]] = [
        ("units", "Id=kubelet.service\nLoadState=loaded\nActiveState=active\nMainPID=7\n\n"),
        ("listeners", "listen 0100007F:094B 501\nowner 501 11\n"), ("digests", "next\nBOOTSTRAP_DIGEST=abc123\n"),
        ("paths", records([path_line("/etc/kubernetes/pki/ca.crt", size=len(PEM)), path_line("/var/lib/etcd", "41c0", "etcd")])),
        ("kubeconfig", "/etc/kubernetes/admin.conf\0server: https://192.0.2.11:6443\n"),
        ("disks", "/var/lib/etcd\0/var/lib\0"), ("filesystems", f"{MARK} 1000 4096 1000 2000 0 /var/lib\n"),
        ("versions", "Kubernetes v1.36.3\ncontainerd github.com/containerd/containerd v2.4.2 abc\n"),
    ]  # fmt: skip
    return body({**VALUES, "process/11": "yes", "kubelet_pid": "7", "kubelet_binary": "/usr/bin/kubelet"}, files, segments)


REAL = real()
HOSTILE = (
    st.lists(st.tuples(st.sampled_from(_SEGMENTS), _PAYLOAD), max_size=8),
    st.dictionaries(st.sampled_from(_FILES), _PAYLOAD, max_size=8),
    st.dictionaries(st.sampled_from((*VALUES, *_NAMES)), _PAYLOAD),
)
CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(REAL) - 1), st.integers(0, 5), st.binary(max_size=4) | st.sampled_from([b"\x1b[2J", b"\0", b"\xff"])
    ),
    max_size=6,
)


def with_hostile(segments: list[tuple[str, str]], files: dict[str, str], values: dict[str, str]) -> str:
    encoded = [(name, payload.encode("utf-8", "surrogatepass")) for name, payload in segments]
    contents: dict[str, str | bytes] = {name: payload.encode("utf-8", "surrogatepass") for name, payload in files.items()}
    clean = {key: value.encode("utf-8", "replace").decode() for key, value in values.items()}
    return text(body({**VALUES, "kubelet_pid": "7", "process/7": "yes", **clean}, contents, encoded))


def changed(changes: list[tuple[int, int, bytes]]) -> str:
    raw = REAL
    for at, cut, new in changes:
        raw = raw[:at] + new + raw[at + cut :]
    return text(raw)


def test_an_honest_answer_is_read() -> None:
    facts = parse("cp1", text(REAL), 0.0)
    assert (facts.os.id, facts.kubelet.version, facts.processes[0].digest) == ("debian", "v1.36.3", "abc123")
    check(text(REAL))


@pytest.mark.exhaustive
@settings(max_examples=60)
@given(*HOSTILE)
def test_hostile_segments(segments: list[tuple[str, str]], files: dict[str, str], values: dict[str, str]) -> None:
    check(with_hostile(segments, files, values))


@settings(max_examples=60)
@given(CHANGES)
def test_an_honest_answer_with_bytes_changed(changes: list[tuple[int, int, bytes]]) -> None:
    check(changed(changes))


@pytest.mark.exhaustive
@settings(max_examples=1000)
@given(*HOSTILE)
def test_hostile_segments_at_length(segments: list[tuple[str, str]], files: dict[str, str], values: dict[str, str]) -> None:
    check(with_hostile(segments, files, values))


@pytest.mark.exhaustive
@settings(max_examples=2000)
@given(CHANGES)
def test_an_honest_answer_with_bytes_changed_at_length(changes: list[tuple[int, int, bytes]]) -> None:
    check(changed(changes))


def test_an_answer_cut_off_anywhere_is_refused() -> None:
    """On the host, before it was encoded: the frame around it is whole."""
    for length in range(len(REAL) - 1):  # without its last line feed it is whole
        with pytest.raises(BootstrapError):
            parse("cp1", text(REAL[:length]), 0.0)


def test_what_a_host_calls_itself_cannot_reach_a_terminal_or_a_unit() -> None:
    named = {"sys/kernel/hostname": "cp1\x1b]0;owned\x07\u202e", "kubelet_binary": "/usr/bin/kubelet\nExecStartPre=reboot"}
    facts: Facts = parse("cp1", text(body({**VALUES, **named})), 0.0)
    assert facts.hostname == "cp1\\x1b]0;owned\\x07\\u202e"
    assert facts.kubelet.binary is None
    assert "path" in facts.kubelet.problem

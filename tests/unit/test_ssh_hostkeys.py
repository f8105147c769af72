"""known_hosts files and pins: which lines are about a server, and the verdict on a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from bootstrap.ssh.hostkeys import HostKey, Verdict, algorithms, parse_known_line, read_known_hosts, trust_of

ED = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519" + b"e" * 36)
OTHER = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519" + b"o" * 36)
RSA = HostKey("ssh-rsa", b"\0\0\0\x07ssh-rsa" + b"r" * 36)


def line(names: str, key: HostKey, marker: str = "") -> str:
    return f"{marker} {names} {key.key_type} {key.base64} comment".strip()


def verdict(tmp_path: Path, name: str, key: HostKey, *lines: str, pins: tuple[str, ...] = ()) -> Verdict:
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(lines) + "\n")
    return trust_of(name, [file], pins).judge(key).verdict


@pytest.mark.parametrize(
    ("patterns", "name", "matches"),
    [
        ("a.example", "a.example", True),
        ("A.Example", "a.example", True),
        ("a.example,192.0.2.1", "192.0.2.1", True),
        ("*.example", "a.example", True),
        ("*.example,!a.example", "a.example", False),
        ("192.0.2.?", "192.0.2.1", True),
        ("192.0.2.?", "192.0.2.11", False),
        ("[127.0.0.1]:2222", "[127.0.0.1]:2222", True),
        ("[127.0.0.1]:22*", "[127.0.0.1]:2222", True),
        ("[127.0.0.1]:2222", "1", False),
        ("127.0.0.1", "[127.0.0.1]:2222", False),
        ("|1|bad", "a", False),
        ("|1|!!!|###", "a", False),
    ],
)
def test_patterns(patterns: str, name: str, matches: bool) -> None:
    parsed = parse_known_line(Path("f"), 1, line(patterns, ED))
    assert parsed is not None
    assert parsed.matches(name) is matches


def test_hashed_names() -> None:
    salt = b"s" * 20
    digest = hmac.new(salt, b"[127.0.0.1]:2222", hashlib.sha1).digest()
    hashed = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    parsed = parse_known_line(Path("f"), 1, line(hashed, ED))
    assert parsed is not None
    assert parsed.matches("[127.0.0.1]:2222")
    assert not parsed.matches("127.0.0.1")


@pytest.mark.parametrize("text", ["", "# comment", "name", "name ssh-rsa", "name ssh-rsa !!!", "@revoked name ssh-rsa"])
def test_lines_without_a_key(text: str) -> None:
    assert parse_known_line(Path("f"), 1, text) is None


def test_an_absent_file_has_no_lines(tmp_path: Path) -> None:
    assert read_known_hosts(tmp_path / "absent") == ()


def test_verdicts(tmp_path: Path) -> None:
    assert verdict(tmp_path, "a", ED, line("a", ED)) is Verdict.TRUSTED
    assert verdict(tmp_path, "a", ED, line("b", ED)) is Verdict.UNKNOWN
    assert verdict(tmp_path, "a", ED, line("a", OTHER)) is Verdict.CHANGED
    assert verdict(tmp_path, "a", ED, line("a", OTHER), line("a", ED)) is Verdict.TRUSTED
    assert verdict(tmp_path, "a", ED, line("a", RSA)) is Verdict.UNKNOWN
    assert verdict(tmp_path, "a", ED, line("a", ED), line("*", ED, "@revoked")) is Verdict.REVOKED
    assert verdict(tmp_path, "a", ED, line("a", ED, "@cert-authority")) is Verdict.UNKNOWN


def test_a_line_without_the_port_trusts_but_never_accuses(tmp_path: Path) -> None:
    assert verdict(tmp_path, "[a]:2222", ED, line("a", ED)) is Verdict.TRUSTED
    assert verdict(tmp_path, "[a]:2222", ED, line("a", OTHER)) is Verdict.UNKNOWN
    assert verdict(tmp_path, "[a]:2222", ED, line("a", ED), line("[a]:2222", OTHER)) is Verdict.CHANGED


def test_pins_alone_decide(tmp_path: Path) -> None:
    assert verdict(tmp_path, "a", ED, line("a", OTHER), pins=(ED.fingerprint,)) is Verdict.TRUSTED
    assert verdict(tmp_path, "a", ED, line("a", ED), pins=(OTHER.fingerprint,)) is Verdict.NOT_PINNED
    assert verdict(tmp_path, "a", ED, pins=(f"ssh-ed25519 {ED.base64} root@a",)) is Verdict.TRUSTED
    assert verdict(tmp_path, "a", ED, line("a", ED, "@revoked"), pins=(ED.fingerprint,)) is Verdict.REVOKED


def test_recorded_types_are_asked_for_first(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("a", RSA) + "\n")
    assert algorithms(trust_of("a", [file]).key_types)[:3] == ("rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519")
    assert algorithms(())[0] == "ssh-ed25519"


def test_a_fingerprint_is_ssh_keygens() -> None:
    digest = base64.b64encode(hashlib.sha256(ED.blob).digest()).decode().rstrip("=")
    assert ED.fingerprint == f"SHA256:{digest}"

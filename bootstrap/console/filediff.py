"""What changes in one file: its unified diff where it is public, what may be said of it where it is not."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from bootstrap.console.printable import HASH_DIGITS, MASK, escaped, looks_secret, masked, redacted
from bootstrap.files import Directory, File, Link, Observed

NO_NEWLINE = "\\ no newline at the end"


@dataclass(frozen=True)
class FileDiff:
    """lines: of a unified diff, without file names; a new file is additions only. note: what lines cannot say.

    secret: the content must not be seen.
    """

    lines: tuple[str, ...] = ()
    note: str = ""
    secret: bool = False


def content_diff(entry: File, previous: Observed | None) -> FileDiff:
    """How the content changes. Nothing of a secret, before or after, is in it."""
    before = previous if previous is not None and previous.kind == "file" else None
    secret = is_secret(entry, before)
    if before is not None and before.sha256 == entry.sha256:
        return FileDiff(note="content stays", secret=secret)
    if secret:
        was = f", was {_masked_before(before)}" if before is not None else ""
        return FileDiff(note=f"content {masked(entry.bytes)}{was}", secret=True)
    new = _text_lines(entry.bytes)
    if new is None:
        return FileDiff(note=f"binary, sha256 {entry.sha256}")
    if before is None:
        return FileDiff(tuple(f"+{line}" for line in new))
    old = None if before.content is None else _text_lines(before.content)
    if old is None:
        note = f"the content there was not read: {before.size} bytes, sha256 {before.sha256[:HASH_DIGITS]}"
        return FileDiff(tuple(f"+{line}" for line in new), note)
    return FileDiff(unified(old, new)) if old != new else FileDiff(note="content differs only in what is masked here")


def is_secret(entry: File, before: Observed | None) -> bool:
    """Whether content must not be seen: it says so, its name does, or it looks like it."""
    seen = before.content if before is not None and before.content is not None else b""
    return entry.secret or entry.path.suffix == ".key" or looks_secret(entry.bytes) or looks_secret(seen)


def unified(old: list[str], new: list[str], context: int = 3) -> tuple[str, ...]:
    """Lines of a unified diff from the first `@@` on."""
    return tuple(difflib.unified_diff(old, new, lineterm="", n=context))[2:]


def attributes(entry: File | Directory | Link, previous: Observed | None) -> tuple[str, ...]:
    """Mode, owner and target: as they will be, and where something else is there, what it is now."""
    found = []
    kind = {File: "file", Directory: "directory", Link: "link"}[type(entry)]
    if previous is not None and previous.kind != kind:
        found.append(f"a {previous.kind} is there now" + (f", to {previous.target}" if previous.target else ""))
        previous = None
    if isinstance(entry, Link):
        was = f" (was {previous.target})" if previous is not None and previous.target != entry.target else ""
        return (*found, escaped(f"-> {entry.target}{was}"))
    mode, owner = f"{entry.mode:04o}", f"{entry.owner}:{entry.group}"
    if previous is not None and previous.mode != entry.mode:
        mode = f"mode {previous.mode:04o} -> {mode}"
    if previous is not None and (previous.owner, previous.group) != (entry.owner, entry.group):
        owner = f"owner {previous.owner}:{previous.group} -> {owner}"
    return (*found, mode, owner)


def _masked_before(before: Observed) -> str:
    return f"{MASK} ({before.size} bytes, sha256 {before.sha256[:HASH_DIGITS]})"


def _text_lines(content: bytes) -> list[str] | None:
    """Lines as they may be shown, None for binary content. Certificates are told, not spelled."""
    if content.startswith(b"-----BEGIN CERTIFICATE-----"):
        told = _certificate_lines(content)
        if told is not None:
            return told
    try:
        text = redacted(content.decode())
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    lines = text.split("\n")
    if lines[-1]:
        lines.append(NO_NEWLINE)
    else:
        lines.pop()
    return [line if line == NO_NEWLINE else escaped(line) for line in lines]


def _certificate_lines(content: bytes) -> list[str] | None:
    """What certificates say, a few lines each; their fingerprint stands for their bytes. None where one cannot be read."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    lines = []
    try:
        for certificate in x509.load_pem_x509_certificates(content):
            lines += [
                f"certificate {certificate.fingerprint(hashes.SHA256()).hex()} (sha256)",
                f"  subject: {certificate.subject.rfc4514_string()}",
                f"  issuer: {certificate.issuer.rfc4514_string()}",
                f"  valid: {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} to "
                f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
            ]
            names = _alternative_names(certificate.extensions)
            if names:
                lines.append(f"  names: {', '.join(names)}")
    except ValueError:
        return None
    return [escaped(line) for line in lines]


def _alternative_names(extensions: object) -> list[str]:
    from cryptography import x509

    if not isinstance(extensions, x509.Extensions):
        return []
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]

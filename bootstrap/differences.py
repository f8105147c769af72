"""The one comparison of files as they should be with those on a host. Values in, changes out."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap import staticpod
from bootstrap.changes import SetMode, WriteFile
from bootstrap.constants import DIGEST_ANNOTATION
from bootstrap.facts import Facts
from bootstrap.files import Directory, File, Link, Observed
from bootstrap.pki import Kept


def difference(facts: Facts, wanted: Sequence[File | Directory | Link]) -> tuple[WriteFile, ...]:
    """Those of `wanted` that are not on the host as they should be: the one comparison of files.

    Files by hash, mode and owner; pods in a manifest directory by what they mean, so that another tool's key order is no change.
    """
    return tuple(
        WriteFile(entry, facts.owned.get(entry.path))
        for entry in wanted
        if not _same(entry, facts.owned.get(entry.path))
    )


def wrong_modes(facts: Facts, kept: Sequence[Kept]) -> tuple[SetMode, ...]:
    """Changes for kept files whose permission bits or owner are not as they should be."""
    return tuple(
        SetMode(file.path, file.mode, file.owner, file.group)
        for file in kept
        if (seen := facts.owned.get(file.path)) is not None
        and (seen.mode, seen.owner, seen.group) != (file.mode, file.owner, file.group)
    )


def _same(entry: File | Directory | Link, seen: Observed | None) -> bool:
    if seen is None:
        return False
    if isinstance(entry, Link):
        return seen.kind == "link" and seen.target == entry.target
    if (seen.mode, seen.owner, seen.group) != (entry.mode, entry.owner, entry.group):
        return False
    if isinstance(entry, Directory):
        return seen.kind == "directory"
    if seen.kind != "file":
        return False
    return seen.sha256 == entry.sha256 or (
        not entry.secret and seen.content is not None and same_pod(entry.bytes, seen.content)
    )


def same_pod(wanted: bytes, seen: bytes) -> bool:
    """Whether two manifests decode to the same Pod. A digest that `seen` lacks altogether is no difference."""
    try:
        one, other = staticpod.decode(wanted), staticpod.decode(seen)
    except ValueError:
        return False
    digests = [(pod["metadata"].get("annotations") or {}).get(DIGEST_ANNOTATION) for pod in (one, other)]
    if digests[1] is not None and digests[0] != digests[1]:
        return False
    return staticpod.without_digest(one) == staticpod.without_digest(other)

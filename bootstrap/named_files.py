"""The files that an inventory names, read and judged before any host is asked: patches, add-ons, static pods, authorities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bootstrap import manifests, patches, userpods
from bootstrap.cluster import Cluster
from bootstrap.constants import PKI_DIR
from bootstrap.errors import InventoryError, Problem
from bootstrap.fields import BUILT_IN_ADDONS
from bootstrap.files import Secret
from bootstrap.pki import AUTHORITIES, problem_with_authority
from bootstrap.pki.gather import SHARED_KEYS, SHARED_PUBLIC

MAX_PEM_BYTES = 1 << 20


def check(cluster: Cluster, now: datetime) -> None:
    """Raises InventoryError with every mistake of every file."""
    found = tuple(problems(cluster, now))
    if found:
        raise InventoryError(found)


def problems(cluster: Cluster, now: datetime) -> Iterator[Problem]:
    directories = dict.fromkeys((cluster.patches, *(host.patches for host in cluster.hosts)))
    for directory in directories:
        if directory is not None:
            try:
                patches.load(directory)
            except InventoryError as error:
                yield from error.problems
    for addon in cluster.addons:
        if addon not in BUILT_IN_ADDONS:
            try:
                manifests.load(Path(addon))
            except InventoryError as error:
                yield from error.problems
    yield from userpods.problems(cluster)
    if cluster.certificate_authorities is not None:
        yield from _authorities(cluster.certificate_authorities, now)


def _authorities(directory: Path, now: datetime) -> Iterator[Problem]:
    """Laid out as /etc/kubernetes/pki. An authority without a key is fine: its certificates are issued by somebody else."""
    names = [str(path.relative_to(PKI_DIR)) for path in (*SHARED_PUBLIC, *SHARED_KEYS)]
    contents: dict[str, bytes] = {}
    for name in names:
        try:
            contents[name] = _pem(directory / name)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            yield Problem(str(directory / name), None, "", f"cannot be read: {reason}", "a file in PEM")
            return
    if not contents:
        yield Problem(str(directory), None, "", "holds no certificate authority", f"one or more of {', '.join(names)}")
    for entry in AUTHORITIES:
        name, key_name = (str(path.relative_to(PKI_DIR)) for path in (entry.path, entry.key_path))
        if name in contents:
            key = Secret(contents[key_name]) if key_name in contents else None
            why = problem_with_authority(contents[name], now, key=key)
            if why:
                hint = f"a valid CA for {entry.name}, and its own key in {key_name}"
                yield Problem(str(directory / name), None, "", why, hint)
        elif key_name in contents:
            message = f"is a key without its certificate {name}"
            yield Problem(str(directory / key_name), None, "", message, f"add {directory / name}")


def _pem(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        content = file.read(MAX_PEM_BYTES + 1)
    if len(content) > MAX_PEM_BYTES:
        raise ValueError(f"it is larger than {MAX_PEM_BYTES >> 20} MiB")
    return content

"""Files on the operator's own machine: whether they can be written is known beforehand, and they are written whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bootstrap.errors import UsageError


def refuse_unwritable(path: Path) -> None:
    """Raise UsageError where `write_local` could not write; asked before anything else is done."""
    if str(path) == "-":
        raise UsageError("this kubeconfig goes to a file", hint="afterwards: bootstrap kubeconfig INVENTORY --kubeconfig -")
    above = next(directory for directory in path.absolute().parents if directory.exists())
    if not above.is_dir():
        raise UsageError(f"cannot write {path}: {above} is not a directory")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write {path}: no permission to write in {above}")


def write_local(path: Path, content: bytes) -> None:
    """Write a secret file of the operator's own: 0600 from its first byte, whole or not at all. Raises UsageError."""
    try:
        _replace_local(path, content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _replace_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as temporary:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

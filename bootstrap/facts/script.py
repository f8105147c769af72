"""The script that reads a host: POSIX sh, run as root by `sh -s` with this text on its standard input."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib import resources
from pathlib import PurePosixPath

PARTS = ("shell.sh", "find_kubelet.sh", "collect.sh")
SECURITY = "security.sh"


def script(data_dir: PurePosixPath, further: Sequence[PurePosixPath] = (), *, security: bool = False) -> str:
    """Complete text of the script. data_dir: etcd's. further: more paths whose kind, mode, owner and hash are wanted.

    security: also what Facts.security is made of.

    Nothing runs before the last line, so a script that was cut on its way does nothing.
    """
    package = resources.files("bootstrap.facts")
    parts = (*PARTS, SECURITY) if security else PARTS
    source = "\n".join(package.joinpath(name).read_text(encoding="utf-8") for name in parts)
    parameters = shlex.join([str(data_dir), *map(str, further)])
    return f"{source}\nmain {parameters} </dev/null 2>/dev/null\n"

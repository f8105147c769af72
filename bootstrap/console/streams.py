"""Standard output and standard error, which may be a file on a disk that is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from bootstrap.errors import BootstrapError

_NAMES = {"<stdout>": "standard output", "<stderr>": "standard error"}


class Unwritable(BootstrapError):
    """What the command says could not be written. A pipe that was closed is none: then nobody wants to hear it."""

    @classmethod
    def of(cls, stream: TextIO, error: OSError) -> Unwritable:
        name = _NAMES.get(getattr(stream, "name", ""), "what it says")
        return cls(
            f"{name} cannot be written: {error.strerror or error}",
            hint="make room where it goes, and type the same command again: it goes on where this one stopped",
        )


@contextmanager
def writing(stream: TextIO) -> Iterator[None]:
    """Raises Unwritable instead of OSError, but for BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable.of(stream, error) from error

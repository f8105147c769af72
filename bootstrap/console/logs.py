"""Log records through the console."""

from __future__ import annotations

import logging
from collections.abc import Callable


class NoteHandler(logging.Handler):
    """Hands each record to `note` as `logger: message`."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record; one that cannot be formatted is logging's own trouble, not the caller's."""
        try:
            self._note(self.format(record))
        except Exception:
            self.handleError(record)

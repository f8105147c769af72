"""Questions to the person at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from bootstrap.errors import UsageError


class Ask:
    """Asks on the error stream, reads from standard input; refuses where that is no terminal."""

    def __init__(self, stdin: TextIO, stderr: TextIO, read_secret: Callable[[str], str]) -> None:
        self._stdin = stdin
        self._stderr = stderr
        self._read_secret = read_secret

    def answer(self, question: str, hint: str) -> str:
        """The line that was typed; empty at the end of input."""
        self._refuse_without_terminal(question, hint)
        self._stderr.write(_prompt(question))
        self._stderr.flush()
        return self._stdin.readline().strip()

    def secret(self, question: str, hint: str) -> str:
        """The line that was typed unseen."""
        self._refuse_without_terminal(question, hint)
        try:
            return self._read_secret(_prompt(question))
        except EOFError as error:
            raise UsageError(f"no answer to: {question}", hint=hint) from error

    def _refuse_without_terminal(self, question: str, hint: str) -> None:
        if not self._stdin.isatty():
            raise UsageError(f"cannot ask, standard input is no terminal: {question.rstrip(': ')}", hint=hint)


def _prompt(question: str) -> str:
    return f"{question.rstrip(': ')}: "

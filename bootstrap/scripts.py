"""Shell scripts that run on hosts, as files: found where the templates are, never glued together from strings."""

from __future__ import annotations

from bootstrap.render import template_bytes


def script(name: str) -> bytes:
    """The text of `scripts/<name>`, to be fed to `sh -s`."""
    return template_bytes(f"scripts/{name}")

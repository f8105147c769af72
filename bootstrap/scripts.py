"""Shell scripts that run on hosts, as files: found where the templates are, never glued together from strings."""

from __future__ import annotations

from bootstrap.render import template_directories


def script(name: str) -> bytes:
    """The text of `scripts/<name>`, to be fed to `sh -s`."""
    for directory in template_directories():
        path = directory / "scripts" / name
        if path.is_file():
            return path.read_bytes()
    raise FileNotFoundError(f"scripts/{name} is neither in the package nor in the checkout")

"""YAML for the model hosts: decoded once per content, with libyaml where it is there."""

from __future__ import annotations

import functools
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=1024)
def decoded(content: bytes) -> Any:
    """The one document of a YAML text; None where it is malformed. Shared: callers must not change it."""
    try:
        return yaml.load(content, Loader=_Loader)  # noqa: S506 a safe loader either way
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def first_document(content: bytes) -> Any:
    """The first document of a YAML text, whatever follows it, as a kubelet reads a manifest. Raises what YAML or UTF-8 say."""
    return next(iter(yaml.load_all(content.decode("utf-8-sig"), Loader=_Loader)), None)

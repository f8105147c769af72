"""YAML files of the operator's beside the inventory -> JSON values; bounded in size, depth and expansion, whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from bootstrap.render import Json, JsonLoader

MAX_BYTES = 16 << 20    # the manifests of an operator with all its custom resources have some MiB
MAX_DEPTH = 100
MAX_NODES = 500_000     # of one document, after aliases are written out

_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge", "value")}


class Malformed(ValueError):
    """A file that is no YAML, or none with a JSON form. line: 1-based; None where it is the whole file's fault."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read(path: Path) -> list[tuple[int, Json]]:
    """(line, content) of every document in a file that is not empty. Raises Malformed, also where it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise Malformed("is no regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > MAX_BYTES:
        raise Malformed(f"is larger than {MAX_BYTES >> 20} MiB")
    try:
        return parse(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start}"
        raise Malformed(message, raw[: error.start].count(b"\n") + 1) from error


def parse(text: str) -> list[tuple[int, Json]]:
    """As `read`, of text."""
    loader = None
    try:
        _measure(text)
        loader = JsonLoader(text)
        found = []
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                _judge(node)
                found.append((node.start_mark.line + 1, loader.construct_document(node)))
        return [(line, content) for line, content in found if content is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(error.problem or "cannot be parsed", None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise Malformed(" ".join(str(error).split())) from error
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:  # PyYAML's constructors, for `!!int ""` and the like
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"holds a value that cannot be read ({error})") from error
    finally:
        if loader is not None:
            loader.dispose()


def _measure(text: str) -> None:
    """Refuse what is nested too deep before anything recursive touches it."""
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = None if event.start_mark is None else event.start_mark.line + 1
                raise Malformed(f"nested deeper than {MAX_DEPTH} levels", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _judge(root: yaml.Node) -> None:
    """Refuse tags that JSON has nothing for, aliases of what they stand in, and aliases that multiply."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, is_done = stack.pop()
        line = node.start_mark.line + 1
        if is_done:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            if sizes[id(node)] > MAX_NODES:
                raise Malformed(f"more than {MAX_NODES} values, aliases (*name) written out", line)
            continue
        if id(node) in open_nodes:
            raise Malformed("an alias of something that it stands in itself", line)
        if id(node) in sizes:
            continue
        if node.tag not in _TAGS:
            raise Malformed(f"the YAML tag {node.tag.replace(_TAG, '!!')} is not allowed", line)
        open_nodes.add(id(node))
        stack.append((node, True))
        stack += [(child, False) for child in _children(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value

"""Bytes of a YAML file -> plain values, and the line of each; bounded in size, depth and expansion, whatever the bytes are.

Only the composer of PyYAML is used, never a constructor: no tag can make an object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bootstrap.inventory.findings import Finding, Loc
from bootstrap.inventory.scalars import Ambiguous, Scalar, resolve

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 100_000  # after aliases are written out

# the types that an unquoted word may resolve to in YAML 1.1
_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")}
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # what an escape in quotes can bring in
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HINTS = (
    ("mapping values are not allowed", 'the indentation, or text that holds ": " and needs quotes'),
    ("could not find expected ':'", "a field is written `name: value`"),
    ("did not find expected", "the indentation, and brackets and quotes that are never closed"),
    ("unexpected end of stream", "the quotes: one is never closed"),
    ("escape c", r'text in double quotes: \ begins an escape there; \\ is the character itself'),
    ("found undefined alias", "text that begins with * needs quotes"),
    ("cannot start any token", "text that begins with one of @ ` % needs quotes"),
)


class Unreadable(Exception):
    """The file is no YAML document at all; nothing else can be said about it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True)
class Document:
    """A parsed file.

    lines: 1-based line of every field's name and of every list item. words: unquoted scalars that are not text, as written.
    findings: mistakes of YAML; where a value is one, the value is None.
    """

    data: Any
    lines: Mapping[Loc, int]
    words: Mapping[Loc, str]
    findings: tuple[Finding, ...]

    def line(self, loc: Loc) -> int:
        """The line of `loc`, or of the nearest thing around it that is in the file."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)


def read(raw: bytes) -> Document:
    """The one document in `raw`. Raises Unreadable."""
    text = _text(raw)
    try:
        _measure(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise Unreadable(_syntax_error(error, text)) from error
    if root is None:
        raise Unreadable(Finding((), "the file is empty", "begin with an example: bootstrap config example"))
    values = _Values()
    return Document(values.of(root, (), 0), values.lines, values.words, tuple(values.findings))


def _text(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise Unreadable(Finding((), "the file is larger than 1 MiB", "manifests and keys in files of their own"))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"the file is not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start}"
        raise Unreadable(Finding((), message, "save it as UTF-8", line)) from error
    if text.startswith("\ufeff"):
        raise Unreadable(Finding((), "the file begins with a byte order mark", "save it as UTF-8 without BOM", 1))
    if found := _FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        message = f"the file holds the control character U+{ord(found[0]):04X}"
        raise Unreadable(Finding((), message, "text only; remove the character", line))
    return text


def _measure(text: str) -> None:
    """Refuse what is nested too deep, too long, or more than one document, before anything recursive touches it."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = _line(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(Finding((), "a second YAML document begins here", "one file holds one cluster", line))
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable(_too_deep((), line))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MAX_NODES:
                raise Unreadable(_too_many(line))


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _too_deep(loc: Loc, line: int) -> Finding:
    return Finding(loc, f"nested deeper than {MAX_DEPTH} levels", "an inventory needs no more than ten", line)


def _too_many(line: int) -> Finding:
    return Finding((), f"more than {MAX_NODES} values, aliases (*name) written out", "write out what an alias repeats", line)


def _syntax_error(error: yaml.YAMLError, text: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = None if mark is None else mark.line + 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    lines = re.split(r"\r\n|\r|\n", text)
    if line is not None and line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        return Finding((), "a tab in the indentation", "spaces only", line)
    hint = next((hint for words, hint in _HINTS if words in problem), "the indentation, quotes and brackets around this line")
    return Finding((), f"not valid YAML: {problem}", f"check {hint}" if hint.startswith("the ") else hint, line)


@dataclass
class _Values:
    """Walks the tree of nodes; an alias is walked again wherever it stands."""

    lines: dict[Loc, int] = field(default_factory=dict)
    words: dict[Loc, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    nodes: int = 0
    around: list[yaml.Node] = field(default_factory=list)

    def of(self, node: yaml.Node, loc: Loc, depth: int) -> Any:
        self.nodes += 1
        line = self.lines.setdefault(loc, node.start_mark.line + 1)
        if self.nodes > MAX_NODES:
            raise Unreadable(_too_many(line))
        if any(node is outer for outer in self.around):
            self._report(loc, "an alias of something that it stands in itself", "write out what the alias repeats")
            return None
        if depth > MAX_DEPTH:
            raise Unreadable(_too_deep(loc, line))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, loc)
        if node.tag not in (_TAG + "map", _TAG + "seq"):
            self._report(loc, f"the YAML tag {_short(node.tag)} is not allowed", "plain fields, lists and values, without tags")
            return None
        self.around.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.of(item, (*loc, index), depth + 1) for index, item in enumerate(node.value)]
            return self._mapping(node, loc, depth)
        finally:
            self.around.pop()

    def _mapping(self, node: yaml.Node, loc: Loc, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = self._key(key, loc, line)
            if name is None:
                continue
            place = (*loc, name)
            if name in values:
                first = self.lines[place]
                self.findings.append(Finding(place, "is there twice", f"first on line {first}; keep one of the two", line))
                continue
            self.lines[place] = line
            values[name] = self.of(value, place, depth + 1)
        return values

    def _key(self, key: yaml.Node, loc: Loc, line: int) -> str | None:
        """The name of a field, or None after reporting what is not one."""
        if isinstance(key, yaml.ScalarNode) and key.tag == _TAG + "merge" and not key.style:
            hint = "write the fields out; spec.ssh is for all hosts"
            self.findings.append(Finding((*loc, "<<"), "merge keys are not supported", hint, line))
            return None
        if isinstance(key, yaml.ScalarNode) and key.tag in _PLAIN:
            try:
                name = key.value if key.style else resolve(key.value)
            except Ambiguous:
                name = None
            if isinstance(name, str) and not _UNPRINTABLE.search(name):
                return name
        shown = key.value if isinstance(key, yaml.ScalarNode) else "{...}" if isinstance(key, yaml.MappingNode) else "[...]"
        message = f"`{_short(shown)}` cannot be the name of a field"
        self.findings.append(Finding(loc, message, "text, in quotes where it looks like a number, a switch or a bracket", line))
        return None

    def _scalar(self, node: yaml.ScalarNode, loc: Loc) -> Scalar:
        value: str = node.value
        if node.tag != _TAG + "str" and (node.style or node.tag not in _PLAIN):
            self._report(loc, f"the YAML tag {_short(node.tag)} is not allowed", "the value alone; text in quotes")
            return None
        if _UNPRINTABLE.search(value):
            self._report(loc, "holds a control character", "text only")
            return None
        if node.style:  # None or "" without quotes, as the parser in C or in Python has it
            return value
        try:
            resolved = resolve(value)
        except Ambiguous as error:
            self._report(loc, error.message, error.hint)
            return None
        if not isinstance(resolved, str):
            self.words[loc] = value
        return resolved

    def _report(self, loc: Loc, message: str, hint: str) -> None:
        self.findings.append(Finding(loc, message, hint))


def _short(text: str) -> str:
    text = text.replace(_TAG, "!!")
    text = text if len(text) <= 40 else text[:37] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

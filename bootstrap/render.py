"""Template and values in, checked text out. The only user of jinja2.

Every expression in a template passes the quoting of its file format: jinja2 calls it for us (`finalize`), so no template can
forget it. In YAML a value becomes one double-quoted scalar. Static pods are parsed back and checked before anybody sees them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
import yaml

Scalar: TypeAlias = str | int
Value: TypeAlias = Scalar | Sequence[str] | Sequence[Mapping[str, Scalar]]
Json: TypeAlias = Any       # what YAML and JSON decode to: None, bool, int, float, str, list, dict

_PACKAGE = Path(__file__).parent


def template_directories() -> tuple[Path, ...]:
    """Where templates are looked for: in the package (a wheel carries them), then in the checkout."""
    return (_PACKAGE / "templates", _PACKAGE.parent / "templates")


@cache
def template_bytes(name: str) -> bytes:
    """A file below `templates/` as it stands: a script, a policy. FileNotFoundError where there is none (a bug)."""
    for directory in template_directories():
        path = directory / name
        if path.is_file():
            return path.read_bytes()
    raise FileNotFoundError(f"{name} is neither in the package's templates nor in the checkout's")


def render_yaml(template: str, values: Mapping[str, Value]) -> Json:
    """The one YAML document that a template (a path below `templates/`) makes of the values, decoded.

    Raises jinja2.UndefinedError where the template names a value that is not there: a bug, not the operator's.
    """
    text = _environment(yaml_scalar).get_template(template).render(**values)
    documents = [document for document in load_yaml_all(text) if document is not None]
    if len(documents) != 1:
        raise ValueError(f"{template}: {len(documents)} documents, wanted one")
    return documents[0]


def render_unit(template: str, values: Mapping[str, Value]) -> bytes:
    """A systemd unit file or drop-in; every value is one word of a command line."""
    return _environment(systemd_word).get_template(template).render(**values).encode()


def render_plain(template: str, values: Mapping[str, Value]) -> bytes:
    """A configuration of HAProxy or keepalived, or a script: every value is one word that needs no quotes anywhere."""
    return _environment(plain_word).get_template(template).render(**values).encode()


def yaml_scalar(value: object) -> str:
    """A string as a double-quoted YAML scalar on one line, an integer as itself; TypeError for anything else."""
    match value:
        case bool():
            raise TypeError(f"a template takes strings and integers, not {value!r}")
        case int():
            return str(value)
        case str():
            return '"' + _TO_ESCAPE.sub(_escaped, value) + '"'
        case _:
            raise TypeError(f"a template takes strings and integers, not {value!r}")


def systemd_word(value: object) -> str:
    """A string as one word of ExecStart=: quoted where needed, `%` and `$` doubled; ValueError for control characters.

    Source: systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting".
    """
    if not isinstance(value, str):
        raise TypeError(f"a unit takes strings, not {value!r}")
    if not value.isprintable():
        raise ValueError(f"a unit cannot hold {value!r}")
    word = value.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[A-Za-z0-9_@%$./:=,+\[\]-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def plain_word(value: object) -> str:
    """A name, address, path or number as it stands; ValueError for whatever its reader might take for something else.

    Source: HAProxy 2.6 configuration manual, 2.2, "Quoting and escaping"; keepalived.conf(5), "CONFIGURATION PARSER".
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"a template takes strings and integers, not {value!r}")
    if not re.fullmatch(r"[A-Za-z0-9./:\[\]_-]+", str(value)):
        raise ValueError(f"not a plain word: {value!r}")
    return str(value)


def to_yaml(value: Json) -> bytes:
    """Canonical YAML: keys sorted, block style, lists not indented; what kubeadm's own encoder would write, more or less.

    Strings that some YAML reader takes for a number, a boolean or null are quoted. ASCII only: what lies beyond is escaped, since
    libyaml and PyYAML's own emitter differ there, and the bytes are to be the same wherever the tool runs.
    """
    return dumped(value, Dumper)


def dumped(value: Json, dumper: Any) -> bytes:
    """`to_yaml` by one dumper."""
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=True, default_flow_style=False, allow_unicode=False, width=2**31 - 1)
    return text.encode()


def canonical(value: Json) -> bytes:
    """The one byte string of a value, whatever its key order: for digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load_yaml_all(text: str) -> list[Json]:
    """Every document of a YAML text, read as Kubernetes does: no dates, no base 60. yaml.YAMLError where it is malformed."""
    return list(yaml.load_all(text, Loader=JsonLoader))


# libyaml reads and writes several times as fast, where PyYAML has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class JsonLoader(_LOADER):  # type: ignore[misc]
    """The safe loader for what has a JSON form: dates stay strings, `12:30` is not base 60, a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not a string", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_MERGE = "tag:yaml.org,2002:merge"
_INT = "tag:yaml.org,2002:int"
_DROPPED = ("tag:yaml.org,2002:timestamp", _INT)
JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
JsonLoader.add_implicit_resolver(
    _INT, re.compile(r"[-+]?(?:0|[1-9][0-9]*|0[0-7]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), list("-+0123456789")
)


class _Plain:
    """Quotes strings that another reader would take for something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class Dumper(_Plain, _DUMPER):  # type: ignore[misc]
    """What the tool writes with."""


class PythonDumper(_Plain, yaml.SafeDumper):
    """The same in Python alone, for where PyYAML came without libyaml."""


def _represent_string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if not value.replace("\n", "").isprintable() or _AMBIGUOUS.fullmatch(value):
        style = '"'
    elif "\n" in value:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


# Numbers in YAML 1.1 and 1.2 (PyYAML's own check knows 1.1 only: it leaves 1e3 and 0o17 unquoted), and 1.1's short booleans.
_AMBIGUOUS = re.compile(r"[-+]?[.0-9][0-9a-fA-FxXoO_:]*\.?[0-9eE_+-]*|[yYnN]")
for _each in (Dumper, PythonDumper):
    _each.add_representer(str, _represent_string)


@lru_cache(maxsize=4)
def _environment(quote: Callable[[object], str]) -> jinja2.Environment:
    return jinja2.Environment(  # noqa: S701  # not HTML: `finalize` quotes every value
        loader=jinja2.FileSystemLoader([str(path) for path in template_directories()]),
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if isinstance(value, jinja2.Undefined) else quote(value),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_TO_ESCAPE = re.compile(r"[^ !#-\[\]-~]")


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    match character:
        case '"' | "\\":
            return "\\" + character
        case "\n":
            return "\\n"
        case _ if code == 0 or 0xD800 <= code <= 0xDFFF:
            raise ValueError(f"not a character for a manifest: {character!r}")
        case _ if code <= 0xFF:
            return f"\\x{code:02x}"
        case _ if code <= 0xFFFF:
            return f"\\u{code:04x}"
        case _:
            return f"\\U{code:08x}"

"""The corpus of wrong inventories in tests/cases/inventories: what a case means, and what its valid twin is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.unit.inventory_support import GOOD

DIRECTORY = Path(__file__).parents[1] / "cases" / "inventories"

# what a case adds to; `spec` begins in line 10 of the first two and in line 11 of the others
BASES = {
    "one": GOOD,
    "ipv6": GOOD.replace("192.0.2.11", "2001:db8::11"),
    "dual-stack": GOOD + "    secondaryAddress: 2001:db8::11\n",
    "two masters": GOOD + "  - {name: cp2, role: control-plane, address: 192.0.2.12}\n",
}
FORMS = ("spec", "host", "hosts", "change", "whole")


@dataclass(frozen=True)
class Mistake:
    """One that must be reported: its line (None: of a file as a whole), its field, words of it, words of what would be right."""

    line: int | None
    field: str
    says: str
    right: str


@dataclass(frozen=True)
class Case:
    """A wrong inventory, everything that is wrong with it, and where there is one its valid twin.

    files: contents by path beside the inventory; None is a directory. loads: of the twin, values by field as `config show` says.
    """

    name: str
    wrong: str
    mistakes: tuple[Mistake, ...]
    twin: str | None = None
    loads: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    twin_files: dict[str, str | None] = field(default_factory=dict)


def cases() -> list[Case]:
    """Every case of every file, named `file: beginning of its text`."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [
        _case(path.stem, given)
        for path in sorted(DIRECTORY.glob("*.yaml"))
        for given in yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    ]


def value_at(document: Any, place: str) -> Any:
    """The value at a field path such as `spec.hosts[0].labels["a/b"]`; KeyError or IndexError where there is none."""
    for name, quoted, index in re.findall(r'([A-Za-z0-9_-]+)|\["([^"]*)"\]|\[([0-9]+)\]', place.replace("[", " [")):
        document = document[int(index)] if index else document[name or quoted]
    return document


def _case(topic: str, given: dict[str, Any]) -> Case:
    (form,) = (form for form in FORMS if form in given)
    unknown = set(given) - {form, "base", "wrong", "twin", "loads", "files", "twin-files"}
    if unknown:
        raise ValueError(f"{topic}: {sorted(unknown)} is not a key of a case")
    base = BASES[given.get("base", "one")]
    text = next(iter(given["change"].values())) if form == "change" else given[form]
    wrong = given["wrong"] if isinstance(given["wrong"], list) else [given["wrong"]]
    files = given.get("files", {})
    return Case(
        f"{topic}: {' '.join(str(text).split())[:70]}",
        _text(base, form, given[form]),
        tuple(Mistake(each.get("line"), each.get("field", ""), each["says"], each["right"]) for each in wrong),
        _twin(base, form, given),
        given.get("loads", {}),
        files,
        {**files, **given.get("twin-files", {})},
    )


def _twin(base: str, form: str, given: dict[str, Any]) -> str | None:
    if "twin" not in given:
        return _text(base, form, given[form]) if "twin-files" in given else None
    if form == "change":
        return _text(base, form, {next(iter(given["change"])): given["twin"]})
    return _text(base, form, given["twin"])


def _text(base: str, form: str, given: Any) -> str:
    match form:
        case "whole":
            return str(given)
        case "change":
            ((old, new),) = given.items()
            if base.count(old) != 1:
                raise ValueError(f"{old!r} stands {base.count(old)} times in the base")
            return base.replace(old, new)
    margin = {"spec": "  ", "host": "    ", "hosts": "  - "}[form]
    return base + "".join(f"{margin}{line}\n" for line in given.rstrip("\n").split("\n"))

"""Checks of the flags that a component runs with: what its process was started with counts, not what a manifest says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from bootstrap.cis.model import Verdict
from bootstrap.facts import Facts

Judge = Callable[[Facts], Verdict]
Flags = Mapping[str, tuple[str, ...]]
NOT_SET = "not set"

STRONG_CIPHERS = frozenset({
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
})  # fmt: skip
"""Those with forward secrecy and authenticated encryption, under both names that Go has for ChaCha20-Poly1305."""


def given(argv: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Every value of each flag of a command line (program first), by name without dashes, `_` as `-`.

    A flag without `=` takes the next word where that is no flag: none of these programs takes arguments of another kind.
    """
    found: dict[str, tuple[str, ...]] = {}
    words = list(argv[1:])
    for index, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals:
            following = words[index + 1] if index + 1 < len(words) else "-"
            value = "true" if following.startswith("-") else following
        name = name.replace("_", "-")
        found[name] = (*found.get(name, ()), value)
    return found


def flags_of(facts: Facts, component: str) -> Flags | None:
    """Flags of the component's process, the youngest should there be several; None where none runs."""
    running = [one for one in facts.processes if one.component == component]
    return given(running[-1].argv) if running else None


def is_false(value: str) -> bool:
    """As Go's strconv.ParseBool."""
    return value in ("0", "f", "F", "false", "FALSE", "False")


def is_true(value: str) -> bool:
    """As Go's strconv.ParseBool."""
    return value in ("1", "t", "T", "true", "TRUE", "True")


def is_number(value: str) -> bool:
    return value.isascii() and value.removeprefix("-").isdecimal() and len(value) < 19


def asked(component: str, name: str, wanted: str, judge: Callable[[Flags], tuple[bool, str]]) -> Judge:
    """A judge of what a component was started with. judge: of its flags; gives whether they are right, and what was found."""
    where = f"{component} --{name}"

    def verdict(facts: Facts) -> Verdict:
        flags = flags_of(facts, component)
        if flags is None:
            return Verdict(False, where, f"{component} does not run", wanted)
        met, found = judge(flags)
        return Verdict(met, where, found, wanted)

    return verdict


def value_of(flags: Flags, name: str) -> str | None:
    """Of a flag that counts once: the last one."""
    return flags[name][-1] if flags.get(name) else None


def items_of(flags: Flags, name: str) -> list[str] | None:
    """Of a flag that is a list, and may be repeated; None where it is not set."""
    if name not in flags:
        return None
    return [item.strip() for value in flags[name] for item in value.split(",") if item.strip()]


def is_set(component: str, *names: str) -> Judge:
    def judge(flags: Flags) -> tuple[bool, str]:
        values = {name: value_of(flags, name) for name in names}
        found = ", ".join(value or NOT_SET for value in values.values())
        return all(values.values()), found

    return asked(component, ", --".join(names), "set", judge)


def is_not_set(component: str, name: str) -> Judge:
    return asked(component, name, NOT_SET, lambda flags: (name not in flags, _shown(value_of(flags, name))))


def holds(component: str, name: str, wanted: str, test: Callable[[str], bool], *, unset: bool = False) -> Judge:
    """The flag's value passes the test. unset: so does a flag that is not set."""

    def judge(flags: Flags) -> tuple[bool, str]:
        value = value_of(flags, name)
        return (unset if value is None else test(value)), _shown(value)

    return asked(component, name, f"{wanted} or {NOT_SET}" if unset else wanted, judge)


def is_at_least(component: str, name: str, least: int) -> Judge:
    return holds(component, name, f"at least {least}", lambda value: is_number(value) and int(value) >= least)


def includes(component: str, name: str, item: str) -> Judge:
    def judge(flags: Flags) -> tuple[bool, str]:
        items = items_of(flags, name)
        return item in (items or ()), _listed(items)

    return asked(component, name, f"with {item}", judge)


def excludes(component: str, name: str, item: str) -> Judge:
    def judge(flags: Flags) -> tuple[bool, str]:
        items = items_of(flags, name)
        return item not in (items or ()), _listed(items)

    return asked(component, name, f"without {item}", judge)


def ciphers(suites: Iterable[str] | None, least_version: str) -> tuple[bool, str]:
    """Whether only strong suites can be agreed on, and what says so. TLS 1.3 has no weak ones and lets none be chosen."""
    if least_version == "VersionTLS13":
        return True, "TLS 1.3 only"
    if not suites:
        return False, NOT_SET
    weak = [suite for suite in suites if suite not in STRONG_CIPHERS]
    return not weak, f"weak: {', '.join(weak)}" if weak else "only strong ones"


def feature_gate(values: Collection[str], gate: str) -> str | None:
    """What a --feature-gates flag says of a gate; None where it says nothing."""
    pairs = [item.strip().partition("=") for value in values for item in value.split(",")]
    said = [value.strip() for name, _, value in pairs if name.strip() == gate]
    return said[-1] if said else None


def _shown(value: str | None) -> str:
    return NOT_SET if value is None else value or "empty"


def _listed(items: list[str] | None) -> str:
    return NOT_SET if items is None else ", ".join(items) or "empty"

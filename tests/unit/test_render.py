"""Quoting, reading and writing YAML, templates."""

from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.render import (
    Dumper,
    JsonLoader,
    PythonDumper,
    dumped,
    load_yaml_all,
    render_unit,
    render_yaml,
    systemd_word,
    template_directories,
    to_yaml,
    yaml_scalar,
)

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=8,
)


@given(TEXT)
def test_a_quoted_string_is_read_back_as_it_was(text: str) -> None:
    assert {"value": text} == load_yaml_all(f"value: {yaml_scalar(text)}\n")[0]
    assert "\n" not in yaml_scalar(text)


@pytest.mark.parametrize("value", [True, None, 1.5, ["a"], b"a"])
def test_only_strings_and_integers_reach_a_template(value: object) -> None:
    with pytest.raises(TypeError):
        yaml_scalar(value)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_what_no_manifest_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a character"):
        yaml_scalar(text)


@given(VALUES)
def test_written_yaml_is_read_back_as_it_was(value: object) -> None:
    assert [value] == load_yaml_all(to_yaml(value).decode())


AMBIGUOUS = ["1e3", "0o17", "123e4567", ".5", "12:30", "yes", "y", "null", "~", "2020-01-01", "0x1f", "1_000"]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_strings_that_look_like_something_else_are_quoted(text: str) -> None:
    assert to_yaml({"value": text}).decode().strip() in (f'value: "{text}"', f"value: '{text}'")


def test_addresses_and_flags_stand_unquoted() -> None:
    assert to_yaml({"flag": "--v=4", "address": "192.0.2.1"}) == b"address: 192.0.2.1\nflag: --v=4\n"


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    actual = load_yaml_all("{date: 2020-01-01, time: 12:30, switch: on, mode: 0644, other: 0o17}")
    assert actual == [{"date": "2020-01-01", "time": "12:30", "switch": True, "mode": 0o644, "other": 15}]


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "1: a\n", "a: !!python/object:os.system {}\n"])
def test_duplicate_keys_strange_keys_and_tags_are_mistakes(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml.load(text, Loader=JsonLoader)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("--node-ip=192.0.2.1,2001:db8::1", "--node-ip=192.0.2.1,2001:db8::1"),
        ("--a=100%", "--a=100%%"),
        ("--a=$HOME", "--a=$$HOME"),
        ('--a=b "c" \\d', '"--a=b \\"c\\" \\\\d"'),
        ("--a=b;c", '"--a=b;c"'),
        ("--a=*", '"--a=*"'),
    ],
)
def test_a_word_of_a_unit_is_quoted_for_systemd(value: str, word: str) -> None:
    assert word == systemd_word(value)


@pytest.mark.parametrize("value", ["a\nExecStart=/bin/sh", "a\tb", "\x1b"])
def test_control_characters_never_reach_a_unit(value: str) -> None:
    with pytest.raises(ValueError, match="a unit cannot hold"):
        systemd_word(value)


def test_a_value_that_the_template_misses_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_unit("kubelet/10-kubeadm.conf.j2", {"binary": "/usr/bin/kubelet"})


def test_templates_are_found_in_the_package_first_and_in_the_checkout_second() -> None:
    assert [template_directories()[0].parent.name, template_directories()[1].name] == ["bootstrap", "templates"]
    assert (template_directories()[1] / "manifests" / "etcd.yaml.j2").is_file()


def test_a_value_cannot_leave_its_place_in_a_manifest() -> None:
    hostile = 'x"\n  hostPID: true # {{ 1 }}'
    strings = {"image": hostile, "args": [hostile], "probe_host": hostile}
    rest = {"port": 1, "startup_failures": 1, "env": [], "volumes": [], "confined": True}
    pod = render_yaml("manifests/kube-scheduler.yaml.j2", {**strings, **rest})
    assert "hostPID" not in pod["spec"]
    assert (hostile, ["kube-scheduler", hostile]) == (
        pod["spec"]["containers"][0]["image"],
        pod["spec"]["containers"][0]["command"],
    )


KEYS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9./_ -]{0,20}", fullmatch=True)
VALUES = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=10,
)


@pytest.mark.exhaustive
@given(st.dictionaries(KEYS, VALUES))
@settings(max_examples=150, derandomize=True)
def test_the_bytes_are_the_same_with_libyaml_and_without(value: dict[str, Any]) -> None:
    """Drift is seen by hash: two operators must write the same file."""
    assert dumped(value, Dumper) == dumped(value, PythonDumper)

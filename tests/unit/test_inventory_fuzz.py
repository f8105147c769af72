"""Whatever the bytes are, loading gives a Cluster or an InventoryError, with words for people and places in the file."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap import components, kubelet
from bootstrap.addons import coredns, kube_proxy
from bootstrap.cluster import Cluster
from bootstrap.constants import COMPONENTS, DEFAULT_MANIFEST_DIR
from bootstrap.errors import InventoryError
from bootstrap.inventory import example, examples, show
from bootstrap.inventory import shape as model_shape
from bootstrap.kubeadm_config import cluster_configuration
from bootstrap.render import load_yaml_all
from bootstrap.staticpod import decode, flags
from tests.unit import rendering_samples as samples
from tests.unit.inventory_cases import Case, cases
from tests.unit.inventory_support import GOOD, load

FEW = settings(max_examples=100)
INTERNALS = ("Input should", "pydantic", "Value error", "Traceback", "validation error", "Extra inputs", "JSON")


def check(text: str | bytes) -> None:
    """Load `text`; a cluster must survive a round trip, an error must be fit to be read."""
    try:
        cluster = load(text)
    except InventoryError as error:
        lines = (text if isinstance(text, bytes) else text.encode(errors="replace")).splitlines()
        for problem in error.problems:
            assert problem.message
            assert problem.line is None or 1 <= problem.line <= len(lines) + 1
            assert not any(word in str(problem) for word in INTERNALS)
            assert str(problem).isprintable()
            assert len(str(problem)) < 2000
    else:
        assert load(show(cluster)) == cluster


def check_rendered(text: str) -> None:
    """Whatever loads can be rendered, and each argument arrives as it stands in the inventory."""
    try:
        cluster = load(text)
    except InventoryError:
        return
    host = cluster.control_plane_hosts[0]
    spec = {"etcd": cluster.etcd.local, "kube-apiserver": cluster.api_server,
            "kube-controller-manager": cluster.controller_manager, "kube-scheduler": cluster.scheduler}  # fmt: skip
    for name in COMPONENTS:
        pod = decode(components.manifest(cluster, host, name, samples.context(cluster)))
        given_flags = [(arg.name.replace("_", "-"), arg.value) for arg in spec[name].extra_args]
        assert [flag for flag in flags(pod) if flag in given_flags] == given_flags
        assert pod["metadata"]["name"] == name
        assert len(pod["spec"]["containers"]) == 1
    kubelet.drop_in(cluster, host)
    (configuration,) = load_yaml_all(kubelet.config_file(cluster, host, DEFAULT_MANIFEST_DIR, "unix:///x", None).decode())
    assert configuration["kind"] == "KubeletConfiguration"
    of_kubeadm = cluster_configuration(cluster, samples.config_paths(cluster))
    for thing in (*coredns.objects(cluster), *kube_proxy.objects(cluster), of_kubeadm):
        assert thing["kind"]


@FEW
@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    check(raw)


@FEW
@given(st.text(alphabet="ab: -[]{}&*!|>'\"#%@`,?\n\t01.~<=\r\u00e9", max_size=120))
def test_any_text_that_looks_like_yaml(text: str) -> None:
    check(text)
    check(GOOD + "  kubelet: {config: " + text.replace("\n", " ") + "}\n")


INJECTIONS = (
    "$(reboot)", "`id`", "; rm -rf /", "{{ 7*7 }}", "{% raw %}", "${HOME}", "%n", "a\nb: c", "a\r\nb", "' \" \\", "# none",
    "a: b",
    "- x", "!!int 1", "&a", "*a", "|", ">", "%YAML", "---", "...", "=", "<<", "null", "yes", "1e3", "0o17", "12:30", "2024-01-01",
    "../../etc/cron.d/x", "/etc/kubernetes/../shadow", "-oProxyCommand=id", "\x1b[2J", "\u202e", "\u200b", "\u0441p1", "\u00a0",
    "--anonymous-auth=true", "x" * 70_000,
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["", "cp1", "192.0.2.1", "::1", "10.0.0.0/8", "-x", "a,b", "1h", "v1.36.3", "~/x", "~x", "\x00", "\ud800"]),
    st.sampled_from(INJECTIONS),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
PLACES = list(model_shape.places(Cluster))


@pytest.mark.exhaustive
@FEW
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_at_any_field(place: tuple[str | int, ...], value: Any) -> None:
    data = yaml.safe_load(GOOD)
    target: Any = data["spec"]
    for part, following in pairwise(place):
        if isinstance(part, int):
            target = target[part] if target and part < len(target) else _added(target)
        elif isinstance(target, dict):
            target = target.setdefault(part, [] if isinstance(following, int) else {})
    if isinstance(place[-1], str) and isinstance(target, dict):
        target[place[-1]] = value
    text = yaml.safe_dump(data, allow_unicode=False)
    check(text)
    check_rendered(text)


SIGNS = "$(){}`'\"\\%;|&<>#!\t ~*?=:,-\u00e9\U0001f600"
FREE = st.one_of(st.sampled_from(INJECTIONS[:-1]), st.text(max_size=20), st.text(SIGNS, max_size=20))


@pytest.mark.exhaustive
@FEW
@given(FREE, FREE, FREE, FREE)
def test_whatever_text_an_operator_may_give_arrives_as_it_is(flag: str, variable: str, of_kubelet: str, setting: str) -> None:
    """The fields that take any text; a shell, a template or a unit file would make something else of it."""
    data = yaml.safe_load(GOOD)
    data["spec"] |= {
        component: {"extraArgs": [{"name": "x", "value": flag}], "extraEnvs": [{"name": "X", "value": variable}]}
        for component in ("apiServer", "controllerManager", "scheduler")
    }
    data["spec"]["kubelet"] = {"extraArgs": [{"name": "x", "value": of_kubelet}], "config": {"x": setting}}
    text = yaml.safe_dump(data, allow_unicode=False)
    check(text)
    check_rendered(text)


TWINS = [case for case in cases() if case.twin is not None and not case.twin_files]


@settings(max_examples=15)
@given(st.sampled_from(TWINS))
def test_a_valid_inventory_can_be_rendered(case: Case) -> None:
    assert case.twin is not None
    check_rendered(case.twin)


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", TWINS, ids=lambda case: case.name)
def test_every_valid_inventory_can_be_rendered(case: Case) -> None:
    assert case.twin is not None
    check(case.twin)
    check_rendered(case.twin)


@pytest.mark.exhaustive
@settings(max_examples=1000)
@given(st.sampled_from([GOOD, *(example(kind) for kind in examples()), *(case.wrong for case in cases())]), st.data())
def test_inventories_with_bytes_changed(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.binary(max_size=4)) + raw[at + data.draw(st.integers(0, 8)) :]
    check(raw)


def _added(target: list[Any]) -> dict[str, Any]:
    target.append({})
    added: dict[str, Any] = target[-1]
    return added


@pytest.mark.exhaustive
@FEW
@given(st.sampled_from([GOOD, *(example(kind) for kind in examples())]), st.data())
def test_any_line_spoilt(text: str, data: st.DataObject) -> None:
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, len(lines[at])))
    lines[at] = lines[at][:cut] + data.draw(st.text(max_size=6)) + lines[at][cut + data.draw(st.integers(0, 3)) :]
    check("\n".join(lines) + "\n")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_every_field_says_in_words_what_it_cannot_be(place: tuple[str | int, ...]) -> None:
    """A list of lists is right nowhere; the message must be ours at every field there is."""
    for value in ([[1]], {"a": {"b": []}}, 1.5, None, True, "\u2603 \u2028"):
        text: Any = value
        for part in reversed(place):
            text = [text] if isinstance(part, int) else {part: text}
        data = yaml.safe_load(GOOD)
        data["spec"] = {**data["spec"], **text}
        check(yaml.safe_dump(data))

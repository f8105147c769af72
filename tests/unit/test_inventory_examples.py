"""The examples, the JSON schema, and `show`: each must stay true to the model."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import bootstrap.cluster
from bootstrap.cluster import Cluster, Model, ssh_of
from bootstrap.errors import UsageError
from bootstrap.inventory import example, examples, load, schema, show, warnings
from tests.unit.inventory_support import GOOD, problems, with_host, with_spec
from tests.unit.inventory_support import load as load_text

INVENTORIES = Path(__file__).parents[2] / "inventory"


def test_there_is_an_example_for_every_common_case() -> None:
    assert examples() == ("dual-stack", "load-balancer", "single", "three", "vagrant")


@pytest.mark.parametrize("kind", examples())
def test_every_example_loads_as_it_is(kind: str) -> None:
    cluster = load(INVENTORIES / f"{kind}.yaml")
    assert warnings(cluster) == ()
    assert example(kind) == (INVENTORIES / f"{kind}.yaml").read_text()


def test_an_example_that_does_not_exist_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError) as caught:
        example("../pyproject")
    assert "single" in caught.value.hint


def test_the_vagrant_example_tells_the_two_networks_apart() -> None:
    cluster = load(INVENTORIES / "vagrant.yaml")
    for host in cluster.hosts:
        assert host.address.startswith("192.168.56.")
        assert ssh_of(cluster, host).host == host.name


def test_the_vagrant_example_works_with_the_line_that_it_says_to_uncomment(tmp_path: Path) -> None:
    (tmp_path / "ssh-config").write_text("Host cp1\n")
    text = example("vagrant").replace("# configFile: ./ssh-config       # ", "configFile: ./ssh-config         # ")
    assert load_text(text, tmp_path).ssh.config_file == tmp_path / "ssh-config"


FULL = with_host(
    "labels: {a: 'yes', b: '1e3', c: '', d: '0x10', e: 2024-01-01, f: '010'}",
    "taints: [{key: a}]",
    "kubelet: {config: {evictionSoft: {a: null, b: 1.5, c: 1.0e+20, d: [1, {e: f}], "
    " g: \"x\\ny\\tz\", h: '\u00e9\U0001f600', i: '- x', j: '#'}}}",
) + (
    "  controlPlaneEndpoint: lb.example.com\n"
    "  kubelet: {config: {evictionHard: {'y': 1, 'no': 2, '1': 3, '': 4, '<<': 5}}}\n"
    "  certificateValidityPeriod: 1h0.5s\n"
    "  ssh: {port: 22, sudo: never, connectTimeout: 10s, knownHostsFile: a b}\n"
)


@pytest.mark.parametrize("text", [GOOD, FULL, *(example(kind) for kind in examples())])
def test_what_show_gives_loads_back_to_the_same_cluster(text: str) -> None:
    cluster = load_text(text)
    shown = show(cluster)
    assert load_text(shown, Path("/elsewhere")) == cluster
    assert show(load_text(shown)) == shown
    Draft202012Validator(schema()).validate(yaml.safe_load(shown))


def test_show_fills_in_defaults_and_leaves_out_what_is_not_set() -> None:
    shown = yaml.safe_load(show(load_text(GOOD)))
    assert shown["spec"]["clusterName"] == "demo"
    assert shown["spec"]["timeouts"]["kubernetesAPICall"] == "1m"
    assert shown["spec"]["hosts"][0].keys() == {"name", "role", "address", "ssh", "labels", "kubelet"}


def test_the_schema_in_the_tree_is_fresh() -> None:
    assert (INVENTORIES / "schema.json").read_text() == json.dumps(schema(), indent=2) + "\n", "run: make schema"


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("kind", examples())
def test_examples_fit_the_schema(kind: str) -> None:
    Draft202012Validator(schema()).validate(yaml.safe_load(example(kind)))


@pytest.mark.parametrize(
    "spoilt",
    [
        GOOD + "  unknown: 1\n", GOOD.replace("cp1", "Cp1"), with_spec("apiServer: {bindPort: 0}"),
        GOOD.replace("demo", "Demo"), with_spec("certificateValidityPeriod: 365d"), GOOD.replace("Cluster", "Clusters"),
        with_spec("apiServer: {extra_args: []}"), GOOD.replace("v1.36.3", "1.36"), with_spec("encryptionAlgorithm: RSA-1"),
        with_host("role2: x"),
    ],
)  # fmt: skip
def test_the_schema_finds_what_an_editor_can_find(spoilt: str) -> None:
    assert not Draft202012Validator(schema()).is_valid(yaml.safe_load(spoilt))
    assert problems(spoilt)


def test_every_object_and_field_of_the_schema_is_described_or_speaks_for_itself() -> None:
    whole = schema()
    assert "name" not in whole["properties"]["spec"]["properties"]
    host = whole["$defs"]["Host"]
    assert host["properties"]["address"]["description"].startswith("the node's own IP")
    assert all("default" not in part or part["default"] is not None for part in host["properties"].values())
    assert whole["properties"]["spec"]["properties"]["certificateValidityPeriod"]["default"] == "8760h"
    objects = {name: part for name, part in whole["$defs"].items() if part.get("type") == "object"}
    undescribed = [name for name, part in objects.items() if "description" not in part]
    assert undescribed == []


def test_docstrings_describe_only_fields_that_exist() -> None:
    for _, model in inspect.getmembers(bootstrap.cluster, inspect.isclass):
        if not issubclass(model, Model):
            continue
        words = [line.strip().partition(":")[0] for line in (model.__doc__ or "").splitlines() if ": " in line]
        assert [word for word in words if "_" in word and word not in model.model_fields] == []


def test_importing_the_inventory_loads_little() -> None:
    heavy = ("paramiko", "cryptography", "jinja2", "httpcore", "rich", "click", "jsonschema")
    code = f"import sys, bootstrap.inventory; print([name for name in {heavy!r} if name in sys.modules])"
    # a fresh interpreter: 0.5 s
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_cluster_made_in_python_is_checked_too() -> None:
    values: dict[str, Any] = {"name": "demo", "kubernetes_version": "1.36.3"}
    good = Cluster(**values, hosts=({"name": "cp1", "role": "control-plane", "address": "192.0.2.1"},))
    assert good.kubernetes_version == "v1.36.3"
    with pytest.raises(ValueError, match="unspecified"):
        Cluster(**values, hosts=({"name": "cp1", "role": "control-plane", "address": "0.0.0.0"},))

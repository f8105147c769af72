"""Add-ons on real nodes: pods of different nodes reach each other and resolve names; what leaves the inventory is pruned."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import objects
from tests.lab.conftest import MASTERS, Lab, run, wait_until

IMAGE = "localhost/kube-bootstrap/pod-network:v1"    # busybox; nothing can be pulled here
SERVE = 'mkdir -p /tmp/www; echo "$NODE" >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www'
NODE_NAME = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


def web() -> list[dict[str, Any]]:
    """A namespace with a web server on every node, whose page is the node's name, and a Service before them."""
    labels = {"app": "web"}
    container = {
        "name": "web", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", SERVE], "env": [NODE_NAME],
    }  # fmt: skip
    pod = {"tolerations": [{"operator": "Exists"}], "terminationGracePeriodSeconds": 1, "containers": [container]}
    metadata = {"name": "web", "namespace": "web"}
    return [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata,
         "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata,
         "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}},
    ]  # fmt: skip


def rockets() -> list[dict[str, Any]]:
    """A custom resource and its definition, the wrong way round."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return [
        {"apiVersion": "lab.example.com/v1", "kind": "Rocket", "metadata": {"name": "one", "namespace": "kube-system"}},
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
         "metadata": {"name": "rockets.lab.example.com"},
         "spec": {"group": "lab.example.com", "scope": "Namespaced", "names": {"plural": "rockets", "kind": "Rocket"},
                  "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}},
    ]  # fmt: skip


def inventory(lab: Lab, name: str, **files: list[dict[str, Any]]) -> Path:
    paths = []
    for file, things in files.items():
        path = lab.directory / f"{file}.yaml"
        path.write_text(yaml.safe_dump_all(things))
        paths.append(str(path))

    def add(spec: dict[str, Any]) -> None:
        spec["addons"] += paths

    return lab.inventory(name, add)


@pytest.fixture(scope="module")
def with_web(lab: Lab) -> Iterator[str]:
    """A cluster of three masters with the web servers and the rocket; what init said."""
    lab.reset()
    yield lab.init(inventory(lab, "with-web", web=web(), rockets=rockets()), "-v")
    lab.reset()


def test_init_has_waited_for_what_the_addons_run(lab: Lab, with_web: str) -> None:
    """Asked right after init: were they not rolled out, this would say so."""
    for what in ("deployment/coredns", "daemonset/kube-proxy", "daemonset/pod-network"):
        lab.kubectl("-n", "kube-system", "rollout", "status", what, "--watch=false")
        assert "successfully rolled out" in lab.kubectl("-n", "kube-system", "rollout", "status", what, "--timeout=1s")
    assert "successfully rolled out" in lab.kubectl("-n", "web", "rollout", "status", "daemonset/web", "--timeout=1s")
    assert lab.get("-n", "kube-system", "rockets.lab.example.com")["items"][0]["metadata"]["name"] == "one"


def test_pods_of_different_nodes_reach_each_other_and_resolve_names(lab: Lab, with_web: str) -> None:
    pods = {pod["spec"]["nodeName"]: pod for pod in lab.get("-n", "web", "pods", "-l", "app=web")["items"]}
    assert set(pods) == set(MASTERS)

    def from_pod(node: str, *words: str) -> str:
        return lab.kubectl("-n", "web", "exec", pods[node]["metadata"]["name"], "--", *words).strip()

    def page(node: str, host: str) -> str:
        """Asked in the pod's network, with the node's curl: the image has a busybox that resolves nothing but by nslookup."""
        own = pods[node]["status"]["podIP"]
        return lab.sh(
            node,
            'for space in /run/netns/*; do\n'
            f'  if nsenter --net="$space" ip -o -4 address | grep -qF " {own}/"; then\n'
            f'    exec nsenter --net="$space" curl -sf -m 5 http://{host}/\n'
            '  fi\n'
            'done\n'
            f'echo "no network of {own} here" >&2; exit 1',
        ).strip()  # fmt: skip

    for here in MASTERS:
        for there in MASTERS:
            assert page(here, f"{pods[there]['status']['podIP']}:8080") == there
        address = lab.get("-n", "web", "service", "web")["spec"]["clusterIP"]
        assert address in from_pod(here, "nslookup", "web.web.svc.cluster.local")
        assert page(here, address) in MASTERS


def test_stock_kubectl_knows_whose_set_it_is(lab: Lab, with_web: str) -> None:
    parents = lab.get("-n", "kube-system", "configmaps", "-l", "applyset.kubernetes.io/id")["items"]
    assert [parent["metadata"]["name"] for parent in parents] == ["bootstrap-addons"]
    path = lab.directory / "theirs.yaml"
    path.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs}}")
    argv = [lab.command("bin", "kubectl"), "--kubeconfig", str(lab.kubeconfig), "apply", "-n", "kube-system", "-f", str(path),
            "--prune", "--applyset=configmaps/bootstrap-addons"]  # fmt: skip
    done = run(["env", "KUBECTL_APPLYSET=true", f"PATH={os.environ['PATH']}", *argv])
    assert done.returncode != 0
    assert 'is managed by tooling "bootstrap" instead of "kubectl"' in done.stderr


def test_an_addon_that_leaves_is_pruned_and_strangers_things_stay(lab: Lab, with_web: str) -> None:
    lab.kubectl("-n", "web", "create", "configmap", "strangers", "--from-literal=a=b")
    without = inventory(lab, "without-web", rockets=rockets())
    assert "Namespace web is no longer in the inventory, and stays: it holds what we did not apply: ConfigMap strangers" in (
        lab.bootstrap("init", without, "--kubeconfig", lab.kubeconfig).stderr
    )
    assert lab.bootstrap("verify", without).returncode == 8
    shown = lab.bootstrap("init", without, "--kubeconfig", lab.kubeconfig, "--prune", "--dry-run")
    assert "delete DaemonSet web/web (no longer in the inventory)" in shown.stdout
    assert lab.get("-n", "web", "daemonsets")["items"]
    lab.init(without, "--prune")
    assert lab.get("-n", "web", "daemonsets,services")["items"] == []
    assert lab.get("-n", "web", "configmap", "strangers")["data"] == {"a": "b"}
    assert "Nothing to do" in lab.init(without, "--prune")
    lab.kubectl("-n", "web", "delete", "configmap", "strangers")
    wait_until(lambda: not lab.get("-n", "web", "pods")["items"], 60, "the web servers' pods gone")
    lab.init(without, "--prune")
    names = [item["metadata"]["name"] for item in lab.get("namespaces")["items"] if item["status"]["phase"] == "Active"]
    assert "web" not in names
    assert "Nothing to do" in lab.init(without, "--prune")


def test_a_definition_goes_with_its_objects_and_the_plan_says_so(lab: Lab, with_web: str) -> None:
    lab.init(inventory(lab, "with-rockets", rockets=rockets()))
    groups = {version.rpartition("/")[0] for version in lab.kubectl("api-versions").split()}
    assert groups - objects.GROUPS == {"lab.example.com"}, "Kubernetes' own groups are told from those of others"
    lab.kubectl("apply", "-f", str(two(lab)))
    plain = lab.inventory("plain")
    shown = lab.bootstrap("init", plain, "--kubeconfig", lab.kubeconfig, "--prune", "--dry-run")
    assert "and with it every Rocket of the cluster, 2 now" in shown.stdout
    lab.init(plain, "--prune")
    names = [item["metadata"]["name"] for item in lab.get("customresourcedefinitions")["items"]]
    assert "rockets.lab.example.com" not in names
    assert "Nothing to do" in lab.init(plain, "--prune")
    assert lab.bootstrap("verify", plain).returncode == 0


def test_a_definition_that_was_just_made_has_null_for_conditions(lab: Lab, with_web: str) -> None:
    """What the models rest on: this is the answer that init meets where it asks at once whether a definition is served."""
    path = lab.directory / "definition.yaml"
    path.write_text(yaml.safe_dump(rockets()[1]))
    made = json.loads(lab.kubectl("apply", "--server-side", "--dry-run=server", "-o", "json", "-f", str(path)))
    assert made["status"] == {"acceptedNames": {"kind": "", "plural": ""}, "conditions": None, "storedVersions": ["v1"]}


def test_an_address_that_a_cut_creation_left_behind_is_waited_for(lab: Lab, with_web: str) -> None:
    """What an API server leaves that is cut between the two is made by hand: which moment that is cannot be hit."""
    dns = lab.get("-n", "kube-system", "service", "kube-dns")
    address = dns["spec"]["clusterIP"]
    held = lab.get("ipaddress", address)
    lab.kubectl("-n", "kube-system", "delete", "service", "kube-dns")
    wait_until(lambda: address not in lab.kubectl("get", "ipaddresses", "-o", "name"), 60, f"{address} free")
    path = lab.directory / "left-behind.json"
    metadata = {"name": address, "labels": held["metadata"]["labels"]}
    path.write_text(json.dumps({**held, "metadata": metadata}))
    lab.kubectl("create", "-f", str(path))
    plain = lab.inventory("plain")
    done = lab.bootstrap("init", plain, "--kubeconfig", lab.kubeconfig, "--prune")
    assert done.returncode == 0, done.stderr
    assert f"{address} is still held by a creation that was cut off" in done.stderr
    assert lab.get("-n", "kube-system", "service", "kube-dns")["metadata"]["uid"] != dns["metadata"]["uid"]
    assert lab.bootstrap("verify", plain).returncode == 0


def test_a_node_port_that_another_service_has_is_refused_by_its_name(lab: Lab, with_web: str) -> None:
    lab.kubectl("create", "service", "nodeport", "theirs", "--tcp=80", "--node-port=30080")
    spec = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}
    wanting = inventory(lab, "port", mine=[{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mine"}, "spec": spec}])
    done = lab.bootstrap("init", wanting, "--kubeconfig", lab.kubeconfig, "--prune")
    assert done.returncode != 0
    assert "its node port 30080 belongs to Service default/theirs" in done.stderr
    lab.kubectl("delete", "service", "theirs")
    lab.init(wanting, "--prune")
    assert lab.get("service", "mine")["spec"]["ports"][0]["nodePort"] == 30080


def two(lab: Lab) -> Path:
    path = lab.directory / "two.json"
    thing = {"apiVersion": "lab.example.com/v1", "kind": "Rocket", "metadata": {"name": "two", "namespace": "default"}}
    path.write_text(json.dumps(thing))
    return path

"""The fields that an inventory's `config` may have, against the real kubelet and kube-proxy: both log what they do not know."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap.inventory.component_fields import KUBE_PROXY, KUBELET, SINCE, Fields
from tests.lab.conftest import LAB, run

LISTS = ("reservedMemory", "shutdownGracePeriodByPodPriority", "vmodule")
DURATION = re.compile(r"(?<!PodGrace)(?<!SoftGrace)(Frequency|Period|Age|Timeout|TTL|Interval|CriticalPods)$")
"""Fields that may not be null, by their names."""
PASSED_OVER = re.compile(r'unknown field \\"([^\\"]*)\\"')


@pytest.fixture(scope="module", params=["1.36.3", "1.37.2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def binary(name: str, version: str) -> Path:
    done = run([LAB, "bin", "--kubernetes", version, name], timeout=3600)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def filled(fields: Fields) -> dict[str, Any]:
    """An object that has every field, mostly null."""
    return {name: value(name, below) for name, below in fields.items()}


def value(name: str, below: Fields | None) -> Any:
    if below is None:
        return "1s" if DURATION.search(name) else None
    return [filled(below)] if name in LISTS else filled(below)


def passed_over(component: Path, directory: Path, config: dict[str, Any]) -> set[str]:
    """Fields that the component says it does not know, before it ends for a mistake in the configuration."""
    path = directory / "config.json"
    path.write_text(json.dumps(config))
    done = subprocess.run([component, "--config", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode, f"it did not end for the mistake: {done.stderr}"
    assert "failed to decode" not in done.stderr, done.stderr
    return set(PASSED_OVER.findall(done.stderr))


def test_the_kubelet_knows_every_field_that_is_accepted(version: str, tmp_path: Path) -> None:
    kubelet = binary("kubelet", version)
    minor = version.rpartition(".")[0]
    known = {name: below for name, below in KUBELET.items() if SINCE.get(name, minor) <= minor}
    head = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    mistaken = {**head, **filled(known), "maxPods": -1}
    assert passed_over(kubelet, tmp_path, mistaken) == set()
    later = dict.fromkeys(KUBELET.keys() - known.keys())
    slips = {"maxpods": 1, "memorySwap": {"behavior": ""}, **later}
    assert passed_over(kubelet, tmp_path, {**mistaken, **slips}) == {"maxpods", "memorySwap.behavior", *later}


def test_kube_proxy_knows_every_field_that_is_accepted(version: str, tmp_path: Path) -> None:
    kube_proxy = binary("kube-proxy", version)
    head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
    mistaken = {**head, **filled(KUBE_PROXY), "mode": "carrier-pigeon"}
    assert passed_over(kube_proxy, tmp_path, mistaken) == set()
    slips = {"ipvs": {"strictArp": True}, "Mode": ""}
    assert passed_over(kube_proxy, tmp_path, {**mistaken, **slips}) == {"ipvs.strictArp", "Mode"}

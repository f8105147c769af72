"""The static pods and add-ons of the real kubeadm, for the same settings.

What differs is in docs/decisions/differences-from-kubeadm.md.

No node is needed: kubeadm writes below a directory of its own (chroot, so as root).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import addons, components
from bootstrap.cluster import Cluster
from bootstrap.components import ManifestContext
from bootstrap.constants import COMPONENTS
from bootstrap.kubeadm_config import cluster_configuration
from bootstrap.staticpod import decode, main_container, without_digest
from tests.unit import rendering_samples as samples

LAB = Path(__file__).resolve().parents[2] / "vagrant" / "lab"
CLUSTERS = {
    "plain": lambda version: samples.a_cluster(1, version),
    "ipv6": lambda version: samples.ipv6().model_copy(update={"kubernetes_version": version}),
    "dual-stack": lambda version: samples.dual_stack().model_copy(update={"kubernetes_version": version}),
    "extra-args": lambda version: samples.extra_args().model_copy(update={"kubernetes_version": version}),
    "hardening-off": lambda version: samples.a_cluster(1, version, hardening=samples.NOTHING),
    "load-balancer": lambda version: samples.a_cluster(1, version, control_plane_endpoint="api.example.com:8443"),
}


@pytest.fixture(scope="session", params=["1.36.3", "1.37.2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def kubeadm(version: str) -> str:
    done = subprocess.run([LAB, "bin", "--kubernetes", version, "kubeadm"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest, version: str) -> Cluster:
    return samples.as_kubeadms_pods(CLUSTERS[request.param](f"v{version}"))


def configuration(cluster: Cluster) -> str:
    """What kubeadm is given: our own kubeadm-config, and the host."""
    host = cluster.hosts[0]
    init = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": host.address, "bindPort": cluster.api_server.bind_port},
        "nodeRegistration": {"name": host.name, "criSocket": samples.RUNTIME},
    }
    return yaml.safe_dump_all([init, cluster_configuration(cluster, samples.config_paths(cluster))])


def kubeadms_manifests(kubeadm: str, cluster: Cluster, root: Path) -> dict[str, Any]:
    for directory in ("etc", "dev", "tmp", "var/lib", *(path.lstrip("/") for path in samples.CA_DIRS)):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "dev" / "null").touch()
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (root / "kubeadm.yaml").write_text(configuration(cluster))
    for phase in (("certs", "all"), ("control-plane", "all"), ("etcd", "local")):
        subprocess.run(
            [kubeadm, "init", "phase", *phase, "--config", "/kubeadm.yaml", "--rootfs", root],
            capture_output=True, check=True, timeout=60,
        )  # fmt: skip
    directory = root / "etc" / "kubernetes" / "manifests"
    return {name: without_digest(decode((directory / f"{name}.yaml").read_bytes())) for name in COMPONENTS}


def test_static_pods_are_kubeadms(kubeadm: str, cluster: Cluster, tmp_path: Path) -> None:
    theirs = kubeadms_manifests(kubeadm, cluster, tmp_path)
    context = ManifestContext(
        cluster_token=samples.TOKEN, ca_dirs=samples.CA_DIRS, config_files=samples.config_paths(cluster)
    )
    ours = {name: without_digest(decode(components.manifest(cluster, cluster.hosts[0], name, context))) for name in COMPONENTS}
    etcd = main_container(ours["etcd"])
    etcd["command"].remove("--initial-cluster-state=new")
    etcd["command"].remove(f"--initial-cluster-token={samples.TOKEN}")
    assert etcd["startupProbe"]["httpGet"]["path"] == "/livez"
    etcd["startupProbe"]["httpGet"]["path"] = "/readyz"
    assert ours == theirs


def test_addons_are_kubeadms(kubeadm: str, cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "kubeadm.yaml").write_text(configuration(cluster))
    ours = {_ref(thing): thing for thing in addons.objects(cluster)}
    theirs: dict[Any, Any] = {}
    for addon in ("coredns", "kube-proxy"):
        argv = [kubeadm, "init", "phase", "addon", addon, "--config", tmp_path / "kubeadm.yaml", "--print-manifest"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
        theirs |= {_ref(thing): thing for thing in yaml.safe_load_all(done.stdout) if thing}
    assert ours.keys() == theirs.keys()
    deployment = ours["Deployment", "coredns"]
    probe = deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    assert (probe.pop("periodSeconds"), probe.pop("failureThreshold")) == (1, 30)
    for ref, thing in ours.items():
        if ref != ("ConfigMap", "kube-proxy"):
            assert _comparable(thing) == _comparable(theirs[ref]), ref


def test_kube_proxys_configuration_is_kubeadms_less_its_zero_values(kubeadm: str, cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "kubeadm.yaml").write_text(configuration(cluster))
    argv = [kubeadm, "init", "phase", "addon", "kube-proxy", "--config", tmp_path / "kubeadm.yaml", "--print-manifest"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    theirs = next(thing for thing in yaml.safe_load_all(done.stdout) if thing and _ref(thing) == ("ConfigMap", "kube-proxy"))
    ours = next(thing for thing in addons.objects(cluster) if _ref(thing) == ("ConfigMap", "kube-proxy"))
    config = _without_zeros(yaml.safe_load(theirs["data"]["config.conf"]))
    assert yaml.safe_load(ours["data"]["config.conf"]) == config
    kubeconfigs = [yaml.safe_load(thing["data"]["kubeconfig.conf"]) for thing in (ours, theirs)]
    if not cluster.control_plane_endpoint:
        server = kubeconfigs[0]["clusters"][0]["cluster"].pop("server")
        assert server == f"https://127.0.0.1:{cluster.api_server.bind_port}"
        del kubeconfigs[1]["clusters"][0]["cluster"]["server"]
    assert kubeconfigs[0] == kubeconfigs[1]


def _ref(thing: Mapping[str, Any]) -> tuple[str, str]:
    return thing["kind"], thing["metadata"]["name"]


def _comparable(value: Any) -> Any:
    """Without what says nothing: `readOnly: false`, the default group of subjects, a resource version for updates only."""
    if isinstance(value, dict):
        silent = {("readOnly", False), ("apiGroup", "rbac.authorization.k8s.io"), ("resourceVersion", "0")}
        pairs = ((key, item) for key, item in value.items() if isinstance(item, dict | list) or (key, item) not in silent)
        return {key: _comparable(item) for key, item in pairs}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _without_zeros(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: _without_zeros(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (None, "", "0s", "0", 0, False, {}, [])}

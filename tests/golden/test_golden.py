"""Everything that is rendered, byte for byte. `UPDATE_GOLDEN=1 pytest tests/golden` writes the files anew: read the diff."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap import addons, balancer, components, kubelet, patches, rbac, virtual_ip
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.components import ManifestContext
from bootstrap.constants import BALANCER, COMPONENTS, KEEPALIVED
from bootstrap.files import Secret
from bootstrap.hardening import ConfigFile
from bootstrap.patches import Patch
from bootstrap.render import to_yaml
from bootstrap.staticpod import decode, problems
from tests.unit import rendering_samples as samples

HERE = Path(__file__).parent
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"

CLUSTERS = {
    "one-master": samples.a_cluster(masters=1),
    "three-masters": samples.a_cluster(),
    "three-masters-1.35": samples.a_cluster(version=samples.VERSIONS["1.35"]),
    "three-masters-1.37": samples.a_cluster(version=samples.VERSIONS["1.37"]),
    "ipv6": samples.ipv6(),
    "dual-stack": samples.dual_stack(),
    "load-balancer": samples.load_balancer(),
    "extra-args": samples.extra_args(),
    "patches": samples.a_cluster(masters=1),
    "vip": samples.a_cluster(vip=samples.VIP),
    "hardening-off": samples.a_cluster(masters=1, hardening=samples.NOTHING),
}


def rendered(name: str, cluster: Cluster) -> dict[str, bytes]:
    """File name below the case's directory -> content. Of several masters the second stands for all."""
    given: tuple[Patch, ...] = patches.load(HERE / "patches" / "input") if name == "patches" else ()
    host = cluster.control_plane_hosts[min(1, len(cluster.control_plane_hosts) - 1)]
    context = samples.context(cluster, given)
    manifests = {f"{part}.yaml": components.manifest(cluster, host, part, context) for part in COMPONENTS}
    config = kubelet.config_file(cluster, host, samples.MANIFEST_DIR, samples.RUNTIME, None, given)
    objects = (
        *rbac.access(cluster, b"-----BEGIN CERTIFICATE-----\n"),
        *rbac.upload_config(cluster, samples.config_paths(cluster), samples.TOKEN),
        rbac.node_marks(cluster, host),
        *addons.objects(cluster, given),
    )
    return {
        **manifests,
        **(balancing(cluster, context) if cluster.has_balancers else {}),
        **(virtual(cluster, host, context) if cluster.vip is not None else {}),
        **{file.path.name: _bytes(file) for file in samples.config_files(cluster)},
        "kubelet-config.yaml": config,
        "10-kubeadm.conf": kubelet.drop_in(cluster, host),
        "objects.yaml": b"---\n".join(to_yaml(thing) for thing in objects),
    }


def virtual(cluster: Cluster, host: Host, context: ManifestContext) -> dict[str, bytes]:
    """What a master gets for the virtual IP."""
    assert cluster.vip is not None
    files = virtual_ip.files(cluster, cluster.vip, host, b"")
    hashes = {file.path: file.sha256 for file in files} | dict(context.hashes or {})
    return {
        "keepalived.yaml": components.manifest(cluster, host, KEEPALIVED, replace(context, hashes=hashes)),
        **{file.path.name: file.bytes for file in files if file.path != virtual_ip.CA},
    }


def balancing(cluster: Cluster, context: ManifestContext) -> dict[str, bytes]:
    """What workers get beside the kubelet's."""
    worker = Host(name="w1", role=Role.WORKER, address="192.0.2.21")
    return {
        "balancer.yaml": components.manifest(cluster, worker, BALANCER, context),
        "haproxy.cfg": balancer.config(cluster, balancer.masters(cluster), b"-----BEGIN CERTIFICATE-----\n"),
    }


@pytest.mark.parametrize("name", CLUSTERS)
def test_rendered_files_are_the_golden_ones(name: str) -> None:
    actual = rendered(name, CLUSTERS[name])
    if UPDATE:
        _write(HERE / name, actual)
    expected = {path.name: path.read_bytes() for path in (HERE / name).iterdir() if path.is_file()}
    assert expected.keys() == actual.keys()
    for file, content in actual.items():
        assert expected[file].decode() == content.decode(), f"{name}/{file}"


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_manifest_is_the_static_pod_that_its_name_says(name: str) -> None:
    actual = rendered(name, CLUSTERS[name])
    found = {part: problems(decode(actual[f"{part}.yaml"]), part) for part in COMPONENTS}
    assert dict.fromkeys(COMPONENTS, ()) == found


def test_c9_order_of_hosts_in_the_inventory_changes_no_byte() -> None:
    ordered = samples.a_cluster()
    shuffled = samples.a_cluster(hosts=tuple(samples.master(number) for number in (3, 1, 2)))
    assert rendered("three-masters", ordered) == rendered("three-masters", shuffled)


def test_without_a_host_to_look_at_what_is_not_known_is_marked() -> None:
    cluster = CLUSTERS["one-master"]
    text = components.manifest(cluster, cluster.hosts[0], "etcd", ManifestContext()).decode()
    assert text.count("placeholder-") == 3      # token, annotation, environment variable


def _bytes(file: ConfigFile) -> bytes:
    assert file.content is not None
    return file.content.reveal() if isinstance(file.content, Secret) else file.content


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        if path.is_file():
            path.unlink()
    for name, content in files.items():
        (directory / name).write_bytes(content)

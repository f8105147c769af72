"""1.1: files of the control plane, their permission bits and owners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from bootstrap import constants as k
from bootstrap.cis.flags import flags_of, value_of
from bootstrap.cis.model import Check, automated, manual
from bootstrap.cis.paths import Paths, at, mode, owner
from bootstrap.facts import Facts
from bootstrap.facts.live import manifest_directory

ROOT = "root:root"
POD_NETWORK_DIRS = (PurePosixPath("/etc/cni/net.d"), PurePosixPath("/var/lib/cni/networks"))


def _manifest(component: str) -> Paths:
    return lambda facts: at(manifest_directory(facts) / f"{component}.yaml")(facts)


def _pki(test: Callable[[PurePosixPath], bool]) -> Paths:
    """Paths of the PKI directory, itself among them."""
    return lambda facts: sorted(
        path for path in facts.owned if (path == k.PKI_DIR or k.PKI_DIR in path.parents) and test(path)
    )


def _pod_network(facts: Facts) -> list[PurePosixPath]:
    return sorted(
        path for path, seen in facts.owned.items()
        if seen.kind == "file" and any(directory in path.parents for directory in POD_NETWORK_DIRS)
    )


def _etcd_data(facts: Facts) -> list[PurePosixPath]:
    """Where the running etcd keeps its data; the inventory's directory where it does not run."""
    said = value_of(flags_of(facts, k.ETCD) or {}, "data-dir")
    path = PurePosixPath(said) if said else facts.etcd.data_dir
    return [path] if path in facts.owned else []


def _pair(number: int, what: str, paths: Paths, missing: str) -> Iterator[Check]:
    """Two checks of the same file, its permission bits and its owner: that is how the benchmark counts."""
    yield automated(f"1.1.{number}", f"{what} is readable by root alone", mode(paths, 0o600, missing))
    yield automated(f"1.1.{number + 1}", f"{what} belongs to root", owner(paths, ROOT, missing))


def _kubeconfigs(*names: str) -> Paths:
    return at(*(k.KUBERNETES_DIR / name for name in names))


CHECKS: tuple[Check, ...] = (
    *_pair(1, "the API server's manifest", _manifest(k.API_SERVER), "kube-apiserver.yaml"),
    *_pair(3, "the controller manager's manifest", _manifest(k.CONTROLLER_MANAGER), "kube-controller-manager.yaml"),
    *_pair(5, "the scheduler's manifest", _manifest(k.SCHEDULER), "kube-scheduler.yaml"),
    *_pair(7, "etcd's manifest", _manifest(k.ETCD), "etcd.yaml"),
    manual("1.1.9", "the pod network's files are readable by root alone",
           mode(_pod_network, 0o600, "/etc/cni/net.d, /var/lib/cni/networks", absent=None)),
    manual("1.1.10", "the pod network's files belong to root",
           owner(_pod_network, ROOT, "/etc/cni/net.d, /var/lib/cni/networks", absent=None)),
    automated("1.1.11", "etcd's data is open to nobody else", mode(_etcd_data, 0o700, "etcd's data directory")),
    automated("1.1.12", "etcd's data belongs to a user of its own",
              owner(_etcd_data, "etcd:etcd", "etcd's data directory", by_hand=False), "spec.hardening.etcdUser: true"),
    *_pair(13, "the administrators' kubeconfig", _kubeconfigs("admin.conf", "super-admin.conf"), "/etc/kubernetes/admin.conf"),
    *_pair(15, "the scheduler's kubeconfig", _kubeconfigs("scheduler.conf"), "/etc/kubernetes/scheduler.conf"),
    *_pair(17, "the controller manager's kubeconfig", _kubeconfigs("controller-manager.conf"),
           "/etc/kubernetes/controller-manager.conf"),
    automated("1.1.19", "everything of the PKI belongs to root", owner(_pki(lambda path: True), ROOT, str(k.PKI_DIR))),
    manual("1.1.20", "nobody but root can write certificates",
           mode(_pki(lambda path: path.suffix == ".crt"), 0o644, f"{k.PKI_DIR}/*.crt")),
    manual("1.1.21", "private keys are readable by root alone",
           mode(_pki(lambda path: path.suffix == ".key"), 0o600, f"{k.PKI_DIR}/*.key")),
)  # fmt: skip

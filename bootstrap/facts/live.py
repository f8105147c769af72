"""What the phases ask of facts: is there a control plane, which pods are ours, what says the kubelet's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from bootstrap.constants import (
    COMPONENTS,
    DEFAULT_MANIFEST_DIR,
    KUBELET_DROP_IN,
    KUBELET_DROP_IN_MARK,
    KUBERNETES_DIR,
)
from bootstrap.facts.model import Facts, Listener, PodLog, StaticProcess
from bootstrap.files import Observed


def manifest_directory(facts: Facts) -> PurePosixPath:
    """Where manifests go: the kubelet's own directory, kubeadm's where it has none."""
    return facts.kubelet.manifests.path or DEFAULT_MANIFEST_DIR


def manifests(facts: Facts) -> Mapping[PurePosixPath, Observed]:
    """What the kubelet reads as manifests: every regular file or link in its directory whose name has no dot in front."""
    directory = facts.kubelet.manifests.path
    return {
        path: observed for path, observed in facts.owned.items()
        if path.parent == directory and not path.name.startswith(".") and observed.kind in ("file", "link")
    }


def has_manifest(facts: Facts, component: str) -> bool:
    """Whether the component's manifest lies where the kubelet reads it."""
    return manifest_directory(facts) / f"{component}.yaml" in facts.owned


def process(facts: Facts, component: str) -> StaticProcess | None:
    """The component's process in a static pod; the youngest, should there be two. None where none runs."""
    found = [one for one in facts.processes if one.component == component and one.pod_uid]
    return found[-1] if found else None


def is_live(facts: Facts) -> bool:
    """Whether a control plane is meant to run here: a manifest of a component lies there, or one runs in a pod."""
    return any(has_manifest(facts, name) or process(facts, name) is not None for name in COMPONENTS)


def has_control_plane(facts: Facts) -> bool:
    """Whether there is something of a control plane that runs, or could run again: a component of it, or etcd's data."""
    return is_live(facts) or facts.etcd.has_member


def has_joined(facts: Facts) -> bool:
    """Whether a worker has what its kubelet joins with."""
    return KUBERNETES_DIR / "kubelet.conf" in facts.owned


def has_our_drop_in(facts: Facts) -> bool:
    """Whether this tool wrote how the kubelet is started, whichever cluster that was for."""
    seen = facts.owned.get(KUBELET_DROP_IN)
    return seen is not None and (seen.content or b"").startswith(KUBELET_DROP_IN_MARK)


def kubelet_runs(facts: Facts) -> bool:
    return bool(facts.kubelet.argv)


def listener(facts: Facts, port: int) -> Listener | None:
    """Who listens on a port, on whichever address."""
    return next((one for one in facts.listeners if one.port == port), None)


def pod_log(facts: Facts, component: str, pod_uid: str = "") -> PodLog | None:
    """The component's newest log; of that pod, where its UID is given."""
    found = [
        one for one in facts.pod_logs
        if one.container == component and (not pod_uid or one.pod.endswith(f"_{pod_uid}"))
    ]
    return found[-1] if found else None

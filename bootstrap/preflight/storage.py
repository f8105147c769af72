"""Checks of what lies on a host already: how fast etcd's disk is, and which images are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bootstrap.cluster import Cluster, Role
from bootstrap.components import static_pods
from bootstrap.connection import Outcome
from bootstrap.facts import Facts
from bootstrap.preflight.finding import Finding, error, unknown, warning
from bootstrap.preflight.subject import Subject
from bootstrap.userpods import UserPod
from bootstrap.versions import images as images_of

DISK = "EtcdDisk"
ENOUGH_P99_S = 0.010        # etcd's FAQ and hardware guide (v3.6): p99 of wal_fsync under 10 ms
FATAL_MEDIAN_S = 0.1        # etcd's heartbeat interval. Of the median: a p99 may be one write that was unlucky
FEWEST_WRITES = 20
_SANDBOX_SETTING = {
    "containerd": "sandbox (in version 2: sandbox_image) in /etc/containerd/config.toml",
    "cri-o": "pause_image in /etc/crio/crio.conf",
}


def disk(subject: Subject) -> Iterator[Finding]:
    answers, found = subject.answers, subject.answers.writes
    if not subject.asked or not subject.is_control_plane:
        return
    if answers.writes_problem:
        yield unknown(DISK, subject.name, f"how fast its disk is could not be measured: {answers.writes_problem}")
    elif found is None:
        yield unknown(DISK, subject.name, "its disk was not measured")
    elif found.p99_s > ENOUGH_P99_S and found.count >= FEWEST_WRITES:
        make = error if found.median_s > FATAL_MEDIAN_S else warning
        yield make(DISK, subject.name, disk_text(subject), "give etcd's data a local SSD that nothing else writes much to")


def disk_text(subject: Subject) -> str:
    """What was measured, in words."""
    found = subject.answers.writes
    if found is None:
        return ""
    if not found.where:
        return f"its etcd waited {found.p99_s * 1000:.1f} ms for its disk (p99 of {found.count} writes); etcd wants 10 ms at most"
    return (f"synchronous writes to {found.where} took {found.p99_s * 1000:.1f} ms (p99 of {found.count}; "
            f"median {found.median_s * 1000:.1f} ms, slowest {found.slowest_s * 1000:.1f} ms); etcd wants 10 ms at most")


def wanted_images(cluster: Cluster, facts: Facts, pods: Sequence[UserPod] = ()) -> dict[str, str]:
    """Images that a host pulls, as the runtime names them, and what each is for: static pods, sandbox, add-ons.

    pods: the user's own static pods of that host. CoreDNS tolerates masters, and before any worker joins it can run nowhere else;
    workers may do without. Source: kubeadm app/images/images.go, GetControlPlaneImages (v1.36.3).
    """
    known, host = images_of(cluster), cluster.host(facts.host)
    wanted = {normal(image): pod.key for pod in pods for image in _images_of_pod(pod)}
    wanted |= {normal(known[name]): name for name in static_pods(cluster, host)}
    if facts.runtime.sandbox_image:
        wanted[normal(facts.runtime.sandbox_image)] = "pause"
    addons = ("kube-proxy", "coredns") if host.role is Role.CONTROL_PLANE else ("kube-proxy",)
    wanted |= {normal(known[name]): name for name in addons if name in cluster.addons}
    return wanted


def _images_of_pod(pod: UserPod) -> Iterator[str]:
    """Of its containers, and of its volumes that are images."""
    spec = pod.pod["spec"]
    yield from (one["image"] for one in (*(spec.get("initContainers") or ()), *spec["containers"]))
    for volume in spec.get("volumes") or ():
        if reference := (volume.get("image") or {}).get("reference"):
            yield reference


def normal(image: str) -> str:
    """`nginx` is `docker.io/library/nginx:latest`. Source: distribution/reference, normalize.go (v0.6)."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def registry(image: str) -> tuple[str, int]:
    """Host and port that an image (normal form) is pulled from."""
    host, _, port = image.partition("/")[0].partition(":")
    return ("registry-1.docker.io" if host == "docker.io" else host), int(port) if port.isdecimal() else 443


def images(subject: Subject) -> Iterator[Finding]:
    """What is missing is pulled by the kubelet (IfNotPresent): then its registry has to be within reach."""
    answers = subject.answers
    if not subject.asked:
        return
    if answers.images_problem:
        yield unknown("Images", subject.name, f"which images it has could not be found out: {answers.images_problem}")
    by_registry: dict[str, list[str]] = {}
    for image in answers.missing_images:
        by_registry.setdefault(registry(image)[0], []).append(image)
    for name, missing in by_registry.items():
        reason = _not_pullable(subject, name)
        if not reason:
            continue
        make = error if answers.direct else warning
        through = "no mirror or proxy is configured" if answers.direct else "unless a mirror or proxy has them"
        yield make("Images", subject.name, f"it lacks {', '.join(missing)}, and {reason}; {through}",
                   "load them into its runtime; or name a registry that it reaches: spec.imageRepository, or your own manifest")
    yield from _sandbox(subject)


def _sandbox(subject: Subject) -> Iterator[Finding]:
    """Another one works, but whoever mirrors the images of this version has not got it.

    Source: kubeadm app/preflight/checks.go, ImagePullCheck (v1.36.3), which warns of it, too.
    """
    found, wanted = subject.facts.runtime.sandbox_image, images_of(subject.cluster)["pause"]
    if found and normal(found) != normal(wanted):
        yield warning("Images", subject.name, f"its runtime makes sandboxes of {found}, kubeadm expects {wanted}",
                      f"set {_SANDBOX_SETTING.get(subject.facts.runtime.name, 'it')}, and restart it")


def _not_pullable(subject: Subject, name: str) -> str:
    """Why nothing comes from a registry; empty where it answers, or where that is not known."""
    if subject.answers.addresses.get(name, None) == ():
        return f"{name} does not resolve there"
    found = subject.answers.registries.get(name)
    if found is None or found.outcome in (Outcome.OPEN, Outcome.FORBIDDEN):
        return ""
    return f"{name} does not answer it ({found.detail.lower() or found.outcome})"

"""Kubeconfigs: of administrators, of the control plane's own clients, of the kubelet. Values in, values out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from bootstrap import documents
from bootstrap.cluster import Cluster, Host, Role
from bootstrap.constants import ADMIN_GROUP, KUBERNETES_DIR, SUPER_ADMIN_GROUP
from bootstrap.facts.model import KubeconfigFacts
from bootstrap.files import File, Observed, Secret
from bootstrap.pki.authority import Authorities, Authority
from bootstrap.pki.check import problem_with
from bootstrap.pki.host import NO_RENEWAL, HostFiles, Kept, Renewal, refuse_external, stricter
from bootstrap.pki.issue import Issued, issue
from bootstrap.pki.pem import BadPem, fingerprint, read_certificates
from bootstrap.pki.shared import KEY_MODE, MISSING
from bootstrap.pki.table import KUBELET_CLIENT_CURRENT, NODE_USER, Wanted
from bootstrap.render import to_yaml
from bootstrap.urls import control_plane_url, kubelet_url, own_api_server_url


@dataclass(frozen=True)
class KubeconfigEntry:
    """One kubeconfig on a host. path.name is its name in kubeadm.

    user: also the certificate's common name; `{node}` stands for the host's name. for_people: goes to the control plane
    endpoint. embedded: holds certificate and key; else it points to the kubelet's own.
    """

    path: PurePosixPath
    user: str
    organizations: tuple[str, ...] = ()
    for_people: bool = False
    embedded: bool = True
    roles: tuple[Role, ...] = (Role.CONTROL_PLANE,)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def wanted(self) -> Wanted:
        """What the embedded certificate has to say."""
        return Wanted(self.user, self.organizations)

    def server(self, cluster: Cluster, host: Host) -> str:
        """URL of the API server it names."""
        if self.for_people:
            return control_plane_url(cluster, host)
        return own_api_server_url(cluster, host) if self.embedded else kubelet_url(cluster, host)


ADMIN = KubeconfigEntry(KUBERNETES_DIR / "admin.conf", "kubernetes-admin", (ADMIN_GROUP,), for_people=True)

KUBECONFIGS = (
    ADMIN,
    KubeconfigEntry(KUBERNETES_DIR / "super-admin.conf", "kubernetes-super-admin", (SUPER_ADMIN_GROUP,), for_people=True),
    KubeconfigEntry(KUBERNETES_DIR / "controller-manager.conf", "system:kube-controller-manager"),
    KubeconfigEntry(KUBERNETES_DIR / "scheduler.conf", "system:kube-scheduler"),
    KubeconfigEntry(KUBERNETES_DIR / "kubelet.conf", NODE_USER, embedded=False, roles=tuple(Role)),
)
"""Unlike kubeadm's, super-admin.conf is on every control plane host: all are equal, and any may be lost.

Source: kubeadm app/phases/kubeconfig/kubeconfig.go, getKubeConfigSpecsBase (v1.36.3).
"""


def kubeconfigs_due(
    cluster: Cluster,
    host: Host,
    authorities: Authorities,
    found: Mapping[PurePosixPath, KubeconfigFacts],
    observed: Mapping[PurePosixPath, Observed],
    now: datetime,
    *,
    renewal: Renewal = NO_RENEWAL,
) -> dict[PurePosixPath, str]:
    """Paths of the kubeconfigs that have to be written anew, each with the reason. Signs nothing.

    found: `Facts.kubeconfigs`. observed: `Facts.owned`. renewal.names: those of KUBECONFIGS (`admin.conf`).
    """
    reasons: dict[PurePosixPath, str] = {}
    for entry in _entries(host):
        seen = observed.get(entry.path)
        if seen is None:
            reasons[entry.path] = MISSING
        elif seen.kind != "file" or entry.path not in found:
            reasons[entry.path] = "is not a kubeconfig"
        elif entry.name in renewal.names and entry.embedded:
            reasons[entry.path] = "is to be renewed"
        else:
            problem = problem_with_kubeconfig(found[entry.path], entry, cluster, host, authorities.ca, now, renewal)
            if problem:
                reasons[entry.path] = problem
    return reasons


def kubeconfig_files(
    cluster: Cluster,
    host: Host,
    authorities: Authorities,
    found: Mapping[PurePosixPath, KubeconfigFacts],
    observed: Mapping[PurePosixPath, Observed],
    now: datetime,
    *,
    renewal: Renewal = NO_RENEWAL,
) -> HostFiles:
    """All kubeconfigs of `host`. Arguments as kubeconfigs_due; the CA's key must have been read if that gives anything.

    Raises Refused naming what an external authority has to issue.
    """
    reasons = kubeconfigs_due(cluster, host, authorities, found, observed, now, renewal=renewal)
    refuse_external(host, {entry.path: authorities.ca for entry in _entries(host) if entry.embedded}, reasons)
    files: list[File] = []
    kept: list[Kept] = []
    for entry in _entries(host):
        if entry.path in reasons:
            files.append(File(entry.path, _new(entry, cluster, host, authorities.ca, now), KEY_MODE))
        else:
            seen = observed[entry.path]
            kept.append(Kept(entry.path, seen.sha256, stricter(seen, KEY_MODE)))
    return HostFiles(tuple(files), tuple(kept), reasons)


def problem_with_kubeconfig(
    found: KubeconfigFacts,
    entry: KubeconfigEntry,
    cluster: Cluster,
    host: Host,
    ca: Authority,
    now: datetime,
    renewal: Renewal = NO_RENEWAL,
) -> str | None:
    """Why this kubeconfig cannot stay; None when it can. Names of cluster, context and user in it do not matter."""
    server = entry.server(cluster, host)
    if found.server != server:
        return f"names the server {found.server or 'none'}, not {server}"
    if not _same_authority(found.certificate_authority, ca):
        return f"does not trust the CA with fingerprint {ca.fingerprint}"
    if not entry.embedded:
        if found.client_certificate_file != str(KUBELET_CLIENT_CURRENT):
            return f"takes its certificate from {found.client_certificate_file or 'itself'}, not {KUBELET_CLIENT_CURRENT}"
        return None
    if not found.client_certificate:
        return "embeds no certificate"
    problem = problem_with(found.client_certificate, entry.wanted, ca, now, renew_within=renewal.within)
    return f"embeds a certificate that {problem}" if problem else None


def _entries(host: Host) -> list[KubeconfigEntry]:
    return [entry for entry in KUBECONFIGS if host.role in entry.roles]


def _same_authority(pem: bytes, ca: Authority) -> bool:
    """The first certificate counts, as in kubeadm: app/phases/kubeconfig/kubeconfig.go, validateKubeConfig (v1.36.3)."""
    try:
        return fingerprint(read_certificates(pem)[0]) == ca.fingerprint
    except BadPem:
        return False


def _new(entry: KubeconfigEntry, cluster: Cluster, host: Host, ca: Authority, now: datetime) -> bytes | Secret:
    if entry.embedded:
        return _embedded(entry, cluster, host, ca, now)
    files = {"client-certificate": str(KUBELET_CLIENT_CURRENT), "client-key": str(KUBELET_CLIENT_CURRENT)}
    return _yaml(entry.user.format(node=host.name), entry.server(cluster, host), cluster, ca, files)


def _embedded(entry: KubeconfigEntry, cluster: Cluster, host: Host, ca: Authority, now: datetime) -> Secret:
    issued: Issued = issue(
        entry.wanted, ca,
        now=now, lifetime=cluster.certificate_validity_period, algorithm=cluster.encryption_algorithm,
    )  # fmt: skip
    credentials = {
        "client-certificate-data": _base64(issued.certificate),
        "client-key-data": _base64(issued.key.reveal()),
    }
    return Secret(_yaml(entry.user, entry.server(cluster, host), cluster, ca, credentials))


def _yaml(user: str, server: str, cluster: Cluster, ca: Authority, credentials: Mapping[str, str]) -> bytes:
    """The file as client-go writes it: keys in alphabetical order. Source: tools/clientcmd, Write (v0.36.3)."""
    name = cluster.cluster_name or cluster.name
    context = f"{user}@{name}"
    config = {
        "apiVersion": "v1",
        "clusters": [
            {"cluster": {"certificate-authority-data": _base64(ca.certificate), "server": server}, "name": name},
        ],
        "contexts": [{"context": {"cluster": name, "user": user}, "name": context}],
        "current-context": context,
        "kind": "Config",
        "users": [{"name": user, "user": dict(credentials)}],
    }
    return to_yaml(config)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def belongs_to(content: Secret, cluster: Cluster) -> bool:
    """Whether a kubeconfig is of this cluster alone, by the name in it, or empty: replacing it loses nothing."""
    if not content.reveal().strip():
        return True
    try:
        ((_, value),) = documents.parse(content.reveal().decode())
        names = [entry["name"] for entry in value["clusters"]]
        return names == [cluster.cluster_name or cluster.name] and all(len(value[key]) == 1 for key in ("users", "contexts"))
    except (KeyError, TypeError, ValueError):
        return False


def public_part(content: Secret, path: PurePosixPath) -> KubeconfigFacts | None:
    """What a kubeconfig says without its key, as the facts script gives it of a host's; None where it is no kubeconfig."""
    try:
        ((_, value),) = documents.parse(content.reveal().decode())
        cluster, user = value["clusters"][0]["cluster"], value["users"][0]["user"]
        return KubeconfigFacts(
            path,
            str(cluster["server"]),
            base64.b64decode(cluster.get("certificate-authority-data", "")),
            base64.b64decode(user.get("client-certificate-data", "")),
            str(user.get("client-certificate", "")),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return None

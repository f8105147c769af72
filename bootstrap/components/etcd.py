"""The etcd member's static pod. Source: kubeadm app/phases/etcd/local.go (v1.35.4, v1.36.3, v1.37.2); etcd clustering guide."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bootstrap import hardening
from bootstrap.cluster import Cluster, Host
from bootstrap.components.context import Birth, ManifestContext
from bootstrap.components.parts import Values, environment, finished, startup_failures
from bootstrap.constants import ETCD, ETCD_CLIENT_PORT, ETCD_METRICS_PORT, ETCD_PEER_PORT, ETCD_PKI_DIR, ETCD_USER_PKI_DIR
from bootstrap.flags import Flag, arguments, words
from bootstrap.networking import host_port, loopback
from bootstrap.versions import images

NAME = ETCD

# etcd loads its CA pools once and its certificates at every TLS handshake.
# Source: etcd client/pkg/transport/listener.go, baseConfig and ServerConfig (3.6, 3.7).
STARTUP_FILES = (ETCD_PKI_DIR / "ca.crt",)


def cluster_token(etcd_ca_pem: bytes) -> str:
    """--initial-cluster-token of a new cluster: another etcd CA makes other cluster and member IDs.

    So data that a reset left behind on a host that was off can never find its way back (server/etcdserver/api/membership).
    """
    certificate = x509.load_pem_x509_certificate(etcd_ca_pem)
    public_key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"etcd-ca-{hashlib.sha256(public_key).hexdigest()[:32]}"


def client_url(host: Host) -> str:
    return f"https://{host_port(host.address, ETCD_CLIENT_PORT)}"


def peer_url(host: Host) -> str:
    return f"https://{host_port(host.address, ETCD_PEER_PORT)}"


def metrics_url(host: Host) -> str:
    """Where this member answers /livez, /readyz and /metrics in plain HTTP, on its own host only."""
    return f"http://{host_port(loopback(host.address), ETCD_METRICS_PORT)}"


def new_cluster(cluster: Cluster, token: str) -> Birth:
    """Birth values of members that start together: every control plane host, sorted by name."""
    members = sorted(cluster.control_plane_hosts, key=lambda host: host.name)
    return Birth(",".join(f"{host.name}={peer_url(host)}" for host in members), "new", token)


def defaults(cluster: Cluster, host: Host) -> dict[str, str]:
    """kubeadm's flags of the first member; the birth values are not among them."""
    local = f"https://{host_port(loopback(host.address), ETCD_CLIENT_PORT)}"
    return {
        "advertise-client-urls": client_url(host),
        "cert-file": f"{ETCD_PKI_DIR}/server.crt",
        "client-cert-auth": "true",
        "data-dir": cluster.etcd.local.data_dir,
        "feature-gates": "InitialCorruptCheck=true",
        "initial-advertise-peer-urls": peer_url(host),
        "key-file": f"{ETCD_PKI_DIR}/server.key",
        "listen-client-urls": f"{local},{client_url(host)}",
        "listen-metrics-urls": metrics_url(host),
        "listen-peer-urls": peer_url(host),
        "name": host.name,
        "peer-cert-file": f"{ETCD_PKI_DIR}/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{ETCD_PKI_DIR}/peer.key",
        "peer-trusted-ca-file": f"{ETCD_PKI_DIR}/ca.crt",
        "snapshot-count": "10000",
        "trusted-ca-file": f"{ETCD_PKI_DIR}/ca.crt",
        "watch-progress-notify-interval": "5s",
    }


def birth_flags(birth: Birth) -> dict[str, str]:
    """A value that a member was not born with has no flag: a running member would be restarted for nothing."""
    given = {
        "initial-cluster": birth.initial_cluster,
        "initial-cluster-state": birth.state,
        "initial-cluster-token": birth.token,
    }
    return {name: value for name, value in given.items() if value}


def args(cluster: Cluster, host: Host, context: ManifestContext) -> list[Flag]:
    """Flags of the member on `host`: (flag without dashes, value) pairs in a fixed order."""
    birth = context.born_with or new_cluster(cluster, context.cluster_token)
    return arguments(defaults(cluster, host), birth_flags(birth), hardening.extra_args(cluster, NAME, context.config_files))


def manifest(cluster: Cluster, host: Host, context: ManifestContext) -> bytes:
    """The startup probe asks /livez: /readyz fails on a learner, and kubeadm's startup probe would kill it.

    A member with a user of its own sees copies in the place of its certificates: what they are, the originals say.
    """
    local = cluster.etcd.local
    user = context.etcd_user
    values: Values = {
        "image": images(cluster)[NAME],
        "args": words(args(cluster, host, context)),
        "advertise_client_url": client_url(host),
        "metrics_port": ETCD_METRICS_PORT,
        "probe_host": loopback(host.address),
        "startup_failures": startup_failures(cluster),
        "env": environment(local.extra_envs),
        "confined": cluster.hardening.confined_pods,
        "data_dir": local.data_dir,
        "pki_dir": str(ETCD_PKI_DIR),
        "pki_source": str(ETCD_PKI_DIR if user is None else ETCD_USER_PKI_DIR),
        "uid": 0 if user is None else user.uid,
        "gid": 0 if user is None else user.gid,
    }
    return finished(NAME, values, STARTUP_FILES, context)

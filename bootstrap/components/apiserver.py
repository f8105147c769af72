"""kube-apiserver's static pod. Source: kubeadm app/phases/controlplane/manifests.go and volumes.go (v1.36.3)."""

from __future__ import annotations

from bootstrap import hardening, proxies
from bootstrap.cluster import Cluster, Host
from bootstrap.components.context import ManifestContext
from bootstrap.components.parts import Values, ca_mounts, environment, finished, pki_mount, probe_host, startup_failures, volumes
from bootstrap.constants import API_SERVER, ETCD_CLIENT_PORT, ETCD_PKI_DIR, PKI_DIR
from bootstrap.flags import Flag, arguments, words
from bootstrap.networking import host_port, loopback
from bootstrap.versions import images

NAME = API_SERVER

# Read once: the service account keys (pkg/controlplane/apiserver/options, pkg/kubeapiserver/options/authentication.go), etcd's
# CA (apiserver pkg/storage/storagebackend/factory/etcd3.go), and until 1.35 the CA that kubelets are verified with (client-go
# transport, ClientsAllowCARotation). Everything else is reloaded: serving, front proxy and aggregator certificates and both
# client CAs by dynamiccertificates, kubelet's client by ReloadTLSFiles (pkg/kubelet/client), etcd's client certificate at every
# handshake (etcd client/pkg/transport). All of v1.36.3.
STARTUP_FILES = (PKI_DIR / "sa.pub", PKI_DIR / "sa.key", PKI_DIR / "ca.crt", ETCD_PKI_DIR / "ca.crt")


def endpoint(cluster: Cluster, host: Host) -> str:
    """`address:port` that this API server advertises."""
    return host_port(host.address, cluster.api_server.bind_port)


def defaults(cluster: Cluster, host: Host) -> dict[str, str]:
    """kubeadm's flags. --authorization-mode goes where the user gives --authorization-config: they exclude each other."""
    flags = {
        "advertise-address": host.address,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI_DIR}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "etcd-cafile": f"{ETCD_PKI_DIR}/ca.crt",
        "etcd-certfile": f"{PKI_DIR}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{PKI_DIR}/apiserver-etcd-client.key",
        "etcd-servers": f"https://{host_port(loopback(host.address), ETCD_CLIENT_PORT)}",
        "kubelet-client-certificate": f"{PKI_DIR}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{PKI_DIR}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{PKI_DIR}/front-proxy-client.crt",
        "proxy-client-key-file": f"{PKI_DIR}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{PKI_DIR}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": str(cluster.api_server.bind_port),
        "service-account-issuer": f"https://kubernetes.default.svc.{cluster.networking.dns_domain}",
        "service-account-key-file": f"{PKI_DIR}/sa.pub",
        "service-account-signing-key-file": f"{PKI_DIR}/sa.key",
        "service-cluster-ip-range": cluster.networking.service_subnet,
        "tls-cert-file": f"{PKI_DIR}/apiserver.crt",
        "tls-private-key-file": f"{PKI_DIR}/apiserver.key",
    }
    if any(arg.name == "authorization-config" for arg in cluster.api_server.extra_args):
        del flags["authorization-mode"]
    return flags


def args(cluster: Cluster, host: Host, context: ManifestContext) -> list[Flag]:
    """Flags of the API server on `host`: (flag without dashes, value) pairs in a fixed order."""
    return arguments(defaults(cluster, host), {}, hardening.extra_args(cluster, NAME, context.config_files))


def manifest(cluster: Cluster, host: Host, context: ManifestContext) -> bytes:
    values: Values = {
        "image": images(cluster)[NAME],
        "args": words(args(cluster, host, context)),
        "endpoint": endpoint(cluster, host),
        "port": cluster.api_server.bind_port,
        "probe_host": probe_host(host.address),
        "startup_failures": startup_failures(cluster),
        "env": environment((*proxies.variables(cluster), *cluster.api_server.extra_envs)),
        "confined": cluster.hardening.confined_pods,
        "volumes": volumes([pki_mount(), *ca_mounts(context.ca_dirs)], hardening.extra_volumes(cluster, NAME)),
    }
    return finished(NAME, values, STARTUP_FILES, context)

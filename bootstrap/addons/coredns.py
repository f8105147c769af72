"""CoreDNS. Source: kubeadm app/phases/addons/dns/manifests.go (v1.36.3; the same in v1.35.4 and v1.37.2)."""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.cluster import CONTROL_PLANE_TAINT, Cluster
from bootstrap.networking import dns_address
from bootstrap.objects import Object, cluster_role_binding, config_map, service_account
from bootstrap.patches import Patch, apply_patches
from bootstrap.patches.load import COREDNS_DEPLOYMENT
from bootstrap.versions import images

NAME = "coredns"
REPLICAS = 2
_LABELS = {"k8s-app": "kube-dns"}

_COREFILE = """\
.:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {domain}
       disable denial {domain}
    }}
    loop
    reload
    loadbalance
}}
"""


def objects(cluster: Cluster, patches: Iterable[Patch] = ()) -> tuple[Object, ...]:
    """Everything of CoreDNS; the Deployment with the patches for `corednsdeployment`."""
    deployment: Object = apply_patches(_deployment(cluster), COREDNS_DEPLOYMENT, patches)
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": "kube-system"}},
        _cluster_role(),
        cluster_role_binding("system:coredns", "system:coredns", service_account(NAME)),
        config_map(NAME, "kube-system", {"Corefile": _COREFILE.format(domain=cluster.networking.dns_domain)}),
        _service(cluster),
        deployment,
    )


def _cluster_role() -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "system:coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    }


def _service(cluster: Cluster) -> Object:
    ports = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP"))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kube-dns",
            "namespace": "kube-system",
            "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
            "labels": {**_LABELS, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"},
        },
        "spec": {
            "clusterIP": dns_address(cluster),
            "ports": [{"name": name, "port": port, "protocol": protocol, "targetPort": port} for name, port, protocol in ports],
            "selector": _LABELS,
        },
    }


def _deployment(cluster: Cluster) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": "kube-system", "labels": _LABELS},
        "spec": {
            "replicas": REPLICAS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": _pod_spec(cluster)},
        },
    }


def _pod_spec(cluster: Cluster) -> Object:
    same_app = {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]}
    spread = {"labelSelector": same_app, "topologyKey": "kubernetes.io/hostname"}
    return {
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": NAME,
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": spread}]
            }
        },
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"key": CONTROL_PLANE_TAINT.key, "effect": CONTROL_PLANE_TAINT.effect},
        ],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "containers": [_container(cluster)],
        "dnsPolicy": "Default",
        "volumes": [
            {"name": "config-volume", "configMap": {"name": NAME, "items": [{"key": "Corefile", "path": "Corefile"}]}}
        ],
    }


def _container(cluster: Cluster) -> Object:
    ports = (
        ("dns", 53, "UDP"),
        ("dns-tcp", 53, "TCP"),
        ("metrics", 9153, "TCP"),
        ("liveness-probe", 8080, "TCP"),
        ("readiness-probe", 8181, "TCP"),
    )
    return {
        "name": NAME,
        "image": images(cluster)[NAME],
        "imagePullPolicy": "IfNotPresent",
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "args": ["-conf", "/etc/coredns/Corefile"],
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": True}],
        "ports": [{"name": name, "containerPort": port, "protocol": protocol} for name, port, protocol in ports],
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": "liveness-probe", "scheme": "HTTP"},
            "initialDelaySeconds": 60,
            "timeoutSeconds": 5,
            "successThreshold": 1,
            "failureThreshold": 5,
        },
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": "readiness-probe", "scheme": "HTTP"},
            "periodSeconds": 1,
            "failureThreshold": 30,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }

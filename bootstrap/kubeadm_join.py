"""The command line with which a stock kubeadm joins a worker, from what the cluster says of itself in cluster-info.

Source: kubeadm app/cmd/util/join.go, app/util/pubkeypin and app/discovery/token (v1.36.3).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap import documents
from bootstrap.pki.pem import public_key_pin, read_certificates
from bootstrap.syntax.addresses import join_endpoint
from bootstrap.tokens import Token

_HTTPS_PORT = 443


@dataclass(frozen=True)
class ClusterInfo:
    """What a joining node finds. endpoint: `host:port` of the API server. pins: of the public key of each CA."""

    endpoint: str
    pins: tuple[str, ...]


def cluster_info(config_map: Mapping[str, Any]) -> ClusterInfo:
    """What the ConfigMap kube-public/cluster-info says. Raises ValueError where a node could make nothing of it."""
    try:
        ((_, kubeconfig),) = documents.parse(config_map["data"]["kubeconfig"])
        (entry,) = kubeconfig["clusters"]
        url = urlsplit(entry["cluster"]["server"])
        authorities = read_certificates(base64.b64decode(entry["cluster"]["certificate-authority-data"]))
        if url.scheme != "https" or not url.hostname:
            raise ValueError
        return ClusterInfo(join_endpoint(url.hostname, url.port or _HTTPS_PORT), tuple(map(public_key_pin, authorities)))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("no kubeconfig with one cluster, its address and its CA") from None


def command(info: ClusterInfo, token: Token) -> str:
    """One line for a shell. The token in it is a secret."""
    pins = " ".join(f"--discovery-token-ca-cert-hash {pin}" for pin in info.pins)
    return f"kubeadm join {info.endpoint} --token {token.reveal()} {pins}"

"""The static pod of workers' node-local load balancer: HAProxy in master-worker mode.

Its configuration is a directory of the host's, so that a file that is replaced there is seen. It is no part of the digest: a
signal makes HAProxy read it again (phases/balancer.py).
"""

from __future__ import annotations

from bootstrap import balancer
from bootstrap.cluster import Cluster, Host
from bootstrap.components.context import ManifestContext
from bootstrap.components.parts import Mount, Values, finished, startup_failures, volumes
from bootstrap.constants import BALANCER, BALANCER_DIR, BALANCER_HEALTH_PORT
from bootstrap.urls import NODE_LOCAL_ADDRESS
from bootstrap.versions import images

NAME = BALANCER
STARTUP_FILES = ()
USER = 99
"""Who the official image's haproxy is; it binds no port below 1024 and writes nothing. Source: docker-library/haproxy, 3.2."""


def manifest(cluster: Cluster, host: Host, context: ManifestContext) -> bytes:
    values: Values = {
        "image": images(cluster)[NAME],
        "command": ["haproxy", "-W", "-db", "-f", str(balancer.CONFIG)],
        "user": USER,
        "health_address": NODE_LOCAL_ADDRESS,
        "health_port": BALANCER_HEALTH_PORT,
        "startup_failures": startup_failures(cluster),
        "volumes": volumes([Mount("config", str(BALANCER_DIR), str(BALANCER_DIR), path_type="Directory")], ()),
    }
    return finished(NAME, values, STARTUP_FILES, context)

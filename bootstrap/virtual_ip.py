"""keepalived's configuration: the virtual IP of the control plane, held by one of the masters whose API server is ready.

VRRP goes from master to master (unicast). A master that comes back does not take the address again (nopreempt).
Source: keepalived.conf(5), keepalived 2.2.
"""

from __future__ import annotations

from bootstrap.cluster import Cluster, Host, Vip
from bootstrap.constants import KEEPALIVED_DIR
from bootstrap.files import File
from bootstrap.networking import host_port, is_ipv6
from bootstrap.render import Value, render_plain

CONFIG = KEEPALIVED_DIR / "keepalived.conf"
CHECK = KEEPALIVED_DIR / "check.sh"
CA = KEEPALIVED_DIR / "ca.crt"
PASSWD = KEEPALIVED_DIR / "passwd"
"""The container's /etc/passwd. In an image that knows no `root` keepalived would leave the check out, and hold the address with a
dead API server behind it. Source: keepalived 2.2, lib/notify.c, set_default_script_user.
"""
HIGHEST_PRIORITY = 200


def files(cluster: Cluster, vip: Vip, host: Host, cluster_ca: bytes) -> tuple[File, ...]:
    """What keepalived reads on a master. cluster_ca: PEM."""
    masters = cluster.control_plane_hosts
    values: dict[str, Value] = {
        "name": host.name,
        "script": str(CHECK),
        "interface": vip.interface,
        "router_id": vip.router_id,
        "priority": HIGHEST_PRIORITY - masters.index(host),
        "source": host.address,
        "peers": [peer.address for peer in masters if peer != host],
        "address": f"{vip.address}/{128 if is_ipv6(vip.address) else 32}",
    }
    server = host_port(host.address, cluster.api_server.bind_port)
    check = render_plain("keepalived/check.sh.j2", {"ca": str(CA), "server": server})
    return (
        File(CA, cluster_ca, 0o644),
        File(CHECK, check, 0o755),
        File(PASSWD, b"root:x:0:0:root:/:/bin/sh\n", 0o644),
        File(CONFIG, render_plain("keepalived/keepalived.conf.j2", values), 0o644),
    )

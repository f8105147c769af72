"""The static pod that holds the control plane's virtual IP, where the inventory has one (spec.vip)."""

from __future__ import annotations

from bootstrap import virtual_ip
from bootstrap.cluster import Cluster, Host
from bootstrap.components.context import ManifestContext
from bootstrap.components.parts import Mount, Values, finished, volumes
from bootstrap.constants import KEEPALIVED, KEEPALIVED_DIR
from bootstrap.versions import images

NAME = KEEPALIVED
RUN_DIR = "/run/keepalived"

# Read once: it could read its configuration again, but would not tell whether it has. A restart moves the address, for seconds.
STARTUP_FILES = (virtual_ip.CONFIG, virtual_ip.CHECK, virtual_ip.PASSWD)


def manifest(cluster: Cluster, host: Host, context: ManifestContext) -> bytes:
    pids = [f"--{name}={RUN_DIR}/{name}" for name in ("pid", "vrrp_pid")]
    values: Values = {
        "image": images(cluster)[NAME],
        "command": [
            "keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp", f"--use-file={virtual_ip.CONFIG}", *pids,
        ],
        "run_dir": RUN_DIR,
        "volumes": volumes(
            [
                Mount("config", str(KEEPALIVED_DIR), str(KEEPALIVED_DIR), path_type="Directory"),
                Mount("passwd", str(virtual_ip.PASSWD), "/etc/passwd", path_type="File"),
            ],
            (),
        ),
    }  # fmt: skip
    return finished(NAME, values, STARTUP_FILES, context)

"""The nodes' bridge. It has no way out: no address translation, no DHCP, no name server."""

from __future__ import annotations

from kubelab.lab import BRIDGE, SUBNET, SUBNET6
from kubelab.shell import run


def ensure_bridge() -> None:
    """Make the bridge and give it its addresses; nothing happens when all that is so already.

    Another lab that comes up may make it at the same moment: if it is not there afterwards the next command says so.
    """
    run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=False)
    run(["ip", "addr", "replace", f"{SUBNET}.1/24", "dev", BRIDGE])
    # A machine without IPv6 has nodes without IPv6.
    run(["ip", "-6", "addr", "replace", f"{SUBNET6}:1/64", "dev", BRIDGE, "nodad"], check=False)
    run(["ip", "link", "set", BRIDGE, "up"])


def remove_bridge() -> None:
    """Remove the bridge when nothing is plugged into it any more."""
    if not run(["ip", "-o", "link", "show", "master", BRIDGE], check=False).stdout.strip():
        run(["ip", "link", "delete", BRIDGE], check=False)

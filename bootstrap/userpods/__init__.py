"""The user's own static pods as values: read from a file, judged, marked as ours, and told apart on a host."""

from bootstrap.userpods.model import APPLIED, FROM_INVENTORY, UserPod, grace_s, identity, is_component, origin
from bootstrap.userpods.of_inventory import chosen, of_hosts, problems
from bootstrap.userpods.reading import load
from bootstrap.userpods.template import template

__all__ = [
    "APPLIED", "FROM_INVENTORY", "UserPod", "chosen", "grace_s", "identity", "is_component", "load", "of_hosts", "origin",
    "problems", "template",
]  # fmt: skip

"""Who etcd runs as on a host: the system user and group `etcd`, and what keeps them from being used. Pure.

What is there is kept: the user's and group's own ids, else those that own the data of a member that was born. Only then ids are
chosen, so that a manifest can name them before systemd-sysusers has made the user. They may differ from host to host.
"""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap import constants as k
from bootstrap.errors import Refused
from bootstrap.facts import Facts
from bootstrap.files import File

# systemd gives ids from 999 downwards, as we do; below 201 Red Hat has fixed ones. Source: sysusers.d(5), setup's uidgid.
FREE_IDS = range(999, 200, -1)


@dataclass(frozen=True)
class EtcdUser:
    """Numeric ids of the user and of the group: a container's user database knows no names of the host."""

    uid: int
    gid: int


ROOT = EtcdUser(0, 0)


def etcd_user(facts: Facts) -> EtcdUser:
    """Who etcd runs as on this host. Raises Refused where no system id is free."""
    there, data = facts.accounts, facts.etcd
    left_behind = data.has_member and data.uid in FREE_IDS and data.uid not in there.taken
    free = (number for number in FREE_IDS if number not in there.taken)
    chosen = next(free, None)
    if chosen is None and None in (there.uid, there.gid):
        raise Refused(f"no id from {FREE_IDS[-1]} to {FREE_IDS[0]} is free for the user {k.ETCD_USER}", host=facts.host)
    uid = data.uid if left_behind else chosen or 0
    gid = data.gid if left_behind and data.gid in FREE_IDS and data.gid not in there.taken else chosen or 0
    return EtcdUser(uid if there.uid is None else there.uid, gid if there.gid is None else there.gid)


def is_made(facts: Facts) -> bool:
    """Whether the host has both the user and the group."""
    return facts.accounts.uid is not None and facts.accounts.gid is not None


def sysusers_file(facts: Facts) -> File | None:
    """What systemd-sysusers makes the user and group of; None where somebody else has made them.

    Source: sysusers.d(5): a user or group that exists is left as it is.
    """
    if is_made(facts) and k.SYSUSERS_FILE not in facts.owned:
        return None
    ids = etcd_user(facts)
    lines = (
        "# Written by bootstrap: who the static pod of etcd runs as.",
        f"g {k.ETCD_USER} {ids.gid}",
        f'u {k.ETCD_USER} {ids.uid}:{ids.gid} "etcd of the control plane"',
    )
    return File(k.SYSUSERS_FILE, "".join(f"{line}\n" for line in lines).encode(), 0o644)


def problem(facts: Facts, *, wanted: bool) -> tuple[str, str] | None:
    """What keeps etcd from running as it should, and what to do about it; None where nothing does.

    wanted: hardening.etcdUser. The data of a member that was born is never given to somebody else: it may be in use.
    """
    data, there = facts.etcd, facts.accounts
    if not wanted:
        if data.has_member and data.uid:
            return (f"{data.data_dir} belongs to {data.owner}, and without spec.hardening.etcdUser etcd runs as root",
                    "leave spec.hardening.etcdUser on")
        return None
    if 0 in (there.uid, there.gid):
        return (f"the user or group {k.ETCD_USER} has the id of root",
                "give it an id of its own, or set spec.hardening.etcdUser: false")
    if data.has_member and not data.uid:
        return (f"{data.data_dir} belongs to root: this member was born without a user of its own",
                "set spec.hardening.etcdUser: false")
    if data.has_member and data.uid != etcd_user(facts).uid:
        return (f"{data.data_dir} belongs to {data.owner}, and the user {k.ETCD_USER} has the id {etcd_user(facts).uid}",
                f"while etcd does not run: chown -R {k.ETCD_USER}:{k.ETCD_USER} {data.data_dir}")
    if not is_made(facts) and "systemd-sysusers" not in facts.commands:
        return (f"there is no user {k.ETCD_USER}, and no systemd-sysusers to make it",
                f"useradd --system --user-group --shell /sbin/nologin {k.ETCD_USER}, or set spec.hardening.etcdUser: false")
    return None

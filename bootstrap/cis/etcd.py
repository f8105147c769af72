"""2: how etcd was started."""

from __future__ import annotations

from pathlib import PurePosixPath

from bootstrap.cis.flags import flags_of, holds, is_false, is_set, is_true, value_of
from bootstrap.cis.model import Check, Verdict, automated, manual
from bootstrap.constants import API_SERVER, ETCD
from bootstrap.facts import Facts

ARGS = "spec.etcd.local.extraArgs"


def _own_authority(facts: Facts) -> Verdict:
    """etcd trusts an authority of its own, else whoever has a certificate of the cluster's can read and write everything."""
    where, wanted = f"{ETCD} --trusted-ca-file", "a CA of its own"
    flags = flags_of(facts, ETCD)
    if flags is None:
        return Verdict(False, where, f"{ETCD} does not run", wanted)
    path = value_of(flags, "trusted-ca-file")
    if not path:
        return Verdict(False, where, "not set", wanted)
    clients = value_of(flags_of(facts, API_SERVER) or {}, "client-ca-file")
    ours = facts.owned.get(PurePosixPath(path))
    theirs = facts.owned.get(PurePosixPath(clients)) if clients else None
    same = path == clients or (ours is not None and theirs is not None and bool(ours.sha256) and ours.sha256 == theirs.sha256)
    return Verdict(not same, where, f"{path}, which clients of the API server have theirs from, too" if same else path, wanted)


CHECKS: tuple[Check, ...] = (
    automated("2.1", "proves itself to clients", is_set(ETCD, "cert-file", "key-file")),
    automated("2.2", "verifies clients", holds(ETCD, "client-cert-auth", "true", is_true)),
    automated("2.3", "no certificates that it made up for clients", holds(ETCD, "auto-tls", "false", is_false, unset=True),
              f"take auto-tls out of {ARGS}"),
    automated("2.4", "proves itself to members", is_set(ETCD, "peer-cert-file", "peer-key-file")),
    automated("2.5", "verifies members", holds(ETCD, "peer-client-cert-auth", "true", is_true)),
    automated("2.6", "no certificates that it made up for members",
              holds(ETCD, "peer-auto-tls", "false", is_false, unset=True), f"take peer-auto-tls out of {ARGS}"),
    manual("2.7", "has an authority of its own", _own_authority),
)  # fmt: skip

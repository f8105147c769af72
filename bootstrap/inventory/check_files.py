"""Files and directories on the operator's machine that the inventory names: are they there, and what they should be?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bootstrap.fields import BUILT_IN_ADDONS
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc
from bootstrap.syntax import paths, quoted

_HINTS = {
    "configFile": "for Vagrant: vagrant ssh-config > ssh-config",
    "identityFile": "the private key; leave it out to use ssh-agent and ~/.ssh",
    "policyFile": "an audit policy: apiVersion audit.k8s.io/v1, kind Policy; leave it out for the one that is shipped",
    "patches": "a directory of files such as kube-apiserver0+strategic.yaml",
    "certificateAuthorities": "a directory laid out as /etc/kubernetes/pki: ca.crt, ca.key, ...",
}


def findings(draft: Draft) -> Iterator[Finding]:
    holders: list[Loc] = [("spec",), *draft.hosts()]
    for holder in holders:
        for field in ("identityFile", "configFile"):
            yield from _file(draft, (*holder, "ssh", field), _HINTS[field])
        yield from _known_hosts(draft, (*holder, "ssh", "knownHostsFile"))
        yield from _directory(draft, (*holder, "patches"), _HINTS["patches"])
    yield from _directory(draft, ("spec", "certificateAuthorities"), _HINTS["certificateAuthorities"])
    yield from _file(draft, ("spec", "hardening", "audit", "policyFile"), _HINTS["policyFile"])
    for entry in draft.items("spec", "staticPods"):
        yield from _file(draft, (*entry, "file"), "the manifest of a Pod; one to start from: bootstrap pods new")
    for addon in draft.items("spec", "addons"):
        if draft.text(*addon) not in BUILT_IN_ADDONS:
            yield from _file(draft, addon, "the path of a manifest, from the inventory's directory")


def _file(draft: Draft, place: Loc, hint: str) -> Iterator[Finding]:
    text = draft.text(*place)
    if text is None:
        return
    match _kind(path := paths.local(text, draft.directory)):
        case "directory":
            yield Finding(place, f"{_shown(path)} is a directory", "a file")
        case "device":
            yield Finding(place, f"{_shown(path)} is a device or a pipe", "a file")
        case "nothing":
            yield Finding(place, f"no such file: {_shown(path)}", hint)


def _known_hosts(draft: Draft, place: Loc) -> Iterator[Finding]:
    text = draft.text(*place)
    if text is None:
        return
    kind = _kind(path := paths.local(text, draft.directory))
    if kind == "directory":
        yield Finding(place, f"{_shown(path)} is a directory", "a file, such as ./known_hosts; it need not exist yet")
    elif kind == "device":
        hint = "a file, such as ./known_hosts: host keys are always checked"
        yield Finding(place, f"{_shown(path)} is a device or a pipe", hint)


def _directory(draft: Draft, place: Loc, hint: str) -> Iterator[Finding]:
    text = draft.text(*place)
    if text is None:
        return
    match _kind(path := paths.local(text, draft.directory)):
        case "nothing":
            yield Finding(place, f"no such directory: {_shown(path)}", hint)
        case "file" | "device":
            yield Finding(place, f"{_shown(path)} is not a directory", hint)


def _kind(path: Path) -> str:
    """`directory`, `file`, `device` (which may never end), or `nothing`, also where it cannot be looked at."""
    try:
        return "directory" if path.is_dir() else "file" if path.is_file() else "device" if path.exists() else "nothing"
    except (OSError, ValueError):
        return "nothing"


def _shown(path: Path) -> str:
    return quoted(path, limit=200)

"""spec.staticPods: every entry says where its pod runs, and names hosts that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, within


def findings(draft: Draft) -> Iterator[Finding]:
    known = [name for host in draft.hosts() if (name := draft.text(*host, "name")) is not None]
    for entry in draft.items("spec", "staticPods"):
        if within(entry, draft.bad):
            continue
        if not draft.raw(*entry, "roles") and not draft.raw(*entry, "hosts"):
            yield Finding(entry, "is for no host", "roles: [control-plane], roles: [worker], or hosts: [NAME]")
        for place in draft.items(*entry, "hosts"):
            name = draft.text(*place)
            if name is not None and name not in known:
                close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
                yield Finding(place, "is no host of this inventory", f"did you mean {close[0]}?" if close else ", ".join(known))

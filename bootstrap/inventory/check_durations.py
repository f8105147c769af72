"""How long certificates are valid, and how long is waited for what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bootstrap import durations
from bootstrap.inventory.draft import Draft
from bootstrap.inventory.findings import Finding, Loc

_SHORTEST_VALIDITY = timedelta(hours=1)
_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(hours=24)
_WAITS: tuple[Loc, ...] = (
    ("spec", "ssh", "connectTimeout"),
    *(("spec", "timeouts", field) for field in ("controlPlaneComponentHealthCheck", "kubeletHealthCheck", "kubernetesAPICall")),
)


def findings(draft: Draft) -> Iterator[Finding]:
    yield from _validity(draft)
    yield from _waits(draft)


def _validity(draft: Draft) -> Iterator[Finding]:
    leaf = _duration(draft, ("spec", "certificateValidityPeriod"), timedelta(days=365))
    authority = _duration(draft, ("spec", "caCertificateValidityPeriod"), timedelta(days=3650))
    if leaf is None or authority is None:
        return
    for field, period in (("certificateValidityPeriod", leaf), ("caCertificateValidityPeriod", authority)):
        if period < _SHORTEST_VALIDITY:
            message = f"certificates would be valid for {durations.format(period)} only, less than a clock may be wrong"
            yield Finding(("spec", field), message, "at least 1h; 8760h is a year")
            return
    if leaf <= authority:
        return
    field = "certificateValidityPeriod"
    if draft.raw("spec", field) is None:
        field = "caCertificateValidityPeriod"
    message = f"certificates would be valid for {durations.format(leaf)}, longer than their CA ({durations.format(authority)})"
    yield Finding(("spec", field), message, "certificateValidityPeriod at most caCertificateValidityPeriod")


def _waits(draft: Draft) -> Iterator[Finding]:
    for place in (*_WAITS, *((*host, "ssh", "connectTimeout") for host in draft.hosts())):
        wait = _duration(draft, place, _SHORTEST_WAIT)
        if wait is not None and not _SHORTEST_WAIT <= wait <= _LONGEST_WAIT:
            yield Finding(place, f"{durations.format(wait)} is no time to wait", "between 1s and 24h")


def _duration(draft: Draft, place: Loc, default: timedelta) -> timedelta | None:
    text = draft.text(*place, default=durations.format(default))
    return None if text is None else durations.parse(text)

"""Durations as Go and kubeadm write them: `8760h`, `1h30m`, `1m0s`, `250ms`.

Source: Go's time.ParseDuration and time.Duration.String.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

PATTERN = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$|^0$"
LONGEST = timedelta(hours=2562047)  # Go counts nanoseconds in 64 bits: about 292 years

_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(PATTERN, re.ASCII)
_MICROSECONDS = {
    "ns": Fraction(1, 1000), "us": Fraction(1), "µs": Fraction(1), "μs": Fraction(1), "ms": Fraction(1000),
    "s": Fraction(10**6), "m": Fraction(60 * 10**6), "h": Fraction(3600 * 10**6),
}  # fmt: skip


def parse(text: str) -> timedelta:
    """The duration that `text` names, rounded to microseconds. Raises ValueError with a message for the operator."""
    if len(text) > 100 or not _WHOLE.fullmatch(text):
        raise ValueError("is not a duration")
    total = sum((Fraction(number) * _MICROSECONDS[unit] for number, unit in _PART.findall(text)), start=Fraction(0))
    if total > LONGEST // timedelta(microseconds=1):
        raise ValueError("is longer than 292 years")
    return timedelta(microseconds=round(total))


def format(duration: timedelta) -> str:
    """`duration` as Go would read it, in the largest units that keep it exact: `8760h`, `1h30m`, `4m`, `1.5s`."""
    microseconds = duration // timedelta(microseconds=1)
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    seconds, microseconds = divmod(microseconds, 10**6)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    last = f"{seconds}.{microseconds:06d}".rstrip("0") if microseconds else str(seconds)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{last}s" if seconds or microseconds else ""]
    return sign + ("".join(parts) or "0s")

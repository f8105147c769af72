"""Go's durations, read and written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("8760h", 31536000), ("1h30m", 5400), ("1m0s", 60), ("1.5h", 5400), ("250ms", 0.25), (".5s", 0.5), ("+3s", 3), ("0", 0),
        ("1us", 1e-6),
    ],
)
def test_go_durations_are_read(text: str, seconds: float) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "h", "1", "1 h", "1d", "1h 30m", "-1h", "1h\n", "1H", "\u0661h", "1e3s", "9" * 99 + "h", "1h" * 99]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (not a duration|longer)"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=365), "8760h"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(seconds=3661.25), "1h1m1.25s"),
        (timedelta(seconds=30), "30s"),
        (timedelta(0), "0s"),
        (timedelta(microseconds=1), "0.000001s"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_durations_are_written_as_go_reads_them(duration: timedelta, text: str) -> None:
    assert durations.format(duration) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=durations.LONGEST))
def test_what_is_written_reads_back(duration: timedelta) -> None:
    assert durations.parse(durations.format(duration)) == duration

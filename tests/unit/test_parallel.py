"""Threads for many hosts: order, errors, and signals that come at a bad moment."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from bootstrap import parallel
from bootstrap.interrupts import interruptible
from bootstrap.parallel import each


def test_results_are_in_the_order_of_the_things_and_so_many_at_once() -> None:
    together = threading.Barrier(3)

    def deed(number: int) -> int:
        together.wait(30)
        return number * 2

    assert each(deed, range(3), 3) == [0, 2, 4]
    assert each(abs, [], 0) == []


def test_the_first_error_in_order_is_raised_once_all_have_ended() -> None:
    done = []

    def deed(number: int) -> None:
        done.append(number)
        if number != 2:
            raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        each(deed, [1, 2, 3], 1)
    assert done == [1, 2, 3]


def test_a_signal_that_did_not_wake_the_main_thread_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken by another thread, it wakes nobody: as one that comes between two instructions of the main thread."""
    monkeypatch.setattr(parallel, "HEARD_S", 0.01)
    begun, stopped, seen = threading.Barrier(3), threading.Event(), []

    def deed(number: int) -> None:
        if number < 2:
            begun.wait(30)
        seen.append((number, stopped.wait(60)))

    def take() -> None:
        begun.wait(30)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=take).start()
        with pytest.raises(KeyboardInterrupt), interruptible(lambda: None):
            each(deed, range(5), 2, stop=stopped.set)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [stop for _, stop in seen] == [True] * len(seen)
    assert {number for number, _ in seen} >= {0, 1}


def test_a_thread_whose_start_was_interrupted_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes while the main thread waits for a new thread to say that it runs: the pool never hears of that thread."""
    stopped, seen = threading.Event(), []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    def deed(number: int) -> None:
        stopped.wait(30)
        time.sleep(0.05)
        seen.append(number)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        each(deed, range(5), 2, stop=lambda: (time.sleep(0.05), stopped.set())[0])
    assert seen == [0]

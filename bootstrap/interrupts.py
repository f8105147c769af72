"""Ctrl-C, and SIGTERM, with which CI ends what takes too long: the first ends a command in order, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(leave: Callable[[], None]) -> Iterator[None]:
    """The first signal raises KeyboardInterrupt in the block, every other one calls `leave`, which must not return.

    `leave` stays in charge after a block that was interrupted: what is under way in threads is still waited for then, also
    when the interpreter ends, and nobody who presses Ctrl-C again wants to read tracebacks of that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def at_once(number: int, frame: FrameType | None) -> None:
        leave()

    def in_order(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, at_once)
        raise KeyboardInterrupt

    # What is ignored stays so: nohup, and jobs that a shell started in the background.
    before = {each: signal.getsignal(each) for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    for each in before:
        signal.signal(each, in_order)
    try:
        yield
    finally:
        for each, handler in before.items():
            if signal.getsignal(each) is in_order:
                signal.signal(each, handler)

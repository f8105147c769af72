"""The same thing for many hosts at once, in threads, while the main thread keeps hearing signals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import TypeVar

HEARD_S = 0.5
"""A signal that comes just before the main thread begins to wait for a lock is not handled before that wait is over."""

T = TypeVar("T")
R = TypeVar("R")


def each(deed: Callable[[T], R], things: Iterable[T], at_most: int, *, stop: Callable[[], None] = lambda: None) -> list[R]:
    """What `deed` makes of every thing, in their order, at most so many at once. Raises the first error, once all have ended.

    stop: called where the wait is interrupted, before the threads are waited for; what has not begun then never does.
    """
    under_way = _UnderWay()
    try:
        with ThreadPoolExecutor(max_workers=max(1, at_most)) as pool:
            futures: list[Future[R]] = []
            try:
                for thing in things:
                    futures.append(pool.submit(under_way.do, deed, thing))
                finish(futures)
            except BaseException:
                stop()
                under_way.refuse()
                for future in futures:
                    future.cancel()
                raise
            return [future.result() for future in futures]
    finally:
        under_way.finish()


class _UnderWay:
    """Counts what is being done. The pool does not know of a thread whose start a signal interrupted, and would not wait for it.

    Source: CPython 3.11, Lib/concurrent/futures/thread.py, _adjust_thread_count: a thread is noted only once it has started.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._ended = False

    def do(self, deed: Callable[[T], R], thing: T) -> R:
        with self._changed:
            if self._ended:
                raise CancelledError
            self._count += 1
        try:
            return deed(thing)
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def refuse(self) -> None:
        """Let nothing begin any more."""
        with self._changed:
            self._ended = True

    def finish(self) -> None:
        """Wait for what has begun."""
        with self._changed:
            while self._count:
                self._changed.wait(HEARD_S)


def finish(futures: Collection[Future[R]]) -> None:
    """Wait until all have ended, in whatever way."""
    for future in futures:      # one after the other: to wait for all of a thousand costs as much each time
        while not future.done():
            wait((future,), timeout=HEARD_S)

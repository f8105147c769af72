"""The same thing for many hosts at once, in threads, while the main thread keeps hearing signals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

HEARD_S = 0.5
"""A signal that comes just before the main thread begins to wait for a lock is not handled before that wait is over."""

T = TypeVar("T")
R = TypeVar("R")


def each(deed: Callable[[T], R], things: Iterable[T], at_most: int, *, stop: Callable[[], None] = lambda: None) -> list[R]:
    """What `deed` makes of every thing, in their order, at most so many at once. Raises the first error, once all have ended.

    stop: called where the wait is interrupted, before the threads are waited for; what has not begun then never does.
    """
    with ThreadPoolExecutor(max_workers=max(1, at_most)) as pool:
        futures: list[Future[R]] = []
        try:
            for thing in things:
                futures.append(pool.submit(deed, thing))
            finish(futures)
        except BaseException:
            stop()
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]


def finish(futures: Collection[Future[R]]) -> None:
    """Wait until all have ended, in whatever way."""
    while wait(futures, timeout=HEARD_S).not_done:
        pass

"""Ctrl-C, once and again, against a real process: about half a second each, for Python has to start."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.interrupts import interruptible

SAID = "error: interrupted\n  hint: the same command carries on where this one stopped\n"
COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)    # the tests may run in the background of a shell, which ignores it
import threading
from concurrent.futures import ThreadPoolExecutor
from bootstrap import cli, queries
from bootstrap.connecting import at_once

shutdown = ThreadPoolExecutor.shutdown

def told(*arguments, **options):
    print("waiting for threads", flush=True)
    shutdown(*arguments, **options)

ThreadPoolExecutor.shutdown = told
begun, hour = threading.Barrier(4), threading.Event()

def work(name):
    begun.wait(60)
    hour.wait(3600)

def say():
    begun.wait(60)
    print("at work", flush=True)

def verify(*_):
    threading.Thread(target=say).start()
    at_once(work, ["cp1", "cp2", "cp3"], str)

queries.verify = verify
cli.main()
"""


def interrupted(words: list[str]) -> tuple[int, str, str]:
    """A command whose threads work for an hour, interrupted, and again when it still waits for them."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "verify", "inventory/three.yaml", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    rescue = threading.Timer(300, process.kill)
    rescue.start()
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "waiting for threads\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        return process.returncode, out, err
    finally:
        rescue.cancel()
        process.kill()
        process.wait()


def test_a_second_interrupt_ends_at_once_and_without_a_traceback() -> None:
    assert interrupted([]) == (130, "", SAID)


def test_the_stream_of_json_ends_as_it_always_does() -> None:
    code, out, err = interrupted(["--output", "json"])
    assert (code, err) == (130, "")
    assert out.count("\n") == 1
    assert '"exitCode": 130' in out


@pytest.fixture
def ordinary() -> Iterator[None]:
    """Signals as a terminal's foreground job has them, whatever the tests themselves were started with."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("ordinary")
def test_handlers_are_put_back_where_nothing_happened() -> None:
    with interruptible(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == (signal.default_int_handler, signal.SIG_DFL)


@pytest.mark.usefixtures("ordinary")
def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible(lambda: None):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ordinary")
def test_the_first_is_an_exception_and_whoever_comes_later_leaves() -> None:
    left: list[int] = []
    with pytest.raises(KeyboardInterrupt), interruptible(lambda: left.append(1)):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    assert left == [1, 1]


def test_other_threads_are_none_of_its_business() -> None:
    failed: list[BaseException] = []

    def use() -> None:
        try:
            with interruptible(lambda: None):
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(5)
    assert failed == []

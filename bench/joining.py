"""What many workers cost: `add-worker` for N model hosts in this process, in the model's time, where a wait costs nothing.

`python -m bench.joining` prints one row per N. Each N is one fresh process. The seconds are those of the processor, without what
the model hosts took: what `bootstrap` itself adds to what kubelets and the network take.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZES = (10, 50, 100)


class Models:
    """Seconds of the processor that were spent within the model hosts, in whatever thread."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._inside = threading.local()

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if getattr(self._inside, "yes", False):
                return function(*arguments, **options)
            self._inside.yes, began = True, time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self._inside.yes = False
                with self._lock:
                    self.seconds += time.thread_time() - began

        return call


def join(count: int) -> dict[str, float]:
    """One `add-worker` for all of them, then the same again, in this process: seconds of each, and its peak memory."""
    import pytest

    from bootstrap import workers
    from bootstrap.errors import ExitCode
    from bootstrap.testing import FakeFleet
    from tests.workflows.support import Recorder, a_cluster, a_living_fleet, in_model_time

    cluster = a_cluster(workers=count)
    request = workers.AddRequest(Path("bench.yaml"))
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        in_model_time(patch)
        fleet, models = a_living_fleet(cluster, Path(home)), Models()
        for name in ("read", "question", "operate", "steps", "answer", "route", "sleep"):
            patch.setattr(FakeFleet, name, models.timed(getattr(FakeFleet, name)))

        def add() -> float:
            began, theirs = time.process_time(), models.seconds
            code = workers.add(cluster, request, lambda _, host: fleet.connect(host), Recorder())
            if code is not ExitCode.DONE:
                raise RuntimeError(f"add-worker ended with {code}")
            return time.process_time() - began - (models.seconds - theirs)

        first, written = add(), fleet.count()
        again = add()
    if fleet.count() != written:
        raise RuntimeError("the second add-worker wrote something")
    joined = sum(path.startswith("/api/v1/nodes//w") for path in fleet.objects())
    if joined != count:
        raise RuntimeError(f"{joined} of {count} workers have joined")
    return {"seconds": first, "again": again, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(count: int) -> dict[str, float]:
    argv = [sys.executable, "-m", "bench.joining", "--join", str(count)]
    found: dict[str, float] = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def table(results: dict[int, dict[str, float]]) -> list[str]:
    """Markdown rows: one per number of workers."""
    lines = ["| workers | add-worker | per host | the same again | peak memory |", "| --- " * 5 + "|"]
    for count, found in results.items():
        lines.append(
            f"| {count} | {found['seconds']:.1f} s | {1000 * found['seconds'] / count:.0f} ms | {found['again']:.1f} s "
            f"| {found['mib']:.0f} MiB |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.joining", description=__doc__)
    parser.add_argument("--join", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    if options.join:
        print(json.dumps(join(options.join)))
        return
    print("\n".join(table({count: measure(count) for count in options.sizes})))


if __name__ == "__main__":
    main()

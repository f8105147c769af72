"""Run the ways in turn, then what needs no nodes; print the tables and leave them below `bench/results/`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import fleet, joining
from bench.nodes import Nodes
from bench.ways import WAYS

RESULTS = Path(__file__).parent / "results"
HEAD = ("| what | min | median | max |", "| --- | --- | --- | --- |")
FIGURES = {
    "readyz": "until the last /readyz", "exit": "until it exits", "again": "run again, until it exits",
    "again bytes": "run again, written on the nodes", "join": "one master joins",
}  # fmt: skip


def machine() -> dict[str, object]:
    """What was measured on, without anything that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpus": os.cpu_count(), "memory_gib": round(memory / 2**30), "kernel": platform.release(),
            "architecture": platform.machine(), "python": platform.python_version()}  # fmt: skip


def spread(what: str, values: Sequence[float], unit: str = "s", digits: int = 1) -> str:
    """One row: minimum, median and maximum."""
    cells = [f"{value:.{digits}f} {unit}" for value in (min(values), statistics.median(values), max(values))]
    return f"| {what} | {' | '.join(cells)} |"


def table(rounds: list[dict[str, dict[str, float]]]) -> list[str]:
    """Markdown rows of each figure, then the ratios of the medians."""
    lines = [*HEAD]
    medians: dict[tuple[str, str], float] = {}
    for way in WAYS:
        for figure in rounds[0][way]:
            values = [result[way][figure] for result in rounds]
            medians[way, figure] = statistics.median(values)
            unit, digits = ("bytes", 0) if figure.endswith("bytes") else ("s", 1)
            lines.append(spread(f"{way}, {FIGURES[figure]}", values, unit, digits))
    ours, hand, kubeadm = (medians[way, "readyz"] for way in ("bootstrap", "by hand", "kubeadm"))
    lines += ["", f"bootstrap / by hand: {ours / hand:.2f}; kubeadm / bootstrap: {kubeadm / ours:.2f}; "
              f"bootstrap exits {after(medians, 'bootstrap'):.1f} s after its last /readyz, with a pod network "
              f"{after(medians, 'bootstrap with a pod network'):.1f} s; "
              f"add-master / kubeadm join: {medians['add-master', 'join'] / medians['kubeadm', 'join']:.2f}"]  # fmt: skip
    return lines


def after(medians: Mapping[tuple[str, str], float], way: str) -> float:
    """Seconds from the last /readyz of a way until it exits."""
    return medians[way, "exit"] - medians[way, "readyz"]


def starts(times: int = 15) -> dict[str, list[float]]:
    """Seconds of `bootstrap --help` and of a Python that does nothing, in turn."""
    program = Path(sys.executable).with_name("bootstrap")
    commands = {"bootstrap --help": [str(program), "--help"], "python -c pass": [sys.executable, "-c", "pass"]}
    found: dict[str, list[float]] = {what: [] for what in commands}
    for _ in range(times):
        for what, argv in commands.items():
            began = time.monotonic()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
            found[what].append(time.monotonic() - began)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--name", default="bench", help="the lab's name")
    parser.add_argument("--only", choices=sorted(WAYS), help="one way alone, nothing written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        nodes = Nodes.up(options.name, Path(directory))
        rounds: list[dict[str, dict[str, float]]] = []
        for number in range(options.rounds):
            results = {}
            for name, way in WAYS.items():
                if options.only in (None, name):
                    nodes.reset()
                    results[name] = way(nodes)
                    print(f"round {number + 1}, {name}: {results[name]}", flush=True)
            rounds.append(results)
        nodes.down()
    if options.only:
        return
    helps = starts()
    fleets = {count: fleet.measure(count) for count in fleet.SIZES}
    workers = {count: joining.measure(count) for count in joining.SIZES}
    write(nodes.version, rounds, helps, fleets, workers)


def write(
    version: str,
    rounds: list[dict[str, dict[str, float]]],
    helps: dict[str, list[float]],
    fleets: dict[int, dict[str, float]],
    workers: dict[int, dict[str, float]],
) -> None:
    """Print the tables and leave them, and the figures that they are made of, below `bench/results/`."""
    now = datetime.now(UTC)
    many = "A plan of `init` for many masters, against SSH servers on the same machine:"
    begins = (spread(what, values, digits=2) for what, values in helps.items())
    joined = "`add-worker` for many model hosts in one process, in seconds of the processor:"
    tables = [*table(rounds), "", *HEAD, *begins, "", many, "", *fleet.table(fleets), "", joined, "", *joining.table(workers)]
    print("\n".join(["", *tables]))
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{now:%Y-%m-%d-%H%M}"
    about = {"date": now.isoformat(timespec="seconds"), "kubernetes": version, "machine": machine()}
    figures = {**about, "rounds": rounds, "starts": helps, "fleet": fleets, "workers": workers}
    stem.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n")
    head = [f"# {now:%Y-%m-%d}: three masters, Kubernetes {version}, images loaded", "",
            ", ".join(f"{key} {value}" for key, value in machine().items()), ""]  # fmt: skip
    stem.with_suffix(".md").write_text("\n".join([*head, *tables]) + "\n")


main()

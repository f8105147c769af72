"""Run the three ways in turn, print the table, write it below `bench/results/` with machine and date."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.nodes import Nodes
from bench.ways import WAYS

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, object]:
    """What was measured on, without anything that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpus": os.cpu_count(), "memory_gib": round(memory / 2**30), "kernel": platform.release(),
            "architecture": platform.machine(), "python": platform.python_version()}  # fmt: skip


def table(rounds: list[dict[str, dict[str, float]]]) -> list[str]:
    """Markdown rows: minimum, median and maximum of each figure, then the ratios of the medians."""
    lines = ["| what | min | median | max |", "| --- | --- | --- | --- |"]
    medians: dict[tuple[str, str], float] = {}
    for way in WAYS:
        for figure in rounds[0][way]:
            values = [result[way][figure] for result in rounds]
            medians[way, figure] = statistics.median(values)
            what = "until the last /readyz" if figure == "readyz" else "until it exits"
            lines.append(f"| {way}, {what} | {min(values):.1f} s | {statistics.median(values):.1f} s | {max(values):.1f} s |")
    ours, hand, kubeadm = (medians[way, "readyz"] for way in ("bootstrap", "by hand", "kubeadm"))
    lines += ["", f"bootstrap / by hand: {ours / hand:.2f}; kubeadm / bootstrap: {kubeadm / ours:.2f}; "
              f"bootstrap exits {medians['bootstrap', 'exit'] - ours:.1f} s after its last /readyz"]  # fmt: skip
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
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
    now = datetime.now(UTC)
    print("\n".join(["", *table(rounds)]))
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{now:%Y-%m-%d-%H%M}"
    about = {"date": now.isoformat(timespec="seconds"), "kubernetes": nodes.version, "machine": machine()}
    stem.with_suffix(".json").write_text(json.dumps({**about, "rounds": rounds}, indent=2) + "\n")
    head = [f"# {now:%Y-%m-%d}: three masters, Kubernetes {nodes.version}, images loaded", "",
            ", ".join(f"{key} {value}" for key, value in machine().items()), ""]  # fmt: skip
    stem.with_suffix(".md").write_text("\n".join([*head, *table(rounds)]) + "\n")


main()

"""A good inventory to spoil, and what loading a spoilt one says."""

from __future__ import annotations

from pathlib import Path

from bootstrap.cluster import Cluster
from bootstrap.errors import InventoryError, Problem
from bootstrap.inventory import parse

GOOD = """\
apiVersion: bootstrap/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  kubernetesVersion: v1.36.3
  hosts:
  - name: cp1
    role: control-plane
    address: 192.0.2.11
"""


def load(text: str | bytes, directory: Path = Path("/nowhere")) -> Cluster:
    return parse(text if isinstance(text, bytes) else text.encode(), directory / "demo.yaml")


def problems(text: str | bytes, directory: Path = Path("/nowhere")) -> tuple[Problem, ...]:
    """What is wrong with `text`; nothing for a good one."""
    try:
        load(text, directory)
    except InventoryError as error:
        return error.problems
    return ()


def with_spec(*lines: str) -> str:
    """GOOD with more lines below spec; the first of them is line 10."""
    return GOOD + "".join(f"  {line}\n" for line in lines)


def with_host(*lines: str) -> str:
    """GOOD with more lines in its host; the first of them is line 10."""
    return GOOD + "".join(f"    {line}\n" for line in lines)


def with_hosts(*hosts: str) -> str:
    """GOOD with more hosts, each in braces; the first of them is line 10."""
    return GOOD + "".join(f"  - {{{host}}}\n" for host in hosts)

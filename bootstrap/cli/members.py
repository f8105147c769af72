"""Commands that change which hosts a cluster has: add-worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap.cli.group import DRY_RUN, IGNORE_PREFLIGHT, INVENTORY, TIMELINE, main
from bootstrap.commandline import Context, command

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode


@main.command("add-worker")
@INVENTORY
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@DRY_RUN
@IGNORE_PREFLIGHT
@click.option("--no-kubelet-restart", is_flag=True, help="Do not restart a kubelet that refused a pod; stop and say why.")
@TIMELINE
@command
def add_worker(context: Context, inventory: Path, workers: tuple[str, ...], dry_run: bool, ignore_preflight: tuple[str, ...],
               no_kubelet_restart: bool, timeline: Path | None) -> ExitCode:  # fmt: skip
    """Let workers join: all of the inventory, or those named.

    Run again, it writes nothing; what is lost on a worker, or has changed in the inventory, is made right. Workers on which
    something fails are left behind and told in the end; the same command finishes them.
    """
    from bootstrap import workers as joining

    request = joining.AddRequest(inventory, workers, dry_run, ignore_preflight, no_kubelet_restart)
    cluster = context.load(inventory, with_files=True)
    with context.timeline(timeline, f"bootstrap add-worker {cluster.name}"):
        return joining.add(cluster, request, context.connect, context.console)

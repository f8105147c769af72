"""Commands that change which hosts a cluster has: add-worker, remove-worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap.cli.group import DRY_RUN, DURATION, IGNORE_PREFLIGHT, INVENTORY, TIMELINE, main
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


@main.command("remove-worker")
@INVENTORY
@click.argument("workers", nargs=-1, required=True, metavar="WORKER...")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@click.option("--drain-timeout", type=DURATION, default="5m", show_default=True, help="How long pods may take to leave.")
@click.option("--force", is_flag=True, help="Also end pods that belong to no controller: nothing makes them anew.")
@click.option("--delete-emptydir-data", is_flag=True, help="Also evict pods with emptyDir volumes: their data ends with them.")
@click.option("--dead", is_flag=True, help="The machine does not answer and never will: remove its Node alone.")
@TIMELINE
@command
def remove_worker(context: Context, inventory: Path, workers: tuple[str, ...], dry_run: bool, drain_timeout: timedelta,
                  force: bool, delete_emptydir_data: bool, dead: bool, timeline: Path | None) -> ExitCode:  # fmt: skip
    """Take workers out of the cluster.

    Their pods are evicted as disruption budgets allow; then kubelet, files and Node object go. Where pods do not leave in time
    the node stays cordoned, and the same command carries on. Afterwards, take the hosts out of the inventory. Once every master
    was reset, there is nowhere for pods to go: what is on the workers is removed, and pods end with it.
    """
    from bootstrap import workers as leaving

    request = leaving.RemoveRequest(inventory, workers, dry_run, drain_timeout, force, delete_emptydir_data, dead)
    cluster = context.load(inventory)
    with context.timeline(timeline, f"bootstrap remove-worker {cluster.name}"):
        return leaving.remove(cluster, request, context.connect, context.console)

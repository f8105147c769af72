"""Commands that change hosts: init, reset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap.cli.group import DRY_RUN, IGNORE_PREFLIGHT, INVENTORY, TARGET, TIMELINE, main
from bootstrap.commandline import Context, command

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode


@main.command()
@INVENTORY
@DRY_RUN
@click.option("--only", multiple=True, metavar="PHASE", help="Only this phase; may be repeated.")
@click.option("--skip", multiple=True, metavar="PHASE", help="Without this phase; may be repeated.")
@IGNORE_PREFLIGHT
@click.option("--kubeconfig", type=TARGET, help="Where to put the administrator's kubeconfig.")
@click.option("--no-kubelet-restart", is_flag=True, help="Do not restart a kubelet that refused a pod; stop and say why.")
@click.option("--prune", is_flag=True, help="Delete objects of add-ons that the inventory no longer names.")
@click.option("--confirm", metavar="NAME", help="The cluster's name, where --prune would leave no add-on at all.")
@TIMELINE
@command
def init(context: Context, inventory: Path, dry_run: bool, only: tuple[str, ...], skip: tuple[str, ...],
         ignore_preflight: tuple[str, ...], kubeconfig: Path | None, no_kubelet_restart: bool,
         prune: bool, confirm: str | None, timeline: Path | None) -> ExitCode:  # fmt: skip
    """Bring up the control plane on all masters at once.

    The administrator's kubeconfig is left at <cluster>.kubeconfig. Run again, it writes nothing; a run that was stopped is
    finished by the same command.

    \b
    bootstrap init demo.yaml --dry-run              show every change first
    bootstrap init demo.yaml --timeline run.svg     and draw what took how long
    bootstrap init demo.yaml --prune --dry-run      show what would be deleted
    """
    from bootstrap import runner

    request = runner.Request(inventory, dry_run, only, skip, ignore_preflight, kubeconfig, no_kubelet_restart, prune, confirm)
    cluster = context.load(inventory, with_files=True)
    with context.timeline(timeline, f"bootstrap init {cluster.name}"):
        return runner.init(cluster, request, context.connect, context.console)


@main.command()
@INVENTORY
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--confirm", metavar="NAME", help="The cluster's name, instead of being asked for it.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@click.option("--delete-etcd-data", is_flag=True, help="Delete etcd's data instead of moving it aside.")
@click.option("--force-quorum-loss", is_flag=True, help="Go on although those that stay would lose their quorum.")
@TIMELINE
@command
def reset(context: Context, inventory: Path, hosts: tuple[str, ...], confirm: str | None, dry_run: bool,
          delete_etcd_data: bool, force_quorum_loss: bool, timeline: Path | None) -> ExitCode:  # fmt: skip
    """Take the control plane off all masters, or off some.

    Shows what goes and asks for the cluster's name first. etcd's data is moved aside.
    """
    from bootstrap import runner

    request = runner.ResetRequest(inventory, hosts, confirm, dry_run, delete_etcd_data, force_quorum_loss)
    cluster = context.load(inventory)
    with context.timeline(timeline, f"bootstrap reset {cluster.name}"):
        return runner.reset(cluster, request, context.connect, context.console)

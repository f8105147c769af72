"""Commands that only look: facts, preflight, render, verify, status, logs, kubeconfig."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap.cli.group import IGNORE_PREFLIGHT, INVENTORY, TARGET, main
from bootstrap.commandline import Context, command, local_command

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode


@main.command()
@INVENTORY
@click.argument("host", required=False)
@command
def facts(context: Context, inventory: Path, host: str | None) -> ExitCode:
    """Show what is on the hosts, or on one."""
    from bootstrap import queries

    return queries.show_facts(context.load(inventory), host, context.connect, context.console)


@main.command()
@INVENTORY
@IGNORE_PREFLIGHT
@command
def preflight(context: Context, inventory: Path, ignore_preflight: tuple[str, ...]) -> ExitCode:
    """Say what would keep `init` from working: every check on every master, -v with what was measured between them.

    Nothing is written but, to measure etcd's disk, a temporary file that is removed again; not with --ignore-preflight EtcdDisk.
    Exit code 4 where something would keep it, 3 where a host is unknown.
    """
    from bootstrap import queries

    cluster = context.load(inventory, with_files=True)
    return queries.show_preflight(cluster, inventory, ignore_preflight, context.connect, context.console)


@main.command()
@INVENTORY
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Directory to write to.")
@click.option("--secrets", is_flag=True, help="With certificates, keys and kubeconfigs, made for this run only.")
@local_command
def render(context: Context, inventory: Path, out: Path, secrets: bool) -> ExitCode:
    """Write the files that masters would get to a directory.

    No host is touched.
    """
    from bootstrap import rendering

    return rendering.render(context.load(inventory, with_files=True), out, secrets, context.console)


@main.command()
@INVENTORY
@click.option("--profile", type=click.Choice(["cis"]), help="Against the CIS Kubernetes Benchmark instead; -v: all checks.")
@command
def verify(context: Context, inventory: Path, profile: str | None) -> ExitCode:
    """Compare what is there with the inventory.

    Files, processes, certificates served, etcd members and API objects. Exit code 0, 8 with the differences,
    or 3 where only a host could not be reached.
    """
    from bootstrap import queries

    if profile == "cis":
        return queries.verify_cis(context.load(inventory), inventory, context.verbose > 0, context.connect, context.console)
    return queries.verify(context.load(inventory, with_files=True), inventory, context.connect, context.console)


@main.command()
@INVENTORY
@command
def status(context: Context, inventory: Path) -> ExitCode:
    """Show what every host is doing, also while the API is down.

    Exit code 0 where every component answers and every node is in the API, 8 where not, 3 where only a host is not reached.
    """
    from bootstrap import queries

    return queries.status(context.load(inventory), inventory, context.connect, context.console)


@main.command()
@INVENTORY
@click.argument("host")
@click.argument("component")
@click.option("--tail", type=click.IntRange(0), default=100, show_default=True, help="How many of the last lines.")
@click.option("--previous", is_flag=True, help="Of the container before the newest, also one of an earlier pod.")
@command
def logs(context: Context, inventory: Path, host: str, component: str, tail: int, previous: bool) -> ExitCode:
    """Show the log of a component, read from the host itself.

    COMPONENT: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, or with spec.vip keepalived; of a worker
    balancer or kubelet.
    """
    from bootstrap import logs as logging

    return logging.show(context.load(inventory), host, component, tail, previous, context.connect, context.console)


@main.command()
@INVENTORY
@click.option("--kubeconfig", type=TARGET, help="Where to write it; `-`: standard output.")
@command
def kubeconfig(context: Context, inventory: Path, kubeconfig: Path | None) -> ExitCode:
    """Fetch the administrator's kubeconfig from a master."""
    from bootstrap import queries

    return queries.fetch_kubeconfig(context.load(inventory), kubeconfig, context.connect, context.console)

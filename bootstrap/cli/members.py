"""Commands that let masters come and go: add-master, remove-master, replace-master, apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bootstrap.cli.group import DRY_RUN, IGNORE_PREFLIGHT, INVENTORY, TARGET, TIMELINE, main
from bootstrap.commandline import Context, command
from bootstrap.errors import UsageError

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode

DEAD = click.option("--dead", is_flag=True, help="Take off a machine that is gone for ever; proven is that it does not answer.")
FORCE = click.option("--force-quorum-loss", is_flag=True, help="Go on although those that stay may lose their quorum.")
KUBECONFIG = click.option("--kubeconfig", type=TARGET, help="Where the administrator's kubeconfig is: it may name who leaves.")


@main.command("add-master")
@INVENTORY
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@DRY_RUN
@IGNORE_PREFLIGHT
@KUBECONFIG
@TIMELINE
@command
def add_master(context: Context, inventory: Path, names: tuple[str, ...], timeline: Path | None, **asked: Any) -> ExitCode:
    """Let masters of the inventory join the living cluster.

    etcd takes one after the other, as a learner that is promoted once it is in step; everything else is done side by side. A run
    that was stopped is finished by the same command, or undone by remove-master.
    """
    return _change(context, timeline, "add-master", inventory, add=names, **asked)


@main.command("remove-master")
@INVENTORY
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@DRY_RUN
@DEAD
@FORCE
@KUBECONFIG
@TIMELINE
@command
def remove_master(context: Context, inventory: Path, names: tuple[str, ...], timeline: Path | None, **asked: Any) -> ExitCode:
    """Take masters out of the living cluster; any of them, while the rest keeps its quorum.

    etcd's leadership is moved away first; etcd's data is moved aside. Afterwards take the names out of the inventory.
    """
    return _change(context, timeline, "remove-master", inventory, remove=names, **asked)


@main.command("replace-master")
@INVENTORY
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@DRY_RUN
@DEAD
@IGNORE_PREFLIGHT
@KUBECONFIG
@TIMELINE
@command
def replace_master(context: Context, inventory: Path, old: str, new: str, timeline: Path | None, **asked: Any) -> ExitCode:
    """Give the place of a master, dead or alive, to another machine.

    The inventory names NEW; OLD it may name, or not any more. Both may be the same name: with another address, or for a machine
    that was set up anew.

    \b
    bootstrap replace-master demo.yaml cp3 cp4           cp4 joins, then cp3 leaves
    bootstrap replace-master demo.yaml cp3 cp4 --dead    cp3 is gone for ever
    bootstrap replace-master demo.yaml cp3 cp3           cp3 was set up anew and has lost its data
    """
    return _change(context, timeline, "replace-master", inventory, add=(new,), remove=(old,), **asked)


@main.command()
@INVENTORY
@click.option("--members", is_flag=True, help="Let masters join that the inventory names, and leave that it does not.")
@DRY_RUN
@DEAD
@IGNORE_PREFLIGHT
@KUBECONFIG
@TIMELINE
@command
def apply(context: Context, inventory: Path, members: bool, timeline: Path | None, **asked: Any) -> ExitCode:
    """Make the living cluster have the masters of the inventory: no more, and no others.

    A master that leaves is reached at the address that etcd has for it, with the settings of `spec.ssh`.
    """
    if not members:
        raise UsageError("say what is to be applied", hint="bootstrap apply INVENTORY --members")
    return _change(context, timeline, "apply", inventory, remove_others=True, **asked)


def _change(context: Context, timeline: Path | None, command: str, inventory: Path, **asked: Any) -> ExitCode:
    from bootstrap import members

    cluster = context.load(inventory, with_files=True)
    with context.timeline(timeline, f"bootstrap {command} {cluster.name}"):
        return members.change(cluster, members.Request(command, inventory, **asked), context.connect, context.console)

"""Commands of the operator's own machine: trust, config, completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap.cli.group import INVENTORY, main
from bootstrap.commandline import Context, command, local_command

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode


@main.command()
@INVENTORY
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--accept", is_flag=True, help="Record the keys shown, without asking.")
@click.option("--replace", is_flag=True, help="Also where another key is recorded.")
@command
def trust(context: Context, inventory: Path, hosts: tuple[str, ...], accept: bool, replace: bool) -> ExitCode:
    """Show the hosts' SSH keys, and record them when told to."""
    from bootstrap import trusting

    return trusting.trust(context.load(inventory), hosts, accept, replace, context.console)


@main.group()
def config() -> None:
    """Check inventories, show them with every default, or begin with an example."""


@config.command("validate")
@INVENTORY
@local_command
def config_validate(context: Context, inventory: Path) -> None:
    """Check INVENTORY and the files it names; every mistake at once."""
    cluster = context.load(inventory, with_files=True)
    count = len(cluster.hosts)
    context.console.result(
        {"valid": True, "cluster": cluster.name, "hosts": count},
        f"{inventory} is valid: {cluster.name}, {count} host{'' if count == 1 else 's'}",
    )


@config.command("show")
@INVENTORY
@local_command
def config_show(context: Context, inventory: Path) -> None:
    """Print INVENTORY with every default filled in."""
    from bootstrap import inventory as inventories

    context.console.lines(inventories.show(context.load(inventory)))


@config.command("schema")
@local_command
def config_schema(context: Context) -> None:
    """Print the JSON schema of inventories."""
    import json

    from bootstrap import inventory as inventories

    context.console.lines(json.dumps(inventories.schema(), indent=2))


@config.command("example")
@click.argument("kind", default="three")
@local_command
def config_example(context: Context, kind: str) -> None:
    """Print a commented inventory to start from.

    KIND: single, three (the default), load-balancer, dual-stack or vagrant.
    """
    from bootstrap import inventory as inventories

    context.console.lines(inventories.example(kind))


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    source <(bootstrap completion bash)
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(main, {}, "bootstrap", "_BOOTSTRAP_COMPLETE").source())

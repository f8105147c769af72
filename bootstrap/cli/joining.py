"""Commands that let machines in that the tool does not reach itself: token create, list and delete, join-command."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from bootstrap.cli.group import DRY_RUN, INVENTORY, main
from bootstrap.commandline import Context, command
from bootstrap.errors import UsageError

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode

TTL = click.option("--ttl", metavar="DURATION", help="How long a new token is good; 0: for ever.  [default: 24h0m0s]")
IN_ARGV = click.argument("on_command_line", nargs=-1, metavar="")
"""Takes a token that was typed as with kubeadm, so that the answer to it does not quote it."""


@main.group()
def token() -> None:
    """Make, list and delete bootstrap tokens, as kubeadm does."""


@token.command("create")
@INVENTORY
@IN_ARGV
@TTL
@click.option("--usages", multiple=True, default=("signing,authentication",), show_default=True, metavar="LIST",
              help="What the token is good for; may be repeated.")  # fmt: skip
@click.option("--groups", multiple=True, metavar="LIST", help="What its bearer belongs to; may be repeated.  "
              "[default: system:bootstrappers:kubeadm:default-node-token]")  # fmt: skip
@click.option("--description", default="", metavar="TEXT", help="What people are told that the token is for.")
@click.option("--print-join-command", is_flag=True, help="Print the whole `kubeadm join` command, not the token alone.")
@click.option("--token-file", type=click.File("rb"), metavar="FILE", help="A token of your own; `-`: standard input.")
@DRY_RUN
@command
def token_create(context: Context, inventory: Path, on_command_line: tuple[str, ...], ttl: str | None, usages: tuple[str, ...],
                 groups: tuple[str, ...], description: str, print_join_command: bool, token_file: IO[bytes] | None,
                 dry_run: bool) -> ExitCode:  # fmt: skip
    """Make a bootstrap token and print it.

    Its secret is shown this once; later only by `bootstrap token list --show-secrets`. A token of your own is read from a file or
    from standard input, never from the command line, which everybody on this machine can see.
    """
    from bootstrap import token_commands, tokens

    _refuse_in_argv(on_command_line)
    given = None if token_file is None else tokens.parse(token_file.read(tokens.MAX_BYTES))
    request = token_commands.Request(ttl, usages, groups, description, given, print_join_command, dry_run)
    return token_commands.create(context.load(inventory), "token create", request, context.connect, context.console)


@token.command("list")
@INVENTORY
@click.option("--show-secrets", is_flag=True, help="Show whole tokens.")
@command
def token_list(context: Context, inventory: Path, show_secrets: bool) -> ExitCode:
    """Show the bootstrap tokens that there are, by their IDs."""
    from bootstrap import token_commands

    return token_commands.show(context.load(inventory), show_secrets, context.connect, context.console)


@token.command("delete")
@INVENTORY
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@DRY_RUN
@command
def token_delete(context: Context, inventory: Path, ids: tuple[str, ...], dry_run: bool) -> ExitCode:
    """Delete bootstrap tokens; nodes that joined with them stay.

    ID: the first six characters of a token; a whole token is taken, too. One that is not there is an error, and the others are
    deleted all the same.
    """
    from bootstrap import token_commands

    return token_commands.delete(context.load(inventory), ids, dry_run, context.connect, context.console)


@main.command("join-command")
@INVENTORY
@IN_ARGV
@TTL
@click.option("--token-file", type=click.File("rb"), metavar="FILE", help="A token that is there already; `-`: standard input.")
@DRY_RUN
@command
def join_command(context: Context, inventory: Path, on_command_line: tuple[str, ...], ttl: str | None,
                 token_file: IO[bytes] | None, dry_run: bool) -> ExitCode:  # fmt: skip
    """Print the `kubeadm join` command of a worker.

    For a machine that the tool does not reach itself, with a kubeadm of the cluster's minor. The command holds a new token, or
    yours. Without
    spec.controlPlaneEndpoint the command names one master, and a worker that joins with it depends on that master's API server
    for good, unless a load balancer on the machine itself is put in between.
    """
    from bootstrap import token_commands, tokens

    _refuse_in_argv(on_command_line)
    if token_file is None:
        request = token_commands.Request(ttl, description="bootstrap join-command", join=True, dry_run=dry_run)
        return token_commands.create(context.load(inventory), "join-command", request, context.connect, context.console)
    if ttl is not None:
        raise UsageError("--ttl is for new tokens; that of a token that is there is known", hint="bootstrap token list INVENTORY")
    given = tokens.parse(token_file.read(tokens.MAX_BYTES))
    return token_commands.join_command(context.load(inventory), given, context.connect, context.console)


def _refuse_in_argv(words: tuple[str, ...]) -> None:
    if words:
        raise UsageError("a token on the command line can be seen by everybody on this machine, and stays in the shell's history",
                         hint="--token-file FILE, or --token-file - for standard input")  # fmt: skip

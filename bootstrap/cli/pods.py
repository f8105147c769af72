"""Commands about static pods of the user's own: pods list, apply, delete, logs, new."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap.cli.group import DRY_RUN, INVENTORY, main
from bootstrap.commandline import Context, command, local_command

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode

HOST = click.option("--host", "hosts", multiple=True, metavar="NAME", help="On this host; may be repeated.")
ROLE = click.option("--role", type=click.Choice(["control-plane", "worker", "all"]), help="On every host of this role.")


@main.group()
def pods() -> None:
    """Static pods of your own, beside the control plane's."""


@pods.command("list")
@INVENTORY
@click.option("--all", "everything", is_flag=True, help="Also the pods that are not static, where an API server answers.")
@command
def pods_list(context: Context, inventory: Path, everything: bool) -> ExitCode:
    """Show the static pods of every host, also while the API is down.

    OWNER says whose a manifest is: of the control plane, of a worker (its way to the API servers), of the inventory
    (spec.staticPods), applied by `pods apply`, or a stranger's.
    """
    from bootstrap import podlist

    return podlist.show(context.load(inventory), everything, context.connect, context.console)


@pods.command("apply")
@INVENTORY
@click.option("-f", "--filename", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="A manifest: one v1 Pod. Left out: those of spec.staticPods.")  # fmt: skip
@HOST
@ROLE
@click.option("--adopt", is_flag=True, help="Take over a file of the same pod that somebody else put in its place.")
@click.option("--stable", type=click.IntRange(0, 3600), default=30, show_default=True, metavar="SECONDS",
              help="How long a pod must have run without a restart.")  # fmt: skip
@DRY_RUN
@command
def pods_apply(context: Context, inventory: Path, file: Path | None, hosts: tuple[str, ...], role: str | None, adopt: bool,
               stable: int, dry_run: bool) -> ExitCode:  # fmt: skip
    """Have a static pod run, as its manifest says, and wait until it does.

    New pods start on all hosts at once; one that changes is replaced host by host, the next only when it runs again.

    \b
    bootstrap pods apply demo.yaml -f web.yaml --role worker
    bootstrap pods apply demo.yaml                      what spec.staticPods names
    """
    from bootstrap import pods as podchanges

    where = podchanges.Where(hosts, role)
    request = podchanges.ApplyRequest(inventory, file, where, adopt, float(stable), dry_run)
    return podchanges.apply(context.load(inventory, with_files=True), request, context.connect, context.console)


@pods.command("delete")
@INVENTORY
@click.argument("name")
@HOST
@ROLE
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@command
def pods_delete(
    context: Context, inventory: Path, name: str, hosts: tuple[str, ...], role: str | None, dry_run: bool
) -> ExitCode:
    """Remove a static pod's manifest, and wait until its containers have ended.

    NAME: of the pod, or NAMESPACE/NAME. A manifest that this tool did not write goes by its absolute path only; those of the
    control plane never go this way.
    """
    from bootstrap import pods as podchanges

    request = podchanges.DeleteRequest(inventory, name, podchanges.Where(hosts, role), dry_run)
    return podchanges.delete(context.load(inventory, with_files=True), request, context.connect, context.console)


@pods.command("logs")
@INVENTORY
@click.argument("host")
@click.argument("pod")
@click.option("-c", "--container", metavar="NAME", help="Which container, where there are several.")
@click.option("--tail", type=click.IntRange(0), default=100, show_default=True, help="How many of the last lines.")
@click.option("--previous", is_flag=True, help="Of the container before the newest, also one of an earlier pod.")
@command
def pods_logs(context: Context, inventory: Path, host: str, pod: str, container: str | None, tail: int,
              previous: bool) -> ExitCode:  # fmt: skip
    """Show the log of a static pod, read from the host itself.

    POD: its name, or NAMESPACE/NAME.
    """
    from bootstrap import logs

    request = logs.PodLogRequest(host, pod, container, tail, previous)
    return logs.show_pod(context.load(inventory), inventory, request, context.connect, context.console)


@pods.command("new")
@click.argument("name")
@click.option("--image", required=True, help="The container's image.")
@click.option("--command", "is_command", is_flag=True, help="WORDS are the container's command; without this its arguments.")
@click.argument("words", nargs=-1, metavar="[-- WORDS...]")
@local_command
def pods_new(context: Context, name: str, image: str, is_command: bool, words: tuple[str, ...]) -> None:
    """Print a manifest to start from; --command means what it means to `kubectl run`.

    \b
    bootstrap pods new web --image registry.example/web:1 -- --port 8080 > web.yaml
    """
    from bootstrap import userpods

    context.console.lines(userpods.template(name, image, words, command=is_command))

"""The commands, about ten lines each; what a command needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootstrap import __version__
from bootstrap.commandline import Context, InventoryFile, Main, command, local_command

if TYPE_CHECKING:
    from bootstrap.errors import ExitCode

INVENTORY = click.argument("inventory", type=InventoryFile())
TARGET = click.Path(dir_okay=False, path_type=Path)
TIMELINE = click.option(
    "--timeline", type=click.Path(path_type=Path), metavar="FILE", help="Draw what every host did when: FILE.svg or FILE.html.",
)  # fmt: skip


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="bootstrap")
def main() -> None:
    """A highly available Kubernetes control plane from an inventory of machines, over SSH.

    Start with `bootstrap config example > demo.yaml`, put your machines into it, then `bootstrap init demo.yaml`.

    \b
    Exit codes: 0 done, 2 usage or inventory, 3 a host cannot be reached,
    4 refused and nothing written, 5 stopped part-way: run it again,
    7 a person is needed, 8 differences found, 130 interrupted, 1 a bug.
    """


@main.command()
@INVENTORY
@click.option("--dry-run", is_flag=True, help="Print the plan, every file, command and wait, and write nothing.")
@click.option("--only", multiple=True, metavar="PHASE", help="Only this phase; may be repeated.")
@click.option("--skip", multiple=True, metavar="PHASE", help="Without this phase; may be repeated.")
@click.option("--ignore-preflight", multiple=True, metavar="NAME", help="Let this finding pass (`all`: every one).")
@click.option("--kubeconfig", type=TARGET, help="Where to put the administrator's kubeconfig.")
@click.option("--no-kubelet-restart", is_flag=True, help="Do not restart a kubelet that refused a pod; stop and say why.")
@TIMELINE
@command
def init(context: Context, inventory: Path, dry_run: bool, only: tuple[str, ...], skip: tuple[str, ...],
         ignore_preflight: tuple[str, ...], kubeconfig: Path | None, no_kubelet_restart: bool,
         timeline: Path | None) -> ExitCode:  # fmt: skip
    """Bring up the control plane on all masters at once.

    The administrator's kubeconfig is left at <cluster>.kubeconfig. Run again, it writes nothing; a run that was stopped is
    finished by the same command.

    \b
    bootstrap init demo.yaml --dry-run              show every change first
    bootstrap init demo.yaml --timeline run.svg     and draw what took how long
    """
    from bootstrap import runner

    request = runner.Request(inventory, dry_run, only, skip, ignore_preflight, kubeconfig, no_kubelet_restart)
    cluster = context.load(inventory, with_files=True)
    with context.timeline(timeline, f"bootstrap init {cluster.name}"):
        return runner.init(cluster, request, context.connect, context.console)


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
@click.option("--ignore-preflight", multiple=True, metavar="NAME", help="Let this finding pass (`all`: every one).")
@command
def preflight(context: Context, inventory: Path, ignore_preflight: tuple[str, ...]) -> ExitCode:
    """Say what would keep `init` from working: every check on every master, -v with what was measured between them.

    Nothing is written but, to measure etcd's disk, a temporary file that is removed again; not with --ignore-preflight EtcdDisk.
    Exit code 4 where something would keep it, 3 where a host is unknown.
    """
    from bootstrap import queries

    return queries.show_preflight(context.load(inventory, with_files=True), ignore_preflight, context.connect, context.console)


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

    Files, processes, certificates served, etcd members and API objects. Exit code 0, or 8 with the differences.
    """
    from bootstrap import queries

    if profile == "cis":
        return queries.verify_cis(context.load(inventory), context.verbose > 0, context.connect, context.console)
    return queries.verify(context.load(inventory, with_files=True), inventory, context.connect, context.console)


@main.command()
@INVENTORY
@command
def status(context: Context, inventory: Path) -> ExitCode:
    """Show what every master is doing, also while the API is down.

    Exit code 0 where every component answers and every node is in the API, 8 where not.
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

    COMPONENT: etcd, kube-apiserver, kube-controller-manager, kube-scheduler or kubelet.
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
    """Check, show and explain inventories."""


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

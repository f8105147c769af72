"""What the commands share: the group that they hang on, and arguments that several of them have."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap import __version__
from bootstrap.commandline import InventoryFile, Main

INVENTORY = click.argument("inventory", type=InventoryFile())
TARGET = click.Path(dir_okay=False, path_type=Path)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Print the plan, every file, command and wait, and write nothing.")
IGNORE_PREFLIGHT = click.option(
    "--ignore-preflight", multiple=True, metavar="NAME", help="Let this finding pass (`all`: every one)."
)
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

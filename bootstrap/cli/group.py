"""What the commands share: the group that they hang on, and arguments that several of them have."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bootstrap import __version__, durations
from bootstrap.commandline import InventoryFile, Main


class Duration(click.ParamType[timedelta]):
    """A duration as the inventory has it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return durations.parse(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}; hours, minutes and seconds: 1h, 5m, 90s", param, ctx)


DURATION = Duration()
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

"""How a command of `cli/` begins and ends: shared options, the console, errors as messages and exit codes.

With `--output json` every command ends in exactly one line of kind `result` or `error` that has the exit code, also where the
command line itself was wrong or somebody pressed Ctrl-C.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click
from click.shell_completion import CompletionItem

from bootstrap.errors import BootstrapError, ExitCode, Interrupted, SeveralErrors, UsageError, typed
from bootstrap.interrupts import interruptible

if TYPE_CHECKING:
    from bootstrap.cluster import Cluster, Host
    from bootstrap.connection import Connection
    from bootstrap.console import Console, Unwritable
    from bootstrap.events import Event

OUTPUT = click.option(
    "--output", "-o", type=click.Choice(["text", "json"]), default="text",
    help="Text, or JSON lines (docs/output.schema.json).",
)  # fmt: skip
VERBOSE = click.option("-v", "--verbose", count=True, help="Say more; up to -vvv.")
COLOR = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto",
    help="Colours. auto: on a terminal, unless NO_COLOR is set.",
)  # fmt: skip
PLAIN = click.option(
    "--plain", is_flag=True, envvar="BOOTSTRAP_PLAIN",
    help="Lines only: nothing is drawn over, no colours. Also by BOOTSTRAP_PLAIN=1.",
)  # fmt: skip
ASK_SUDO = click.option("--ask-sudo-password", is_flag=True, help="Ask for sudo's password once, for every host that wants one.")


class Context:
    """What the commands share: the console, and how to reach a host."""

    def __init__(self, console: Console, verbose: int, ask_sudo_password: bool) -> None:
        self.console = console
        self.verbose = verbose
        self._ask = ask_sudo_password
        # A node name of 53 letters or more makes a common name that RFC 5280 calls too long; Kubernetes does not mind.
        warnings.filterwarnings("ignore", message="Attribute's length must be")
        logging.getLogger().addHandler(console.log_handler())
        if verbose:
            level = logging.INFO if verbose == 1 else logging.DEBUG
            logging.getLogger("bootstrap").setLevel(level)

    def load(self, inventory: Path, *, with_files: bool = False) -> Cluster:
        """The cluster of an inventory; its warnings are shown. with_files: what it names must be sound too."""
        from bootstrap import inventory as inventories

        cluster = inventories.load(inventory)
        if with_files:
            from datetime import UTC, datetime

            from bootstrap import named_files

            named_files.check(cluster, datetime.now(UTC))
        for warning in inventories.warnings(cluster):
            self.console.note(warning)
        return cluster

    @property
    def connect(self) -> Callable[[Cluster, Host], Connection]:
        """How to reach a host. Asks for sudo's password here, once: a question of the threads that connect outlives Ctrl-C."""
        from bootstrap import ssh

        password = self.console.secret_prompt("sudo password: ") if self._ask else None
        return partial(ssh.connect, sudo_password=None if password is None else lambda: password)

    @contextmanager
    def timeline(self, path: Path | None, title: str) -> Iterator[None]:
        """Draw what happens within into a file, also where it fails. Raises UsageError where that cannot be, before it begins."""
        from bootstrap import timeline

        if path is None:
            yield
            return
        _refuse_as_timeline(path)
        events: list[Event] = []
        self.console.listen(events.append)
        try:
            yield
        finally:
            draw = timeline.svg if path.suffix == ".svg" else timeline.page
            try:
                path.write_text(draw(events, title), encoding="utf-8")
                self.console.note(f"timeline: {path}")
            except OSError as error:
                self.console.note(f"the timeline could not be written to {path}: {error.strerror or error}")


def local_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options and its Context, and turn its errors into messages and exit codes."""

    @OUTPUT
    @VERBOSE
    @COLOR
    @PLAIN
    @wraps(function)
    def wrapper(
        output: str, verbose: int, color: Literal["auto", "always", "never"], plain: bool, *, ask_sudo_password: bool = False,
        **arguments: Any,
    ) -> None:  # fmt: skip
        from bootstrap.console import Console, Unwritable

        console = Console(output, verbose, color, plain=plain, command=_name())
        context = Context(console, verbose, ask_sudo_password)
        try:
            code = _ended(context, lambda: function(context, **arguments), arguments.get("inventory"))
            console.end(code)
        except BrokenPipeError:     # `| head` has seen enough
            _exit_unheard(ExitCode.INTERRUPTED)
        except Unwritable as error:
            _exit_with(error)
        sys.exit(int(code))

    return wrapper


def _ended(context: Context, run: Callable[[], ExitCode | None], inventory: Path | None) -> ExitCode:
    """How a command ended; what went wrong is told. Raises BrokenPipeError and Unwritable where nothing can be told any more."""
    from bootstrap.console import Unwritable

    console = context.console
    try:
        with interruptible(lambda: _leave(console)):
            return run() or ExitCode.DONE
    except (BrokenPipeError, Unwritable):
        raise
    except BootstrapError as error:
        _name_inventory(error, inventory)
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.error(Interrupted())
        return ExitCode.INTERRUPTED
    except Exception as error:  # whatever is left is a bug of ours, and says so
        console.bug(error)
        return ExitCode.BUG


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that reaches hosts."""
    return ASK_SUDO(local_command(function))


class Main(click.Group):
    """The group of all commands: in the order in which they were written, and with errors of usage in our own form."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        atexit.register(gc.freeze)      # an interpreter that ends looks for cycles in all that is left: a fifth of a second
        try:
            code = super().main(args, *rest, **{**options, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            code = _show_usage_error(error, words)
        except click.Abort:
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            _exit_unheard(ExitCode.INTERRUPTED)
        except OSError as error:
            from bootstrap.console import Unwritable

            if error.filename is not None:      # not of click's own text, but of that file
                raise
            _exit_with(Unwritable.of(sys.stdout, error))
        sys.exit(code if isinstance(code, int) else 0)


class BadInventory(click.BadParameter):
    """What was given as inventory is none."""


class InventoryFile(click.ParamType[Path]):
    """A file that is there and can be read."""

    name = "inventory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        try:
            if path.is_dir():
                raise BadInventory(f"{path} is a directory; an inventory is one file", ctx, param)
            if not path.exists():
                raise BadInventory(f"there is no file {path}", ctx, param)
        except OSError as error:
            raise BadInventory(f"cannot read {path}: {error.strerror}", ctx, param) from error
        if not os.access(path, os.R_OK):
            raise BadInventory(f"no permission to read {path}", ctx, param)
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


def _show_usage_error(error: click.ClickException, words: Sequence[str]) -> int:
    """One line and a hint. Standard output gets JSON where the rest of the command line asks for it."""
    from bootstrap.console import Console, Unwritable

    ctx = error.ctx if isinstance(error, click.UsageError) else None
    path = ctx.command_path if ctx is not None else "bootstrap"
    if isinstance(error, BadInventory):
        message, hint = error.message, f"one to start from: bootstrap config example > {shlex.quote(_new_name(words))}"
    else:
        message, hint = error.format_message().rstrip("."), f"{path} --help"
    console = Console("json" if _asks_for_json(words) else "text", command=path.partition(" ")[2])
    try:
        console.error(UsageError(message[:1].lower() + message[1:], hint=hint))
        console.end(ExitCode.USAGE)
    except (BrokenPipeError, Unwritable):
        _exit_unheard(ExitCode.USAGE)
    return int(ExitCode.USAGE)


def _refuse_as_timeline(path: Path) -> None:
    directory = path.absolute().parent
    if path.suffix not in (".svg", ".html"):
        raise UsageError(f"cannot draw a timeline as {path.name}", hint="--timeline FILE.svg or --timeline FILE.html")
    if not directory.is_dir():
        raise UsageError(f"cannot write {path}: there is no directory {directory}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a directory")
    if not os.access(path if path.exists() else directory, os.W_OK):
        raise UsageError(f"cannot write {path}: no permission")


def _asks_for_json(words: Sequence[str]) -> bool:
    asked = (("-o", "json"), ("--output", "json"))
    return bool({"--output=json", "-ojson"} & {*words}) or any(pair in asked for pair in pairwise(words))


def _new_name(words: Sequence[str]) -> str:
    """The name of a YAML file that was asked for and is not there; else one that says what it is."""
    return next((word for word in words if word.endswith((".yaml", ".yml")) and not Path(word).exists()), "demo.yaml")


def _name() -> str:
    """`init`, `config show`."""
    ctx = click.get_current_context(silent=True)
    return ctx.command_path.partition(" ")[2] if ctx is not None else ""


def _name_inventory(error: BootstrapError, inventory: Path | None) -> None:
    """Hints are there to be typed: the inventory's own path instead of INVENTORY."""
    for each in error.errors if isinstance(error, SeveralErrors) else (error,):
        if inventory is not None:
            each.hint = typed(each.hint, inventory)


def _leave(console: Console) -> NoReturn:
    """A second interrupt: no thread is waited for. What the hosts have is what a kill would leave, and the same cure helps."""
    with suppress(Exception):   # the first may have come while something was being printed
        console.error(Interrupted())
        console.end(ExitCode.INTERRUPTED)
    os._exit(int(ExitCode.INTERRUPTED))


def _exit_with(error: Unwritable) -> NoReturn:
    """Standard error may still be there to tell it; JSON would go where nothing can be written."""
    from bootstrap.console import Console, Unwritable

    with suppress(BrokenPipeError, Unwritable):
        Console("text").error(error)
    _exit_unheard(error.exit_code)


def _exit_unheard(code: ExitCode) -> NoReturn:
    """Nobody is left to tell; nor may the interpreter try to, when it ends."""
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    sys.exit(int(code))

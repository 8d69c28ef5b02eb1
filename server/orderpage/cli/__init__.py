"""The command ``orderpage``. Each command's own imports are late, so that none pays for another's."""

import os
import sys
from typing import NoReturn

import typer

from orderpage import __version__
from orderpage.cli import bench, data, demo, inspect, serve

app = typer.Typer(
    name="orderpage",
    help="A checkout orchestrator for cross-border order pages.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve.serve)
app.command()(demo.demo)
app.command()(data.render)
app.command()(data.load)
app.command()(data.migrate)
app.command()(inspect.explain)
app.command()(inspect.matrix)
app.add_typer(bench.app)


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """A checkout orchestrator for cross-border order pages."""
    if show:
        typer.echo(f"orderpage {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; a mistake of the user's ends with its message and status 2, never with a stack trace."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to standard error what we say ourselves
    from orderpage.cli.failures import mistakes

    try:
        app()
    except mistakes() as mistake:
        fail(str(mistake))


def fail(message: str) -> NoReturn:
    """End with a message on standard error and status 2."""
    print(f"orderpage: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)

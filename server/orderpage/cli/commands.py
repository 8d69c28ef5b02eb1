"""The commands, as Typer shows them; those of extension packages come last."""

from importlib.metadata import entry_points

import typer

from orderpage import __version__
from orderpage.cli import bench, data, demo, inspect, legacy, outbox, replay, shipment
from orderpage.cli.diff import app as diff
from orderpage.cli.settle import command as settlement
from orderpage.cli.traffic import app as traffic
from orderpage.cli.traffic import gate
from orderpage.tools import Tools

COMMANDS = "orderpage.commands"
"""Entry points: a name to a Typer app."""

app = typer.Typer(
    name="orderpage",
    help="A checkout orchestrator for cross-border order pages.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def serve(context: typer.Context) -> None:
    """Serve Render, Submit, PayStage and GetOrder. Settings are variables ORDERPAGE_… too; flags win."""
    from orderpage.cli.serve import serve as run

    raise typer.Exit(run(context.args))


app.command()(demo.demo)
app.command()(legacy.legacy)
app.command()(data.render)
app.command()(data.load)
app.command()(data.migrate)
app.command()(inspect.explain)
app.command()(inspect.matrix)
app.command()(replay.replay)
app.command()(settlement.settle)
app.add_typer(diff.app)
gate.register(traffic.app)
app.add_typer(traffic.app)
app.add_typer(shipment.app)
app.add_typer(outbox.app)
app.add_typer(bench.app)


@app.callback(invoke_without_command=True)
def version(context: typer.Context, show: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """A checkout orchestrator for cross-border order pages."""
    context.obj = Tools()
    if show:
        typer.echo(f"orderpage {__version__}")
        raise typer.Exit


def _add_others() -> None:
    """What cannot be loaded is said, and costs no other command."""
    for entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
        try:
            app.add_typer(entry.load(), name=entry.name)
        except Exception as error:
            typer.echo(f"orderpage: no command {entry.name!r}: {entry.value} can't be loaded: {error}", err=True)


_add_others()

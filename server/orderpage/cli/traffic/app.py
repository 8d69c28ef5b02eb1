"""``orderpage traffic``: who is answered by which order page, and every change of it."""

from typing import Annotated

import typer

from orderpage.cli.traffic.options import (
    Actor,
    Business,
    Client,
    Crowd,
    Everything,
    File,
    How,
    Lower,
    Print,
    Reason,
    Site,
    Version,
    Where,
    Yes,
)

app = typer.Typer(name="traffic", no_args_is_help=True)


@app.callback()
def traffic() -> None:
    """Who is answered by the new order page and who by legacy: show it, change it, stop it."""


@app.command()
def show(
    file: File = None,
    buyer: Annotated[str, typer.Option(help="Say also what this buyer gets.")] = "",
    json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False,
) -> None:
    """Show the rules in order of decision, and what the cells of the packages get by them."""
    from orderpage.cli.traffic.show import show_traffic

    typer.echo(show_traffic(file, buyer, json=json))


@app.command("set")
def set_(
    shares: Annotated[list[str], typer.Argument(help="One of legacy, shadow, new, ramp, refused; or new=20 shadow.")],
    site: Site = "",
    business: Business = "",
    client: Client = "",
    crowd: Crowd = "",
    everything: Everything = False,
    version: Version = "",
    lower: Lower = False,
    file: File = None,
    reason: Reason = "",
    actor: Actor = "",
    yes: Yes = False,
    only_print: Print = False,
) -> None:
    """Say who gets what in a scope, as `set --site SG --client h5 new=20 shadow`.

    There 20% of the buyers get the new page, and for the other 80% legacy answers and the new page is compared.
    """
    from orderpage.cli.traffic.edit import set_shares

    where = Where(site, business, client, crowd, everything, version)
    set_shares(shares, where, How(file, reason, actor, not yes, only_print, lower))


@app.command()
def ramp(
    site: Site = "",
    business: Business = "",
    client: Client = "",
    crowd: Crowd = "",
    everything: Everything = False,
    version: Version = "",
    lower: Lower = False,
    file: File = None,
    reason: Reason = "",
    actor: Actor = "",
    yes: Yes = False,
    only_print: Print = False,
) -> None:
    """Put the gate in charge of a scope: the ramp's share in the database says who gets the new page."""
    from orderpage.cli.traffic.edit import set_shares

    where = Where(site, business, client, crowd, everything, version)
    set_shares(["ramp"], where, How(file, reason, actor, not yes, only_print, lower))


@app.command()
def unset(
    site: Site = "",
    business: Business = "",
    client: Client = "",
    crowd: Crowd = "",
    everything: Everything = False,
    version: Version = "",
    lower: Lower = False,
    file: File = None,
    reason: Reason = "",
    actor: Actor = "",
    yes: Yes = False,
    only_print: Print = False,
) -> None:
    """Remove the rule of a scope; wider ones, or legacy, decide then."""
    from orderpage.cli.traffic.edit import unset_rule

    where = Where(site, business, client, crowd, everything, version)
    unset_rule(where, How(file, reason, actor, not yes, only_print, lower))


@app.command()
def kill(
    site: Site = "",
    business: Business = "",
    client: Client = "",
    crowd: Crowd = "",
    file: File = None,
    reason: Reason = "",
    actor: Actor = "",
    only_print: Print = False,
) -> None:
    """Stop the new page at once, for checkouts under way too, in a scope or (without one) everywhere. Never asks.

    Legacy answers then, and quotes of the new page are answered QUOTE_CHANGED with legacy's page. `revive` undoes it.
    """
    from orderpage.cli.traffic.edit import kill_scope

    kill_scope(Where(site, business, client, crowd), How(file, reason, actor, False, only_print))


@app.command()
def revive(
    site: Site = "",
    business: Business = "",
    client: Client = "",
    crowd: Crowd = "",
    file: File = None,
    reason: Reason = "",
    actor: Actor = "",
    yes: Yes = False,
    only_print: Print = False,
) -> None:
    """Undo the kill of exactly this scope (without one: of everything); the rules below it decide again."""
    from orderpage.cli.traffic.edit import revive_scope

    revive_scope(Where(site, business, client, crowd), How(file, reason, actor, not yes, only_print))


@app.command()
def history(
    file: File = None,
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest edits.")] = 20,
) -> None:
    """Every edit: when, who, why, and what it changed. The latest stands last."""
    from orderpage.cli.traffic.show import show_history

    typer.echo(show_history(file, limit))

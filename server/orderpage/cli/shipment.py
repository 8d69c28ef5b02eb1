"""``orderpage shipment``: parcels at carriers, for people: look, cancel, try again."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orderpage.adapters.sql.shipment_acts import Act, SqlShipmentActs, Waiting
    from orderpage.domain.shipment import ShipmentState

    MakeAct = Callable[[str, str], Act]

T = TypeVar("T")

app = typer.Typer(
    name="shipment", help="Parcels at carriers: what became of them, cancel, try again.", no_args_is_help=True
)

Order = Annotated[str, typer.Argument(help="The order.")]
Parcel = Annotated[str, typer.Argument(help="Its parcel, as 'orderpage shipment list' names it.")]
Carrier = Annotated[str, typer.Option(help="Only those of this carrier, as the list names it.")]
State = Annotated[str, typer.Option(help="Only those in this state, such as FAILED.")]
Why = Annotated[str, typer.Option(help="Why; kept for ever.")]
Actor = Annotated[str, typer.Option(help="Who says so. Left out: the user who runs this.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]


@app.command("list")
def list_(
    order: Annotated[str, typer.Option(help="Only this order's, with what people did to them.")] = "",
    state: State = "",
    parked: Annotated[
        bool, typer.Option("--parked", help="All those with a step that was given up, and only those.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most, the latest first.")] = 50,
    json: Json = False,
    database: Database = None,
) -> None:
    """List what became of parcels at their carriers, and which steps were given up."""
    from orderpage.cli.traffic.tables import show

    wanted = _state(state)

    async def read(desk: "SqlShipmentActs") -> "tuple[list[Waiting], list[Act]]":
        if parked:
            found = [each for each in await desk.parked(state=wanted) if order in {"", each.shipment.order_id}]
        else:
            found = await desk.listed(order, wanted, limit)
        acts = [act for each in found if order for act in await desk.acts(order, each.shipment.parcel_id)]
        return found, acts

    found, acts = _run(database, read)
    if json:
        show(_as_json(found, acts))
        return
    show(_table(found) if found or not parked else "nothing was given up")
    for act in acts:
        show(f"{act.at:%Y-%m-%d %H:%M:%S} UTC  {act.parcel_id}  {act.act} by {act.actor}: {act.reason}")


def cancel(
    order: Order,
    parcel: Parcel,
    reason: Why,
    actor: Actor = "",
    settled: Annotated[
        bool,
        typer.Option("--settled", help="The carrier told you that it has no such parcel, or no more: give it up here."),
    ] = False,
    database: Database = None,
) -> None:
    """Have its carrier cancel a parcel that was not handed over. What the carrier refused is given up at once.

    Where it is not clear whether it was booked, its carrier is asked again under the same key first.
    """
    act = _act("cancel", reason, actor)(order, parcel)
    shipment = _do(database, lambda desk: desk.cancel(act, settled=settled))
    said = "is given up" if shipment.state == "CANCELLED" else "will be cancelled at its carrier as soon as it answers"
    typer.echo(f"parcel {parcel} of order {order} {said} ({shipment.state}, {shipment.carrier})")


def retry(
    reason: Why,
    order: Annotated[str, typer.Argument(help="The order. Left out, with its parcel: all that fit.")] = "",
    parcel: Parcel = "",
    carrier: Carrier = "",
    state: State = "",
    every: Annotated[bool, typer.Option("--all", help="Every parcel with a step that was given up.")] = False,
    actor: Actor = "",
    database: Database = None,
) -> None:
    """Do the steps of a parcel again that were given up, under the same keys: nothing is booked twice.

    After an outage of many at once: of one carrier (--carrier), in one state (--state), or of all (--all).
    """
    from orderpage.cli.failures import UserMistake

    many, wanted = bool(carrier or state or every), _state(state)
    if many == bool(order) or bool(order) != bool(parcel):
        raise UserMistake("name one parcel, as ORDER PARCEL, or many of them, by --carrier, --state or --all")
    act = _act("retry", reason, actor)
    if many:
        typer.echo(_do(database, lambda desk: _retry_all(desk, act, carrier, wanted)))
        return
    shipment = _do(database, lambda desk: desk.retry(act(order, parcel)))
    typer.echo(f"parcel {parcel} of order {order} is tried again ({shipment.state}, {shipment.carrier})")


async def _retry_all(desk: "SqlShipmentActs", act: "MakeAct", carrier: str, state: "ShipmentState | None") -> str:
    """Each in its own transaction, so that it may be broken off and begun again; what was done, for people."""
    from orderpage.adapters.sql.shipment_acts import NotNow

    tried = 0
    for each in await desk.parked(carrier, state):
        with suppress(NotNow):  # somebody else was faster
            await desk.retry(act(each.shipment.order_id, each.shipment.parcel_id))
            tried += 1
    return f"{tried} {'parcel is' if tried == 1 else 'parcels are'} tried again"


app.command()(cancel)
app.command()(retry)


def _act(what: str, reason: str, actor: str) -> "MakeAct":
    """Makes the act for an order and its parcel."""
    from datetime import UTC, datetime

    from orderpage.adapters.sql.shipment_acts import Act
    from orderpage.cli.actor import actor_of
    from orderpage.cli.failures import UserMistake

    why, who, now = reason.strip(), actor_of(actor), datetime.now(UTC)
    if not why:
        raise UserMistake("--reason is blank; say why")
    return lambda order, parcel: Act(order_id=order, parcel_id=parcel, act=what, actor=who, reason=why, at=now)


def _do(database: str | None, work: "Callable[[SqlShipmentActs], Awaitable[T]]") -> T:
    """As ``_run``; an act that does not fit is a mistake of who asked for it."""
    from orderpage.adapters.sql.shipment_acts import NotNow
    from orderpage.cli.failures import UserMistake

    try:
        return _run(database, work)
    except NotNow as cause:
        raise UserMistake(str(cause)) from None


def _run(database: str | None, work: "Callable[[SqlShipmentActs], Awaitable[T]]") -> T:
    async def run() -> T:
        from orderpage.adapters.sql.database import open_database
        from orderpage.adapters.sql.shipment_acts import SqlShipmentActs
        from orderpage.settings import read_settings

        opened = await open_database(read_settings(os.environ, {"database": database}).database)
        try:
            return await work(SqlShipmentActs(opened))
        finally:
            await opened.close()

    return asyncio.run(run())


def _state(name: str) -> "ShipmentState | None":
    from orderpage.cli.failures import UserMistake
    from orderpage.domain.shipment import ShipmentState

    if not name:
        return None
    try:
        return ShipmentState(name.upper())
    except ValueError:
        raise UserMistake(f"there is no state {name!r}; there are {', '.join(ShipmentState)}") from None


def _as_json(found: "list[Waiting]", acts: "list[Act]") -> str:
    """``booking`` is for the deliverer, and long."""
    import msgspec

    shipments = []
    for each in found:
        fields = msgspec.structs.asdict(each.shipment)
        del fields["booking"]
        shipments.append(fields | {"parked": each.parked})
    return msgspec.json.encode({"shipments": shipments, "acts": acts}).decode()


def _table(found: "list[Waiting]") -> "RenderableType | str":
    from orderpage.cli.traffic.tables import NONE, new_table, plain
    from orderpage.migration.gate.readiness import moment

    if not found:
        return "no parcel was given to a carrier's system yet"
    table = new_table("order", "parcel", "carrier", "state", "tracking", "changed", "what it says")
    for each in found:
        one = each.shipment
        said = f"{one.status}\ngiven up: {each.parked}" if each.parked else one.status
        cells = (one.order_id, one.parcel_id, f"{one.carrier} {one.service}", one.state.value)
        table.add_row(*map(plain, (*cells, one.tracking_number or NONE, moment(one.updated_at), said)))
    return table

"""``orderpage demo``: a server of its own in a temporary folder, and a client that walks through it over gRPC."""

import asyncio
import json
import sys
from importlib import resources
from importlib.metadata import entry_points
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import grpc
    from rich.console import Console

    from crossborder.checkout.v1.order_page_pb2 import RenderRequest, RenderResponse, SubmitRequest

_TIMEOUT = 10.0
_BUYER = (("authorization", "Bearer demo:b-demo"),)


def demo() -> None:
    """Render carts of five sites, change a method, submit, and submit again."""
    from rich.console import Console

    from orderpage.logging import configure_logging

    configure_logging("error")
    console = Console(width=None if sys.stdout.isatty() else 132)
    with TemporaryDirectory(prefix="orderpage-demo-") as folder:
        asyncio.run(_demo(console, Path(folder)))


def demo_folder() -> Traversable:
    """The demo data that an installed package ships. Raises ``UserMistake`` when none does."""
    from orderpage.cli.failures import UserMistake

    for entry in entry_points(group="orderpage.packages"):
        folder = resources.files(entry.value) / "demo"
        if folder.is_dir():
            return folder
    raise UserMistake("no installed package ships demo data (a folder 'demo' beside its layers)")


def make_demo_database(folder: Path) -> str:
    """A migrated database with the demo data in ``folder``; returns its URL."""
    from orderpage.adapters.sql.load import load
    from orderpage.adapters.sql.migrate import migrate

    url = f"sqlite+pysqlite:///{folder / 'orderpage.sqlite3'}"
    migrate(url)
    load(url, demo_files())
    return url


def demo_files() -> list[tuple[str, str]]:
    """Name and text of the demo's data files."""
    files = [file for file in demo_folder().iterdir() if file.name.endswith(".yaml")]
    return [(file.name, file.read_text(encoding="utf-8")) for file in files]


async def _demo(console: "Console", folder: Path) -> None:
    import grpc

    from orderpage.api.server import ServerOptions, build_server
    from orderpage.bootstrap import open_service
    from orderpage.settings import ServerSettings

    console.print(f"A server with an empty database in {folder}; its catalogue is illustrative demo data.\n")
    settings = ServerSettings(database=make_demo_database(folder))
    async with open_service(settings) as service:
        options = ServerOptions(address="127.0.0.1:0")
        server = build_server(service.renderer, service.submitter, service.authenticator, options)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                await _walk(console, channel, server.port)
        finally:
            await server.stop(1.0)


async def _walk(console: "Console", channel: "grpc.aio.Channel", port: int) -> None:
    from crossborder.checkout.v1 import order_page_pb2_grpc, order_pb2, order_pb2_grpc
    from orderpage.cli.page_view import show_briefly, show_order, show_page

    pages = order_page_pb2_grpc.OrderPageServiceStub(channel)
    orders = order_pb2_grpc.OrderServiceStub(channel)

    async def render(request: "RenderRequest") -> "RenderResponse":
        return await pages.Render(request, timeout=_TIMEOUT, metadata=_BUYER)

    carts = {file.name.removesuffix(".json"): file for file in sorted_carts()}
    console.print(f"[bold]1. Render[/] on 127.0.0.1:{port}: each site has its own methods, fees and taxes\n")
    rendered = None
    for name, file in carts.items():
        request = cart_request(file)
        rendered = await render(request)
        show_page(console, f"{name.upper()}: {request.page.client}, {request.page.language}", rendered)
    if rendered is None:
        return

    more = [cart_request(file) for file in sorted_carts("more_carts")]
    brief = [(_scenario(other), await render(other)) for other in more]
    show_briefly(console, "the other sites, and other ways to sell: what each parcel goes by", brief)

    console.print(
        "\n[bold]2. Change the method[/] of the Singapore parcel: the tax moves with it, by exactly what was shown\n"
    )
    changed = await render(_switch(request, rendered))
    show_page(console, "the same cart, another method", changed)
    _show_move(console, rendered, changed)

    console.print("\n[bold]3. Submit[/], then the same request again, as a client does that never got the answer\n")
    submission = _submission(request, changed)
    first = await pages.Submit(submission, timeout=_TIMEOUT, metadata=_BUYER)
    show_order(console, "the order", first.order, first.payment)
    again = await pages.Submit(submission, timeout=_TIMEOUT, metadata=_BUYER)
    same = again.order == first.order and again.payment == first.payment
    console.print(f"submitted again: {'the same order' if same else 'ANOTHER ORDER'}, {again.order.order_id}")
    kept = await orders.GetOrder(
        order_pb2.GetOrderRequest(order_id=first.order.order_id), timeout=_TIMEOUT, metadata=_BUYER
    )
    console.print(f"read back: {order_pb2.OrderState.Name(kept.order.state).removeprefix('ORDER_STATE_').lower()}\n")
    console.print("Next: `orderpage explain --site SG` says which line of which package made that page.")
    if not same:
        raise SystemExit(1)


def sorted_carts(folder: str = "carts") -> list[Traversable]:
    """The demo carts of a folder, by name: those shown in full, or ``more_carts``."""
    found = demo_folder() / folder
    return sorted(found.iterdir(), key=lambda file: file.name) if found.is_dir() else []


def _scenario(request: "RenderRequest") -> str:
    page = request.page
    return f"{page.site} {page.business.replace('_', ' ')}"


def cart_request(file: Traversable) -> "RenderRequest":
    """The request that a demo cart is."""
    from google.protobuf.json_format import ParseDict

    from crossborder.checkout.v1.order_page_pb2 import RenderRequest

    return ParseDict(json.loads(file.read_text(encoding="utf-8")), RenderRequest())


def _switch(request: "RenderRequest", rendered: "RenderResponse") -> "RenderRequest":
    """Ask for the option whose tax differs most from the selected one's."""
    from crossborder.checkout.v1 import request_pb2

    parcel = rendered.page.parcels[0]
    selected = next(option for option in parcel.options if option.selected)
    other = max(parcel.options, key=lambda option: abs(option.tax - selected.tax))
    adjusted = type(request)()
    adjusted.CopyFrom(request)
    adjusted.prior_quote_token = rendered.quote_token
    adjusted.selections.append(request_pb2.Selection(parcel_id=parcel.parcel_id, method=other.method))
    return adjusted


def _show_move(console: "Console", before: "RenderResponse", after: "RenderResponse") -> None:
    from orderpage.domain.money import Currency

    money = Currency(after.page.currency.code, after.page.currency.exponent)
    chosen = next(option.method for option in after.page.parcels[0].options if option.selected)
    shown = {option.method: option.landed_cost for option in before.page.parcels[0].options}
    was = next(option for option in before.page.parcels[0].options if option.selected)
    promised = shown[chosen] - was.landed_cost
    moved = after.page.totals.payable - before.page.totals.payable
    console.print(
        f"{was.method} → {chosen}: tax {money.format(before.page.totals.tax)} → {money.format(after.page.totals.tax)}, "
        f"to pay {money.format(before.page.totals.payable)} → {money.format(after.page.totals.payable)} {money.code}; "
        f"shown beforehand {money.format(promised)}, moved {money.format(moved)}"
    )


def _submission(request: "RenderRequest", rendered: "RenderResponse") -> "SubmitRequest":
    from crossborder.checkout.v1.order_page_pb2 import SubmitRequest

    return SubmitRequest(
        request_id=str(uuid4()),
        quote_token=rendered.quote_token,
        page=request.page,
        payment_method=rendered.page.payment_methods[0].code,
    )

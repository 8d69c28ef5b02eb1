"""A hand-built page and order, and a real server on loopback whose services answer as a test scripts them."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import grpc
import pytest

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc, order_pb2_grpc
from orderpage.api.server import OrderPageServer, ServerOptions, build_server
from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.discount import Adjustment, Funder, Target
from orderpage.domain.display import Block
from orderpage.domain.goods import GoodsClass, Line, Shop, Sku
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.order import (
    Order,
    OrderLine,
    OrderParcel,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    ServiceKind,
    ServiceOrder,
    ServiceOrderType,
)
from orderpage.domain.page import (
    BlockedLine,
    Degraded,
    Page,
    PageOption,
    PageParcel,
    PageView,
    PaymentMethod,
    PricedOption,
    Totals,
    WantedLine,
)
from orderpage.domain.problem import Code, Problem
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.shipping import (
    ArrivalWindow,
    ChargedFee,
    Excluded,
    Item,
    Method,
    MethodKind,
    Mode,
    Option,
    Parcel,
    Reason,
)
from orderpage.domain.tax import Collector, TaxLine
from orderpage.engine.plan import Origin
from orderpage.engine.trace import Step
from orderpage.presale.balances import StagePayment
from orderpage.renderer import Rendered
from orderpage.request import RenderRequest
from orderpage.submit import SubmitRequest

SGD = Currency("SGD", 2)
SECONDS = 100.0
"""A call's deadline, which only one that hangs meets, also on a busy machine."""
NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
ADDRESS = Address(country="SG", postcode="018956", street=("1 Demo Street", "#02-03"), recipient="Tan", phone="+65 1")


def method(code: str, mode: Mode) -> Method:
    return Method(
        code=code, kind=MethodKind.DIRECT_MAIL, mode=mode, name={"en": code.lower(), "zh-Hans": "直邮"}, carrier="demo",
        mergeable=True, transit=None,
    )  # fmt: skip


def line(line_id: str, shop: str, quantity: int) -> Line:
    sku = Sku(
        sku_id=f"sku-{line_id}", shop=Shop(shop, {"en": f"Shop {shop}"}), name={"en": f"Item {line_id}"},
        unit_price=1000, weight_g=200, sides_cm=(10, 10, 10), goods_class=GoodsClass.GENERAL, warehouse="w",
        origin="CN",
    )  # fmt: skip
    return Line(line_id, sku, quantity, 192, 192 * quantity)


def option(code: str, mode: Mode, *, window: ArrivalWindow | None, tax: int, border: int) -> PageOption:
    priced = PricedOption(
        option=Option(
            method=method(code, mode), shipments=(), charges=(580,), freight=500, fees=(ChargedFee("HOME", 80),),
            fee_total=80, home_delivery=True, window=window,
        ),
        discount=-100, tax=tax, border=border, landed=480 + tax,
    )  # fmt: skip
    who = Collector.MARKETPLACE if tax else Collector.BORDER
    taxes = (TaxLine("SG_GST", "1", 1000, tax or border, who),)
    return PageOption(
        priced=priced, label=f"{code} label", tax_lines=taxes, score=900_000, reasons=("CHEAPEST",), badges=("best",)
    )


def make_page(lines: int = 3) -> Page:
    goods = tuple(line(str(number), "a" if number % 2 else "b", number) for number in range(1, lines + 1))
    parcel = Parcel.of([Item(each, each.quantity, each.amount) for each in goods])
    window = ArrivalWindow(date(2026, 11, 30), date(2026, 12, 3))
    amount = sum(each.amount for each in goods)
    unknown = Problem(code=Code.ITEM_SKU_INVALID, message="no such item", line_id="x", field="cart.lines[3].sku_id")
    return Page(
        view=PageView(
            cell=Cell("SG", "marketplace", "h5", "everyone", "control"),
            profile=Profile(currency=SGD, countries=("SG",), timezone="Asia/Singapore", languages=("en",)),
            language="en", priced_at=NOW, today=NOW.date(), buyer=Buyer(buyer_id="buyer-1", crowd="everyone"),
            address=ADDRESS, lines=goods, rate=ExchangeRate.of("fx-1", CNY, SGD, "0.1920"),
        ),
        plan_digest="digest", lines=goods, net_by_line={each.line_id: each.amount - 1 for each in goods},
        blocked=(BlockedLine(wanted=WantedLine("x", "nope", 2), sku=None, problems=(unknown,)),),
        parcels=(
            PageParcel(
                parcel=parcel,
                options=(
                    option("SG_DM_AIR", Mode.AIR, window=window, tax=90, border=0),
                    option("SG_CONSO_SEA", Mode.SEA, window=None, tax=0, border=90),
                ),
                excluded=(
                    Excluded(method("SG_CONSO_AIR", Mode.AIR), (Reason(Code.LOGI_OVERWEIGHT, "over 20 kg", ("1",)),)),
                ),
                selected="SG_CONSO_SEA",
            ),
        ),
        split="one parcel", saving=300,
        adjustments=(
            Adjustment(
                code="COUPON", name={"en": "Coupon"}, target=Target.GOODS, amount=-lines,
                shares=((Funder.SELLER, -lines),), parts=tuple((each.line_id, -1) for each in goods),
            ),
            Adjustment(
                code="INSTANT", name={"en": "Instant"}, target=Target.FREIGHT, amount=-100,
                shares=((Funder.PLATFORM, -70), (Funder.SELLER, -30)), parts=((parcel.parcel_id, -100),),
            ),
        ),
        totals=Totals(
            goods=amount, goods_discount=-lines, freight=500, freight_discount=-100, fees=80, tax=0, border=90,
            payable=amount - lines + 480,
        ),
        payment_methods=(PaymentMethod("card", {"en": "Card"}),), problems=(),
        notices=(Problem(code=Code.LOGI_METHOD_GONE, message="another method stands in", value="SG_DM_AIR"),),
        blocks=(Block(slot="header", kind="notice", title="Hello", values={"tone": "calm"}),),
        degraded=(Degraded("ask", "scores", "timeout"),),
    )  # fmt: skip


def make_rendered(lines: int = 3) -> Rendered:
    steps = (Step("offer", "HK", "logistics.direct_mail", Origin("default", "default.yaml", 12), 2, 40, "an offer"),)
    return Rendered(page=make_page(lines), checkout_id="c-1", quote_token="q1.token", expires_at=NOW, steps=steps)


def make_placed(state: PaymentState = PaymentState.HELD, *, decline: str = "") -> PlacedOrder:
    order = Order(
        order_id="o-1", checkout_id="c-1", buyer_id="buyer-1", site="SG", stack="new", plan_digest="digest",
        state=OrderState.CONFIRMED, currency=SGD, goods=1000, discount=-100, freight=500, fees=80, tax=90, payable=1570,
        address=ADDRESS,
        lines=(
            OrderLine(line_id="1", sku_id="sku-1", shop_id="a", name="Item 1", quantity=5, unit_amount=200, amount=1000,
                      net=1000, version=3),
        ),
        parcels=(
            OrderParcel(parcel_id="p-1", method="SG_DM_AIR", contents=(("1", 5),), freight=500, discount=-100, fees=80,
                        tax=90, earliest="2026-11-30", latest="2026-12-03"),
        ),
        service_orders=(
            ServiceOrder(service_order_id="s-1", kind=ServiceKind.SHIPPING, type=ServiceOrderType.DUAL_MAIN,
                         parcel_id="p-1", amount=480),
        ),
        attributes=(("internal", "note"),), created_at=NOW,
    )  # fmt: skip
    payment = Payment(
        attempt_id="a-1", order_id="o-1", key="o-1:hold", method="card", amount=1570, currency=SGD, state=state,
        next_action="https://pay.example/3ds" if state is PaymentState.ACTION_REQUIRED else "", decline=decline,
    )  # fmt: skip
    return PlacedOrder(order, payment)


Answer = Callable[[], Awaitable[Any]]


class Scripted:
    """Both services: what ``answer`` returns or raises, and what they were called with."""

    def __init__(self) -> None:
        self.answer: Answer = self._page
        self.asked: list[tuple[Any, str, float]] = []

    async def _page(self) -> Rendered:
        return make_rendered()

    async def render(self, request: RenderRequest, buyer_id: str, deadline: float) -> Rendered:
        self.asked.append((request, buyer_id, deadline - time.monotonic()))
        rendered: Rendered = await self.answer()
        return rendered

    async def submit(self, request: SubmitRequest, buyer_id: str, deadline: float) -> PlacedOrder | None:
        self.asked.append((request, buyer_id, deadline - time.monotonic()))
        placed: PlacedOrder | None = await self.answer()
        return placed

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder:
        self.asked.append((order_id, buyer_id, 0.0))
        placed: PlacedOrder = await self.answer()
        return placed

    async def pay_stage(self, request: StagePayment, buyer_id: str, deadline: float) -> PlacedOrder:
        self.asked.append((request, buyer_id, deadline - time.monotonic()))
        placed: PlacedOrder = await self.answer()
        return placed

    def raises(self, error: BaseException) -> None:
        async def fail() -> Any:
            raise error

        self.answer = fail

    def returns(self, value: Any) -> None:
        async def give() -> Any:
            return value

        self.answer = give


class OneBuyer:
    """Knows the token ``right`` as buyer-1."""

    def buyer_id(self, metadata: Mapping[str, str]) -> str | None:
        return "buyer-1" if metadata.get("authorization") == "right" else None


class Loopback:
    """A started server, its scripted services, a channel to it and the stubs on it."""

    CREDENTIALS = (("authorization", "right"),)

    def __init__(self, server: OrderPageServer, services: Scripted, channel: grpc.aio.Channel) -> None:
        self.server = server
        self.services = services
        self.channel = channel
        self.pages = order_page_pb2_grpc.OrderPageServiceStub(channel)
        self.orders = order_pb2_grpc.OrderServiceStub(channel)

    async def render(self, **call: Any) -> order_page_pb2.RenderResponse:
        timing: dict[str, Any] = {"timeout": SECONDS, "metadata": self.CREDENTIALS}
        return await self.pages.Render(render_message(), **(timing | call))

    async def failure(self, **call: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await self.render(**call)
        return failed.value


def render_message() -> order_page_pb2.RenderRequest:
    message = order_page_pb2.RenderRequest()
    page = message.page
    page.site, page.business, page.client, page.language = "SG", "marketplace", "h5", "en"
    page.cart.lines.add(line_id="1", sku_id="sku-1", quantity=2)
    page.address.country = "SG"
    return message


@asynccontextmanager
async def serve(
    options: ServerOptions | None = None, channel_options: tuple[tuple[str, int], ...] = ()
) -> AsyncIterator[Loopback]:
    services = Scripted()
    server = build_server(services, services, OneBuyer(), options or ServerOptions(address="127.0.0.1:0"))
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=channel_options) as channel:
            yield Loopback(server, services, channel)
    finally:
        await server.stop(0)


Serve = Callable[..., AbstractAsyncContextManager[Loopback]]


@pytest.fixture
def serving() -> Serve:
    return serve


@pytest.fixture
async def loopback() -> AsyncIterator[Loopback]:
    async with serve() as running:
        yield running


@pytest.fixture
def rendered() -> Rendered:
    return make_rendered()


@pytest.fixture
def big_rendered() -> Rendered:
    return make_rendered(120)


@pytest.fixture
def placed_in() -> Callable[..., PlacedOrder]:
    return make_placed


@pytest.fixture
def message() -> order_page_pb2.RenderRequest:
    return render_message()

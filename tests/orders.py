"""Orders of arbitrary money: a page put together from priced parcels, and the order that it becomes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.discount import DiscountRule
from orderpage.domain.goods import Line
from orderpage.domain.money import CNY, Currency, ExchangeRate, ListingAmount, Percent
from orderpage.domain.order import Order, OrderLine, OrderParcel, OrderState, Portion
from orderpage.domain.page import Page, PageOption, PageParcel, PageView
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.tax import TaxRule
from orderpage.domain.terms import CommissionRow, CostRow, CostTariff, SettlementTerms
from orderpage.drafting import Draft, draft_order
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.selection import Selection
from orderpage.pricing.total import Pricer
from orderpage.quote import NEW, Quote

SGD = Currency("SGD", 2)
AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ADDRESS = Address(country="SG", street=("1 Orchard Road",), recipient="Jun", phone="+6561234567")
CELL = Cell("SG", "marketplace", "h5", "guest", "a")
TERMS = SettlementTerms(
    commission=(CommissionRow(effective_from=date(2026, 1, 1), percent=Percent("5")),),
    carrier_costs={
        "A": (CostRow(effective_from=date(2026, 1, 1), percent=Percent("88")),),
        "B": (
            CostRow(
                effective_from=date(2026, 1, 1),
                tariff=CostTariff(
                    first_g=500, first_fee=ListingAmount("3.10"), step_g=500, step_fee=ListingAmount("1.07")
                ),
            ),
        ),
    },
)


def page_of(
    parcels: Sequence[PricedParcel],
    discounts: Sequence[DiscountRule],
    taxes: Sequence[TaxRule],
    selection: Selection | None = None,
    terms: SettlementTerms = TERMS,
) -> Page:
    """The page of priced parcels, at par, under a selection: the cheapest, unless one is given."""
    pricer = Pricer(parcels, discounts, taxes)
    selection = pricer.cheapest() if selection is None else selection
    lines = tuple({item.line.line_id: item.line for priced in parcels for item in priced.parcel.items}.values())
    return Page(
        view=_view(lines, terms),
        plan_digest="d1",
        lines=lines,
        net_by_line=pricer.net_by_line(selection),
        blocked=(),
        parcels=tuple([_parcel(pricer, selection, index, priced) for index, priced in enumerate(parcels)]),
        split="",
        saving=0,
        adjustments=pricer.adjustments(selection),
        promises=pricer.promises(selection),
        totals=pricer.totals(selection),
        payment_methods=(),
        problems=(),
        notices=(),
        blocks=(),
        degraded=(),
    )


def draft_of(page: Page, order_id: str = "o-1") -> Draft:
    """What Submit would make of it."""
    quote = Quote(
        checkout_id="c-1",
        buyer_id="b-1",
        stack=NEW,
        cell=CELL,
        content=b"",
        plan_digest=page.plan_digest,
        selections={},
        rate=page.view.rate,
        priced_at=AT,
        expires_at=AT + timedelta(minutes=15),
        totals=page.totals,
    )
    return draft_order(order_id, page, quote, ADDRESS, (), AT)


def order_with(lines: Sequence[OrderLine], **fields: Any) -> Order:
    """An order of lines as they are, in one parcel that costs nothing unless ``parcels`` says otherwise."""
    portions = tuple(
        [Portion(line_id=line.line_id, quantity=line.quantity, net=line.net, freight=0, fees=0) for line in lines]
    )
    parcel = OrderParcel(
        parcel_id="p-1",
        method="A",
        contents=tuple([(line.line_id, line.quantity) for line in lines]),
        freight=0,
        discount=0,
        fees=0,
        tax=0,
        earliest="",
        latest="",
        carrier="OFFICIAL",
        portions=portions,
    )
    parcels = fields.pop("parcels", (parcel,))
    goods, nets = sum(line.amount for line in lines), sum(line.net for line in lines)
    amounts = {
        "goods": goods,
        "discount": nets - goods + sum(each.discount for each in parcels),
        **{name: sum(getattr(each, name) for each in parcels) for name in ("freight", "fees", "tax")},
    }
    defaults = {
        "order_id": "o-1",
        "checkout_id": "c-1",
        "buyer_id": "b-1",
        "site": "HK",
        "stack": NEW,
        "plan_digest": "d1",
        "state": OrderState.CONFIRMED,
        "currency": Currency("HKD", 2),
        "payable": sum(amounts.values()),
        "address": ADDRESS,
        "service_orders": (),
        "attributes": (),
        "created_at": AT,
    }
    return Order(**{**defaults, **amounts, **fields}, lines=tuple(lines), parcels=tuple(parcels))


def _view(lines: tuple[Line, ...], terms: SettlementTerms) -> PageView:
    profile = Profile(currency=SGD, countries=("SG",), timezone="Asia/Singapore", languages=("en",), settlement=terms)
    return PageView(
        cell=CELL,
        profile=profile,
        language="en",
        priced_at=AT,
        today=date(2026, 11, 22),
        buyer=Buyer(buyer_id="b-1", crowd="guest"),
        address=ADDRESS,
        lines=lines,
        rate=ExchangeRate("par", CNY, SGD, 1, 1),
    )


def _parcel(pricer: Pricer, selection: Selection, index: int, priced: PricedParcel) -> PageParcel:
    shown = pricer.price_options(selection, index)
    tax_lines = pricer.tax_lines(selection, index)
    options = tuple(
        [
            PageOption(priced=each, label="", tax_lines=tuple(lines))
            for each, lines in zip(shown, tax_lines, strict=True)
        ]
    )
    selected = shown[selection[index]].option.method.code
    return PageParcel(parcel=priced.parcel, options=options, excluded=(), selected=selected)

"""Values to try extensions on, with defaults that a test overrides where it matters."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.display import Block
from orderpage.domain.goods import GoodsClass, Line, Shop, Sku
from orderpage.domain.money import CNY, Currency, ExchangeRate, ListingAmount
from orderpage.domain.page import (
    Page,
    PageOption,
    PageParcel,
    PageView,
    ParcelOptions,
    PaymentMethod,
    PricedOption,
    Totals,
)
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.shipping import (
    ArrivalWindow,
    Basis,
    Item,
    Method,
    MethodKind,
    Mode,
    Option,
    Parcel,
    Shipment,
    Transit,
)
from orderpage_logistics.rate_card import RateCard, RateRow
from orderpage_logistics.zones import Zone

CASES = json.loads((Path(__file__).parents[2] / "data" / "worked_cases.json").read_text())
SGD, HKD = Currency("SGD", 2), Currency("HKD", 2)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def _last_mile(row: dict[str, Any]) -> dict[Zone, ListingAmount]:
    beyond = Zone.RURAL if row["site"] == "CA" else Zone.REMOTE  # where the card says "rural", not "remote"
    fees = {Zone.HOME: row["home_fee"], beyond: row["remote_fee"], Zone.FAR: row.get("far_fee")}
    return {zone: fen(fee) for zone, fee in fees.items() if fee is not None}


class Make:
    """Builders. Amounts in minor units, weights in grams."""

    cases = CASES

    def line(self, line_id: str = "1", quantity: int = 1, lead_days: int = 0, **sku: Any) -> Line:
        fields = {
            "sku_id": f"sku-{line_id}",
            "shop": Shop(sku.pop("shop", "shop-1"), {"en": "A shop"}),
            "name": {"en": "A good"},
            "unit_price": 1000,
            "weight_g": 500,
            "sides_cm": (10, 10, 10),
            "goods_class": GoodsClass.GENERAL,
            "warehouse": "CN-SZ",
            "origin": "CN",
        }
        made = Sku(**{**fields, **sku})
        return Line(line_id, made, quantity, made.unit_price, made.unit_price * quantity, lead_days)

    def parcel(self, *lines: Line) -> Parcel:
        return Parcel.of([Item(line, line.quantity, line.amount) for line in lines or (self.line(),)])

    def address(self, country: str = "HK", **fields: Any) -> Address:
        street, recipient = ("1 Some Street",), "Chan Tai Man"
        return Address(**{"country": country, "street": street, "recipient": recipient, **fields})

    def rate(self, currency: Currency = HKD, text: str = "1.1800") -> ExchangeRate:
        return ExchangeRate.of("r-1", CNY, currency, text)

    def view(self, *lines: Line, **fields: Any) -> PageView:
        rate = fields.get("rate") or self.rate()
        country = {"HKD": "HK", "SGD": "SG"}.get(rate.quote.code, "HK")
        defaults = {
            "cell": Cell(country, "marketplace", "h5", "everyone", "control"),
            "profile": Profile(
                currency=rate.quote, countries=(country,), timezone="Asia/Hong_Kong", languages=("zh-Hans",)
            ),
            "language": "en",
            "priced_at": NOON,
            "today": date(2026, 11, 23),
            "buyer": Buyer(buyer_id="b-1", crowd="everyone"),
            "address": self.address(country),
            "lines": lines or (self.line(),),
            "rate": rate,
        }
        return PageView(**{**defaults, **fields})

    def card(self, code: str, **fields: Any) -> RateCard:
        """A rate card of the worked cases."""
        row = next(row for row in CASES["rate_card"] if row["code"] == code)
        rate = RateRow(
            effective_from=date(2026, 1, 1),
            first_g=row["first_g"],
            first_fee=fen(row["first_fee"]),
            step_g=row["step_g"],
            step_fee=fen(row["step_fee"]),
            divisor=row["divisor"],
            basis=Basis(row["basis"]),
            round_g=row["round_g"],
            last_mile=_last_mile(row),
        )
        defaults = {
            "code": code,
            "carrier": "OFFICIAL",
            "mode": Mode(row["mode"]),
            "name": {"en": code},
            "classes": frozenset(map(GoodsClass, row["classes"])),
            "origins": frozenset({"CN"}),
            "max_g": row["max_g"],
            "mergeable": row["mergeable"],
            "transit": Transit(row["transit_min"], row["transit_max"]),
            "rates": (rate,),
        }
        return RateCard(**{**defaults, **fields})

    def method(self, code: str = "M", **fields: Any) -> Method:
        defaults = {
            "kind": MethodKind.DIRECT_MAIL,
            "mode": Mode.LAND,
            "name": {"en": code},
            "carrier": "OFFICIAL",
            "mergeable": True,
            "last_mile": {"HOME": 800, "REMOTE": 2000},
            "transit": Transit(3, 5),
        }
        return Method(**{"code": code, **defaults, **fields})

    def shipment(self, method: Method, parcel: Parcel | None = None) -> Shipment:
        sent = parcel or self.parcel()
        weight, volume = sent.weight_g, sent.volume_cm3
        return Shipment(
            method=method,
            items=sent.items,
            weight_g=weight,
            volume_cm3=volume,
            chargeable_g=weight,
            listed=0,
            freight=0,
            home_delivery=True,
        )

    def option(
        self,
        method: Method | None = None,
        window: tuple[date, date] | None = None,
        parcel: Parcel | None = None,
        **fields: Any,
    ) -> Option:
        made = method or self.method()
        return Option(
            method=made,
            shipments=(self.shipment(made, parcel),) if parcel else (),
            charges=(),
            freight=0,
            fees=(),
            fee_total=0,
            home_delivery=True,
            window=ArrivalWindow(*window) if window else None,
            **fields,
        )

    def priced(self, option: Option, landed: int = 0, border: int = 0) -> PricedOption:
        return PricedOption(option=option, discount=0, tax=0, border=border, landed=landed)

    def ranked(self, options: Iterable[PricedOption]) -> ParcelOptions:
        return ParcelOptions(self.parcel(), tuple(options))

    def page(self, *options: PricedOption, reasons: tuple[str, ...] = (), **fields: Any) -> Page:
        """A page of one parcel; the first option is the best one and selected."""
        line = self.line()
        shown = tuple(
            PageOption(priced=one, label=one.option.method.code, reasons=reasons if one is options[0] else ())
            for one in options
        )
        selected = options[0].option.method.code if options else ""
        parcel = PageParcel(parcel=self.parcel(line), options=shown, excluded=(), selected=selected)
        blocks: tuple[Block, ...] = ()
        defaults = {
            "view": self.view(line),
            "plan_digest": "d",
            "lines": (line,),
            "net_by_line": {"1": line.amount},
            "blocked": (),
            "parcels": (parcel,),
            "split": "merged",
            "saving": 0,
            "adjustments": (),
            "totals": self.totals(),
            "payment_methods": (PaymentMethod("card", {"en": "Card"}),),
            "problems": (),
            "notices": (),
            "blocks": blocks,
            "degraded": (),
        }
        return Page(**{**defaults, **fields})

    def totals(self, **fields: int) -> Totals:
        names = ("goods", "goods_discount", "freight", "freight_discount", "fees", "tax", "border", "payable")
        return Totals(**{**dict.fromkeys(names, 0), **fields})


def fen(amount: int) -> ListingAmount:
    return ListingAmount(CNY.format(amount))


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()

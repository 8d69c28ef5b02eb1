"""Builders of the values that the host's arithmetic works on. Amounts in minor units, weights in grams."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st

from orderpage.domain.discount import DiscountRule, Funder, Lane, Target, ThresholdBase, WeightRelief
from orderpage.domain.goods import GoodsClass, Line, Shop, Sku
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.shipping import (
    Basis,
    Charging,
    Fee,
    FlatTariff,
    Item,
    Method,
    MethodKind,
    Mode,
    Offer,
    Option,
    Parcel,
    Shipment,
    Split,
    StepTariff,
    Tariff,
    Transit,
)
from orderpage.domain.tax import (
    Collector,
    Combine,
    Component,
    FlatPer,
    Rounding,
    TaxRule,
    Threshold,
    Treatment,
    Unit,
    Valuation,
)
from orderpage.pricing.options import OptionBuilder, PricedParcel

SGD = Currency("SGD", 2)
PAR = ExchangeRate("par", CNY, SGD, 1, 1)
"""One fen is one cent, so that a test reads its own numbers."""


class Build:
    """Values with defaults that a test overrides where it matters."""

    par = PAR

    def line(self, line_id: str = "1", amount: int = 1000, quantity: int = 1, **sku: Any) -> Line:
        """``amount`` is of the whole line, and a multiple of ``quantity``."""
        fields = {
            "sku_id": f"sku-{line_id}",
            "shop": Shop(sku.pop("shop", "shop-1"), {"en": "A shop"}),
            "name": {"en": f"Good {line_id}"},
            "unit_price": amount // quantity,
            "weight_g": 500,
            "sides_cm": (10, 10, 10),
            "goods_class": GoodsClass.GENERAL,
            "warehouse": "CN-SZ",
            "origin": "CN",
        }
        return Line(line_id, Sku(**{**fields, **sku}), quantity, amount // quantity, amount)

    def item(self, line: Line, quantity: int | None = None) -> Item:
        units = line.quantity if quantity is None else quantity
        return Item(line, units, line.unit_amount * units)

    def parcel(self, *items: Line | Item) -> Parcel:
        return Parcel.of([item if isinstance(item, Item) else self.item(item) for item in items])

    def split(self, reason: str, *parcels: Sequence[Line]) -> Split:
        return Split(tuple(self.parcel(*lines) for lines in parcels), reason)

    def method(self, code: str = "M", **fields: Any) -> Method:
        defaults = {
            "kind": MethodKind.DIRECT_MAIL,
            "mode": Mode.AIR,
            "name": {"en": code},
            "carrier": "OFFICIAL",
            "mergeable": True,
            "transit": Transit(3, 5),
        }
        return Method(**{"code": code, **defaults, **fields})

    def offer(self, code: str = "M", freight: int = 0, tariff: Tariff | None = None, **method: Any) -> Offer:
        return Offer(self.method(code, **method), tariff or FlatTariff(freight))

    def builder(self, **fields: Any) -> OptionBuilder:
        """Home delivery at par, nothing forbidden, no fees and no dates unless given; rules may free weight."""
        defaults = {
            "rate": PAR,
            "home_delivery": True,
            "forbidden": {},
            "fees": no_fees,
            "promise": no_promise,
            "relieves": True,
        }
        return OptionBuilder(**{**defaults, **fields})

    def priced(self, parcel: Parcel, *offers: Offer, **fields: Any) -> PricedParcel:
        return self.builder(**fields).build(parcel, offers)

    def rule(self, code: str = "R", amount: int = 100, **fields: Any) -> DiscountRule:
        defaults = {
            "name": {"en": code},
            "lane": Lane.CROSS_SHOP,
            "target": Target.GOODS,
            "funding": ((Funder.PLATFORM, 1),),
        }
        return DiscountRule(**{"code": code, "amount": amount, **defaults, **fields})

    def gst(
        self,
        rate_ppm: int = 90_000,
        item_limit: int = 40_000,
        freight_kinds: frozenset[MethodKind] = frozenset({MethodKind.DIRECT_MAIL}),
        **fields: Any,
    ) -> TaxRule:
        """Singapore's, since 2024 (domain rules 2.1): 9% up to S$400 an item by air, with direct mail's freight."""
        component = Component(code="SG_GST", rate_ppm=rate_ppm)
        sent = frozenset({MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL})
        within = Treatment(collector=Collector.MARKETPLACE, components=(component,), freight_kinds=freight_kinds)
        defaults = {
            "code": "SG_GST",
            "name": {"en": "GST"},
            "modes": frozenset({Mode.AIR}),
            "threshold": Threshold(unit=Unit.ITEM, limit=item_limit),
            "within": within,
            "beyond": Treatment(collector=Collector.BORDER, components=(component,), freight_kinds=sent),
            "excluded": frozenset({GoodsClass.DUTIABLE}),
        }
        return TaxRule(**{**defaults, **fields})


def no_fees(shipment: Shipment) -> list[Any]:
    return []


def no_promise(option: Option) -> None:
    return None


@pytest.fixture(scope="session")
def build() -> Build:
    return Build()


# ---- arbitrary money of a page ----------------------------------------------------------------------------------

SHOPS = ("shop-1", "shop-2", "shop-3")
METHODS = ("A", "B", "C", "D")
MONEY = st.integers(0, 60_000)


@st.composite
def _lines(draw: st.DrawFn) -> list[Line]:
    make, numbers = Build(), count(1)

    def one() -> Line:
        quantity = draw(st.integers(1, 4))
        return make.line(
            str(next(numbers)),
            draw(MONEY) * quantity,
            quantity,
            shop=draw(st.sampled_from(SHOPS)),
            weight_g=draw(st.integers(0, 5_000)),
            goods_class=draw(st.sampled_from([GoodsClass.GENERAL, GoodsClass.DUTIABLE])),
        )

    return [one() for _ in range(draw(st.integers(1, 6)))]


@st.composite
def _division(draw: st.DrawFn, lines: list[Line]) -> list[list[Item]]:
    """The units of the lines over one to three parcels, none empty; a line may be divided."""
    make, places = Build(), draw(st.integers(1, 3))
    parcels: list[list[Item]] = [[] for _ in range(places)]
    for line in lines:
        first = draw(st.integers(0, line.quantity))
        where, other = draw(st.integers(0, places - 1)), draw(st.integers(0, places - 1))
        shares = {where: line.quantity} if where == other else {where: first, other: line.quantity - first}
        for place, units in shares.items():
            if units:
                parcels[place].append(make.item(line, units))
    return [parcel for parcel in parcels if parcel]


TARIFFS = st.one_of(
    st.builds(FlatTariff, st.integers(0, 9_000)),
    st.builds(
        StepTariff,
        first_g=st.sampled_from([500, 1000]),
        first_fee=st.integers(0, 3_000),
        step_g=st.just(500),
        step_fee=st.integers(0, 900),
        divisor=st.just(6000),
        basis=st.sampled_from(Basis),
        round_g=st.just(500),
    ),
)


@st.composite
def _offers(draw: st.DrawFn) -> list[Offer]:
    codes = draw(st.lists(st.sampled_from(METHODS), min_size=1, max_size=4, unique=True))
    return [
        Build().offer(
            code,
            tariff=draw(TARIFFS),
            mode=draw(st.sampled_from([Mode.AIR, Mode.SEA])),
            kind=draw(st.sampled_from([MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL])),
            mergeable=draw(st.booleans()),
            last_mile={"HOME": draw(st.integers(0, 3_000))},
            charging=draw(st.sampled_from([Charging.AT_CHECKOUT, Charging.AT_CHECKOUT, *Charging])),
        )
        for code in codes
    ]


def _subset(names: Sequence[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(names))


def _funding(weights: dict[Funder, int]) -> tuple[tuple[Funder, int], ...]:
    return tuple(weights.items())


def _rules(target: Target) -> st.SearchStrategy[DiscountRule]:
    lanes = (
        [Lane.FREIGHT, Lane.METHOD]
        if target is Target.FREIGHT
        else [Lane.ITEM, Lane.SHOP, Lane.CROSS_SHOP, Lane.METHOD]
    )
    return st.builds(
        DiscountRule,
        code=st.sampled_from(["R1", "R2", "R3"]),
        name=st.just({"en": "A reduction"}),
        lane=st.sampled_from(lanes),
        target=st.just(target),
        funding=st.dictionaries(st.sampled_from(list(Funder)), st.integers(1, 9), min_size=1).map(_funding),
        amount=st.integers(1, 30_000),
        threshold=st.sampled_from([0, 0, 500, 20_000, 50_000]),
        shops=_subset(SHOPS),
        methods=_subset(METHODS),
        reduces_tax_base=st.booleans(),
    )


WEIGHED = st.builds(
    DiscountRule,
    code=st.sampled_from(["W1", "W2", "W3"]),
    name=st.just({"en": "Free by weight"}),
    lane=st.sampled_from([Lane.ITEM, Lane.FREIGHT]),
    target=st.just(Target.FREIGHT),
    funding=st.dictionaries(st.sampled_from(list(Funder)), st.integers(1, 9), min_size=1).map(_funding),
    relief=st.builds(
        WeightRelief,
        lines=st.one_of(st.just(frozenset()), _subset(("1", "2", "3"))),
        cap_g=st.sampled_from([None, None, 500, 3_000]),
        later=st.booleans(),
    ),
    threshold=st.sampled_from([0, 0, 500, 20_000, 50_000]),
    counts=st.sampled_from(ThresholdBase),
    min_shops=st.sampled_from([0, 0, 2]),
    shops=_subset(SHOPS),
    methods=_subset(METHODS),
)
RULES = st.lists(st.one_of(_rules(Target.GOODS), _rules(Target.FREIGHT), WEIGHED), max_size=5)
_KINDS = st.sampled_from([frozenset(), frozenset({MethodKind.DIRECT_MAIL}), frozenset(MethodKind)])
_LOW_VALUE = st.builds(
    lambda ppm, limit, freight: Build().gst(rate_ppm=ppm, item_limit=limit, freight_kinds=freight),
    st.sampled_from([0, 90_000, 99_750]),
    st.sampled_from([0, 10_000, 40_000]),
    _KINDS,
)
_COMPONENTS = st.sampled_from(
    [
        (Component(code="VAT", rate_ppm=200_000),),
        (Component(code="DUTY", rate_ppm=125_000, by_hs={"61": 180_000}), Component(code="VAT", rate_ppm=99_750)),
        (Component(code="DUTY", rate_ppm=50_000), Component(code="VAT", rate_ppm=50_000, on=("DUTY",))),
        (Component(code="VAT", rate_ppm=70_000), Component(code="FLAT", flat=300)),
        (Component(code="VAT", rate_ppm=70_000), Component(code="HANDLING", flat=995, flat_per=FlatPer.DUE)),
    ]
)
_TREATMENTS = st.one_of(
    st.none(),
    st.builds(Treatment, collector=st.sampled_from(list(Collector)), components=_COMPONENTS, freight_kinds=_KINDS),
)
_BY_CONSIGNMENT = st.builds(
    TaxRule,
    code=st.just("IMPORT"),
    name=st.just({"en": "Import tax"}),
    within=_TREATMENTS,
    beyond=_TREATMENTS,
    threshold=st.builds(
        Threshold,
        unit=st.just(Unit.CONSIGNMENT),
        limit=st.sampled_from([0, 2_000, 40_000, 60_000]),
        tested=st.sampled_from(list(Valuation)),
        combine=st.sampled_from(list(Combine)),
    ),
    modes=st.sampled_from([frozenset(Mode), frozenset({Mode.AIR})]),
    excluded=st.sampled_from([frozenset(), frozenset({GoodsClass.LIQUID})]),
    rounding=st.sampled_from(list(Rounding)),
)
TAXES = st.lists(st.one_of(_LOW_VALUE, _BY_CONSIGNMENT), max_size=2)


@st.composite
def _pages(draw: st.DrawFn) -> tuple[list[PricedParcel], list[DiscountRule], list[TaxRule]]:
    """Priced parcels with one to four options each, discount rules of every kind, and taxes."""
    make = Build()
    lines = draw(_lines())
    fees = _home_fee if draw(st.booleans()) else no_fees
    parcels = [make.priced(make.parcel(*items), *draw(_offers()), fees=fees) for items in draw(_division(lines))]
    return parcels, draw(RULES), draw(TAXES)


def _home_fee(shipment: Shipment) -> list[Any]:
    return [Fee("HOME_DELIVERY", shipment.method.last_mile.get("HOME", 0), "last_mile", 1)]


@pytest.fixture(scope="session")
def rules() -> st.SearchStrategy[list[DiscountRule]]:
    """Strategy: discount rules on goods and freight, with and without shops, methods and thresholds."""
    return RULES


@pytest.fixture(scope="session")
def pages() -> Callable[[], st.SearchStrategy[Any]]:
    """Strategy: all that the money of a page depends on."""
    return _pages

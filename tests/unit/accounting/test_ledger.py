"""The ledger of an order (domain rules, section 4): who pays and who is paid, by account and kind, summing to zero."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.orders import TERMS, draft_of, order_with, page_of

from orderpage.accounting.ledger import entries_of
from orderpage.accounting.pieces import pieces_of
from orderpage.domain.discount import Adjustment, Funder, Lane, Target, WeightRelief
from orderpage.domain.money import Percent
from orderpage.domain.order import EntryKind, LedgerEntry, Order, OrderLine
from orderpage.domain.shipping import Basis, StepTariff
from orderpage.domain.tax import Collector, Component, Treatment
from orderpage.domain.terms import SettlementTerms


def booked(entries: Sequence[LedgerEntry], kind: EntryKind, account: str = "") -> int:
    return sum(entry.amount for entry in entries if entry.kind is kind and entry.account.startswith(account))


def lines_of_p1(commission: bool = True) -> list[OrderLine]:
    """P-1: lines 129.00, 89.00 and 45.50, cross-shop −30.00."""
    kept = (572, 394, 202) if commission else (0, 0, 0)
    return [
        OrderLine(
            line_id=str(number),
            sku_id=f"sku-{number}",
            shop_id=f"s-{number}",
            name="",
            quantity=1,
            unit_amount=amount,
            amount=amount,
            net=net,
            version=1,
            commission=each,
        )
        for number, amount, net, each in zip((1, 2, 3), (12900, 8900, 4550), (11431, 7887, 4032), kept, strict=True)
    ]


CROSS_SHOP = Adjustment(
    code="CROSS",
    name={},
    target=Target.GOODS,
    shares=((Funder.PLATFORM, -2100), (Funder.SELLER, -900)),
    amount=-3000,
    parts=(("1", -1469), ("2", -1013), ("3", -518)),
)


def drawn(draw: st.DataObject, pages: Any) -> Any:
    """Priced parcels, discounts and taxes. An order names its parcels by their goods: no two have the same."""
    parcels, discounts, taxes = draw.draw(pages())
    assume(len({priced.parcel.parcel_id for priced in parcels}) == len(parcels))
    return parcels, discounts, taxes


@settings(max_examples=150)
@given(draw=st.data())
def test_the_ledger_of_any_page_balances(pages: Any, draw: st.DataObject) -> None:
    """And each kind of entry is what the page shows of it."""
    parcels, discounts, taxes = drawn(draw, pages)
    selection = tuple(draw.draw(st.integers(0, len(priced.options) - 1)) for priced in parcels)
    page = page_of(parcels, discounts, taxes, selection)
    made, totals = draft_of(page), page.totals
    entries = made.ledger
    assert sum(entry.amount for entry in entries) == 0
    assert booked(entries, EntryKind.PAYMENT, "buyer:b-1") == -totals.payable
    assert booked(entries, EntryKind.GOODS) == totals.goods
    assert booked(entries, EntryKind.DISCOUNT) == totals.goods_discount
    assert booked(entries, EntryKind.FREIGHT) == totals.freight
    assert booked(entries, EntryKind.FREIGHT_DISCOUNT) == totals.freight_discount
    assert booked(entries, EntryKind.FEES) == totals.fees
    assert booked(entries, EntryKind.TAX, "tax:") == totals.tax == -booked(entries, EntryKind.TAX_WITHHELD)
    assert booked(entries, EntryKind.COMMISSION) == booked(entries, EntryKind.CARRIER_COST) == 0
    assert booked(entries, EntryKind.COMMISSION, "platform:") == sum(line.commission for line in made.order.lines)
    assert booked(entries, EntryKind.CARRIER_COST, "carrier:") == sum(parcel.cost for parcel in made.order.parcels)
    assert len({(entry.account, entry.kind, entry.subject) for entry in entries}) == len(entries)


@settings(max_examples=60)
@given(draw=st.data())
def test_each_funder_of_any_page_pays_exactly_his_share(pages: Any, draw: st.DataObject) -> None:
    page = page_of(*drawn(draw, pages))
    entries = draft_of(page).ledger
    cuts = [entry for entry in entries if entry.kind in (EntryKind.DISCOUNT, EntryKind.FREIGHT_DISCOUNT)]
    for funder, account in ((Funder.PLATFORM, "platform:"), (Funder.SELLER, "shop:"), (Funder.CARRIER, "carrier:")):
        share = sum(each for adjustment in page.adjustments for who, each in adjustment.shares if who is funder)
        assert sum(entry.amount for entry in cuts if entry.account.startswith(account)) == share


@settings(max_examples=60)
@given(draw=st.data())
def test_the_portions_of_any_page_sum_to_its_parcels_and_lines(pages: Any, draw: st.DataObject) -> None:
    order = draft_of(page_of(*drawn(draw, pages))).order
    for parcel in order.parcels:
        assert tuple((portion.line_id, portion.quantity) for portion in parcel.portions) == parcel.contents
        assert sum(portion.freight for portion in parcel.portions) == parcel.freight
        assert sum(portion.fees for portion in parcel.portions) == parcel.fees
        assert sum(t.goods + t.carriage for portion in parcel.portions for t in portion.taxes) == parcel.tax
    for line in order.lines:
        portions = [p for parcel in order.parcels for p in parcel.portions if p.line_id == line.line_id]
        assert sum(portion.net for portion in portions) == line.net


def test_commission_is_on_each_lines_net_after_all_discounts() -> None:
    """5% of 114.31, 78.87 and 40.32 is 5.72, 3.94 and 2.02: 11.68."""
    assert TERMS.commissions([11431, 7887, 4032], date(2026, 11, 22)) == [572, 394, 202]
    entries = entries_of(order_with(lines_of_p1(), adjustments=(CROSS_SHOP,)))
    assert [booked(entries, EntryKind.COMMISSION, f"shop:s-{number}") for number in (1, 2, 3)] == [-572, -394, -202]
    assert booked(entries, EntryKind.COMMISSION, "platform:commission") == 1168


def test_funders_of_one_discount_each_pay_their_share_of_each_line() -> None:
    entries = entries_of(order_with(lines_of_p1(), adjustments=(CROSS_SHOP,)))
    assert booked(entries, EntryKind.DISCOUNT, "platform:discounts") == -2100
    assert booked(entries, EntryKind.DISCOUNT, "shop:") == -900
    assert [booked(entries, EntryKind.DISCOUNT, f"shop:s-{n}") for n in (1, 2, 3)] == [-441, -304, -155]


@pytest.mark.parametrize("funder", list(Funder))
@pytest.mark.parametrize("target", list(Target))
def test_whoever_funds_a_discount_pays_that_part(build: Any, funder: Funder, target: Target) -> None:
    """Shops, carriers and the platform's logistics are paid in full; the funder's own account bears the discount."""
    parcels = [
        build.priced(build.parcel(build.line("1", 9000), build.line("2", 3000, shop="shop-2")), build.offer("C", 900))
    ]
    lane = Lane.FREIGHT if target is Target.FREIGHT else Lane.CROSS_SHOP
    rule = build.rule("R", 500, target=target, funding=((funder, 1),), lane=lane)
    before, after = (draft_of(page_of(parcels, rules, [])).ledger for rules in ([], [rule]))
    moved = {account: total(after, account) - total(before, account) for account in accounts(before) | accounts(after)}
    assert moved.pop("buyer:b-1") == 500
    commission = moved.pop("platform:commission", 0)
    assert sum(moved.values()) == -500 - commission
    cut = {
        entry.account: entry.amount for entry in after if entry.kind in (EntryKind.DISCOUNT, EntryKind.FREIGHT_DISCOUNT)
    }
    assert sum(cut.values()) == -500
    expected = {
        "SELLER": {"shop:shop-1", "shop:shop-2"},
        "PLATFORM": {"platform:discounts"},
        "CARRIER": {"carrier:OFFICIAL"},
    }
    assert set(cut) == expected[funder.value]


def accounts(entries: Sequence[LedgerEntry]) -> set[str]:
    return {entry.account for entry in entries}


def total(entries: Sequence[LedgerEntry], account: str) -> int:
    return sum(entry.amount for entry in entries if entry.account == account)


def test_a_shops_free_shipping_is_paid_by_that_shop_alone(build: Any) -> None:
    """Its lines leave a parcel that it shares: the other shop pays nothing, and its own freight stays what it was."""
    mine, other = build.line("1", 3000, weight_g=600), build.line("2", 9000, weight_g=400, shop="shop-2")
    tariff = StepTariff(100, 100, 100, 100, 6000, Basis.NONE, 100)
    parcels = [build.priced(build.parcel(mine, other), build.offer("C", tariff=tariff))]
    rule = build.rule(
        "SF", 0, target=Target.FREIGHT, lane=Lane.FREIGHT, funding=((Funder.SELLER, 1),), shops=frozenset({"shop-1"}),
        relief=WeightRelief(frozenset({"1"})),
    )  # fmt: skip
    made = draft_of(page_of(parcels, [rule], []))
    paid = {e.account: e.amount for e in made.ledger if e.kind is EntryKind.FREIGHT_DISCOUNT}
    assert paid == {"shop:shop-1": -600}, "of 10.00 its line bears but 2.50 by price; its weight is worth 6.00"
    assert sum(entry.amount for entry in made.ledger) == 0


def test_a_discount_on_freight_is_first_off_the_lines_that_it_names() -> None:
    order = freight_off(500, shops=frozenset({"s-1"}))
    assert off_freight(order) == [500, 0, 0]
    whole = freight_off(1000, shops=frozenset({"s-1", "s-2"}), lines=frozenset({"1", "2"}))
    assert off_freight(whole) == [600, 300, 100]
    assert booked_cuts(whole) == {"shop:s-1": -667, "shop:s-2": -333}, "what goes beyond their lines, as those bear it"


def test_a_discount_that_names_nobody_in_the_parcel_is_every_shops() -> None:
    assert set(booked_cuts(freight_off(500, shops=frozenset({"s-9"})))) == {"shop:s-1", "shop:s-2", "shop:s-3"}


def freight_off(amount: int, **names: Any) -> Order:
    """P-1's lines bear 6.00, 3.00 and 3.00 of freight, and their sellers fund a discount on it."""
    order = order_with(lines_of_p1())
    freight = (600, 300, 300)
    (parcel,) = order.parcels
    portions = tuple(replace(each, freight=own) for each, own in zip(parcel.portions, freight, strict=True))
    rule = Adjustment(
        code="SF", name={}, target=Target.FREIGHT, shares=((Funder.SELLER, -amount),), amount=-amount,
        parts=(("p-1", -amount),), lane=Lane.FREIGHT, **names,
    )  # fmt: skip
    parcels = (replace(parcel, freight=1200, discount=-amount, portions=portions),)
    return order_with(lines_of_p1(), parcels=parcels, adjustments=(CROSS_SHOP, rule))


def off_freight(order: Order) -> list[int]:
    freight = [[cut for cut in piece.cuts if cut.target is Target.FREIGHT] for piece in pieces_of(order)]
    return [sum(cut.amount for cut in cuts) for cuts in freight]


def booked_cuts(order: Order) -> dict[str, int]:
    return {e.account: e.amount for e in entries_of(order) if e.kind is EntryKind.FREIGHT_DISCOUNT}


def test_a_carrier_is_paid_its_cost_and_the_platform_the_list_freight(build: Any) -> None:
    """15.00 of list freight by a method whose carrier takes 88% of it: 13.20, so that 1.80 stay."""
    parcels = [build.priced(build.parcel(build.line("1", 9000)), build.offer("A", 1500))]
    made = draft_of(page_of(parcels, [], []))
    parcel_id = made.order.parcels[0].parcel_id
    carriage = {(e.account, e.kind.value): e.amount for e in made.ledger if e.subject == parcel_id}
    assert carriage == {
        ("platform:logistics", "FREIGHT"): 1500,
        ("platform:logistics", "CARRIER_COST"): -1320,
        ("carrier:OFFICIAL", "CARRIER_COST"): 1320,
    }


@pytest.mark.parametrize(("method", "cost"), [("A", 1320), ("B", 310 + 107), ("C", 1500)])
def test_what_a_carrier_charges_is_a_rate_a_tariff_or_the_list_freight(build: Any, method: str, cost: int) -> None:
    """By B: 1.0 kg is 3.10 for the first half and 1.07 for the second."""
    parcels = [build.priced(build.parcel(build.line("1", 9000, weight_g=1000)), build.offer(method, 1500))]
    assert draft_of(page_of(parcels, [], [])).order.parcels[0].cost == cost


def test_tax_that_is_collected_is_withheld_from_the_shop_and_owed(build: Any) -> None:
    """SG-1: 182.40 and freight 5.00, GST 16.87, of which 0.45 are on the freight."""
    parcels = [build.priced(build.parcel(build.line("1", 18_240)), build.offer("A", 500))]
    made = draft_of(page_of(parcels, [], [build.gst()], terms=SettlementTerms()))
    (share,) = made.order.parcels[0].portions[0].taxes
    assert (share.goods, share.carriage) == (1642, 45)
    assert booked(made.ledger, EntryKind.TAX, "tax:SG_GST") == 1687
    assert booked(made.ledger, EntryKind.TAX, "shop:") == 1687 == -booked(made.ledger, EntryKind.TAX_WITHHELD, "shop:")


def test_tax_on_goods_alone_has_no_share_on_carriage(build: Any) -> None:
    parcels = [build.priced(build.parcel(build.line("1", 18_240)), build.offer("A", 500))]
    made = draft_of(page_of(parcels, [], [build.gst(freight_kinds=frozenset())]))
    (share,) = made.order.parcels[0].portions[0].taxes
    assert (share.goods, share.carriage) == (1642, 0)


@pytest.mark.parametrize(
    ("components", "discounts", "expected"),
    [
        ((Component(code="GST", rate_ppm=90_000),), {"reduces_tax_base": False}, [(1800, 0)]),
        ((Component(code="DUTY", rate_ppm=180_000), Component(code="HST", rate_ppm=130_000, on=("DUTY",))), {},
         [(3060, 0), (2608, 0)]),
    ],
)  # fmt: skip
def test_what_is_in_a_base_beside_the_goods_is_not_always_carriage(
    build: Any, components: Any, discounts: Any, expected: Any
) -> None:
    """A discount of 30.00 that the tax does not see, or a duty, is more than the freight, which is in no base."""
    parcels = [build.priced(build.parcel(build.line("1", 20_000)), build.offer("A", 500))]
    within = Treatment(collector=Collector.MARKETPLACE, components=components)
    rules = [build.rule("R", 3000, **discounts)]
    made = draft_of(page_of(parcels, rules, [build.gst(within=within)]))
    (portion,) = made.order.parcels[0].portions
    assert [(share.goods, share.carriage) for share in portion.taxes] == expected


def test_an_order_that_kept_no_discounts_has_them_on_the_platform() -> None:
    old = without_memory(order_with(lines_of_p1(commission=False)))
    entries = entries_of(old)
    assert booked(entries, EntryKind.DISCOUNT, "platform:discounts") == -3000
    assert sum(entry.amount for entry in entries) == 0


def without_memory(order: Order) -> Order:
    """As it would be read back from before schema 0004."""
    return replace(order, adjustments=(), parcels=tuple(replace(each, portions=()) for each in order.parcels))


@pytest.mark.parametrize("wrong", ["-1", "5.00001", "five", 5])
def test_a_percentage_is_a_text_with_at_most_four_decimals(wrong: Any) -> None:
    with pytest.raises(ValueError, match="percentage"):
        Percent(wrong)
    assert (Percent("5"), Percent("12.5"), Percent("0.0001")) == (50_000, 125_000, 1)

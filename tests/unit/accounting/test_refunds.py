"""Refunds (domain rules, sections 2.3, 4 and 5.3): the worked cases, and that no cent is made or lost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.orders import draft_of, order_with, page_of
from tests.unit.accounting.test_ledger import drawn, lines_of_p1

from orderpage.accounting.ledger import entries_of
from orderpage.accounting.refunds import refund_of, share_by_weight
from orderpage.domain.discount import Adjustment, Funder, Lane, Target, ThresholdBase, WeightRelief
from orderpage.domain.order import EntryKind, LedgerEntry, Order, OrderLine, OrderParcel, Portion, TaxShare
from orderpage.domain.problem import Code, Refusal
from orderpage.domain.refund import Cause, Clawback, RefundCase, Revoked
from orderpage.domain.shipping import Charging
from orderpage.domain.terms import RefundPolicy

CLAWBACK = RefundPolicy.CLAWBACK
P1 = Adjustment(
    code="CROSS", name={}, target=Target.GOODS, amount=-3000, shares=((Funder.PLATFORM, -3000),),
    parts=(("1", -1469), ("2", -1013), ("3", -518)),
)  # fmt: skip
P2 = Adjustment(
    code="INSTANT", name={}, target=Target.FREIGHT, amount=-1000, parts=(("p-1", -1000),), lane=Lane.FREIGHT,
    threshold=19_900, shares=((Funder.PLATFORM, -700), (Funder.SELLER, -300)),
)  # fmt: skip


def example(**adjustment: Any) -> Order:
    """Section 4's order: P-1's lines, and list freight 15.00 with P-2's reduction of 10.00 on goods of 199 and more, on
    a site that claws back.
    """
    lines = lines_of_p1()
    freight = (734, 507, 259)
    portions = tuple(
        Portion(line_id=line.line_id, quantity=1, net=line.net, freight=each, fees=0)
        for line, each in zip(lines, freight, strict=True)
    )
    parcel = OrderParcel(
        parcel_id="p-1", method="A", contents=(("1", 1), ("2", 1), ("3", 1)), freight=1500, discount=-1000, fees=0,
        tax=0, earliest="", latest="", carrier="OFFICIAL", cost=1320, portions=portions,
    )  # fmt: skip
    terms = {"adjustments": (P1, replace(P2, **adjustment)), "refund_policy": CLAWBACK}
    return order_with(lines, parcels=(parcel,), **terms)


def one_line(**fields: Any) -> Order:
    line: dict[str, Any] = {
        "line_id": "1", "sku_id": "s", "shop_id": "s-1", "name": "", "quantity": 3, "unit_amount": 4300,
        "amount": 12_900, "net": 11_431, "version": 1, "commission": 572,
    }  # fmt: skip
    return order_with([OrderLine(**(line | fields))])


def booked(entries: Sequence[LedgerEntry]) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        found[entry.account, entry.kind.value] += entry.amount
    return dict(found)


# ---- the worked cases -----------------------------------------------------------------------------------------------


def test_p3_a_service_is_shared_by_weight() -> None:
    assert share_by_weight(1200, [500, 900, 300]) == [353, 635, 212]


def test_p4_units_go_back_in_order_and_the_last_takes_the_rest() -> None:
    """1 of 3 units of a 114.31 line, three times: 38.11, 38.10, 38.10."""
    one = RefundCase(lines={"1": 1})
    refunds = [refund_of(one_line(), one, [one] * times) for times in range(3)]
    assert [refund.total for refund in refunds] == [3811, 3810, 3810]
    assert sum(refund.commission for refund in refunds) == 572


@pytest.mark.parametrize(
    ("policy", "cause", "total"),
    [
        (RefundPolicy.KEEP, Cause.BUYER, 7887),
        (CLAWBACK, Cause.BUYER, 6887),
        (CLAWBACK, Cause.SELLER, 7887),
        (CLAWBACK, Cause.OUT_OF_STOCK, 7887),
    ],
)
def test_p5_a_lost_condition_costs_the_buyer_only_by_policy_and_his_own_doing(
    policy: RefundPolicy, cause: Cause, total: int
) -> None:
    """Line 2 (78.87) goes back; what remains is 174.50, below 199."""
    refund = refund_of(replace(example(), refund_policy=policy), RefundCase(lines={"2": 1}, cause=cause))
    assert refund.total == total
    assert refund.clawbacks == ((Clawback("INSTANT", 1000),) if total == 6887 else ())
    assert refund.commission == 394


@pytest.mark.parametrize(("threshold", "total"), [(17_450, 7887), (17_451, 6887)])
def test_a_condition_that_is_just_met_is_kept(threshold: int, total: int) -> None:
    refund = refund_of(example(threshold=threshold), RefundCase(lines={"2": 1}))
    assert refund.total == total


def test_item_and_shop_discounts_do_not_count_towards_a_condition() -> None:
    """Section 12: the sum is after item promotion and shop coupon, so 159.81 of 174.50 are left."""
    order = example(threshold=16_000)
    shop = replace(order, adjustments=(replace(P1, lane=Lane.SHOP), order.adjustments[1]))
    case = RefundCase(lines={"2": 1})
    assert (refund_of(order, case).total, refund_of(shop, case).total) == (7887, 6887)


def test_a_shops_condition_is_tested_on_its_own_goods() -> None:
    """Lines 2 and 3 stay, of other shops: they are no matter to shop 1, whose line goes back."""
    order = example(threshold=12_900, shops=frozenset({"s-1"}))
    assert refund_of(order, RefundCase(lines={"1": 1})).clawbacks == (Clawback("INSTANT", 1000),)
    assert refund_of(order, RefundCase(lines={"2": 1, "3": 1})).clawbacks == ()


@pytest.mark.parametrize(("threshold", "clawed"), [(15_463, 0), (15_464, 1000)])
def test_a_freight_condition_may_be_tested_after_discounts_across_shops(threshold: int, clawed: int) -> None:
    """Lines 1 and 3 stay: 174.50, and 154.63 after P-1's 14.69 and 5.18."""
    order = example(threshold=threshold, counts=ThresholdBase.AFTER_CROSS_SHOP)
    refund = refund_of(order, RefundCase(lines={"2": 1}))
    assert sum(each.amount for each in refund.clawbacks) == clawed


def test_a_shop_coupon_is_no_matter_to_its_own_condition() -> None:
    """Two of three units stay, 86.00: a coupon from 86.00 is kept, though it made less of them."""
    rule = Adjustment(
        code="R", name={}, target=Target.GOODS, amount=-1469, shares=((Funder.SELLER, -1469),), parts=(("1", -1469),),
        lane=Lane.SHOP, threshold=8600,
    )  # fmt: skip
    order = replace(one_line(), adjustments=(rule,))
    assert refund_of(order, RefundCase(lines={"1": 1})).clawbacks == ()


def test_a_page_hands_down_what_its_conditions_are_tested_on(build: Any) -> None:
    parcels = [build.priced(build.parcel(build.line("1", 9000), build.line("2", 3000)), build.offer("C", 900))]
    rule = build.rule(
        "R", 500, target=Target.FREIGHT, lane=Lane.FREIGHT, shops=frozenset({"shop-1"}), threshold=12_000,
        counts=ThresholdBase.AFTER_CROSS_SHOP,
    )  # fmt: skip
    (kept,) = draft_of(page_of(parcels, [rule], [])).order.adjustments
    assert (kept.shops, kept.threshold, kept.counts) == (rule.shops, rule.threshold, rule.counts)


def test_what_was_clawed_back_for_a_unit_goes_back_with_it() -> None:
    """All three lines with their carriage, one after another: everything that was paid, whatever was clawed back."""
    cases = [RefundCase(lines={line: 1}, carriage=True) for line in ("2", "1", "3")]
    order = example()
    refunds = [refund_of(order, case, cases[:index]) for index, case in enumerate(cases)]
    assert refunds[0].clawbacks == (Clawback("INSTANT", 1000 - 338),)
    assert [sum(line.restored for line in refund.lines) for refund in refunds] == [0, 489, 173]
    assert sum(refund.total for refund in refunds) == order.payable


def test_of_a_discount_only_what_it_gave_on_goods_that_stay_is_clawed_back() -> None:
    """Line 3 goes back at 40.32, both conditions of 250 are lost: 14.69 + 10.13 of the one, 10.00 of the other."""
    order = replace(example(), adjustments=(replace(P1, threshold=25_000), replace(P2, amount=-1000, threshold=25_000)))
    refund = refund_of(order, RefundCase(lines={"3": 1}))
    assert refund.clawbacks == (Clawback("CROSS", 1469 + 1013), Clawback("INSTANT", 1000))
    assert refund.total == 4032 - 2482 - 1000


def test_a_refund_never_makes_a_debt() -> None:
    """A line of 0.05 breaks a condition that gave 10.00: nothing goes back, and nothing is owed."""
    order = one_line(quantity=2, unit_amount=1000, amount=2000, net=5, commission=0)
    rule = Adjustment(
        code="R", name={}, target=Target.GOODS, amount=-1995, shares=((Funder.PLATFORM, -1995),), parts=(("1", -1995),),
        threshold=2000,
    )  # fmt: skip
    refund = refund_of(replace(order, adjustments=(rule,), refund_policy=CLAWBACK), RefundCase(lines={"1": 1}))
    assert (refund.total, refund.clawbacks) == (0, (Clawback("R", 3),))


def promised(**condition: Any) -> Order:
    """Section 4's order, with 12.00 promised off leg 2 of its parcel."""
    condition = {"threshold": 20_000} | condition
    promise = replace(P2, code="LEG2", amount=-1200, parts=(("p-1", -1200),), **condition)
    return replace(example(), adjustments=(P1,), promises=(promise,))


@pytest.mark.parametrize(
    ("condition", "line", "revoked"),
    [
        ({}, "2", 1200),  # 174.50 are left of 200
        ({"threshold": 17_450}, "2", 0),
        ({"threshold": 0, "min_shops": 2}, "2", 0),
        ({"threshold": 0, "min_shops": 3}, "2", 1200),
        ({"threshold": 0, "min_shops": 1, "shops": frozenset({"s-2"})}, "2", 1200),
    ],
    ids=["too little left", "just enough left", "two shops left", "a shop too few", "its shop is gone"],
)
def test_a_promise_is_revoked_where_what_is_left_would_not_have_earned_it(
    condition: Mapping[str, Any], line: str, revoked: int
) -> None:
    """Section 1: leg 2 is free by a promise, which is looked at again on refund."""
    order = promised(**condition)
    refund = refund_of(order, RefundCase(lines={line: 1}))
    assert refund.revoked == ((Revoked("LEG2", "p-1", revoked),) if revoked else ())
    assert refund.total == 7887, "it is charged later, and not kept from the refund"


def test_a_promise_on_one_parcel_was_earned_with_the_goods_of_all(build: Any) -> None:
    """200.00 on the order: 420.00 were bought, so one of two units at 60.00 may go back."""
    relief = WeightRelief(later=True)
    rule = build.rule("FREE", 0, target=Target.FREIGHT, lane=Lane.FREIGHT, threshold=20_000, relief=relief)
    later, now = build.offer("CONSO", 1200, charging=Charging.AFTER_WEIGHING), build.offer("DM", 900)
    parcels = [
        build.priced(build.parcel(build.line("1", 12_000, 2)), later),
        build.priced(build.parcel(build.line("2", 30_000, 3)), now),
    ]
    order = replace(draft_of(page_of(parcels, [rule], [], (0, 0))).order, refund_policy=CLAWBACK)
    assert [sum(part for _, part in promise.parts) for promise in order.promises] == [-1200]
    assert refund_of(order, RefundCase(lines={"1": 1})).revoked == ()
    (revoked,) = refund_of(order, RefundCase(lines={"2": 3})).revoked
    assert (revoked.code, revoked.amount) == ("FREE", 1200)


def test_a_promise_stands_where_nobody_takes_anything_back() -> None:
    one = RefundCase(lines={"2": 1})
    assert refund_of(replace(promised(), refund_policy=RefundPolicy.KEEP), one).revoked == ()
    assert refund_of(promised(), replace(one, cause=Cause.OUT_OF_STOCK)).revoked == ()


def test_of_a_promise_no_more_is_revoked_than_goes_back_and_the_rest_with_the_next_refund() -> None:
    """Rule 15: never a debt above the refund. Line 3 goes back at 40.32, then line 2 at 78.87, of 100.00 promised."""
    order = promised(threshold=25_000)
    order = replace(order, promises=(replace(order.promises[0], amount=-10_000, parts=(("p-1", -10_000),)),))
    first, second = RefundCase(lines={"3": 1}), RefundCase(lines={"2": 1})
    assert refund_of(order, first).revoked == (Revoked("LEG2", "p-1", 4032),)
    assert refund_of(order, second, [first]).revoked == (Revoked("LEG2", "p-1", 10_000 - 4032),)


def test_no_promise_is_revoked_of_a_parcel_of_which_nothing_travels() -> None:
    assert refund_of(promised(), RefundCase(lines={"1": 1, "2": 1, "3": 1})).revoked == ()


def test_a_freight_discount_for_several_shops_is_clawed_back_once_too_few_are_left() -> None:
    order = replace(example(), adjustments=(P1, replace(P2, threshold=0, min_shops=3)))
    assert refund_of(order, RefundCase(lines={"2": 1})).clawbacks == (Clawback("INSTANT", 1000),)


def test_what_the_seller_could_not_send_breaks_no_condition_of_the_buyers_later_refund() -> None:
    """P-5's order: line 3 alone breaks nothing; it is not the buyer's doing that line 2 is gone by then."""
    short = RefundCase(lines={"2": 1}, cause=Cause.OUT_OF_STOCK)
    own = RefundCase(lines={"3": 1})
    assert refund_of(example(), own, [short]).total == refund_of(example(), own).total == 4032
    assert refund_of(example(), own, [replace(short, cause=Cause.BUYER)]).total == 4032
    assert refund_of(example(), RefundCase(lines={"2": 1}), [own]).clawbacks == (Clawback("INSTANT", 1000),)


def test_tax_goes_back_with_the_goods_and_with_their_carriage_if_that_goes_back() -> None:
    """SG-1: GST 16.87, of it 0.45 on freight 5.00."""
    order = taxed()
    assert refund_of(order, RefundCase(lines={"1": 1})).total == 18_240 + 1642
    whole = refund_of(order, RefundCase(lines={"1": 1}, carriage=True))
    assert whole.total == 18_240 + 500 + 1687 == order.payable
    freight = refund_of(order, RefundCase(parcels=frozenset({"p-1"})), [RefundCase(lines={"1": 1})])
    assert freight.total == 500 + 45
    assert [line.units for line in freight.lines] == [0]


def taxed() -> Order:
    line = OrderLine(
        line_id="1", sku_id="s", shop_id="s-1", name="", quantity=1, unit_amount=18_240, amount=18_240, net=18_240,
        version=1,
    )  # fmt: skip
    portion = Portion(line_id="1", quantity=1, net=18_240, freight=500, fees=0, taxes=(TaxShare("SG_GST", 1642, 45),))
    parcel = OrderParcel(
        parcel_id="p-1", method="A", contents=(("1", 1),), freight=500, discount=0, fees=0, tax=1687, earliest="",
        latest="", carrier="OFFICIAL", cost=440, portions=(portion,),
    )  # fmt: skip
    return order_with([line], parcels=(parcel,))


# ---- the ledger of a refund -----------------------------------------------------------------------------------------


def test_funders_have_their_parts_back_and_the_commission_is_reversed() -> None:
    """P-5 with clawback: the buyer has 68.87, the platform its 10.13 and 7.00, the sellers 3.00."""
    entries = booked(refund_of(example(), RefundCase(lines={"2": 1})).entries)
    assert entries["buyer:b-1", "REFUND"] == 6887
    assert entries["shop:s-2", "GOODS_REFUNDED"] == -8900
    assert entries["platform:discounts", "DISCOUNT"] == 1013
    assert entries["platform:discounts", "FREIGHT_DISCOUNT"] == 700
    assert sum(amount for (who, kind), amount in entries.items() if kind == "FREIGHT_DISCOUNT" and "shop" in who) == 300
    assert entries["shop:s-2", "COMMISSION_REVERSED"] == 394 == -entries["platform:commission", "COMMISSION_REVERSED"]


@pytest.mark.parametrize(("cause", "bearer"), [(Cause.SELLER, "shop:s-1"), (Cause.CARRIER, "platform:logistics")])
def test_who_bears_carriage_that_was_used(cause: Cause, bearer: str) -> None:
    """Rule 6: after it was shipped, its carrier is paid all the same, by the seller where it is his fault."""
    entries = booked(refund_of(taxed(), RefundCase(lines={"1": 1}, carriage=True, shipped=True, cause=cause)).entries)
    assert entries[bearer, "CARRIAGE_BORNE"] == -500
    assert not [account for account, _ in entries if account.startswith("carrier:")]
    unshipped = booked(refund_of(taxed(), RefundCase(lines={"1": 1}, carriage=True, cause=cause)).entries)
    assert unshipped["carrier:OFFICIAL", "CARRIER_COST"] == -440


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (RefundCase(lines={"1": 4}), "line '1' of order o-1 has 3 units left to refund, not 4"),
        (RefundCase(lines={"1": -1}), "has 3 units left to refund, not -1"),
        (RefundCase(lines={"9": 1}), "line '9' of order o-1 has 0 units left"),
        (RefundCase(parcels=frozenset({"p-9"})), "has no parcel 'p-9'"),
    ],
)
def test_only_what_is_there_is_refunded(case: RefundCase, said: str) -> None:
    with pytest.raises(Refusal, match="REQUEST_INVALID") as refused:
        refund_of(one_line(), case)
    assert refused.value.problems[0].code is Code.REQUEST_INVALID
    assert said in refused.value.problems[0].message


# ---- laws -----------------------------------------------------------------------------------------------------------

SPLIT = settings(max_examples=80)


def everything(order: Order) -> Mapping[str, int]:
    return {line.line_id: line.quantity for line in order.lines}


@SPLIT
@given(draw=st.data(), policy=st.sampled_from(RefundPolicy))
def test_a_refund_of_everything_gives_back_everything(pages: Any, draw: st.DataObject, policy: RefundPolicy) -> None:
    """And brings every account back to nothing."""
    made = draft_of(page_of(*drawn(draw, pages)))
    order = replace(made.order, refund_policy=policy)
    refund = refund_of(order, RefundCase(lines=everything(order), carriage=True))
    assert (refund.total, refund.clawbacks) == (order.payable, ())
    assert sum(line.total for line in refund.lines) == order.payable
    assert refund.commission == sum(line.commission for line in order.lines)
    accounts: Counter[str] = Counter()
    for entry in (*made.ledger, *refund.entries):
        accounts[entry.account] += entry.amount
    assert not {account: amount for account, amount in accounts.items() if amount}


@st.composite
def sequences(draw: st.DrawFn, order: Order) -> list[RefundCase]:
    """Cases that take an order back piece by piece, and not always to its end."""
    left, cases = dict(everything(order)), []
    for _ in range(draw(st.integers(1, 5))):
        lines = {line: draw(st.integers(0, units)) for line, units in left.items()}
        left = {line: units - lines[line] for line, units in left.items()}
        parcels = draw(st.frozensets(st.sampled_from([parcel.parcel_id for parcel in order.parcels]), max_size=1))
        case = RefundCase(
            lines=lines,
            carriage=draw(st.booleans()),
            parcels=parcels,
            cause=draw(st.sampled_from([Cause.BUYER, Cause.BUYER, Cause.SELLER, Cause.PLATFORM])),
            shipped=draw(st.booleans()),
        )
        cases.append(case)
    return cases


@SPLIT
@given(draw=st.data(), policy=st.sampled_from(RefundPolicy))
def test_no_sequence_of_refunds_gives_back_more_than_was_paid_and_the_rest_gives_back_the_rest(
    pages: Any, draw: st.DataObject, policy: RefundPolicy
) -> None:
    order = replace(draft_of(page_of(*drawn(draw, pages))).order, refund_policy=policy)
    cases = draw.draw(sequences(order))
    returned: Counter[str] = Counter()
    for case in cases:
        returned.update(case.lines)
    rest = {line: units - returned[line] for line, units in everything(order).items()}
    cases.append(RefundCase(lines=rest, parcels=frozenset(parcel.parcel_id for parcel in order.parcels)))
    given_back = 0
    for index, case in enumerate(cases):
        refund = refund_of(order, case, cases[:index])
        assert refund.total >= 0
        assert refund.total == sum(line.total for line in refund.lines) - sum(each.amount for each in refund.clawbacks)
        assert sum(entry.amount for entry in refund.entries) == 0
        given_back += refund.total
        assert given_back <= order.payable
    assert given_back == order.payable


@SPLIT
@given(draw=st.data())
def test_units_refunded_together_or_apart_come_to_the_same(pages: Any, draw: st.DataObject) -> None:
    order = draft_of(page_of(*drawn(draw, pages))).order
    line = draw.draw(st.sampled_from(order.lines))
    one = RefundCase(lines={line.line_id: 1}, carriage=True)
    apart = [refund_of(order, one, [one] * times) for times in range(line.quantity)]
    together = refund_of(order, RefundCase(lines={line.line_id: line.quantity}, carriage=True))
    assert sum(refund.total for refund in apart) == together.total
    assert together.lines[0].goods == line.net
    assert sum(refund.commission for refund in apart) == line.commission


def test_an_order_from_before_is_refunded_by_net_amounts() -> None:
    order = example()
    old = replace(order, adjustments=(), parcels=tuple(replace(each, portions=()) for each in order.parcels))
    refund = refund_of(old, RefundCase(lines=everything(old), carriage=True))
    assert refund.total == old.payable
    assert booked(refund.entries)["platform:discounts", "DISCOUNT"] == 3000
    kinds = {entry.kind for entry in entries_of(old)}
    assert EntryKind.FREIGHT_DISCOUNT in kinds

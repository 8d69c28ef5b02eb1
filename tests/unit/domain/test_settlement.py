"""Statements and the P&L of carriage are sums whose identities hold (domain rules, section 4)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.order import EntryKind
from orderpage.domain.settlement import NOTHING_CARRIED, Account, LogisticsPnl, Statement, day_bounds

DAY = date(2026, 11, 22)
TEA = Account("s-tea", "HK", "HKD", 2)
AMOUNT = st.integers(-(10**9), 10**9)
NOT_OF_SELLERS = (
    EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.FREIGHT, EntryKind.CARRIER_COST, EntryKind.DEPOSIT
)  # fmt: skip
OF_SELLERS = [kind for kind in EntryKind if kind not in NOT_OF_SELLERS]
EXAMPLE = LogisticsPnl(list_freight=1500, buyer=500, seller=300, platform=700, cost=1320, gmv=23350)


def test_the_pnl_of_the_order_of_section_4() -> None:
    """List freight 15.00, of it 10.00 reduced (platform 7.00, seller 3.00), cost 13.20, goods 233.50."""
    assert EXAMPLE.buyer + EXAMPLE.seller + EXAMPLE.platform == EXAMPLE.list_freight
    assert EXAMPLE.net == EXAMPLE.buyer + EXAMPLE.seller - EXAMPLE.cost
    assert (EXAMPLE.operating, EXAMPLE.marketing, EXAMPLE.net) == (180, -700, -520)
    assert EXAMPLE.share_of_gmv(EXAMPLE.net) == -22270  # −2.23%


def test_who_pays_for_carriage_must_come_to_the_list_freight() -> None:
    with pytest.raises(ValueError, match="comes to 1499, the list freight is 1500"):
        LogisticsPnl(list_freight=1500, buyer=499, seller=300, platform=700, cost=1320, gmv=23350)


def test_rates_of_many_orders_are_of_sums_and_never_a_mean_of_rates() -> None:
    """−520 of 233.50 and 0 of 0.50: −2.22%, and not half of −2.23%."""
    free = LogisticsPnl(list_freight=0, buyer=0, seller=0, platform=0, cost=0, gmv=50)
    both = NOTHING_CARRIED + EXAMPLE + free
    assert (both.parcels, both.net, both.gmv) == (2, -520, 23400)
    assert both.share_of_gmv(both.net) == -22222
    assert NOTHING_CARRIED.share_of_gmv(0) == 0


@given(
    amounts=st.lists(st.tuples(*[st.integers(0, 10**7)] * 6), max_size=8),
)
def test_operating_and_marketing_make_the_net_of_any_sum(amounts: list[tuple[int, ...]]) -> None:
    total = NOTHING_CARRIED
    for buyer, seller, platform, carrier, cost, gmv in amounts:
        paid = buyer + seller + platform + carrier
        total += LogisticsPnl(
            list_freight=paid, buyer=buyer, seller=seller, platform=platform, carrier=carrier, cost=cost, gmv=gmv
        )
    assert total.operating + total.marketing == total.net
    assert total.parcels == len(amounts)


@given(opening=AMOUNT, sums=st.dictionaries(st.sampled_from(OF_SELLERS), AMOUNT))
def test_opening_and_movement_are_the_closing_and_the_parts_are_the_movement(
    opening: int, sums: dict[EntryKind, int]
) -> None:
    statement = Statement.of(DAY, TEA, opening, sums)
    assert statement.opening + statement.movement == statement.closing
    assert statement.payable == statement.movement == sum(sums.values())


def test_a_statement_never_leaves_out_an_entry_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"shop s-tea .* \(CARRIER_COST\), which come to 80 on 2026-11-22"):
        Statement.of(DAY, TEA, 0, {EntryKind.GOODS: 1000, EntryKind.CARRIER_COST: 80})


def test_a_day_begins_and_ends_where_it_is_counted() -> None:
    begin, end = day_bounds(DAY, ZoneInfo("Asia/Shanghai"))
    assert (begin, end) == (datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC))

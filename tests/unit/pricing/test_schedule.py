"""What is paid when: the stages are the page, to the cent, and no deposit is above a fifth (domain rules 5.2)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.goods import Line
from orderpage.domain.page import Totals
from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.problem import Code
from orderpage.domain.stage import PayTerms, Stage
from orderpage.pricing.schedule import kept_apart, presold_lines, schedule_of
from orderpage.testing.examples import example_line, example_view

DECEMBER = BalanceWindow(first_day=date(2026, 12, 1), last_day=date(2026, 12, 7))
LATE = BalanceWindow(first_day=date(2026, 12, 8), last_day=date(2026, 12, 10))
HELD_IN_HK = (datetime(2026, 11, 30, 16, tzinfo=UTC), datetime(2026, 12, 7, 16, tzinfo=UTC))


def sold(**fields: Any) -> Presale:
    """From the day of the example pages to the end of that month."""
    dates = {"effective_from": date(2026, 11, 23), "effective_to": date(2026, 11, 30), "balance": DECEMBER}
    return Presale(**{**dates, **({} if "deposit" in fields else {"deposit_ppm": 100_000}), **fields})


def line(line_id: str, price: str, presale: Presale | None = None, quantity: int = 1) -> Line:
    return example_line(line_id, quantity, price=price, presale=(presale,) if presale else ())


def paid(*lines: Line, terms: PayTerms = PayTerms(), net: dict[str, int] | None = None, **charges: int) -> Any:  # noqa: B008
    """The schedule of a page of these lines, in fen at 1:1.18, with these charges."""
    view = example_view("HK", *lines)
    nets = {each.line_id: each.amount for each in view.lines} | (net or {})
    goods = sum(each.amount for each in view.lines)
    money = {"freight": 1000, "freight_discount": -100, "fees": 300, "tax": 77} | charges
    payable = sum(nets.values()) + sum(money.values())
    totals = Totals(goods=goods, goods_discount=sum(nets.values()) - goods, border=0, payable=payable, **money)
    presold = presold_lines(view)
    return schedule_of(view, nets, totals, presold, terms)


def test_a_page_without_presale_is_paid_at_once() -> None:
    (whole,) = paid(line("1", "100.00"))
    assert (whole.stage, whole.amount) == (Stage.FULL, 11_800 + 1_277)


def test_a_deposit_is_paid_now_and_everything_else_with_the_balance_in_days_of_the_site() -> None:
    deposit, balance = paid(line("1", "100.00", sold()))
    assert (deposit.stage, deposit.amount, deposit.opens_at, deposit.due_at) == (Stage.DEPOSIT, 1_180, None, None)
    assert (balance.goods, balance.freight, balance.fees, balance.tax) == (11_800 - 1_180, 900, 300, 77)
    assert (balance.opens_at, balance.due_at) == HELD_IN_HK


def test_a_deposit_in_fen_is_converted_a_unit_and_then_multiplied() -> None:
    deposit, _ = paid(line("1", "100.00", sold(deposit=1_003), quantity=3))
    assert deposit.amount == 3 * 1_184  # 10.03 × 1.18 = 11.8354


def test_ordinary_goods_of_a_mixed_cart_are_paid_with_the_balance() -> None:
    deposit, balance = paid(line("1", "100.00", sold()), line("2", "50.00"))
    assert (deposit.amount, deposit.deposits) == (1_180, (("1", 1_180),))
    assert balance.goods == 11_800 + 5_900 - 1_180


def test_the_site_may_take_freight_and_tax_with_the_deposit() -> None:
    deposit, balance = paid(line("1", "100.00", sold()), terms=PayTerms(freight=Stage.DEPOSIT, tax=Stage.DEPOSIT))
    assert (deposit.freight, deposit.fees, deposit.tax) == (900, 300, 77)
    assert balance.amount == balance.goods


def test_a_site_that_has_all_prepaid_has_no_stages() -> None:
    (whole,) = paid(line("1", "100.00", sold()), terms=PayTerms(prepaid=True))
    assert whole.stage is Stage.FULL


@pytest.mark.parametrize("day", [date(2026, 11, 24), date(2026, 11, 22)])
def test_out_of_its_dates_a_good_is_sold_at_once(day: date) -> None:
    first, last = (day, date(2026, 11, 30)) if day.day == 24 else (date(2026, 11, 1), day)
    (whole,) = paid(line("1", "100.00", sold(effective_from=first, effective_to=last)))
    assert whole.stage is Stage.FULL


def test_goods_whose_balances_have_no_common_time_are_ordered_apart() -> None:
    lines = (line("1", "100.00", sold()), line("2", "100.00", sold(balance=LATE)))
    view = example_view("HK", *lines)
    (problem,) = kept_apart(presold_lines(view), PayTerms())
    assert (problem.code, problem.line_id) == (Code.PRESALE_APART, "2")
    assert [due.stage for due in paid(*lines)] == [Stage.FULL]


def test_windows_that_overlap_are_paid_within_both() -> None:
    later = BalanceWindow(first_day=date(2026, 12, 3), last_day=date(2026, 12, 20))
    _, balance = paid(line("1", "100.00", sold()), line("2", "100.00", sold(balance=later)))
    assert (balance.opens_at, balance.due_at) == (datetime(2026, 12, 2, 16, tzinfo=UTC), HELD_IN_HK[1])


CARTS = st.lists(
    st.tuples(
        st.integers(1, 50_000),
        st.integers(1, 9),
        st.one_of(st.none(), st.integers(1, 200_000), st.integers(-9_999, -1)),
    ),
    min_size=1,
    max_size=6,
)


@given(CARTS, st.data())
def test_the_stages_sum_to_the_page_and_no_deposit_is_above_a_fifth(cart: list[Any], data: st.DataObject) -> None:
    lines = []
    for number, (fen, quantity, asked) in enumerate(cart, 1):
        presale = None
        if asked is not None:
            presale = sold(deposit_ppm=asked) if asked > 0 else sold(deposit=min(-asked, max(1, fen // 5)))
        lines.append(line(str(number), f"{fen // 100}.{fen % 100:02}", presale, quantity))
    view = example_view("HK", *lines)
    nets = {each.line_id: data.draw(st.integers(0, each.amount)) for each in view.lines}
    charges = {name: data.draw(st.integers(0, 9_999)) for name in ("freight", "fees", "tax")}
    stages = st.sampled_from([Stage.DEPOSIT, Stage.BALANCE])
    terms = PayTerms(freight=data.draw(stages), tax=data.draw(stages))
    schedule = paid(*lines, terms=terms, net=nets, freight_discount=0, **charges)
    assert sum(due.amount for due in schedule) == sum(nets.values()) + sum(charges.values())
    for name, whole in (*charges.items(), ("goods", sum(nets.values()))):
        assert sum(getattr(due, name) for due in schedule) == whole
    assert min(due.amount for due in schedule) >= 0
    if len(schedule) > 1:
        in_presale = sum(nets[each.line_id] for each in view.lines if each.sku.presale)
        assert 0 < 5 * schedule[0].goods <= in_presale


# ---- what a file may say ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"deposit_ppm": 200_001}, "over the legal 200000, a fifth of the price"),
        ({"deposit_ppm": 0}, "a deposit, or deposit_ppm in its place, above zero"),
        ({"deposit": 100, "deposit_ppm": 100}, "a deposit, or deposit_ppm in its place, above zero"),
        ({"effective_to": None}, "ends some day"),
        ({"effective_to": date(2026, 12, 8)}, "when its balance can be paid no more"),
    ],
)
def test_a_presale_that_cannot_be_kept_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sold(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"first_day": date(2026, 12, 1)},
        {"first_day": date(2026, 12, 2), "last_day": date(2026, 12, 1)},
        {"opens_at": HELD_IN_HK[1], "closes_at": HELD_IN_HK[1]},
        {"opens_at": HELD_IN_HK[0], "last_day": date(2026, 12, 1)},
    ],
)
def test_a_window_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="balance window"):
        BalanceWindow(**fields)

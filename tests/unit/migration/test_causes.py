"""Why two answers may differ: a guess that puts what follows with what it follows from."""

from typing import Any

import pytest
from tests.unit.migration.made_pages import make, on_wire

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.order_pb2 import Order
from crossborder.checkout.v1.page_pb2 import Option
from crossborder.checkout.v1.problem_pb2 import Problem, Problems
from orderpage.migration.comparison.compare import compare
from orderpage.migration.comparison.found import Cause


@pytest.fixture
def legacy(demo: Any) -> RenderResponse:
    return on_wire(make(demo, demo.cart("SG", ("tea-pot-master", 1), ("bok-notebook-a5", 2)), "b-demo").page)


@pytest.fixture
def new(legacy: RenderResponse) -> RenderResponse:
    answer = RenderResponse()
    answer.CopyFrom(legacy)
    return answer


def chosen(answer: RenderResponse) -> Option:
    return next(option for option in answer.page.parcels[0].options if option.selected)


def pay(answer: RenderResponse, more: int) -> None:
    """What follows from an option's cost."""
    chosen(answer).landed_cost += more
    answer.page.totals.payable += more
    answer.page.payment_schedule.stages[0].amount += more


def causes(legacy: Any, new: Any) -> dict[str, Cause]:
    return {one.field: one.cause for one in compare(legacy, new)}


def test_a_rate_of_exchange_explains_every_amount(legacy: RenderResponse, new: RenderResponse) -> None:
    new.page.exchange_rate.numerator += 1
    new.page.shops[0].lines[0].unit_amount += 40
    new.page.shops[0].name = "Other"
    pay(new, 40)
    assert causes(legacy, new) == {
        "exchange_rate.numerator": Cause.RATE,
        "shops.lines.unit_amount": Cause.RATE,
        "parcels.options.landed_cost": Cause.RATE,
        "totals.payable": Cause.RATE,
        "payment_schedule.stages.amount": Cause.RATE,
        "shops.name": Cause.TEXT,
    }


def test_a_rate_under_another_name_explains_nothing_else(legacy: RenderResponse, new: RenderResponse) -> None:
    new.page.exchange_rate.rate_id = "another"
    new.page.totals.fees += 100
    assert causes(legacy, new) == {"exchange_rate.rate_id": Cause.OTHER, "totals.fees": Cause.FEE}


def test_stock_that_ran_out_explains_the_goods_that_are_missing(legacy: RenderResponse, new: RenderResponse) -> None:
    new.page.blocked_lines.add(line_id="2", sku_id="x", problems=[Problem(code="INV_OUT_OF_STOCK")])
    del new.page.shops[1]
    new.page.totals.goods -= 500
    assert set(causes(legacy, new).values()) == {Cause.STOCK}


def test_a_line_blocked_for_another_reason_is_a_refusal(legacy: RenderResponse, new: RenderResponse) -> None:
    new.page.blocked_lines.add(line_id="2", sku_id="x", problems=[Problem(code="RESTRICT_IMPORT_PROHIBITED")])
    assert causes(legacy, new) == {"blocked_lines": Cause.REFUSAL}


def test_a_freight_explains_the_tax_on_it_and_the_totals(legacy: RenderResponse, new: RenderResponse) -> None:
    chosen(new).freight += 200
    chosen(new).tax += 18
    new.page.totals.freight += 200
    new.page.totals.tax += 18
    pay(new, 218)
    assert set(causes(legacy, new).values()) == {Cause.FREIGHT}


@pytest.mark.parametrize(
    ("field", "total", "cause"), [("tax", "tax", Cause.TAX), ("discount", "freight_discount", Cause.DISCOUNT)]
)
def test_a_component_explains_its_total(
    legacy: RenderResponse, new: RenderResponse, field: str, total: str, cause: Cause
) -> None:
    setattr(chosen(new), field, getattr(chosen(new), field) - 200)
    setattr(new.page.totals, total, getattr(new.page.totals, total) - 200)
    pay(new, -200)
    assert set(causes(legacy, new).values()) == {cause}


def test_a_goods_discount_explains_what_lines_cost_and_the_tax_on_them(
    legacy: RenderResponse, new: RenderResponse
) -> None:
    new.page.adjustments.add(code="AUTUMN", amount=-300).parts.add(line_id="1", amount=-300)
    new.page.shops[0].lines[0].net_amount -= 300
    chosen(new).tax -= 27
    new.page.totals.goods_discount -= 300
    pay(new, -327)
    assert set(causes(legacy, new).values()) == {Cause.DISCOUNT}


def test_a_fee_explains_the_block_that_shows_it(legacy: RenderResponse, new: RenderResponse) -> None:
    chosen(new).fees.add(code="FUEL", amount=150)
    new.page.totals.fees += 150
    pay(new, 150)
    new.page.blocks.add(slot="footer", kind="landed_cost", text="1.50 more")
    assert set(causes(legacy, new).values()) == {Cause.FEE}


def test_what_an_option_costs_that_nobody_chose_explains_no_total(legacy: RenderResponse, new: RenderResponse) -> None:
    other = next(option for option in new.page.parcels[0].options if not option.selected)
    other.freight += 300
    chosen(new).tax += 20
    new.page.totals.payable += 20
    assert causes(legacy, new) == {
        "parcels.options.freight": Cause.FREIGHT,
        "parcels.options.tax": Cause.TAX,
        "totals.payable": Cause.TAX,
    }


def test_a_minor_unit_here_and_there_is_rounding(legacy: RenderResponse, new: RenderResponse) -> None:
    chosen(new).tax += 1
    new.page.totals.tax += 1
    pay(new, 1)
    assert set(causes(legacy, new).values()) == {Cause.ROUNDING}
    new.page.totals.goods += 100
    assert Cause.ROUNDING not in causes(legacy, new).values()


def test_both_days_later_is_a_cut_off_and_one_is_not(legacy: RenderResponse, new: RenderResponse) -> None:
    window = chosen(new).arrival
    window.earliest.day, window.latest.day = window.earliest.day % 28 + 1, window.latest.day % 28 + 1
    old = chosen(legacy).arrival
    old.earliest.day, old.latest.day = window.earliest.day - 1, window.latest.day - 1
    old.earliest.month = old.latest.month = window.earliest.month = window.latest.month = 12
    assert set(causes(legacy, new).values()) == {Cause.CUTOFF}
    window.latest.day += 1
    assert set(causes(legacy, new).values()) == {Cause.ARRIVAL}


def test_a_shift_of_another_carriers_is_no_cut_off(legacy: RenderResponse, new: RenderResponse) -> None:
    for day in (chosen(new).arrival.earliest, chosen(new).arrival.latest):
        day.year += 1
    chosen(new).carrier = "OTHER"
    found = causes(legacy, new)
    assert found["parcels.options.arrival.earliest"] is Cause.ARRIVAL


def test_another_division_explains_what_is_paid(legacy: RenderResponse, new: RenderResponse) -> None:
    new.page.parcels[0].items[0].quantity += 1
    new.page.split_reason = "another"
    new.page.totals.freight += 300
    assert set(causes(legacy, new).values()) == {Cause.DIVISION}


def test_a_method_that_is_gone_is_options_also_for_the_totals_of_the_choice(
    legacy: RenderResponse, new: RenderResponse
) -> None:
    options = new.page.parcels[0].options
    gone = next(index for index, option in enumerate(options) if option.selected)
    del options[gone]
    options[0].selected = True
    new.page.totals.payable += 300
    found = causes(legacy, new)
    assert found["parcels.options"] is found["totals.payable"] is Cause.OPTIONS
    assert found["parcels.options.selected"] is Cause.RANK


def test_another_order_is_a_rank_and_explains_the_choice(legacy: RenderResponse, new: RenderResponse) -> None:
    first, second = new.page.parcels[0].options[:2]
    first.selected, second.selected = second.selected, first.selected
    first.score += 5
    new.page.totals.payable += 300
    assert set(causes(legacy, new).values()) == {Cause.RANK}


def test_refusals_words_and_the_rest_have_names_too(legacy: RenderResponse, new: RenderResponse) -> None:
    assert causes(legacy, Problems(problems=[Problem(code="X")])) == {"answer": Cause.REFUSAL}
    new.page.payment_methods.add(code="coin")
    new.page.degraded.add(point="ask", extension="x", reason="timeout")
    new.page.parcels[0].options[0].label = "Another name"
    assert causes(legacy, new) == {
        "payment_methods": Cause.PAYMENT,
        "degraded": Cause.DEGRADED,
        "parcels.options.label": Cause.TEXT,
    }


def test_an_order_differs_by_component_or_by_an_attribute() -> None:
    legacy, new = Order(payable=10, freight=10, site="SG"), Order(payable=510, freight=510, site="HK")
    for order, freight in ((legacy, 10), (new, 510)):
        order.parcels.add(parcel_id="p", method="M", freight=freight).items.add(line_id="1", quantity=1)
    assert causes(legacy, new) == {
        "site": Cause.ORDER_ATTRIBUTE,
        "freight": Cause.FREIGHT,
        "payable": Cause.FREIGHT,
        "parcels.freight": Cause.FREIGHT,
    }

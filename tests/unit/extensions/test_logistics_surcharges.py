"""Fuel, oversize and fixed lines; and what a rate card says of weight by the kilogram, of dates and of value."""

from datetime import date
from typing import Any

import msgspec
import pytest

from orderpage.domain.address import Delivery
from orderpage.domain.money import ListingAmount, Percent
from orderpage.domain.problem import Code
from orderpage.domain.shipping import Basis, Excluded, Fee, KiloTariff, Offer
from orderpage_logistics.limits import Limits
from orderpage_logistics.methods import DirectMail
from orderpage_logistics.rate_card import RateRow
from orderpage_logistics.surcharges import (
    FixedFee,
    FixedLine,
    Fuel,
    FuelFee,
    FuelRow,
    Oversize,
    OversizeFee,
    OversizeRow,
)

ROWS = (
    FuelRow(effective_from=date(2026, 1, 1), effective_to=date(2026, 9, 30), percent=Percent("10")),
    FuelRow(effective_from=date(2026, 10, 1), percent=Percent("12.5")),
)


def shipment(make: Any, code: str = "M", listed: int = 0, **line: Any) -> Any:
    sent = make.shipment(make.method(code), make.parcel(make.line(**line)))
    return type(sent)(**{name: getattr(sent, name) for name in sent.__struct_fields__} | {"listed": listed})


@pytest.mark.parametrize(("day", "amount"), [(date(2026, 9, 30), 1_001), (date(2026, 10, 1), 1_251)])
def test_fuel_is_a_share_of_the_listed_freight_by_the_row_of_the_day(make: Any, day: date, amount: int) -> None:
    fee = FuelFee(Fuel(methods=frozenset({"M"}), rows=ROWS)).surcharge(make.view(today=day))
    assert fee
    assert fee(shipment(make, listed=10_005)) == Fee("FUEL", amount, "fuel", 1)  # half up
    assert fee(shipment(make, "OTHER", listed=10_005)) is None


@pytest.mark.parametrize("percent", ["-1", "100.01", "1.00001", "much"])
def test_a_percentage_that_is_none_is_refused(percent: str) -> None:
    with pytest.raises(ValueError, match="percent"):
        FuelRow(effective_from=date(2026, 1, 1), percent=Percent(percent))


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ({"sides_cm": (160, 10, 10), "weight_g": 50_000}, None),
        ({"sides_cm": (161, 10, 10), "weight_g": 900}, 2_000),  # 1 kg at 1.00, at least 20.00
        ({"sides_cm": (10, 10, 10), "weight_g": 50_001}, 5_100),
        ({"sides_cm": (201, 10, 10), "weight_g": 900}, 26_000),
    ],
)
def test_of_several_bands_the_dearest_counts(make: Any, line: dict[str, Any], amount: int | None) -> None:
    start, bands = date(2026, 1, 1), []
    per_kg: dict[str, Any] = {"per_kg": ListingAmount("1.00"), "minimum": ListingAmount("20.00")}
    bands.append(OversizeRow(effective_from=start, side_over_cm=160, weight_over_g=50_000, **per_kg))
    bands.append(OversizeRow(effective_from=start, side_over_cm=200, minimum=ListingAmount("260.00")))
    fee = OversizeFee(Oversize(methods=frozenset({"M"}), bands=tuple(bands))).surcharge(make.view())
    assert fee
    found = fee(shipment(make, **line))
    assert (found and found.amount) == amount


def test_a_fixed_line_is_for_its_methods(make: Any) -> None:
    settings = FixedLine(code="CLEARANCE", methods=frozenset({"M"}), amount=ListingAmount("3.00"))
    fee = FixedFee(settings).surcharge(make.view())
    assert fee(shipment(make)) == Fee("CLEARANCE", 300, "CLEARANCE", 1)
    assert fee(shipment(make, "OTHER")) is None


# ---- rate cards ----------------------------------------------------------------------------------------------------


def test_a_table_has_a_price_for_every_started_kilogram_and_one_a_kilogram_above_it() -> None:
    tariff = KiloTariff((3_000, 4_500, 5_500), 1_900, 6_000, Basis.NONE)
    weights = [1, 1_000, 1_001, 3_000, 3_001, 10_000]
    assert [tariff.fee(tariff.chargeable_g(weight, 0)) for weight in weights] == [
        3_000, 3_000, 4_500, 5_500, 7_600, 19_000,
    ]  # fmt: skip


def test_a_row_is_by_steps_or_by_table_and_never_both_or_half() -> None:
    dated: dict[str, Any] = {"effective_from": date(2026, 1, 1), "divisor": 6_000, "basis": Basis.FULL}
    fen = ListingAmount("1.00")
    steps: dict[str, Any] = {"first_g": 500, "first_fee": fen, "step_g": 500, "step_fee": fen, "round_g": 500}
    table: dict[str, Any] = {"totals": (fen,), "per_kg": fen}
    assert RateRow(**dated, **steps).tariff
    assert RateRow(**dated, **table).tariff
    wrongs: list[dict[str, Any]] = [{}, {"first_g": 500}, {"totals": (fen,)}, steps | table, steps | {"per_kg": fen}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="either first_g"):
            RateRow(**dated, **wrong)


@pytest.mark.parametrize(
    ("totals", "per_kg", "message"),
    [
        (("30.00", "45.00", "44.99"), "19.00", r"3 kg at 44\.99 are cheaper than 2 kg at 45\.00"),
        (("30.00", "45.00"), "14.99", r"3 kg at 44\.97 are cheaper than 2 kg at 45\.00"),
    ],
)
def test_a_heavier_parcel_costs_no_less(totals: tuple[str, ...], per_kg: str, message: str) -> None:
    """What is free up to a weight would be worth more than the whole."""
    row: dict[str, Any] = {"effective_from": date(2026, 1, 1), "divisor": 6_000, "basis": Basis.FULL}
    with pytest.raises(ValueError, match=message):
        RateRow(**row, totals=tuple(map(ListingAmount, totals)), per_kg=ListingAmount(per_kg))


def codes(answer: object) -> list[str]:
    return [reason.code for reason in answer.reasons] if isinstance(answer, Excluded) else []


def test_goods_with_a_date_arrive_while_they_are_good_by_the_longest_transit(make: Any) -> None:
    # 2026-11-23, up to 5 days on the way, and 30 days to be left.
    answer = DirectMail(make.card("HK_DM_LAND", shelf_days=30)).offer(make.view())
    assert codes(answer(make.parcel(make.line(expires_on=date(2026, 12, 28))))) == [Code.ITEM_EXPIRES_EARLY]
    assert isinstance(answer(make.parcel(make.line(expires_on=date(2026, 12, 29)))), Offer)
    assert isinstance(answer(make.parcel(make.line())), Offer)


def test_a_store_takes_less_than_the_carrier(make: Any) -> None:
    pickup = Limits(max_g=5_000, max_side_cm=45, max_sum_cm=105, value_below=200)  # 200.00 HKD
    offers = {
        delivery: DirectMail(make.card("HK_DM_LAND", pickup=pickup)).offer(
            make.view(address=make.address(delivery=delivery))
        )
        for delivery in Delivery
    }
    heavy = make.parcel(make.line(weight_g=5_001))
    long = make.parcel(make.line(sides_cm=(46, 1, 1)))
    dear = make.parcel(make.line(unit_price=20_000))
    worth = make.parcel(make.line(unit_price=19_999))
    collected, home = offers[Delivery.PICKUP_POINT], offers[Delivery.HOME]
    assert [codes(collected(parcel)) for parcel in (heavy, long, dear, worth)] == [
        [Code.LOGI_OVERWEIGHT], [Code.LOGI_OVERSIZE], [Code.LOGI_OVERSIZE], [],
    ]  # fmt: skip
    assert [codes(home(parcel)) for parcel in (heavy, long, dear)] == [[], [], []]


def test_fees_say_when_their_rows_end() -> None:
    methods, start, end = frozenset({"M"}), date(2026, 1, 1), date(2026, 9, 30)
    assert FuelFee(Fuel(methods=methods, rows=ROWS[:1])).data_until == end
    assert FuelFee(Fuel(methods=methods, rows=ROWS)).data_until is None
    fen = ListingAmount("1.00")
    short = OversizeRow(effective_from=start, effective_to=end, side_over_cm=100, minimum=fen)
    for_ever = OversizeRow(effective_from=start, side_over_cm=150, minimum=fen)
    assert OversizeFee(Oversize(methods=methods, bands=(short,))).data_until == end
    assert OversizeFee(Oversize(methods=methods, bands=(short, for_ever))).data_until is None


def test_a_time_without_fuel_is_a_row_of_nothing_and_never_a_gap() -> None:
    later = FuelRow(effective_from=date(2026, 11, 1), percent=Percent("9"))
    with pytest.raises(ValueError, match="no row holds from 2026-10-01 to 2026-10-31; add one"):
        Fuel(methods=frozenset({"M"}), rows=(ROWS[0], later))
    free = FuelRow(effective_from=date(2026, 10, 1), effective_to=date(2026, 10, 31), percent=Percent("0"))
    assert FuelFee(Fuel(methods=frozenset({"M"}), rows=(ROWS[0], later, free))).data_until is None


def test_a_band_does_not_end_before_it_begins() -> None:
    backwards = OversizeRow(
        effective_from=date(2026, 1, 2), effective_to=date(2026, 1, 1), side_over_cm=9, minimum=ListingAmount("1.00")
    )
    with pytest.raises(ValueError, match="ends before it begins"):
        Oversize(methods=frozenset({"M"}), bands=(backwards,))


def test_a_card_says_when_it_ends_and_that_it_has_not_begun(make: Any) -> None:
    row = make.card("HK_DM_LAND").rates[0]
    ending = msgspec.structs.replace(row, effective_from=date(2026, 1, 1), effective_to=date(2026, 6, 30))
    method = DirectMail(make.card("HK_DM_LAND", rates=(ending,)))
    assert method.data_until == date(2026, 6, 30)
    assert method.lacks_on(date(2026, 1, 1)) == ""
    assert method.lacks_on(date(2026, 7, 1)) == "", "a method may stop"
    assert method.lacks_on(date(2025, 12, 31)).startswith("HK_DM_LAND has no rate on 2025-12-31, its first begins on")
    later = msgspec.structs.replace(row, effective_from=date(2026, 7, 2), effective_to=None)
    with pytest.raises(ValueError, match="no row holds from 2026-07-01 to 2026-07-01"):
        make.card("HK_DM_LAND", rates=(ending, later))

"""From an offer to a priced option: shipments, freight, fees, dates (design 3, domain rules 3.3 and 12)."""

from datetime import date
from typing import Any

import pytest

from orderpage import points
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.page import ForbidMethod
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import ArrivalWindow, Basis, ChargedFee, Excluded, Fee, Reason, StepTariff
from orderpage.engine.faults import Fault

HKD = ExchangeRate.of("r", CNY, Currency("HKD", 2), "1.1800")
LAND = StepTariff(first_g=1000, first_fee=1200, step_g=500, step_fee=300, divisor=6000, basis=Basis.FULL, round_g=500)


def two_shops(build: Any) -> Any:
    return build.parcel(
        build.line("1", shop="a", weight_g=400),
        build.line("2", shop="b", weight_g=400),
        build.line("3", shop="a", weight_g=300),
    )


def test_a_method_that_merges_sends_one_shipment(build: Any) -> None:
    (option,) = build.priced(two_shops(build), build.offer(tariff=LAND)).options
    assert [(s.weight_g, s.chargeable_g, s.freight) for s in option.shipments] == [(1100, 1500, 1500)]
    assert (option.freight, option.charges) == (1500, (1500,))


def test_a_method_that_does_not_merge_sends_one_shipment_a_shop_each_with_its_own_freight_and_fee(build: Any) -> None:
    priced = build.priced(
        two_shops(build),
        build.offer(tariff=LAND, mergeable=False),
        fees=lambda shipment: [Fee("HOME_DELIVERY", 800, "last_mile", 1)],
    )
    (option,) = priced.options
    assert [[item.line.line_id for item in s.items] for s in option.shipments] == [["1", "3"], ["2"]]
    assert [(s.weight_g, s.freight) for s in option.shipments] == [(700, 1200), (400, 1200)]
    assert (option.freight, option.fees) == (2400, (ChargedFee("HOME_DELIVERY", 1600),))
    assert option.charges == (2000, 2000)


def test_one_shop_is_one_shipment_even_where_a_method_does_not_merge(build: Any) -> None:
    parcel = build.parcel(build.line("1", shop="a"), build.line("2", shop="a"))
    (option,) = build.priced(parcel, build.offer(mergeable=False)).options
    assert len(option.shipments) == 1


def test_the_highest_rank_of_a_group_stands_and_groups_are_summed(build: Any) -> None:
    fees = [
        Fee("HOME_DELIVERY", 800, "last_mile", 1),
        Fee("REMOTE_AREA", 2000, "last_mile", 2),
        Fee("FUEL", 150, "fuel", 1),
    ]
    for order in (fees, fees[::-1]):
        (option,) = build.priced(
            build.parcel(build.line()), build.offer(freight=1200), fees=lambda _, o=order: o
        ).options
        assert {(fee.code, fee.amount) for fee in option.fees} == {("REMOTE_AREA", 2000), ("FUEL", 150)}
        assert option.fee_total == 2150


def test_each_fee_is_converted_by_itself(build: Any) -> None:
    """At 1.18, 0.04 is 0.0472 and 0.03 is 0.0354: 0.05 and 0.04, together 0.09 (at once they would be 0.08)."""
    fees = [Fee("X", 4, "x", 1), Fee("Y", 3, "y", 1)]
    (option,) = build.priced(build.parcel(build.line()), build.offer(), rate=HKD, fees=lambda _: fees).options
    assert option.fee_total == 9


def test_freight_is_the_converted_tariff_of_the_chargeable_weight(build: Any) -> None:
    parcel = build.parcel(build.line(weight_g=1200, sides_cm=(30, 20, 15)))  # Q1
    (option,) = build.priced(parcel, build.offer(tariff=LAND), rate=HKD).options
    assert option.freight == 1770  # CNY 15.00


def test_what_an_extension_excludes_stays_excluded_with_its_reasons(build: Any) -> None:
    out = Excluded(build.method("X"), (Reason(Code.LOGI_OVERWEIGHT, "too heavy"),))
    priced = build.builder().build(build.parcel(build.line()), [out, build.offer("Y")])
    assert priced.excluded == (out,)
    assert [option.method.code for option in priced.options] == ["Y"]


def test_a_forbidden_method_is_excluded_naming_the_line_and_no_other_method_suffers(build: Any) -> None:
    problem = Problem(code=Code.LOGI_CLASS_FORBIDDEN, message="no liquids by air")
    forbidden = {"2": (ForbidMethod("2", frozenset({"AIR"}), problem),)}
    parcel = build.parcel(build.line("1"), build.line("2"))
    priced = build.priced(parcel, build.offer("AIR"), build.offer("SEA"), forbidden=forbidden)
    assert [option.method.code for option in priced.options] == ["SEA"]
    assert [(out.method.code, out.reasons) for out in priced.excluded] == [
        ("AIR", (Reason(Code.LOGI_CLASS_FORBIDDEN, "no liquids by air", ("2",)),))
    ]
    alone = build.priced(build.parcel(build.line("1")), build.offer("AIR"), forbidden=forbidden)
    assert [option.method.code for option in alone.options] == ["AIR"]


def test_a_fault_in_a_surcharge_loses_that_option_only(build: Any) -> None:
    def fees(shipment: Any) -> list[Fee]:
        if shipment.method.code == "BROKEN":
            raise Fault(points.SURCHARGE, "zone", "test.zone", ZeroDivisionError())
        return []

    priced = build.priced(build.parcel(build.line()), build.offer("BROKEN"), build.offer("FINE"), fees=fees)
    assert [option.method.code for option in priced.options] == ["FINE"]
    (out,) = priced.excluded
    assert out.method.code == "BROKEN"
    assert [reason.code for reason in out.reasons] == [Code.UP_TIMEOUT_LOGI]
    assert "ZeroDivisionError" not in out.reasons[0].message


@pytest.mark.parametrize("window", [None, ArrivalWindow(date(2026, 11, 27), date(2026, 11, 30))])
def test_an_option_has_the_promised_window_or_none(build: Any, window: ArrivalWindow | None) -> None:
    (option,) = build.priced(build.parcel(build.line()), build.offer(), promise=lambda option: window).options
    assert option.window == window


def test_the_charges_of_shipments_sum_to_freight_and_fees(build: Any) -> None:
    fee = Fee("REMOTE_AREA", 2000, "last_mile", 2)
    parcel, offer = two_shops(build), build.offer(tariff=LAND, mergeable=False)
    (option,) = build.priced(parcel, offer, rate=HKD, fees=lambda _: [fee]).options
    assert sum(option.charges) == option.freight + option.fee_total


def test_a_method_priced_below_zero_is_no_option(build: Any) -> None:
    def fees(shipment: Any) -> list[Fee]:
        return [Fee("BACK", -1, "back", 1)] if shipment.method.code == "FEE" else []

    offers = build.offer("FREIGHT", freight=-1), build.offer("FEE"), build.offer("FINE")
    priced = build.priced(build.parcel(build.line()), *offers, fees=fees)
    assert [option.method.code for option in priced.options] == ["FINE"]
    assert [out.method.code for out in priced.excluded] == ["FREIGHT", "FEE"]

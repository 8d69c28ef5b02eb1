"""Rate cards: worked quotes, limits, and every reason to refuse."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.domain.goods import GoodsClass
from orderpage.domain.problem import Code
from orderpage.domain.shipping import Excluded, MethodKind, Offer, Transit
from orderpage_logistics.last_mile import Area, Areas, HomeDelivery, ZoneFee
from orderpage_logistics.limits import Limits
from orderpage_logistics.methods import Consolidation, DirectMail
from orderpage_logistics.rate_card import Carriage
from orderpage_logistics.zones import Zone

TODAY = date(2026, 11, 23)
SAI_KUNG = Areas(areas=(Area(effective_from=date(2026, 1, 1), districts=frozenset({"Sai Kung"})),))


def codes(answer: object) -> list[str]:
    assert isinstance(answer, Excluded)
    return [reason.code for reason in answer.reasons]


def offered(make: Any, code: str, **card: Any) -> Any:
    return DirectMail(make.card(code, **card)).offer(make.view())


@pytest.mark.parametrize("quote", ["Q1", "Q2a", "Q2b"])
def test_a_worked_quote_comes_out_to_the_fen(make: Any, quote: str) -> None:
    case = next(case for case in make.cases["quotes"] if case["id"] == quote)
    made = Consolidation if "CONSO" in case["method"] else DirectMail
    address = make.address(case["method"][:2], district="Sai Kung" if case["remote"] else "")
    page = make.view(address=address)
    parcel = make.parcel(make.line(weight_g=case["actual_g"], sides_cm=tuple(case["dims_cm"])))
    offer = made(make.card(case["method"])).offer(page)(parcel)
    assert isinstance(offer, Offer)
    chargeable = offer.tariff.chargeable_g(parcel.weight_g, parcel.volume_cm3)
    bound = [slot for slot in (HomeDelivery().surcharge(page), ZoneFee(SAI_KUNG).surcharge(page)) if slot]
    fees = [fee for slot in bound if (fee := slot(make.shipment(offer.method, parcel)))]
    surcharge = max(fees, key=lambda fee: fee.rank).amount if fees else 0
    assert chargeable == case["chargeable_g"]
    assert offer.tariff.fee(chargeable) == case["freight"]
    assert surcharge == case["surcharge"]
    assert offer.tariff.fee(chargeable) + surcharge == case["total"]


def test_the_kind_is_that_of_the_extension(make: Any) -> None:
    card, parcel = make.card("HK_DM_LAND"), make.parcel()
    kinds = [made(card).offer(make.view())(parcel).method.kind for made in (DirectMail, Consolidation)]
    assert kinds == [MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL]


def test_the_maximum_weight_is_inclusive(make: Any) -> None:
    answer = offered(make, "HK_DM_LAND")
    assert isinstance(answer(make.parcel(make.line(weight_g=30_000))), Offer)
    assert codes(answer(make.parcel(make.line(weight_g=30_001)))) == [Code.LOGI_OVERWEIGHT]


def test_the_limit_tests_actual_weight_not_volume(make: Any) -> None:
    bulky = make.parcel(make.line(weight_g=1_000, sides_cm=(100, 100, 100)))
    assert isinstance(offered(make, "HK_DM_LAND")(bulky), Offer)


def test_a_method_that_does_not_merge_weighs_each_shop_by_itself(make: Any) -> None:
    shares = [make.line("1", shop="a", weight_g=15_000), make.line("2", shop="b", weight_g=15_000)]
    answer = offered(make, "HK_DM_FAST")
    assert isinstance(answer(make.parcel(*shares)), Offer)
    refused = answer(make.parcel(*shares, make.line("3", shop="b", weight_g=5_001)))
    assert codes(refused) == [Code.LOGI_OVERWEIGHT]
    assert refused.reasons[0].line_ids == ("2", "3")
    assert codes(offered(make, "HK_DM_FAST", mergeable=True)(make.parcel(*shares))) == [Code.LOGI_OVERWEIGHT]


def test_a_refused_class_names_its_lines(make: Any) -> None:
    parcel = make.parcel(make.line("1"), make.line("2", goods_class=GoodsClass.POWDER))
    refused = offered(make, "HK_DM_LAND")(parcel)
    assert codes(refused) == [Code.LOGI_CLASS_FORBIDDEN]
    assert refused.reasons[0].line_ids == ("2",)


def test_a_side_and_the_sum_of_sides_are_limits(make: Any) -> None:
    fits = make.parcel(make.line(sides_cm=(45, 30, 30)))
    long = make.parcel(make.line(sides_cm=(46, 1, 1)))
    wide = make.parcel(make.line(sides_cm=(45, 31, 30)))
    answer = offered(make, "HK_DM_LAND", limits=Limits(max_side_cm=45, max_sum_cm=105))
    assert isinstance(answer(fits), Offer)
    assert codes(answer(long)) == codes(answer(wide)) == [Code.LOGI_OVERSIZE]


def test_stock_elsewhere_is_refused(make: Any) -> None:
    refused = offered(make, "HK_DM_LAND")(make.parcel(make.line("1"), make.line("2", origin="HK")))
    assert codes(refused) == [Code.INV_REGION_UNAVAILABLE]
    assert refused.reasons[0].line_ids == ("2",)


def test_every_reason_is_given_at_once(make: Any) -> None:
    worst = make.line(goods_class=GoodsClass.BLADE, weight_g=40_000, sides_cm=(200, 10, 10), origin="HK")
    refused = offered(make, "HK_DM_LAND", limits=Limits(max_side_cm=160))(make.parcel(worst))
    assert codes(refused) == [
        Code.LOGI_CLASS_FORBIDDEN,
        Code.LOGI_OVERSIZE,
        Code.LOGI_OVERWEIGHT,
        Code.INV_REGION_UNAVAILABLE,
    ]


def test_a_day_without_a_rate_excludes_the_method(make: Any) -> None:
    answer = DirectMail(make.card("HK_DM_LAND")).offer(make.view(today=date(2025, 12, 31)))
    assert codes(answer(make.parcel())) == [Code.LOGI_METHOD_GONE]


def test_a_new_row_takes_over_on_its_first_day(make: Any) -> None:
    old = make.card("HK_DM_LAND").rates[0]
    rows = (
        msgspec.structs.replace(old, effective_to=date(2026, 6, 30)),
        msgspec.structs.replace(old, effective_from=date(2026, 7, 1), last_mile={Zone.HOME: old.step_fee}),
    )
    carriage = Carriage(MethodKind.DIRECT_MAIL, make.card("HK_DM_LAND", rates=rows))
    days = (date(2026, 6, 30), date(2026, 7, 1))
    fees = [carriage.on(make.view(today=day))(make.parcel()).method.last_mile["HOME"] for day in days]
    assert fees == [800, 300]


def test_a_card_whose_transit_ends_before_it_begins_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="0 <= minimum <= maximum"):
        make.card("HK_DM_LAND", transit=Transit(5, 3))


def test_a_card_with_overlapping_rows_or_none_is_refused(make: Any) -> None:
    row = make.card("HK_DM_LAND").rates[0]
    with pytest.raises(ValueError, match="overlap"):
        make.card("HK_DM_LAND", rates=(row, row))
    with pytest.raises(ValueError, match="at least one dated row"):
        make.card("HK_DM_LAND", rates=())


CLASSES = st.sampled_from(GoodsClass)


@settings(max_examples=60, deadline=None)
@given(classes=st.lists(CLASSES, min_size=1, max_size=4), weight=st.integers(1, 40_000), origin=st.sampled_from("AB"))
def test_a_method_answers_an_offer_or_reasons_never_both_or_neither(
    make: Any, classes: list[GoodsClass], weight: int, origin: str
) -> None:
    card = make.card("HK_DM_LAND", origins=frozenset("A"))
    lines = [make.line(str(n), goods_class=kind, weight_g=weight, origin=origin) for n, kind in enumerate(classes)]
    parcel = make.parcel(*lines)
    answer = DirectMail(card).offer(make.view())(parcel)
    takes = set(classes) <= card.classes and parcel.weight_g <= card.max_g and origin == "A"
    assert isinstance(answer, Offer) is takes
    assert isinstance(answer, Offer) or answer.reasons

"""Regional stock that is addable from overseas: where it is sent from, and how much later."""

from datetime import date
from typing import Any

import msgspec
import pytest

from orderpage.admission import apply_admission
from orderpage.domain.goods import GoodsClass
from orderpage.domain.problem import Action, Code
from orderpage.domain.shipping import Excluded
from orderpage.testing import check_extension
from orderpage_logistics.methods import DirectMail
from orderpage_logistics.transfer import Routes, Transfer

WEST = {
    "effective_from": "2026-01-01",
    "region": "CN-XJ",
    "warehouse": "CN-SZ-2",
    "origin": "CN",
    "days": 4,
}


def transfer(*routes: dict[str, Any]) -> Transfer:
    return Transfer(msgspec.convert({"routes": list(routes or (WEST,))}, Routes))


def sent(make: Any, *lines: Any, routes: tuple[dict[str, Any], ...] = (), **view: Any) -> Any:
    page = make.view(*lines, **view)
    return apply_admission(page.lines, transfer(*routes).admit(page))


def test_it_keeps_the_laws() -> None:
    check_extension(Transfer, {"routes": [{**WEST, "region": "CN", "origin": "CN-SZ"}]})


def test_stock_of_a_region_with_a_transfer_is_sent_from_there_later(make: Any) -> None:
    admitted = sent(make, make.line("1", origin="CN-XJ", warehouse="CN-XJ-1"), make.line("2"))
    far, near = admitted.lines
    assert (far.sku.warehouse, far.sku.origin, far.lead_days) == ("CN-SZ-2", "CN", 4)
    assert (near.sku.warehouse, near.sku.origin, near.lead_days) == ("CN-SZ", "CN", 0)


def test_the_page_says_so_and_asks_for_nothing(make: Any) -> None:
    (notice,) = sent(make, make.line("1", origin="CN-XJ")).notices
    assert (notice.code, notice.line_id, notice.value) == (Code.INV_TRANSFERRED, "1", "CN-SZ-2")
    assert notice.message == "sku-1 is in CN-XJ; it is sent from CN-SZ-2, 4 working days later"
    assert notice.remedy is Action.NONE


def test_stock_of_a_region_without_one_stays_and_no_method_takes_it(make: Any) -> None:
    (line,) = sent(make, make.line("1", origin="CN-XZ")).lines
    assert (line.sku.origin, line.lead_days) == ("CN-XZ", 0)
    method = DirectMail(make.card("HK_DM_LAND"))
    refused = method.offer(make.view(line))(make.parcel(line))
    assert isinstance(refused, Excluded)
    assert [(reason.code, reason.line_ids) for reason in refused.reasons] == [(Code.INV_REGION_UNAVAILABLE, ("1",))]
    (moved,) = sent(make, make.line("1", origin="CN-XJ")).lines
    assert not isinstance(method.offer(make.view(moved))(make.parcel(moved)), Excluded)


def test_a_transfer_may_be_for_some_classes_only(make: Any) -> None:
    fruit = {**WEST, "classes": ["FOOD"], "days": 2, "warehouse": "CN-GZ-COLD"}
    rest = {**WEST, "classes": ["GENERAL"]}
    lines = [
        make.line(name, origin="CN-XJ", goods_class=goods_class)
        for name, goods_class in (("1", GoodsClass.FOOD), ("2", GoodsClass.GENERAL), ("3", GoodsClass.LIQUID))
    ]
    admitted = sent(make, *lines, routes=(fruit, rest))
    assert [(line.sku.warehouse, line.lead_days) for line in admitted.lines] == [
        ("CN-GZ-COLD", 2),
        ("CN-SZ-2", 4),
        ("CN-SZ", 0),
    ]
    assert [line.sku.origin for line in admitted.lines] == ["CN", "CN", "CN-XJ"]


def test_a_transfer_holds_between_its_days(make: Any) -> None:
    winter = {**WEST, "effective_from": "2026-11-01", "days": 6}
    autumn = {**WEST, "effective_from": "2026-09-01", "effective_to": "2026-10-31"}
    line = make.line("1", origin="CN-XJ")
    days = [date(2026, 8, 31), date(2026, 9, 1), date(2026, 10, 31), date(2026, 11, 1)]
    found = [sent(make, line, routes=(winter, autumn), today=day).lines[0].lead_days for day in days]
    assert found == [0, 4, 4, 6]


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([WEST, {**WEST, "days": 2}], "transfer from CN-XJ: the rows from 2026-01-01 and from 2026-01-01 overlap"),
        ([WEST, {**WEST, "classes": ["FOOD"]}], "transfer from CN-XJ"),
        ([{**WEST, "origin": "CN-XJ"}], "leads nowhere"),
        ([WEST, {**WEST, "region": "CN-XZ", "origin": "CN-XJ"}], "CN-XZ is transferred to CN-XJ, which is transferred"),
        ([{**WEST, "effective_to": "2025-01-01"}], "ends before it begins"),
        ([{**WEST, "region": "Xinjiang"}], "Expected `str` matching regex"),
        ([{**WEST, "days": -1}], "Expected `int` >= 0"),
    ],
)
def test_routes_that_lead_nowhere_or_overlap_are_refused(routes: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"routes": routes}, Routes)
    assert said in str(refused.value)


def test_it_says_until_when_every_region_has_a_route() -> None:
    ending = {**WEST, "effective_to": "2026-06-30"}
    assert transfer(ending, {**WEST, "region": "CN-XZ"}).data_until == date(2026, 6, 30)
    assert transfer(ending, {**WEST, "effective_from": "2026-07-01"}).data_until is None

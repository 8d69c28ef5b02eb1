"""Verified age and verified real name: what the page tells, and what Submit refuses."""

from datetime import date
from typing import Any

import msgspec
import pytest

from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import BlockLine, Notice
from orderpage.domain.problem import Action, Code, Problem
from orderpage.ports import SubmitView
from orderpage.testing import check_extension
from orderpage_checkout.identity import Ages, RealName, RealNames, VerifiedAge, same_name

SPIRITS = {"effective_from": "2026-01-01", "minimum": 18, "classes": ["DUTIABLE"], "categories": ["Spirits"]}


def buyer(age: int | None = None, real_name: str = "") -> Buyer:
    return Buyer(buyer_id="b-1", crowd="everyone", age=age, real_name=real_name)


def ages(*rows: dict[str, Any], unverified: str = "NOTICE") -> VerifiedAge:
    return VerifiedAge(msgspec.convert({"rows": list(rows or (SPIRITS,)), "unverified": unverified}, Ages))


def submitted(make: Any, view: Any) -> SubmitView:
    return SubmitView(page=make.page(view=view, lines=view.lines), payment_method="card")


def refusals(make: Any, extension: VerifiedAge | RealName, view: Any) -> list[Problem]:
    return list(extension.validate(submitted(make, view)))


def test_they_keep_the_laws() -> None:
    check_extension(VerifiedAge, {"rows": [{**SPIRITS, "classes": ["GENERAL"]}]})
    check_extension(RealName, {"countries": ["HK", "SG"]})


# ---- age -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sku", [{"goods_class": GoodsClass.DUTIABLE}, {"category": "spirits"}])
@pytest.mark.parametrize(("age", "sold"), [(None, False), (0, False), (17, False), (18, True), (90, True)])
def test_goods_for_grown_ups_are_sold_from_the_age_on(
    make: Any, sku: dict[str, Any], age: int | None, sold: bool
) -> None:
    view = make.view(make.line("1"), make.line("2", **sku), buyer=buyer(age))
    assert bool(list(ages().admit(view))) is not sold
    assert [problem.line_id for problem in refusals(make, ages(), view)] == ([] if sold else ["2"])


def test_an_unverified_buyer_is_told_on_the_page_and_refused_at_submit(make: Any) -> None:
    view = make.view(make.line("1", category="spirits"), buyer=buyer())
    (notice,) = ages().admit(view)
    assert isinstance(notice, Notice)
    (refusal,) = refusals(make, ages(), view)
    assert notice.problem == refusal
    assert (refusal.code, refusal.remedy, refusal.value) == (Code.RESTRICT_AGE, Action.VERIFY_IDENTITY, "18")
    assert refusal.alternatives == (Action.REMOVE_LINE,)


def test_or_the_line_is_blocked_at_once_where_the_site_says_so(make: Any) -> None:
    (block,) = ages(unverified="BLOCK").admit(make.view(make.line("1", category="spirits"), buyer=buyer()))
    assert isinstance(block, BlockLine)
    assert (block.line_id, block.problem.remedy) == ("1", Action.VERIFY_IDENTITY)


def test_somebody_too_young_can_only_leave_the_line_out(make: Any) -> None:
    (block,) = ages().admit(make.view(make.line("1", category="spirits"), buyer=buyer(17)))
    assert isinstance(block, BlockLine)
    assert (block.problem.code, block.problem.remedy) == (Code.RESTRICT_AGE, Action.REMOVE_LINE)
    assert block.problem.alternatives == ()


def test_of_class_and_category_the_higher_age_counts(make: Any) -> None:
    rows = [{**SPIRITS, "minimum": 18, "categories": []}, {**SPIRITS, "minimum": 21, "classes": []}]
    line = make.line("1", category="spirits", goods_class=GoodsClass.DUTIABLE)
    assert list(ages(*rows).admit(make.view(line, buyer=buyer(20))))
    assert not list(ages(*rows).admit(make.view(line, buyer=buyer(21))))


def test_an_age_changes_on_a_day(make: Any) -> None:
    rows = [{**SPIRITS, "effective_to": "2026-11-22"}, {**SPIRITS, "effective_from": "2026-11-23", "minimum": 21}]
    line = make.line("1", category="spirits")
    days = [date(2025, 12, 31), date(2026, 11, 22), date(2026, 11, 23)]
    assert [
        len(list(ages(*rows).admit(make.view(line, buyer=buyer(18), today=day)))) for day in days
    ] == [0, 0, 1]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([SPIRITS, {**SPIRITS, "classes": ["LIQUID"]}], "ages for spirits: the rows from"),
        ([SPIRITS, {**SPIRITS, "categories": ["other"]}], "ages for DUTIABLE: the rows from"),
        ([{**SPIRITS, "classes": [], "categories": []}], "an age row needs classes or categories"),
        ([{**SPIRITS, "minimum": 0}], "Expected `int` >= 1"),
    ],
)
def test_ages_at_odds_are_refused(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"rows": rows}, Ages)
    assert said in str(refused.value)


# ---- real name -----------------------------------------------------------------------------------------------------

NAMED = RealName(RealNames(countries=frozenset({"TW"})))


def to_taiwan(make: Any, recipient: str, real_name: str, country: str = "TW") -> Any:
    address = make.address(country, recipient=recipient)
    return make.view(address=address, buyer=buyer(real_name=real_name))


def test_without_a_verified_name_the_page_tells_and_submit_refuses(make: Any) -> None:
    view = to_taiwan(make, "王小明", "  ")
    (notice,) = NAMED.admit(view)
    (refusal,) = refusals(make, NAMED, view)
    assert notice.problem == refusal
    assert (refusal.code, refusal.remedy) == (Code.ADDR_REALNAME_REQUIRED, Action.VERIFY_IDENTITY)
    assert refusal.field == "address.recipient"


def test_another_recipient_than_the_verified_person_is_a_mismatch_and_no_name_is_repeated(make: Any) -> None:
    view = to_taiwan(make, "陳大文", "王小明")
    (notice,) = NAMED.admit(view)
    (refusal,) = refusals(make, NAMED, view)
    assert notice.problem == refusal
    assert (refusal.code, refusal.remedy) == (Code.ADDR_REALNAME_MISMATCH, Action.HIGHLIGHT_FIELD)
    assert refusal.alternatives == (Action.VERIFY_IDENTITY,)
    assert not set("陳大文王小明") & set(refusal.message + refusal.value)


def test_before_the_buyer_says_a_recipient_nothing_is_wrong_with_it(make: Any) -> None:
    view = to_taiwan(make, "", "王小明")
    assert not list(NAMED.admit(view))
    assert [problem.code for problem in refusals(make, NAMED, view)] == [Code.ADDR_REALNAME_MISMATCH]


@pytest.mark.parametrize(("recipient", "country"), [("王小明", "TW"), ("陳大文", "HK")])
def test_the_verified_person_or_another_country_passes(make: Any, recipient: str, country: str) -> None:
    view = to_taiwan(make, recipient, "王小明", country)
    assert not list(NAMED.admit(view))
    assert not refusals(make, NAMED, view)


def test_a_page_without_an_address_is_left_alone(make: Any) -> None:
    assert not list(NAMED.admit(make.view(address=None)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Wang Xiaoming", "WANG  XIAOMING ", True),
        ("\uff37\uff41\uff4e\uff47 Xiaoming", "wang xiaoming", True),
        ("王 小明", "王小明", True),
        ("Jos\u00e9", "Jose\u0301", True),
        ("Stra\u00dfe", "STRASSE", True),
        ("王小明", "王小民", False),
        ("Wang Xiaoming", "Xiaoming Wang", False),
        ("Jos\u00e9", "Jose", False),
        ("", "王小明", False),
    ],
)
def test_names_are_compared_without_width_case_and_spaces(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same
    assert same_name(other, one) is same


def test_no_country_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="countries is empty"):
        RealNames(countries=frozenset())

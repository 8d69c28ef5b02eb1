"""What the page says of freight that is not paid with the order."""

from typing import Any

import pytest

from orderpage.domain.money import Currency
from orderpage.domain.page import Page
from orderpage.domain.shipping import Charging, MethodKind
from orderpage_blocks.blocks import LandedCostBlock
from orderpage_blocks.logistics import LaterCharge, ReferralBlock

TWD = Currency("TWD", 0)


def page(make: Any, charging: Charging, later: int = 0, language: str = "en", **fields: Any) -> Page:
    """A page whose selected option is charged so, beside one that is paid with the order."""
    kind = MethodKind.CONSO_THIRD_PARTY if charging is Charging.ELSEWHERE else MethodKind.CONSO_OFFICIAL
    method = make.method("M", kind=kind, charging=charging, carrier="FORWARDER")
    chosen, other = make.priced(make.option(method, later=later)), make.priced(make.option(make.method("N")))
    view = make.view(rate=make.rate(TWD, "4.4000"), language=language)
    shown: Page = make.page(chosen, other, view=view, **fields)
    return shown


@pytest.mark.parametrize(
    ("language", "title", "says"),
    [
        ("en", "Third-party consolidation", ("charges you for it", "no tax", "no date")),
        ("zh-Hans", "第三方集运", ("另行向您收费", "不代收税费", "不承诺送达日期")),
        ("zh-Hant", "第三方集運", ("另行向您收費", "不代收稅費", "不承諾送達日期")),
    ],
)
def test_a_referral_says_who_charges_and_why_there_is_no_tax_and_no_date(
    make: Any, language: str, title: str, says: tuple[str, ...]
) -> None:
    (block,) = ReferralBlock().present(page(make, Charging.ELSEWHERE, language=language))
    assert (block.slot, block.kind, block.title) == ("parcel.referral", "referral", title)
    assert all(words in block.text for words in says)
    assert block.values == {"carrier": "FORWARDER"}
    assert block.parcel_id


@pytest.mark.parametrize("charging", [Charging.AT_CHECKOUT, Charging.AFTER_WEIGHING])
def test_what_we_charge_for_is_no_referral(make: Any, charging: Charging) -> None:
    assert list(ReferralBlock().present(page(make, charging, later=5))) == []


@pytest.mark.parametrize(
    ("language", "title", "amount"),
    [
        ("en", "Paid after weighing", "NT$1,234"),
        ("zh-Hans", "称重后支付", "NT$1,234"),
        ("zh-Hant", "稱重後支付", "$1,234"),
    ],
)
def test_freight_that_is_charged_after_weighing_is_estimated(make: Any, language: str, title: str, amount: str) -> None:
    (block,) = LaterCharge().present(page(make, Charging.AFTER_WEIGHING, later=1_234, language=language))
    assert (block.slot, block.kind, block.title) == ("parcel.later", "later_charge", title)
    assert amount in block.text
    assert block.values == {"amount": amount}


@pytest.mark.parametrize(
    ("charging", "later"), [(Charging.AFTER_WEIGHING, 0), (Charging.ELSEWHERE, 900), (Charging.AT_CHECKOUT, 0)]
)
def test_nothing_is_said_of_what_is_free_charged_by_others_or_paid_now(
    make: Any, charging: Charging, later: int
) -> None:
    assert list(LaterCharge().present(page(make, charging, later=later))) == []


def test_a_parcel_that_nothing_carries_says_neither(make: Any) -> None:
    nothing = make.page(view=make.view(rate=make.rate(TWD, "4.4000")))
    assert [*ReferralBlock().present(nothing), *LaterCharge().present(nothing)] == []


def test_the_cost_to_the_door_names_what_is_charged_later_only_where_there_is_some(make: Any) -> None:
    (with_it,) = LandedCostBlock().present(page(make, Charging.AFTER_WEIGHING, totals=make.totals(later=123)))
    (without,) = LandedCostBlock().present(page(make, Charging.AT_CHECKOUT))
    assert with_it.values["later"] == "NT$123"
    assert "later" not in without.values

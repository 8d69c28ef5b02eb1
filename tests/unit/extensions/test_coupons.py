"""Coupons that buyers enter: codes, and tokens that are one buyer's (domain rules, sections 7.2 and 12)."""

from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from orderpage.cli.commands import app
from orderpage.cli.failures import UserMistake
from orderpage.domain.coupon import EnteredCoupon, unchecked
from orderpage.domain.discount import DiscountRule, Funder
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import Notice
from orderpage.domain.problem import Action, Code
from orderpage.domain.usage import Cap, UseUp
from orderpage.testing import check_extension
from orderpage_promotions.caps import CapsCounted
from orderpage_promotions.coupon_book import CouponBook
from orderpage_promotions.coupons import Claim, Coupon, CouponRules, Coupons
from orderpage_promotions.tokens import genuine, issued

SECRET = "a secret of some length"


def coupon(code: str = "C", **fields: Any) -> Coupon:
    wanted = {"code": code, "name": {"en": code}, "funder": Funder.PLATFORM, "amount": ListingAmount("30.00")}
    return Coupon(**{**wanted, **fields})


def rules(*coupons: Coupon) -> CouponRules:
    return CouponRules(Coupons(coupons=coupons))


def said(make: Any, own: CouponRules, *entered: EnteredCoupon) -> list[Any]:
    """The code of each rule, and of each notice its problem's code."""
    answers = list(own.discount(make.view(coupons=entered), {}))
    return [answer.code if isinstance(answer, DiscountRule) else answer.problem.code for answer in answers]


def test_a_token_is_its_buyers_alone_and_unaltered() -> None:
    token = issued(SECRET, "C", "s1", "b-mei")
    assert token.startswith("C.s1.")
    assert genuine(SECRET, token, "b-mei")
    assert not genuine(SECRET, token, "b-other")
    assert not genuine(SECRET + "x", token, "b-mei")
    for altered in (token.replace("C.", "D."), token.replace("s1", "s2"), token[:-1], f"{token}x", "C.s1.é", "C.s1"):
        assert not genuine(SECRET, altered, "b-mei"), altered


@pytest.mark.parametrize(("code", "serial", "secret"), [("A.B", "s", SECRET), ("A", "", SECRET), ("A", "s", "short")])
def test_what_would_not_read_back_is_not_issued(code: str, serial: str, secret: str) -> None:
    with pytest.raises(ValueError, match=r"dot|shorter"):
        issued(secret, code, serial, "b")


def test_a_code_is_used_by_who_enters_it_and_by_nobody_else(make: Any) -> None:
    own = rules(coupon(claim=Claim.CODE))
    assert said(make, own) == []
    assert said(make, own, unchecked("C")) == ["C"]
    assert said(make, own, unchecked("X")) == [], "another slot may know it; else the host says that nobody does"


@pytest.mark.parametrize(
    ("entered", "answer"),
    [
        (EnteredCoupon("C", "s1", True), "C"),
        (EnteredCoupon("C", "s1", True, 1), Code.PROMO_LIMIT_REACHED),
        (EnteredCoupon("C", "s1", False), Code.PROMO_INVALID),
        (EnteredCoupon("C", "s1", None), Code.PROMO_UNCHECKED),
        (EnteredCoupon("C"), Code.PROMO_INVALID),
    ],
    ids=["genuine", "used", "altered", "unchecked", "no token"],
)
def test_a_personal_coupon_needs_its_token(make: Any, entered: EnteredCoupon, answer: object) -> None:
    assert said(make, rules(coupon(claim=Claim.TOKEN)), entered) == [answer]


def test_a_coupon_that_cannot_be_checked_now_is_not_called_invalid(make: Any) -> None:
    own = rules(coupon(claim=Claim.TOKEN))
    (notice,) = own.discount(make.view(coupons=(EnteredCoupon("C", "s1", None),)), {})
    assert isinstance(notice, Notice)
    assert (notice.problem.remedy, notice.problem.alternatives) == (Action.RETRY, (Action.REMOVE_COUPON,))
    assert "try again later, or go on without it" in notice.problem.message


def test_a_token_of_a_coupon_that_has_none_is_no_coupon(make: Any) -> None:
    assert said(make, rules(coupon(claim=Claim.CODE)), EnteredCoupon("C", "s1", True)) == [Code.PROMO_INVALID]


@pytest.mark.parametrize(("day", "answer"), [(23, "C"), (22, Code.PROMO_INVALID)])
def test_the_last_day_is_the_buyers_own_and_counts(make: Any, day: int, answer: object) -> None:
    assert said(make, rules(coupon(claim=Claim.CODE, until=date(2026, 11, day))), unchecked("C")) == [answer]
    expected = ["C"] if day == 23 else []
    assert said(make, rules(coupon(until=date(2026, 11, day)))) == expected


def test_of_one_promotion_one_coupon_is_used(make: Any) -> None:
    both = EnteredCoupon("C", "s1", True), EnteredCoupon("C", "s2", True)
    assert said(make, rules(coupon(claim=Claim.TOKEN)), *both) == ["C", Code.PROMO_INVALID]


def test_what_is_used_up_is_named_by_code_or_by_token(make: Any) -> None:
    limited = coupon("L", claim=Claim.CODE, uses=3)
    view = make.view(coupons=(unchecked("L"), EnteredCoupon("C", "s1", True), unchecked("F")))
    found = list(rules(limited, coupon(claim=Claim.TOKEN), coupon("F", claim=Claim.CODE)).discount(view, {}))
    uses = [
        (rule.use and (rule.use.name, rule.use.limit), rule.entered) for rule in found if not isinstance(rule, Notice)
    ]
    assert uses == [(("coupon:L", 3), 0), (("coupon:C.s1", 1), 1), (None, 2)]


def test_a_coupon_for_the_first_orders_goes_for_everyone_and_for_who_enters_it(make: Any) -> None:
    everyones, entered = coupon("E", first_orders=2), coupon("L", claim=Claim.CODE, uses=1, first_orders=3)
    own = rules(everyones, entered)
    assert own.capped == ("promotion:E", "promotion:L")
    view = make.view(coupons=(unchecked("L"),))
    unused = {"caps": {"promotion:E": 0, "promotion:L": 0}}
    found = [rule.use for rule in own.discount(view, unused) if isinstance(rule, DiscountRule)]
    assert found == [
        UseUp(name="promotion:E", cap=Cap("promotion:E", 2)),
        UseUp(name="coupon:L", limit=1, cap=Cap("promotion:L", 3)),
    ]
    (notice,) = own.discount(view, {"caps": {"promotion:E": 2, "promotion:L": 3}})
    assert isinstance(notice, Notice)
    assert (notice.problem.code, notice.problem.field) == (Code.PROMO_LIMIT_REACHED, "coupons[0]")
    assert "for the first 3 orders" in notice.problem.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"uses": 2}, "counted where"), ({"uses": 0, "claim": Claim.CODE}, "above 0"), ({"code": "A.B"}, "no dot")],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coupon(**fields)


def test_they_keep_the_laws() -> None:
    settings = {"code": "C", "name": {"en": "C"}, "funder": "PLATFORM", "amount": "1.00"}
    check_extension(CouponRules, {"coupons": [settings, {**settings, "code": "D", "claim": "CODE", "uses": 2}]})
    check_extension(CouponBook, {"secret": "COUPONS"})
    check_extension(CapsCounted)


# ---- orderpage coupon issue ----------------------------------------------------------------------------------------

LAYER = """
package: coupons
when: {site: HK}
%s
discount:
  add:
    - use: promotion.coupons
      as: coupons
      settings:
        coupons:
          - {code: MINE, name: {en: Mine}, funder: PLATFORM, amount: "30.00", claim: TOKEN}
          - {code: OURS, name: {en: Ours}, funder: PLATFORM, amount: "3.00", claim: CODE}
"""
BOOK = "load:\n  add:\n    - {use: promotion.coupon_book, as: coupon_book, settings: {secret: COUPONS}}"


@pytest.fixture
def issue(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str, book: str = BOOK, secret: str = SECRET) -> Any:
        (tmp_path / "layers").mkdir(exist_ok=True)
        (tmp_path / "layers" / "own.yaml").write_text(LAYER % book, "utf-8")
        monkeypatch.setenv("ORDERPAGE_SECRET_COUPONS", secret)
        return CliRunner().invoke(app, ["coupon", "issue", *arguments, "--packages", str(tmp_path)])

    return run


def test_a_coupon_is_issued_that_the_page_takes(issue: Any) -> None:
    result = issue("MINE", "--buyer", "b-mei", "--serial", "s1")
    assert (result.exit_code, result.output) == (0, f"{issued(SECRET, 'MINE', 's1', 'b-mei')}\n")
    by_chance = [issue("MINE", "--buyer", "b-mei").output.strip() for _ in range(2)]
    assert len(set(by_chance)) == 2
    assert all(genuine(SECRET, token, "b-mei") for token in by_chance)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("OURS", "--buyer", "b"), {}, "no coupon 'OURS' with `claim: TOKEN` is in the packages; there are: MINE"),
        (("MINE", "--buyer", "b"), {"book": ""}, "nothing at `load` checks its tokens; add a coupon book"),
        (("MINE", "--buyer", "b"), {"secret": ""}, "set ORDERPAGE_SECRET_COUPONS"),
        (("MINE", "--buyer", "b"), {"secret": "short"}, "shorter than 16"),
        (("MINE", "--buyer", "b", "--serial", "a.b"), {}, "no dot"),
        (("MINE", "--buyer", ""), {}, "give the id of the buyer"),
        (("MINE", "--buyer", " "), {}, "give the id of the buyer"),
    ],
)
def test_what_is_wrong_is_said(issue: Any, arguments: Any, options: Any, message: str) -> None:
    result = issue(*arguments, **options)
    assert result.exit_code == 1
    assert not isinstance(result.exception, UserMistake)
    assert message in result.output

"""The closed list of problem codes (domain rules 7.2, design 9)."""

import re
from typing import Any

import pytest

from orderpage.domain.problem import Action, Code, Problem, Refusal, Retry, Status, refuse

# Domain rules 7.2: code and retry class (A auto, U user, N no).
LISTED = """
ADDR_MISSING U, ADDR_FIELD_INVALID U, ADDR_POSTCODE_MISMATCH U, ADDR_REGION_UNSUPPORTED U, ADDR_PHONE_INVALID U,
ADDR_REALNAME_REQUIRED U, ADDR_REALNAME_MISMATCH U, ADDR_PICKUP_POINT_CLOSED U, ITEM_OFFLINE N, ITEM_SKU_INVALID U,
ITEM_QTY_LIMIT U, ITEM_BUNDLE_BROKEN U, INV_OUT_OF_STOCK U, INV_INSUFFICIENT U, INV_HOLD_FAILED A,
INV_REGION_UNAVAILABLE U, PRICE_CHANGED U, PROMO_INVALID U, PROMO_LIMIT_REACHED U, PROMO_THRESHOLD_LOST U,
FX_RATE_EXPIRED A, LOGI_NO_METHOD U, LOGI_METHOD_GONE U, LOGI_OVERSIZE U, LOGI_OVERWEIGHT U, LOGI_CLASS_FORBIDDEN U,
LOGI_MIXED_UNMERGEABLE A, LOGI_QUOTE_EXPIRED A, LOGI_CAPACITY_FULL U, TAX_CALC_UNAVAILABLE A,
TAX_PROVINCE_UNRESOLVED U, TAX_AMOUNT_CHANGED U, TAX_QUOTA_EXCEEDED U, RESTRICT_REGION_SALE U,
RESTRICT_IMPORT_PROHIBITED N, RESTRICT_SELLER_NO_EXPORT U, RESTRICT_AGE U, RISK_BUYER_BLOCKED N, RISK_STEP_UP U,
RISK_BOT U, PAY_METHOD_UNSUPPORTED U, PAY_DECLINED U, PAY_FUNDS U, PAY_CURRENCY_MISMATCH U, PAY_PENDING_CONFIRM A,
PAY_AMOUNT_MISMATCH A, ORDER_DUPLICATE A, ORDER_SPLIT_FAILED A, SVC_ORDER_CREATE_FAILED A, UP_TIMEOUT_ITEM A,
UP_TIMEOUT_INV A, UP_TIMEOUT_PROMO A, UP_TIMEOUT_LOGI A, UP_TIMEOUT_TAX A, UP_TIMEOUT_PAY A, UP_DEGRADED A,
CLIENT_VERSION_LOW U, SESSION_EXPIRED U, SYS_UNKNOWN A
"""
RETRY = {"A": Retry.AUTO, "U": Retry.USER, "N": Retry.NO}


@pytest.mark.parametrize(("name", "retry"), re.findall(r"(\w+) ([AUN])\b", LISTED))
def test_every_code_of_the_rules_is_there_with_its_retry_class(name: str, retry: str) -> None:
    assert Code(name).rule.retry is RETRY[retry]


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_rule(code: Code) -> None:
    rule: Any = code.rule
    assert isinstance(rule.retry, Retry)
    assert isinstance(rule.status, Status)
    assert isinstance(rule.action, Action)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.REQUEST_ID_REUSED, Status.ALREADY_EXISTS),
        (Code.ORDER_DUPLICATE, Status.ALREADY_EXISTS),
        (Code.REQUEST_IN_PROGRESS, Status.ABORTED),
        (Code.QUOTE_CHANGED, Status.FAILED_PRECONDITION),
        (Code.SESSION_EXPIRED, Status.UNAUTHENTICATED),
        (Code.ORDER_NOT_FOUND, Status.NOT_FOUND),
        (Code.SCENARIO_UNKNOWN, Status.INVALID_ARGUMENT),
        (Code.STORE_UNAVAILABLE, Status.UNAVAILABLE),
    ],
)
def test_a_code_leaves_the_server_under_its_status(code: Code, status: Status) -> None:
    assert code.rule.status is status


def test_a_problem_offers_its_codes_remedy_unless_it_has_its_own() -> None:
    assert Problem(code=Code.ITEM_OFFLINE, message="gone").remedy is Action.REMOVE_LINE
    own = Problem(code=Code.ITEM_OFFLINE, message="gone", action=Action.CHOOSE_VARIANT)
    assert own.remedy is Action.CHOOSE_VARIANT


def test_a_refusal_says_every_problem_and_the_first_decides() -> None:
    first, second = (
        Problem(code=Code.ADDR_MISSING, message="no address"),
        Problem(code=Code.PAY_FUNDS, message="poor"),
    )
    refusal = Refusal(first, second)
    assert refusal.problems == (first, second)
    assert str(refusal) == "ADDR_MISSING: no address; PAY_FUNDS: poor"


def test_refuse_makes_one_problem_with_its_place() -> None:
    refusal = refuse(Code.CART_TOO_LARGE, "too many", field="cart.lines", value="500")
    assert [(p.field, p.value) for p in refusal.problems] == [("cart.lines", "500")]

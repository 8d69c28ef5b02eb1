"""The closed list of what can be wrong, and what the buyer or client should do about it.

Source: domain rules, section 7.2, plus the protocol's own codes. An extension reports one of these codes; a code
decides its retry class, gRPC status and remedy in one place, so that every client handles it alike.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec


class Retry(StrEnum):
    """Who may try again: the client by itself, the user after acting, or nobody."""

    AUTO = "AUTO"
    USER = "USER"
    NO = "NO"


class Status(StrEnum):
    """The gRPC status under which a code leaves the server when it ends a call."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


SYSTEM_STATUSES = frozenset({Status.DEADLINE_EXCEEDED, Status.INTERNAL, Status.RESOURCE_EXHAUSTED, Status.UNAVAILABLE})
"""A call that ends with one of these failed on our side."""


class Action(StrEnum):
    """What a client offers the buyer, or does by itself."""

    OPEN_ADDRESS_FORM = "OPEN_ADDRESS_FORM"
    HIGHLIGHT_FIELD = "HIGHLIGHT_FIELD"
    CHANGE_ADDRESS = "CHANGE_ADDRESS"
    REMOVE_LINE = "REMOVE_LINE"
    CHOOSE_VARIANT = "CHOOSE_VARIANT"
    SET_QUANTITY = "SET_QUANTITY"
    SEPARATE_LINE = "SEPARATE_LINE"
    CHOOSE_METHOD = "CHOOSE_METHOD"
    REVIEW_CHANGES = "REVIEW_CHANGES"
    REMOVE_COUPON = "REMOVE_COUPON"
    CHOOSE_PAYMENT = "CHOOSE_PAYMENT"
    VERIFY_IDENTITY = "VERIFY_IDENTITY"
    LOG_IN = "LOG_IN"
    UPDATE_CLIENT = "UPDATE_CLIENT"
    RENDER_AGAIN = "RENDER_AGAIN"
    RETRY = "RETRY"
    POLL = "POLL"
    SHOW_ORDER = "SHOW_ORDER"
    FIX_REQUEST = "FIX_REQUEST"
    CONTACT_SUPPORT = "CONTACT_SUPPORT"
    USE_FORWARDER = "USE_FORWARDER"
    NONE = "NONE"


class _Rule(NamedTuple):
    retry: Retry
    status: Status
    action: Action


_AUTO, _USER, _NO = Retry.AUTO, Retry.USER, Retry.NO
_PRE, _BAD, _OUT = Status.FAILED_PRECONDITION, Status.INVALID_ARGUMENT, Status.UNAVAILABLE


class Code(StrEnum):
    """Every problem code. ``Code.X.rule`` says how it is retried, with which status, and the default remedy."""

    # address
    ADDR_MISSING = "ADDR_MISSING"
    ADDR_FIELD_INVALID = "ADDR_FIELD_INVALID"
    ADDR_POSTCODE_MISMATCH = "ADDR_POSTCODE_MISMATCH"
    ADDR_REGION_UNSUPPORTED = "ADDR_REGION_UNSUPPORTED"
    ADDR_PHONE_INVALID = "ADDR_PHONE_INVALID"
    ADDR_REALNAME_REQUIRED = "ADDR_REALNAME_REQUIRED"
    ADDR_REALNAME_MISMATCH = "ADDR_REALNAME_MISMATCH"
    ADDR_PICKUP_POINT_CLOSED = "ADDR_PICKUP_POINT_CLOSED"
    # item and stock
    ITEM_OFFLINE = "ITEM_OFFLINE"
    ITEM_SKU_INVALID = "ITEM_SKU_INVALID"
    ITEM_QTY_LIMIT = "ITEM_QTY_LIMIT"
    ITEM_BUNDLE_BROKEN = "ITEM_BUNDLE_BROKEN"
    ITEM_EXPIRES_EARLY = "ITEM_EXPIRES_EARLY"
    INV_OUT_OF_STOCK = "INV_OUT_OF_STOCK"
    INV_INSUFFICIENT = "INV_INSUFFICIENT"
    INV_HOLD_FAILED = "INV_HOLD_FAILED"
    INV_REGION_UNAVAILABLE = "INV_REGION_UNAVAILABLE"
    # notices that need no answer, counted by code
    ITEM_MEASURES_ASSUMED = "ITEM_MEASURES_ASSUMED"
    INV_TRANSFERRED = "INV_TRANSFERRED"
    # price, promotion, exchange
    PRICE_CHANGED = "PRICE_CHANGED"
    PROMO_INVALID = "PROMO_INVALID"
    PROMO_LIMIT_REACHED = "PROMO_LIMIT_REACHED"
    PROMO_THRESHOLD_LOST = "PROMO_THRESHOLD_LOST"
    PROMO_UNCHECKED = "PROMO_UNCHECKED"
    FX_RATE_EXPIRED = "FX_RATE_EXPIRED"
    FX_RATE_MISSING = "FX_RATE_MISSING"
    # logistics
    LOGI_NO_METHOD = "LOGI_NO_METHOD"
    LOGI_METHOD_GONE = "LOGI_METHOD_GONE"
    LOGI_OVERSIZE = "LOGI_OVERSIZE"
    LOGI_OVERWEIGHT = "LOGI_OVERWEIGHT"
    LOGI_CLASS_FORBIDDEN = "LOGI_CLASS_FORBIDDEN"
    LOGI_MIXED_UNMERGEABLE = "LOGI_MIXED_UNMERGEABLE"
    LOGI_QUOTE_EXPIRED = "LOGI_QUOTE_EXPIRED"
    LOGI_CAPACITY_FULL = "LOGI_CAPACITY_FULL"
    # tax
    TAX_CALC_UNAVAILABLE = "TAX_CALC_UNAVAILABLE"
    TAX_PROVINCE_UNRESOLVED = "TAX_PROVINCE_UNRESOLVED"
    TAX_AMOUNT_CHANGED = "TAX_AMOUNT_CHANGED"
    TAX_QUOTA_EXCEEDED = "TAX_QUOTA_EXCEEDED"
    # restriction and risk
    RESTRICT_REGION_SALE = "RESTRICT_REGION_SALE"
    RESTRICT_IMPORT_PROHIBITED = "RESTRICT_IMPORT_PROHIBITED"
    RESTRICT_SELLER_NO_EXPORT = "RESTRICT_SELLER_NO_EXPORT"
    RESTRICT_AGE = "RESTRICT_AGE"
    RISK_BUYER_BLOCKED = "RISK_BUYER_BLOCKED"
    RISK_STEP_UP = "RISK_STEP_UP"
    RISK_BOT = "RISK_BOT"
    # payment and order
    PAY_METHOD_UNSUPPORTED = "PAY_METHOD_UNSUPPORTED"
    PAY_DECLINED = "PAY_DECLINED"
    PAY_FUNDS = "PAY_FUNDS"
    PAY_CURRENCY_MISMATCH = "PAY_CURRENCY_MISMATCH"
    PAY_PENDING_CONFIRM = "PAY_PENDING_CONFIRM"
    PAY_AMOUNT_MISMATCH = "PAY_AMOUNT_MISMATCH"
    ORDER_DUPLICATE = "ORDER_DUPLICATE"
    ORDER_SPLIT_FAILED = "ORDER_SPLIT_FAILED"
    SVC_ORDER_CREATE_FAILED = "SVC_ORDER_CREATE_FAILED"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    # presale
    PRESALE_APART = "PRESALE_APART"
    STAGE_NOT_OPEN = "STAGE_NOT_OPEN"
    STAGE_OVER = "STAGE_OVER"
    STAGE_PAID = "STAGE_PAID"
    # upstream
    UP_TIMEOUT_ITEM = "UP_TIMEOUT_ITEM"
    UP_TIMEOUT_INV = "UP_TIMEOUT_INV"
    UP_TIMEOUT_PROMO = "UP_TIMEOUT_PROMO"
    UP_TIMEOUT_LOGI = "UP_TIMEOUT_LOGI"
    UP_TIMEOUT_TAX = "UP_TIMEOUT_TAX"
    UP_TIMEOUT_PAY = "UP_TIMEOUT_PAY"
    UP_DEGRADED = "UP_DEGRADED"
    # protocol
    CLIENT_VERSION_LOW = "CLIENT_VERSION_LOW"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    REQUEST_INVALID = "REQUEST_INVALID"
    SCENARIO_UNKNOWN = "SCENARIO_UNKNOWN"
    CART_TOO_LARGE = "CART_TOO_LARGE"
    DEADLINE_MISSING = "DEADLINE_MISSING"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    REQUEST_IN_PROGRESS = "REQUEST_IN_PROGRESS"
    QUOTE_INVALID = "QUOTE_INVALID"
    QUOTE_EXPIRED = "QUOTE_EXPIRED"
    QUOTE_CHANGED = "QUOTE_CHANGED"
    OVERLOADED = "OVERLOADED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    SYS_UNKNOWN = "SYS_UNKNOWN"

    @property
    def rule(self) -> _Rule:
        """Retry class, gRPC status and default remedy."""
        return _RULES[self]

    @property
    def ours(self) -> bool:
        """Whether the system is at fault, and not the buyer or the client: what alerts and the gate call an error."""
        return self.rule.status in SYSTEM_STATUSES


_RULES: dict[Code, _Rule] = {
    Code.ADDR_MISSING: _Rule(_USER, _PRE, Action.OPEN_ADDRESS_FORM),
    Code.ADDR_FIELD_INVALID: _Rule(_USER, _PRE, Action.HIGHLIGHT_FIELD),
    Code.ADDR_POSTCODE_MISMATCH: _Rule(_USER, _PRE, Action.HIGHLIGHT_FIELD),
    Code.ADDR_REGION_UNSUPPORTED: _Rule(_USER, _PRE, Action.CHANGE_ADDRESS),
    Code.ADDR_PHONE_INVALID: _Rule(_USER, _PRE, Action.HIGHLIGHT_FIELD),
    Code.ADDR_REALNAME_REQUIRED: _Rule(_USER, _PRE, Action.VERIFY_IDENTITY),
    Code.ADDR_REALNAME_MISMATCH: _Rule(_USER, _PRE, Action.HIGHLIGHT_FIELD),
    Code.ADDR_PICKUP_POINT_CLOSED: _Rule(_USER, _PRE, Action.CHANGE_ADDRESS),
    Code.ITEM_OFFLINE: _Rule(_NO, _PRE, Action.REMOVE_LINE),
    Code.ITEM_SKU_INVALID: _Rule(_USER, _PRE, Action.CHOOSE_VARIANT),
    Code.ITEM_QTY_LIMIT: _Rule(_USER, _PRE, Action.SET_QUANTITY),
    Code.ITEM_BUNDLE_BROKEN: _Rule(_USER, _PRE, Action.REMOVE_LINE),
    Code.ITEM_EXPIRES_EARLY: _Rule(_USER, _PRE, Action.CHOOSE_METHOD),
    Code.INV_OUT_OF_STOCK: _Rule(_USER, _PRE, Action.REMOVE_LINE),
    Code.INV_INSUFFICIENT: _Rule(_USER, _PRE, Action.SET_QUANTITY),
    Code.INV_HOLD_FAILED: _Rule(_AUTO, Status.ABORTED, Action.RETRY),
    Code.INV_REGION_UNAVAILABLE: _Rule(_USER, _PRE, Action.CHOOSE_METHOD),
    Code.ITEM_MEASURES_ASSUMED: _Rule(_NO, _PRE, Action.NONE),
    Code.INV_TRANSFERRED: _Rule(_NO, _PRE, Action.NONE),
    Code.PRICE_CHANGED: _Rule(_USER, _PRE, Action.REVIEW_CHANGES),
    Code.PROMO_INVALID: _Rule(_USER, _PRE, Action.REMOVE_COUPON),
    Code.PROMO_LIMIT_REACHED: _Rule(_USER, _PRE, Action.REMOVE_COUPON),
    Code.PROMO_THRESHOLD_LOST: _Rule(_USER, _PRE, Action.REVIEW_CHANGES),
    # Ours: the coupon may well be good. Its buyer may come back, or go on without.
    Code.PROMO_UNCHECKED: _Rule(_USER, _OUT, Action.RETRY),
    Code.FX_RATE_EXPIRED: _Rule(_AUTO, _PRE, Action.RENDER_AGAIN),
    # Ours: only a newer rate helps, so nobody is told to come back at once.
    Code.FX_RATE_MISSING: _Rule(_USER, _OUT, Action.RETRY),
    Code.LOGI_NO_METHOD: _Rule(_USER, _PRE, Action.CHANGE_ADDRESS),
    Code.LOGI_METHOD_GONE: _Rule(_USER, _PRE, Action.CHOOSE_METHOD),
    Code.LOGI_OVERSIZE: _Rule(_USER, _PRE, Action.SEPARATE_LINE),
    Code.LOGI_OVERWEIGHT: _Rule(_USER, _PRE, Action.SEPARATE_LINE),
    Code.LOGI_CLASS_FORBIDDEN: _Rule(_USER, _PRE, Action.SEPARATE_LINE),
    Code.LOGI_MIXED_UNMERGEABLE: _Rule(_AUTO, _PRE, Action.SEPARATE_LINE),
    Code.LOGI_QUOTE_EXPIRED: _Rule(_AUTO, _PRE, Action.RENDER_AGAIN),
    Code.LOGI_CAPACITY_FULL: _Rule(_USER, _PRE, Action.CHOOSE_METHOD),
    Code.TAX_CALC_UNAVAILABLE: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.TAX_PROVINCE_UNRESOLVED: _Rule(_USER, _PRE, Action.HIGHLIGHT_FIELD),
    Code.TAX_AMOUNT_CHANGED: _Rule(_USER, _PRE, Action.REVIEW_CHANGES),
    Code.TAX_QUOTA_EXCEEDED: _Rule(_USER, _PRE, Action.REVIEW_CHANGES),
    Code.RESTRICT_REGION_SALE: _Rule(_USER, _PRE, Action.REMOVE_LINE),
    Code.RESTRICT_IMPORT_PROHIBITED: _Rule(_NO, _PRE, Action.REMOVE_LINE),
    Code.RESTRICT_SELLER_NO_EXPORT: _Rule(_USER, _PRE, Action.REMOVE_LINE),
    Code.RESTRICT_AGE: _Rule(_USER, _PRE, Action.VERIFY_IDENTITY),
    Code.RISK_BUYER_BLOCKED: _Rule(_NO, Status.PERMISSION_DENIED, Action.CONTACT_SUPPORT),
    Code.RISK_STEP_UP: _Rule(_USER, _PRE, Action.VERIFY_IDENTITY),
    Code.RISK_BOT: _Rule(_USER, _PRE, Action.VERIFY_IDENTITY),
    Code.PAY_METHOD_UNSUPPORTED: _Rule(_USER, _PRE, Action.CHOOSE_PAYMENT),
    Code.PAY_DECLINED: _Rule(_USER, _PRE, Action.CHOOSE_PAYMENT),
    Code.PAY_FUNDS: _Rule(_USER, _PRE, Action.CHOOSE_PAYMENT),
    Code.PAY_CURRENCY_MISMATCH: _Rule(_USER, _PRE, Action.CHOOSE_PAYMENT),
    Code.PAY_PENDING_CONFIRM: _Rule(_AUTO, _PRE, Action.POLL),
    Code.PAY_AMOUNT_MISMATCH: _Rule(_AUTO, _PRE, Action.RENDER_AGAIN),
    Code.ORDER_DUPLICATE: _Rule(_AUTO, Status.ALREADY_EXISTS, Action.SHOW_ORDER),
    Code.ORDER_SPLIT_FAILED: _Rule(_AUTO, Status.ABORTED, Action.RETRY),
    Code.SVC_ORDER_CREATE_FAILED: _Rule(_AUTO, Status.ABORTED, Action.RETRY),
    Code.ORDER_NOT_FOUND: _Rule(_NO, Status.NOT_FOUND, Action.NONE),
    Code.PRESALE_APART: _Rule(_USER, _PRE, Action.SEPARATE_LINE),
    Code.STAGE_NOT_OPEN: _Rule(_USER, _PRE, Action.SHOW_ORDER),
    Code.STAGE_OVER: _Rule(_NO, _PRE, Action.SHOW_ORDER),
    Code.STAGE_PAID: _Rule(_NO, _PRE, Action.SHOW_ORDER),
    Code.UP_TIMEOUT_ITEM: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.UP_TIMEOUT_INV: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.UP_TIMEOUT_PROMO: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.UP_TIMEOUT_LOGI: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.UP_TIMEOUT_TAX: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.UP_TIMEOUT_PAY: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.UP_DEGRADED: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.CLIENT_VERSION_LOW: _Rule(_USER, _PRE, Action.UPDATE_CLIENT),
    Code.SESSION_EXPIRED: _Rule(_USER, Status.UNAUTHENTICATED, Action.LOG_IN),
    Code.REQUEST_INVALID: _Rule(_NO, _BAD, Action.FIX_REQUEST),
    Code.SCENARIO_UNKNOWN: _Rule(_NO, _BAD, Action.FIX_REQUEST),
    Code.CART_TOO_LARGE: _Rule(_USER, _BAD, Action.REMOVE_LINE),
    Code.DEADLINE_MISSING: _Rule(_NO, _BAD, Action.FIX_REQUEST),
    Code.DEADLINE_EXCEEDED: _Rule(_AUTO, Status.DEADLINE_EXCEEDED, Action.RETRY),
    Code.REQUEST_ID_REUSED: _Rule(_NO, Status.ALREADY_EXISTS, Action.FIX_REQUEST),
    Code.REQUEST_IN_PROGRESS: _Rule(_AUTO, Status.ABORTED, Action.RETRY),
    Code.QUOTE_INVALID: _Rule(_AUTO, _BAD, Action.RENDER_AGAIN),
    Code.QUOTE_EXPIRED: _Rule(_AUTO, _PRE, Action.RENDER_AGAIN),
    Code.QUOTE_CHANGED: _Rule(_USER, _PRE, Action.REVIEW_CHANGES),
    Code.OVERLOADED: _Rule(_AUTO, Status.RESOURCE_EXHAUSTED, Action.RETRY),
    Code.STORE_UNAVAILABLE: _Rule(_AUTO, _OUT, Action.RETRY),
    Code.SYS_UNKNOWN: _Rule(_AUTO, Status.INTERNAL, Action.CONTACT_SUPPORT),
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, where, and what unblocks it.

    ``line_id``, ``parcel_id`` and ``field`` (a path such as ``address.postcode``) say where, empty when they do
    not apply. ``value`` is what the remedy sets (the largest quantity, the suggested postcode). ``message`` is for
    people.
    """

    code: Code
    message: str
    line_id: str = ""
    parcel_id: str = ""
    field: str = ""
    value: str = ""
    action: Action | None = None
    alternatives: tuple[Action, ...] = ()
    """What else unblocks the buyer."""

    @property
    def remedy(self) -> Action:
        """What to offer the buyer: the problem's own action, else its code's."""
        return self.action or self.code.rule.action

    def __str__(self) -> str:
        """The code and where. Never the message: it may repeat what the buyer wrote."""
        places = (("line", self.line_id), ("parcel", self.parcel_id), ("at", self.field))
        return " ".join((self.code, *(f"{word} {name}" for word, name in places if name)))


class Refusal(Exception):
    """A call that cannot be answered with a page or an order. Carries the problems; the first decides the status."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.code}: {problem.message}" for problem in problems))
        self.problems = problems


def refuse(code: Code, message: str, *, field: str = "", line_id: str = "", value: str = "") -> Refusal:
    """A refusal with one problem, ready to be raised."""
    return Refusal(Problem(code=code, message=message, field=field, line_id=line_id, value=value))


NO_RATE = (
    "prices cannot be shown at the moment: there is no rate of exchange that is recent enough. To render again at once "
    "changes nothing; try again later"
)
"""Said with FX_RATE_MISSING, wherever it is found. What the operator is to do is in the log."""

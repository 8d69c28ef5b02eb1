"""What the wire contract means to a comparison: keys, order, ids, and which numbers are money that a buyer pays.

Every table is by message and field. What no table names is compared as it is: a leaf exactly, a text as a reader
sees it, a repeated message in order. So a field added to the contract is compared without a line here.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from crossborder.checkout.v1.order_pb2 import Order
from crossborder.checkout.v1.page_pb2 import COLLECTOR_MARKETPLACE, Page

Names = Mapping[str, str]
"""Parcel id to what is in the parcel: another system may name parcels otherwise, so ids are never compared."""

Key = Callable[[Any, Names], str]

NEVER = frozenset(
    {
        "Page.priced_at",
        "Parcel.parcel_id",
        "Order.order_id",
        "Order.state",
        "Order.checkout_id",
        "Order.create_time",
        "OrderParcel.parcel_id",
        "ServiceOrder.service_order_id",
        "OrderPaymentStage.service_order_ids",
    }
)
"""Names that each system gives, and when: two are not asked at one instant. And the state, which an order on paper does
not have yet. Of a page's envelope nothing but the presence of a quote is compared.
"""

PARCEL_IDS = frozenset(
    {"AdjustmentPart.parcel_id", "Problem.parcel_id", "Block.parcel_id", "ServiceOrder.parcel_id"},
)
"""References to a parcel: compared by what is in it."""

REFERRING = frozenset({"Adjustment", "AdjustmentPart", "Problem", "Problems", "BlockedLine", "Block", "ServiceOrder"})
"""Messages that hold a reference to a parcel: equal ones may refer to different parcels."""


def _by(*fields: str) -> Key:
    return lambda message, names: ",".join(_part(message, field, names) for field in fields)


def _part(message: Any, name: str, names: Names) -> str:
    value = getattr(message, name)
    if name == "parcel_id":
        return names.get(value, value)
    field = message.DESCRIPTOR.fields_by_name[name]
    return shown(field, value) if not field.is_repeated else "+".join(sorted(value))


def contents(parcel: Any, _names: Names) -> str:
    """What is in a parcel: ``1:2,3:1`` is two units of line 1 and one of line 3."""
    return ",".join(sorted(f"{item.line_id}:{item.quantity}" for item in parcel.items))


KEYS: Mapping[str, Key] = {
    "Page.shops": _by("shop_id"),
    "Page.blocked_lines": _by("line_id"),
    "Page.parcels": contents,
    "Page.adjustments": _by("code"),
    "Page.payment_methods": _by("code"),
    "Page.problems": _by("code", "field", "line_id"),
    "Page.notices": _by("code", "field", "line_id"),
    "Page.blocks": _by("slot", "kind", "parcel_id"),
    "Page.progress": _by("code"),
    "Page.degraded": _by("point", "extension"),
    "Shop.lines": _by("line_id"),
    "BlockedLine.problems": _by("code", "field", "line_id"),
    "Parcel.items": _by("line_id"),
    "Parcel.options": _by("method"),
    "Parcel.excluded": _by("method"),
    "ExcludedMethod.reasons": _by("code", "line_ids"),
    "Option.fees": _by("code"),
    "Option.tax_lines": _by("code", "line_id", "collector", "rule"),
    "Adjustment.parts": _by("line_id", "parcel_id"),
    "TopUp.items": _by("sku_id"),
    "Adjustment.shares": _by("funder"),
    "PaymentSchedule.stages": _by("stage"),
    "Problems.problems": _by("code", "field", "line_id"),
    "Order.lines": _by("line_id"),
    "Order.parcels": contents,
    "Order.service_orders": _by("kind", "type", "parcel_id"),
    "Order.stages": lambda stage, names: str(stage.payment.stage),
    "OrderParcel.items": _by("line_id"),
}
"""How elements are told apart: they are compared with the one of the same key, wherever it stands."""

ORDERED = frozenset({"Parcel.options", "Page.payment_methods", "PaymentSchedule.stages", "Order.stages"})
"""Lists with keys whose order means something as well: best first, or the order of payment."""

SETS = frozenset({"Option.reasons", "Progress.line_ids", "ExclusionReason.line_ids"})
"""Lists of texts whose order means nothing."""


class Number(Enum):
    """What an int64 is. PAID: an amount of what the buyer pays; SHOWN: an amount beside it; OTHER: no amount."""

    PAID = "paid"
    SHOWN = "shown"
    OTHER = "other"


NUMBERS: Mapping[str, Number] = {
    **dict.fromkeys(
        (
            "Line.unit_amount", "Line.amount", "Line.net_amount",
            "Option.freight", "Option.discount", "Option.tax", "Option.landed_cost",
            "Fee.amount", "TaxLine.amount", "Adjustment.amount", "AdjustmentPart.amount",
            "Totals.goods", "Totals.goods_discount", "Totals.freight", "Totals.freight_discount", "Totals.fees",
            "Totals.tax", "Totals.payable", "PaymentStage.amount",
            "PaymentStage.goods", "PaymentStage.freight", "PaymentStage.fees", "PaymentStage.tax",
            "Order.goods", "Order.discount", "Order.freight", "Order.fees", "Order.tax", "Order.payable",
            "OrderLine.unit_amount", "OrderLine.amount", "OrderLine.net_amount",
            "OrderParcel.freight", "OrderParcel.discount", "OrderParcel.fees", "OrderParcel.tax",
            "ServiceOrder.amount", "PaymentOutcome.amount",
        ),
        Number.PAID,
    ),
    **dict.fromkeys(
        (
            *("Page.split_saving", "TaxLine.base", "ServiceOrder.estimate", "OrderParcel.later_estimate"),
            "FunderShare.amount",
            *("Progress.threshold", "Progress.reached", "Progress.gap", "Progress.promised"),
            *("TopUp.amount", "TopUp.overshoot"),
            *("Option.border_estimate", "Totals.border_estimate", "Option.later_estimate", "Totals.later_estimate"),
        ),
        Number.SHOWN,
    ),
    **dict.fromkeys(
        ("Parcel.weight_g", "ExchangeRate.numerator", "ExchangeRate.denominator", "ExplanationStep.micros"),
        Number.OTHER,
    ),
}  # fmt: skip
"""Every int64 of a page and an order; a test compares the table with the contract."""

COMPONENTS = frozenset(
    {
        "Line", "Fee", "TaxLine", "Adjustment", "AdjustmentPart", "PaymentStage", "OrderLine", "ServiceOrder",
    }
)  # fmt: skip
"""Messages that are part of a sum: one more or less of them is money. An option is an offer, and the totals tell."""

CURRENCY = frozenset({"currency.code", "currency.exponent"})
"""The unit of every amount: to pay 10.00 of another currency is to pay something else."""

MOMENTS = frozenset({"Date", "Timestamp"})
"""Messages that are one value."""


class Field:
    """A field of a message, and how it is compared."""

    __slots__ = ("descriptor", "key", "name", "number", "ordered", "path", "type")

    def __init__(self, descriptor: FieldDescriptor) -> None:
        self.descriptor = descriptor
        self.name = descriptor.name
        owner = descriptor.containing_type
        self.path = f"{owner.name if owner is not None else ''}.{descriptor.name}"
        self.type = descriptor.message_type
        self.key = KEYS.get(self.path)
        self.ordered = self.path in ORDERED
        self.number = NUMBERS.get(self.path, Number.OTHER)


@cache
def fields_of(message: Descriptor) -> tuple[Field, ...]:
    """What is compared of a message."""
    return tuple(field for field in map(Field, message.fields) if field.path not in NEVER)


def shown(field: FieldDescriptor, value: Any) -> str:
    """A leaf for people."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name.removeprefix(_prefix(field.enum_type.name)) if known else str(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _prefix(enum: str) -> str:
    """Of the names of an enum's values: ``MethodKind`` has ``METHOD_KIND_``."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in enum).lstrip("_").upper() + "_"


def paid(field: Field, message: Any) -> bool:
    """Whether the number is part of what the buyer pays. What customs take at the border is only estimated."""
    if field.number is not Number.PAID:
        return False
    return message.DESCRIPTOR.name != "TaxLine" or bool(message.collector == COLLECTOR_MARKETPLACE)


def is_component(message: Message) -> bool:
    """Whether one element more or less changes what the buyer pays."""
    return message.DESCRIPTOR.name in COMPONENTS and any(
        paid(field, message) and getattr(message, field.name) for field in fields_of(message.DESCRIPTOR)
    )


@cache
def known_fields() -> frozenset[str]:
    """Every field path that a difference can have."""
    return frozenset(("answer", "quote_token", *(path for path, _ in _paths_of_all())))


@cache
def amount_fields() -> frozenset[str]:
    """The paths of amounts, paid or shown."""
    return frozenset(path for path, field in _paths_of_all() if field.number is not Number.OTHER)


def _paths_of_all() -> Iterator[tuple[str, Field]]:
    yield from _paths(Page.DESCRIPTOR, "")
    yield from _paths(Order.DESCRIPTOR, "")


def _paths(message: Descriptor, before: str) -> Iterator[tuple[str, Field]]:
    for field in fields_of(message):
        path = f"{before}{field.name}"
        yield path, field
        if field.ordered:
            yield f"{path}.order", field
        if field.type is not None and field.type.name not in MOMENTS and not field.type.GetOptions().map_entry:
            yield from _paths(field.type, f"{path}.")

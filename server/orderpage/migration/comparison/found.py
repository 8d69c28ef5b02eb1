"""A difference between two answers, as it is found and as it is told."""

from enum import StrEnum

import msgspec

ABSENT = "absent"
"""Stands for what one side does not have."""

LONGEST = 400
"""Characters that are kept of a value."""


class Cause(StrEnum):
    """Why two answers may differ. A guess, made from the differences alone: ``causes.py`` says how."""

    RATE = "RATE"
    STOCK = "STOCK"
    DIVISION = "DIVISION"
    OPTIONS = "OPTIONS"
    RANK = "RANK"
    CUTOFF = "CUTOFF"
    ARRIVAL = "ARRIVAL"
    ROUNDING = "ROUNDING"
    GOODS = "GOODS"
    DISCOUNT = "DISCOUNT"
    FREIGHT = "FREIGHT"
    FEE = "FEE"
    TAX = "TAX"
    PAYMENT = "PAYMENT"
    DEGRADED = "DEGRADED"
    REFUSAL = "REFUSAL"
    TEXT = "TEXT"
    ORDER_ATTRIBUTE = "ORDER_ATTRIBUTE"
    OTHER = "OTHER"


class Difference(msgspec.Struct, frozen=True):
    """One difference.

    ``field`` is a path without keys (``parcels.options.freight``), ``place`` one with keys (in a page of parcel
    ``1:1``: ``parcels[1:1].options[SG_DM_AIR].freight``). ``legacy`` and ``new`` are texts, ``absent`` for what one
    side does not have. ``cause`` is a guess. ``money``: the buyer would pay another amount.
    """

    field: str
    place: str
    legacy: str
    new: str
    cause: Cause
    money: bool


class Found(msgspec.Struct, frozen=True):
    """A difference before anybody guessed its cause.

    ``amount`` says that both are amounts, shown or paid; ``change`` is new minus legacy, in minor units or, for dates,
    in days. ``alone``: only one side has the element.
    """

    field: str
    place: str
    legacy: str
    new: str
    money: bool = False
    amount: bool = False
    change: int | None = None
    alone: bool = False

    def because(self, cause: Cause) -> Difference:
        """The difference with its cause."""
        return Difference(self.field, self.place, _kept(self.legacy), _kept(self.new), cause, self.money)


def _kept(text: str) -> str:
    """Short enough for a table, and without the one character that a database can't keep."""
    text = text.replace("\x00", "\ufffd")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
